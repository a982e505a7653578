// A kernel module that computes many expressions on all pairs of awkward operands, for several tests.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "codegen/kernel.h"
#include "codegen/target.h"
#include "ir/tensor.h"
#include "ir/text.h"

namespace keratin {

inline constexpr DType kDTypes[] = {DType::boolean, DType::i8,  DType::i16, DType::i32, DType::i64, DType::u8,
                                    DType::u16,     DType::u32, DType::u64, DType::f32, DType::f64};
inline constexpr int kLanes[] = {1, 3, 8, 32};

/// Numbers at which ops behave differently, as many for every dtype.
inline std::vector<double> awkward_floats() {
  const double inf = std::numeric_limits<double>::infinity();
  return {0.0,    -0.0,       1.0,   -1.0, 0.5,       -0.5,       1.5,          -2.5,
          2.5,    0.49999997, -0.75, 3.7,  8388607.5, -8388609.0, 2147483648.0, -2147483904.0,
          9.3e18, 1.9e19,     1e-42, 3e38, inf,       -inf,       std::nan(""), 255.5};
}
inline std::vector<int64_t> awkward_integers(DType dtype) {
  const auto bits = static_cast<int>(8 * byte_size(dtype));
  const uint64_t sign = uint64_t{1} << (bits - 1);
  const auto lowest = static_cast<int64_t>(sign), below = static_cast<int64_t>(sign - 1);
  return {0,  1,  -1, 2,  -2, 3,  -3,  5,    7,      -7,    8,          15,
          16, 31, 32, 63, 64, 65, 100, -100, lowest, below, lowest + 1, -128};
}
inline constexpr int64_t kCount = 24, kPairs = kCount * kCount;

/// All pairs: the first or the second of each.
inline Tensor operand(DType dtype, bool second) {
  Tensor tensor(dtype, {kPairs});
  for (int64_t i = 0; i < kPairs; ++i) {
    const auto at = static_cast<size_t>(second ? i / kCount : i % kCount);
    if (is_float(dtype)) {
      tensor.set(i, awkward_floats()[at]);
    } else if (dtype == DType::boolean) {
      tensor.set_integer(i, static_cast<int64_t>(at % 2));
    } else {
      tensor.set_integer(i, awkward_integers(dtype)[at]);
    }
  }
  return tensor;
}

/// Equal bits, but any NaN is as good as another.
inline void expect_same(const Tensor& expected, const Tensor& found, const std::string& what) {
  ASSERT_EQ(expected.dtype(), found.dtype());
  for (int64_t i = 0; i < expected.elements(); ++i)
    ASSERT_TRUE(scalar_at(expected, i) == scalar_at(found, i))
        << what << ", element " << i << ": " << to_text(scalar_at(found, i)) << " instead of "
        << to_text(scalar_at(expected, i));
}

/// Expressions on operands of one dtype; each becomes a kernel and an output of the program `predict`, whose inputs are two
/// operands %a and %b and the predicate %p.
class OpModule {
 public:
  explicit OpModule(DType dtype) : dtype_(dtype) {}

  /// `expr` computes on $a, $b and $p; the result is of `result`. A fold gives one number per vector.
  void add(const std::string& expr, DType result, int lanes, bool folds = false) {
    const std::string number = to_text(names_.size());
    std::string value = expr;
    for (const char* from : {"a", "b", "p"}) {
      const std::string mark = cat("$", from), load = cat("load %", from, place(lanes));
      for (size_t at = value.find(mark); at != std::string::npos; at = value.find(mark))
        value.replace(at, 2, load);
    }
    const std::string type = cat(result, "[", folds ? kPairs / lanes : kPairs, "]");
    kernels_ += cat("kernel @k", number, "(", parameters("in "), ", %y: out ", type, ") {\n  for i in 0..",
                    kPairs, " step ", lanes, " { store %y", folds ? cat("[i div ", lanes, "]") : place(lanes),
                    " = ", value, " }\n}\n");
    outputs_ += cat(names_.empty() ? "%y" : ", %y", number);
    buffers_ += cat("  output %y", number, ": ", type, "\n");
    launches_ += cat("  launch @k", number, "(%a, %b, %p, %y", number, ")\n");
    names_.push_back(cat(expr, " of ", dtype_, "x", lanes));
    uses_fma_ = uses_fma_ || expr.find("fma(") != std::string::npos;
  }

  KernelModule module() const {
    return parse_kernels(cat("kernels @m\n", kernels_, "program @predict(%a, %b, %p) -> (", outputs_,
                             ") memory 0 {\n", "  input %a: ", type_of(dtype_),
                             "\n  input %b: ", type_of(dtype_), "\n  input %p: ", type_of(DType::boolean),
                             "\n", buffers_, launches_, "}\n"));
  }
  std::vector<Tensor> inputs() const {
    return {operand(dtype_, false), operand(dtype_, true), operand(DType::boolean, false)};
  }
  /// What output `i` is, for messages.
  const std::string& name(size_t i) const { return names_[i]; }
  bool fits(const Target& target) const { return target.fma || !uses_fma_; }

 private:
  static std::string place(int lanes) { return lanes == 1 ? "[i]" : cat("[i : ", lanes, "]"); }
  static std::string type_of(DType dtype) { return cat(dtype, "[", kPairs, "]"); }
  std::string parameters(const char* mode) const {
    return cat("%a: ", mode, type_of(dtype_), ", %b: ", mode, type_of(dtype_), ", %p: ", mode,
               type_of(DType::boolean));
  }

  DType dtype_;
  std::string kernels_, outputs_, buffers_, launches_;
  std::vector<std::string> names_;
  bool uses_fma_ = false;
};

// ---- all that there is, by kind ----

inline void add_arithmetic(OpModule& module, DType dtype) {
  for (const int lanes : kLanes) {
    for (const char* op : {"eq", "ne"}) module.add(cat(op, "($a, $b)"), DType::boolean, lanes);
    module.add("select($p, $a, $b)", dtype, lanes);
    if (!is_float(dtype)) {
      for (const char* op : {"and", "or", "xor"}) module.add(cat(op, "($a, $b)"), dtype, lanes);
      module.add("not($a)", dtype, lanes);
    }
    if (dtype == DType::boolean) continue;
    for (const char* op : {"lt", "le"}) module.add(cat(op, "($a, $b)"), DType::boolean, lanes);
    for (const char* op : {"neg", "abs"}) module.add(cat(op, "($a)"), dtype, lanes);
    for (const char* op : {"add", "sub", "mul", "div", "max", "min"})
      module.add(cat(op, "($a, $b)"), dtype, lanes);
    if (is_float(dtype)) {
      for (const char* op : {"sqrt", "floor", "ceil", "round"}) module.add(cat(op, "($a)"), dtype, lanes);
    } else {
      for (const char* op : {"rem", "shl", "shr"}) module.add(cat(op, "($a, $b)"), dtype, lanes);
    }
  }
}

inline void add_constant_operands(OpModule& module, DType dtype) {
  if (dtype == DType::boolean) return;
  for (const char* number : {"0", "-1", "3", "40"}) {
    const std::string constant = is_float(dtype) ? cat(number, ".0", dtype == DType::f64 ? ":f64" : "")
                                 : number[0] == '-' && !is_signed(dtype) ? cat("200:", dtype)
                                                                         : cat(number, ":", dtype);
    for (const char* op : {"add", "div", "max", "min"}) {
      module.add(cat(op, "($a, ", constant, ")"), dtype, 8);
      module.add(cat(op, "(", constant, ", $a)"), dtype, 8);
    }
    if (is_float(dtype)) continue;
    for (const char* op : {"rem", "shl", "shr"}) module.add(cat(op, "($a, ", constant, ")"), dtype, 8);
  }
}

inline void add_casts(OpModule& module, DType dtype) {
  for (const DType to : kDTypes) {
    if (to == dtype) continue;
    for (const int lanes : kLanes) module.add(cat("cast ", to, "($a)"), to, lanes);
    if (byte_size(to) == byte_size(dtype) && to != DType::boolean && dtype != DType::boolean)
      module.add(cat("bitcast ", to, "($a)"), to, 8);
  }
}

inline void add_folds(OpModule& module, DType dtype) {
  const std::vector<const char*> bits{"and", "or", "xor"}, numbers{"add", "mul", "max", "min"};
  for (const int lanes : {2, 4, 16, 64}) {
    if (dtype != DType::boolean)
      for (const char* op : numbers) module.add(cat("fold ", op, " x", lanes, "($a)"), dtype, lanes, true);
    if (!is_float(dtype))
      for (const char* op : bits) module.add(cat("fold ", op, " x", lanes, "($a)"), dtype, lanes, true);
  }
}

inline void add_fma(OpModule& module, DType dtype) {
  if (!is_float(dtype)) return;
  for (const int lanes : kLanes) module.add("fma($a, $b, sub($b, $a))", dtype, lanes);
}

}  // namespace keratin
