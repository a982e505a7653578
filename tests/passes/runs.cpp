#include "tests/passes/runs.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <set>

#include "ir/executor.h"
#include "ir/text.h"

namespace keratin::testing {

namespace {

void collect_symbols(const Type& type, std::set<Symbol>& symbols) {
  for (Dim dim : type.shape)
    if (!dim.is_static()) symbols.insert(dim.symbol);
}

class Draw {
 public:
  explicit Draw(uint32_t seed) : random_(seed) {}

  Tensor tensor(const Type& type, const Bindings& bindings, bool positive, Numbers numbers) {
    std::vector<int64_t> shape;
    for (Dim dim : type.shape) shape.push_back(dim.value(bindings));
    Tensor drawn(type.dtype, std::move(shape));
    for (int64_t i = 0; i < drawn.elements(); ++i) {
      if (is_float(type.dtype)) {
        drawn.set(i, numbers == Numbers::awkward && below(3) == 0 ? awkward() : real(positive));
      } else {
        drawn.set_integer(i, numbers == Numbers::awkward && below(3) == 0 ? extreme(type.dtype) : below(5));
      }
    }
    return drawn;
  }

 private:
  int64_t below(int64_t end) { return static_cast<int64_t>(random_() % static_cast<uint32_t>(end)); }

  double real(bool positive) {
    const double unit = static_cast<double>(random_()) / 4294967296.0;
    return positive ? 0.25 + 1.5 * unit : 4 * unit - 2;
  }

  double awkward() {
    const double inf = std::numeric_limits<double>::infinity();
    const double all[] = {0.0, -0.0, inf, -inf, std::nan("")};
    return all[below(5)];
  }

  int64_t extreme(DType dtype) {
    if (dtype == DType::boolean) return below(2);
    const int64_t bits = 8 * byte_size(dtype);
    const uint64_t top = uint64_t{1} << (bits - 1);
    const uint64_t all[] = {top, top - 1, ~uint64_t{0}, 0};
    return static_cast<int64_t>(all[below(4)]);
  }

  std::mt19937 random_;
};

/// The distance of neighbouring numbers at 1.
double spacing(DType dtype) {
  switch (dtype) {
    case DType::f16: return 0x1p-10;
    case DType::bf16: return 0x1p-7;
    case DType::f32: return 0x1p-23;
    default: return 0x1p-52;
  }
}

std::string difference(const Tensor& before, const Tensor& after, Closeness closeness) {
  if (before.type() != after.type()) return cat(after.type(), " in place of ", before.type());
  double allowed = 0;
  if (closeness != Closeness::bits && is_float(before.dtype())) {
    for (int64_t i = 0; i < before.elements(); ++i)
      if (std::isfinite(before.get(i))) allowed = std::max(allowed, std::fabs(before.get(i)));
    allowed *= 8 * spacing(closeness == Closeness::bf16 ? DType::bf16 : before.dtype());
  }
  for (int64_t i = 0; i < before.elements(); ++i) {
    const Scalar expected = scalar_at(before, i), found = scalar_at(after, i);
    if (expected == found || std::fabs(expected.as_double() - found.as_double()) <= allowed) {
      // 0 and -0 are no distance apart, but not the same bits.
      if (expected == found || closeness != Closeness::bits) continue;
    }
    return cat("element ", i, " of ", before.type(), ": ", found, " in place of ", expected);
  }
  return {};
}

std::string difference(const Module& before, const Module& after, Closeness closeness, Numbers numbers,
                       int64_t size) {
  const auto executor = make_interpreter();
  const auto first = executor->compile(before), second = executor->compile(after);
  Draw draw(static_cast<uint32_t>(size) + 1);
  for (const Variable& variable : before.variables) {
    if (variable.data) continue;
    // Weights stay plain: what a rule may assume of them is that they are finite.
    const Tensor value = draw.tensor(variable.type, {}, true, Numbers::plain);
    first->set_variable(variable.name, value);
    if (after.find_variable(variable.name) != nullptr) second->set_variable(variable.name, value);
  }
  if (before.find_function("prepare") != nullptr) first->call("prepare", {});
  if (after.find_function("prepare") != nullptr) second->call("prepare", {});
  for (const Function& function : before.functions) {
    if (function.name == "prepare") continue;
    std::set<Symbol> symbols;
    for (const Node* param : function.params) collect_symbols(param->type(), symbols);
    Bindings bindings;
    // Lengths beside the batch are long enough for windows.
    for (Symbol symbol : symbols)
      bindings[symbol] =
          size + static_cast<int64_t>(bindings.size()) + (symbol == Dim::batch().symbol ? 0 : 4);
    for (const char* call : {"first call", "second call"}) {
      std::vector<Tensor> inputs;
      for (const Node* param : function.params)
        inputs.push_back(draw.tensor(param->type(), bindings, false, numbers));
      const auto expected = first->call(function.name, inputs), found = second->call(function.name, inputs);
      auto place = [&](std::string_view what, std::string_view name) {
        return cat(function.name, ", ", call, ", symbols from ", size, ", ", what, name, ", ");
      };
      for (size_t i = 0; i < expected.size(); ++i)
        if (std::string text = difference(expected[i], found[i], closeness); !text.empty())
          return cat(place("%", function.results[i].name), text);
      for (const Update& update : function.updates)
        if (std::string text = difference(first->get_variable(update.variable),
                                          second->get_variable(update.variable), closeness);
            !text.empty())
          return cat(place("@", update.variable), text);
    }
  }
  return {};
}

}  // namespace

std::string difference(const Module& before, const Module& after, Closeness closeness, Numbers numbers) {
  for (int64_t size : {0, 1, 3})
    if (std::string text = difference(before, after, closeness, numbers, size); !text.empty()) return text;
  return {};
}

}  // namespace keratin::testing
