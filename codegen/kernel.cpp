// Makers of kernel IR. Each checks what it is given, so that an ill-typed expression cannot exist; what
// depends on scope (variables, accumulators, bounds) is verify()'s part.
#include "codegen/kernel.h"

#include <algorithm>
#include <bit>

#include "ir/error.h"
#include "ir/text.h"

namespace keratin {
namespace {

std::string type_text(const Expr& expr) { return cat(expr.dtype, "x", expr.lanes); }

ExprRef share(Expr expr) { return std::make_shared<const Expr>(std::move(expr)); }

bool is_number(DType dtype) { return dtype != DType::boolean; }
bool is_kernel_dtype(DType dtype) { return dtype != DType::f16 && dtype != DType::bf16; }

/// What an op asks of its arguments (all of one dtype, but for select's predicate).
struct Signature {
  size_t arity;
  bool (*accepts)(DType dtype);
  bool compares = false;  ///< the result is boolean
};

/// Absent: not a kernel op. cast, whose result is not a function of the arguments, is not here either.
std::optional<Signature> signature_of(Op op) {
  constexpr auto floats = [](DType dtype) { return dtype == DType::f32 || dtype == DType::f64; };
  constexpr auto bits = [](DType dtype) { return is_integer(dtype) || dtype == DType::boolean; };
  constexpr auto any = [](DType) { return true; };
  switch (op) {
    case Op::neg:
    case Op::abs: return Signature{1, is_number};
    case Op::sqrt:
    case Op::floor:
    case Op::ceil:
    case Op::round: return Signature{1, floats};
    case Op::not_: return Signature{1, bits};
    case Op::add:
    case Op::sub:
    case Op::mul:
    case Op::div:
    case Op::max:
    case Op::min: return Signature{2, is_number};
    case Op::rem:
    case Op::shl:
    case Op::shr: return Signature{2, is_integer};
    case Op::and_:
    case Op::or_:
    case Op::xor_: return Signature{2, bits};
    case Op::eq:
    case Op::ne: return Signature{2, any, true};
    case Op::lt:
    case Op::le: return Signature{2, is_number, true};
    case Op::select: return Signature{3, any};
    default: return std::nullopt;
  }
}

bool is_fold_op(Op op) {
  switch (op) {
    case Op::add:
    case Op::mul:
    case Op::max:
    case Op::min:
    case Op::and_:
    case Op::or_:
    case Op::xor_: return true;
    default: return false;
  }
}

void check_lanes(int lanes) { KERATIN_CHECK(lanes >= 1 && lanes <= kMaxLanes, cat(lanes, " lanes")); }

bool is_name(std::string_view name) {
  const auto is_lower = [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; };
  const auto is_word = [&](char c) {
    return is_lower(c) || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  return !name.empty() && is_lower(name[0]) && std::all_of(name.begin(), name.end(), is_word);
}

/// `name`, or `name` with a number behind it, whichever is not taken.
template <typename Things>
std::string unique_name(std::string name, const Things& things) {
  const auto is_free = [&](const std::string& candidate) {
    return !is_kernel_keyword(candidate) &&
           std::none_of(things.begin(), things.end(),
                        [&](const auto& thing) { return thing.name == candidate; });
  };
  if (is_free(name)) return name;
  const std::string stem = std::move(name) + "_";
  for (int64_t i = 1;; ++i) {
    if (std::string candidate = cat(stem, i); is_free(candidate)) return candidate;
  }
}

}  // namespace

bool is_kernel_op(Op op) { return op == Op::cast || signature_of(op).has_value(); }

DType kernel_dtype(DType dtype) { return is_kernel_dtype(dtype) ? dtype : DType::u16; }

bool is_kernel_keyword(std::string_view word) {
  static constexpr std::string_view kWords[] = {
      "acc",   "bitcast", "div",  "else", "fma",   "fold", "for", "from", "if",    "in",
      "index", "let",     "load", "mod",  "only",  "or",   "par", "set",  "splat", "step",
      "store", "to",      "tile", "true", "false", "inf",  "nan", "out",  "inout", "unroll"};
  return std::find(std::begin(kWords), std::end(kWords), word) != std::end(kWords);
}

ExprRef number(Scalar value, int lanes) {
  check_lanes(lanes);
  KERATIN_CHECK(is_kernel_dtype(value.dtype), cat("a number of dtype ", value.dtype));
  return share({.kind = ExprKind::number, .dtype = value.dtype, .lanes = lanes, .number = value});
}

ExprRef number(float value, int lanes) { return number(Scalar::of(DType::f32, value), lanes); }

ExprRef index_value(DType dtype, Index index, int lanes, int64_t lane_step) {
  check_lanes(lanes);
  KERATIN_CHECK(is_integer(dtype), cat("an index of dtype ", dtype));
  return share({.kind = ExprKind::index,
                .dtype = dtype,
                .lanes = lanes,
                .index = std::move(index),
                .lane_step = lanes == 1 ? 0 : lane_step});
}

ExprRef load(const Kernel& kernel, Access access, Scalar otherwise) {
  check_lanes(access.lanes);
  KERATIN_CHECK(access.buffer < kernel.buffers.size(), cat("load from buffer ", access.buffer));
  const KernelBuffer& buffer = kernel.buffers[access.buffer];
  const DType dtype = kernel_dtype(buffer.dtype);
  KERATIN_CHECK(access.at.size() == buffer.shape.size(),
                cat("load from ", buffer.name, " with ", access.at.size(), " indices"));
  KERATIN_CHECK(otherwise.dtype == dtype, cat("load from ", buffer.name, " or ", otherwise.dtype));
  const int lanes = access.lanes;
  return share({.kind = ExprKind::load,
                .dtype = dtype,
                .lanes = lanes,
                .number = otherwise,
                .access = std::move(access)});
}

ExprRef load(const Kernel& kernel, Access access) {
  KERATIN_CHECK(access.buffer < kernel.buffers.size(), cat("load from buffer ", access.buffer));
  const DType dtype = kernel_dtype(kernel.buffers[access.buffer].dtype);
  return load(kernel, std::move(access), Scalar::of_integer(dtype, 0));
}

ExprRef apply(Op op, std::vector<ExprRef> args) {
  const std::optional<Signature> signature = signature_of(op);
  KERATIN_CHECK(signature, cat(to_text(op), " is not a kernel op"));
  KERATIN_CHECK(args.size() == signature->arity, cat(to_text(op), " of ", args.size(), " arguments"));
  const Expr& last = *args.back();
  KERATIN_CHECK(signature->accepts(last.dtype), cat(to_text(op), " of ", to_text(last.dtype)));
  for (size_t i = 0; i < args.size(); ++i) {
    const DType expected = op == Op::select && i == 0 ? DType::boolean : last.dtype;
    KERATIN_CHECK(args[i]->dtype == expected && args[i]->lanes == last.lanes,
                  cat(to_text(op), " of ", type_text(*args[i]), " and ", type_text(last)));
  }
  const DType dtype = signature->compares ? DType::boolean : last.dtype;
  const int lanes = last.lanes;
  return share({.kind = ExprKind::apply, .dtype = dtype, .lanes = lanes, .op = op, .args = std::move(args)});
}

ExprRef cast(DType to, ExprRef value) {
  KERATIN_CHECK(is_kernel_dtype(to), cat("cast to ", to));
  if (value->dtype == to) return value;
  const int lanes = value->lanes;
  return share(
      {.kind = ExprKind::apply, .dtype = to, .lanes = lanes, .op = Op::cast, .args = {std::move(value)}});
}

ExprRef fma(ExprRef a, ExprRef b, ExprRef c) {
  const DType dtype = a->dtype;
  const int lanes = a->lanes;
  for (const ExprRef& arg : {a, b, c}) {
    KERATIN_CHECK(is_float(dtype) && arg->dtype == dtype && arg->lanes == lanes,
                  cat("fma of ", dtype, "x", lanes, " and ", arg->dtype, "x", arg->lanes));
  }
  return share({.kind = ExprKind::fma,
                .dtype = dtype,
                .lanes = lanes,
                .args = {std::move(a), std::move(b), std::move(c)}});
}

ExprRef bitcast(DType to, ExprRef value) {
  KERATIN_CHECK(is_kernel_dtype(to) && to != DType::boolean && value->dtype != DType::boolean &&
                    byte_size(to) == byte_size(value->dtype),
                cat("bitcast of ", value->dtype, " to ", to));
  if (value->dtype == to) return value;
  const int lanes = value->lanes;
  return share({.kind = ExprKind::bitcast, .dtype = to, .lanes = lanes, .args = {std::move(value)}});
}

ExprRef splat(ExprRef scalar, int lanes) {
  check_lanes(lanes);
  KERATIN_CHECK(scalar->lanes == 1, cat("splat of ", scalar->lanes, " lanes"));
  if (lanes == 1) return scalar;
  const DType dtype = scalar->dtype;
  return share({.kind = ExprKind::splat, .dtype = dtype, .lanes = lanes, .args = {std::move(scalar)}});
}

ExprRef fold(Op op, ExprRef vector) {
  KERATIN_CHECK(is_fold_op(op) && signature_of(op)->accepts(vector->dtype),
                cat("fold ", to_text(op), " of ", vector->dtype));
  KERATIN_CHECK(std::has_single_bit(static_cast<unsigned>(vector->lanes)),
                cat("fold of ", vector->lanes, " lanes"));
  if (vector->lanes == 1) return vector;
  const DType dtype = vector->dtype;
  return share({.kind = ExprKind::fold, .dtype = dtype, .lanes = 1, .op = op, .args = {std::move(vector)}});
}

ExprRef acc_value(const Kernel& kernel, AccId acc, std::vector<Index> at) {
  KERATIN_CHECK(acc < kernel.accumulators.size(), cat("accumulator ", acc));
  const Accumulator& accumulator = kernel.accumulators[acc];
  KERATIN_CHECK(at.size() == accumulator.shape.size(),
                cat(accumulator.name, " with ", at.size(), " indices"));
  return share({.kind = ExprKind::acc,
                .dtype = accumulator.dtype,
                .lanes = accumulator.lanes,
                .acc = acc,
                .at = std::move(at)});
}

ExprRef let_value(const Kernel& kernel, VarId variable) {
  KERATIN_CHECK(variable < kernel.variables.size(), cat("variable ", variable));
  const KernelVar& var = kernel.variables[variable];
  return share({.kind = ExprKind::let, .dtype = var.dtype, .lanes = var.lanes, .variable = variable});
}

VarId add_variable(Kernel& kernel, std::string name, DType dtype, int lanes) {
  check_lanes(lanes);
  KERATIN_CHECK(is_name(name) && is_kernel_dtype(dtype), cat("variable ", quoted(name), " of dtype ", dtype));
  name = unique_name(std::move(name), kernel.variables);
  kernel.variables.push_back({std::move(name), dtype, lanes});
  return static_cast<VarId>(kernel.variables.size() - 1);
}

BufferId add_buffer(Kernel& kernel, KernelBuffer buffer) {
  const bool after_tiles = !kernel.buffers.empty() && kernel.buffers.back().mode == Mode::tile;
  KERATIN_CHECK(buffer.mode == Mode::tile || !after_tiles, cat("parameter ", buffer.name, " after a tile"));
  buffer.name = unique_name(std::move(buffer.name), kernel.buffers);
  kernel.buffers.push_back(std::move(buffer));
  return static_cast<BufferId>(kernel.buffers.size() - 1);
}

AccId add_accumulator(Kernel& kernel, Accumulator accumulator) {
  check_lanes(accumulator.lanes);
  KERATIN_CHECK(is_name(accumulator.name) && is_kernel_dtype(accumulator.dtype),
                cat("accumulator ", quoted(accumulator.name), " of dtype ", accumulator.dtype));
  accumulator.name = unique_name(std::move(accumulator.name), kernel.accumulators);
  kernel.accumulators.push_back(std::move(accumulator));
  return static_cast<AccId>(kernel.accumulators.size() - 1);
}

Stmt for_stmt(VarId variable, Index low, Index high, int64_t step, LoopKind loop, Block body) {
  KERATIN_CHECK(step >= 1, cat("a loop in steps of ", step));
  return {.kind = StmtKind::for_,
          .variable = variable,
          .loop = loop,
          .low = std::move(low),
          .high = std::move(high),
          .step = step,
          .body = std::move(body)};
}

Stmt let_stmt(VarId variable, ExprRef value) {
  return {.kind = StmtKind::let, .variable = variable, .value = std::move(value)};
}

Stmt store_stmt(Access access, ExprRef value) {
  KERATIN_CHECK(access.lanes == value->lanes, cat("store of ", value->lanes, " lanes into ", access.lanes));
  return {.kind = StmtKind::store, .value = std::move(value), .access = std::move(access)};
}

Stmt acc_stmt(AccId acc, ExprRef initial) {
  return {.kind = StmtKind::acc, .value = std::move(initial), .acc = acc};
}

Stmt set_stmt(AccId acc, std::vector<Index> at, ExprRef value) {
  return {.kind = StmtKind::set, .value = std::move(value), .acc = acc, .at = std::move(at)};
}

Stmt if_stmt(Guard guard, Block then, Block otherwise) {
  return {.kind = StmtKind::if_,
          .body = std::move(then),
          .otherwise = std::move(otherwise),
          .guard = std::move(guard)};
}

}  // namespace keratin
