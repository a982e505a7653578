// Forms that the definitions of pointwise ops are made of: shape rules, loops over the elements, terms of gradients.
#pragma once

#include <algorithm>

#include "ir/array.h"
#include "ir/builder.h"
#include "ir/ops/rules.h"

namespace keratin::pointwise {

using namespace rules;
using Inputs = std::span<const Array* const>;
using Outputs = std::span<Array>;

// ---- shape rules ----

template <const DTypeSet& kSet>
std::vector<Type> unary(Operands operands, const Attrs&, const Function*) {
  expect_count(operands, 1);
  expect_dtype(operands, 0, kSet);
  return {operands[0].type()};
}

template <const DTypeSet& kSet>
std::vector<Type> binary(Operands operands, const Attrs&, const Function*) {
  expect_count(operands, 2);
  expect_dtype(operands, 0, kSet);
  expect_same_type(operands, 1);
  return {operands[0].type()};
}

template <const DTypeSet& kSet>
std::vector<Type> comparison(Operands operands, const Attrs& attrs, const Function* body) {
  Type type = binary<kSet>(operands, attrs, body)[0];
  type.dtype = DType::boolean;
  return {type};
}

// ---- meanings ----

/// F(x) for floats.
template <double (*F)(double)>
void map(const EvalContext&, Inputs x, Outputs y) {
  std::ranges::transform(x[0]->real().storage(), y[0].real().storage().begin(), F);
}

/// F(x) for floats, G(x, dtype) for integers and booleans.
template <double (*F)(double), int64_t (*G)(int64_t, DType)>
void map(const EvalContext&, Inputs x, Outputs y) {
  const DType dtype = x[0]->dtype;
  if (is_float(dtype))
    std::ranges::transform(x[0]->real().storage(), y[0].real().storage().begin(), F);
  else
    std::ranges::transform(x[0]->integer().storage(), y[0].integer().storage().begin(),
                           [dtype](int64_t v) { return G(v, dtype); });
}

/// F(a, b) for floats, G(a, b, dtype) for integers and booleans.
template <double (*F)(double, double), int64_t (*G)(int64_t, int64_t, DType)>
void zip(const EvalContext&, Inputs x, Outputs y) {
  const DType dtype = x[0]->dtype;
  if (is_float(dtype))
    std::ranges::transform(x[0]->real().storage(), x[1]->real().storage(), y[0].real().storage().begin(), F);
  else
    std::ranges::transform(x[0]->integer().storage(), x[1]->integer().storage(),
                           y[0].integer().storage().begin(),
                           [dtype](int64_t a, int64_t b) { return G(a, b, dtype); });
}

/// G(a, b, dtype) for integers and booleans.
template <int64_t (*G)(int64_t, int64_t, DType)>
void zip_bits(const EvalContext&, Inputs x, Outputs y) {
  const DType dtype = x[0]->dtype;
  std::ranges::transform(x[0]->integer().storage(), x[1]->integer().storage(),
                         y[0].integer().storage().begin(),
                         [dtype](int64_t a, int64_t b) { return G(a, b, dtype); });
}

/// P(a, b, dtype), for both element types.
template <auto P>
void compare(const EvalContext&, Inputs x, Outputs y) {
  const DType dtype = x[0]->dtype;
  auto test = [dtype](auto a, auto b) -> int64_t { return P(a, b, dtype); };
  auto& result = y[0].integer().storage();
  if (is_float(dtype))
    std::ranges::transform(x[0]->real().storage(), x[1]->real().storage(), result.begin(), test);
  else
    std::ranges::transform(x[0]->integer().storage(), x[1]->integer().storage(), result.begin(), test);
}

// ---- gradients ----

/// What most rules are made of: x the first operand, y the result, dy its gradient.
struct Terms {
  Builder& b;
  Value x, y, dy;
  explicit Terms(const GradientArgs& g)
      : b(g.builder), x(g.operands[0]), y(g.results[0]), dy(g.result_gradients[0]) {}
  Value number(double value) const { return b.constant_like(x, value); }
};

/// dx = Slope(terms) · dy
template <Value (*Slope)(const Terms&)>
void scaled(const GradientArgs& g) {
  const Terms t(g);
  accumulate(g, 0, t.b.mul(t.dy, Slope(t)));
}

}  // namespace keratin::pointwise
