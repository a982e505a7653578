// Reductions over a set of axes, which the result lacks.
//
// Elements are taken in row-major order, starting from the neutral element: 0, 1, the lowest number (-inf for
// floats), the highest one, all bits set, no bits set; so that is what an empty reduction gives. Float sums
// and products are accumulated in f64 and rounded once; max and min follow the pointwise ops' rule, so NaN
// propagates. argmax and argmin take one axis and give the place (i32) of the first extremum; the first NaN
// counts as the extremum; an empty axis gives 0.
//
// Gradients: max and min share theirs equally among equal extrema. The product's is exact with zeros among
// the factors: with one zero only that factor gets a gradient, with more of them none does.
#include "ir/array.h"
#include "ir/ops/elements.h"
#include "ir/ops/rules.h"

namespace keratin {
namespace {

using namespace rules;
using elements::for_each_index;
using elements::Greatest;
using elements::offset_of;
using elements::Sum;

using Inputs = std::span<const Array* const>;
using Outputs = std::span<Array>;

// ---- shape rules ----

template <const DTypeSet& kSet>
std::vector<Type> infer_reduce(Operands operands, const Attrs& attrs, const Function*) {
  expect_count(operands, 1);
  expect_dtype(operands, 0, kSet);
  const Ints& axes = attrs_as<AxesAttrs>(attrs).axes;
  expect_axes("axes", axes, operands[0].rank());
  return {Type(operands[0].dtype(), without_axes(operands[0].shape(), axes))};
}

std::vector<Type> infer_arg(Operands operands, const Attrs& attrs, const Function* body) {
  std::vector<Type> types = infer_reduce<kNumbers>(operands, attrs, body);
  expect_entries("axes", attrs_as<AxesAttrs>(attrs).axes, 1);
  types[0].dtype = DType::i32;
  return types;
}

// ---- meanings ----

/// Strides of the result along the operand's axes: 0 along reduced ones.
std::vector<int64_t> result_strides(const std::vector<int64_t>& shape, const Ints& axes) {
  std::vector<int64_t> strides(shape.size(), 0);
  int64_t stride = 1;
  for (size_t axis = shape.size(); axis-- > 0;) {
    if (contains(axes, static_cast<int64_t>(axis))) continue;
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return strides;
}

/// Calls fn(operand offset, result offset, index) for every element of the operand.
template <typename Fn>
void for_each_element(const EvalContext& context, const Array& operand, Fn fn) {
  const std::vector<int64_t> shape = operand.shape();
  const std::vector<int64_t> strides = result_strides(shape, context.node.as<AxesAttrs>().axes);
  size_t at = 0;
  for_each_index(shape, [&](const std::vector<int64_t>& index) {
    fn(at++, static_cast<size_t>(offset_of(index, strides)), index);
  });
}

// Reductions that only these ops have; see elements::Sum.
struct Product {
  template <typename T>
  static T start(DType) {
    return 1;
  }
  template <typename T>
  static T take(T product, T v, DType) {
    return elements::times(product, v);
  }
};
struct Smallest {
  template <typename T>
  static T start(DType dtype) {
    return elements::highest(T{}, dtype);
  }
  template <typename T>
  static T take(T best, T v, DType dtype) {
    return elements::min_of(best, v, dtype);
  }
};
struct All {
  template <typename T>
  static T start(DType) {
    return -1;
  }
  template <typename T>
  static T take(T bits, T v, DType) {
    return bits & v;
  }
};
struct Any {
  template <typename T>
  static T start(DType) {
    return 0;
  }
  template <typename T>
  static T take(T bits, T v, DType) {
    return bits | v;
  }
};

template <typename Reduction, typename T>
void fold(const EvalContext& context, const Array& x, const xt::xarray<T>& from, xt::xarray<T>& to) {
  const T* elements = from.data();
  T* results = to.data();
  std::fill(results, results + to.size(), Reduction::template start<T>(x.dtype));
  for_each_element(context, x, [&](size_t at, size_t result, const std::vector<int64_t>&) {
    results[result] = Reduction::take(results[result], elements[at], x.dtype);
  });
}

template <typename Reduction>
void fold_numbers(const EvalContext& context, Inputs x, Outputs y) {
  if (is_float(x[0]->dtype))
    fold<Reduction>(context, *x[0], x[0]->real(), y[0].real());
  else
    fold<Reduction>(context, *x[0], x[0]->integer(), y[0].integer());
}

template <typename Reduction>
void fold_bits(const EvalContext& context, Inputs x, Outputs y) {
  fold<Reduction>(context, *x[0], x[0]->integer(), y[0].integer());
}

/// The place of the first element that Better says is better than all before; the first NaN is final.
template <auto Better>
void find_extremum(const EvalContext& context, Inputs x, Outputs y) {
  const size_t axis = static_cast<size_t>(context.node.as<AxesAttrs>().axes[0]);
  auto search = [&](const auto& elements) {
    int64_t* places = y[0].integer().data();
    std::vector<std::decay_t<decltype(elements[0])>> best(y[0].integer().size());
    for_each_element(context, *x[0], [&](size_t at, size_t result, const std::vector<int64_t>& index) {
      const auto v = elements[at];
      const bool first_nan = elements::is_nan(v) && !elements::is_nan(best[result]);
      if (index[axis] > 0 && !first_nan && !Better(v, best[result], x[0]->dtype)) return;
      best[result] = v;
      places[result] = index[axis];
    });
  };
  if (is_float(x[0]->dtype))
    search(x[0]->real().storage());
  else
    search(x[0]->integer().storage());
}

// ---- gradients ----

/// A value of the result's shape repeated along the reduced axes.
Value spread(const GradientArgs& g, Value value) {
  const Shape& shape = g.operands[0].shape();
  return g.builder.broadcast(value, other_axes(g.node.as<AxesAttrs>().axes, g.operands[0].rank()), shape);
}

void gradient_of_sum(const GradientArgs& g) { accumulate(g, 0, spread(g, g.result_gradients[0])); }

/// reduce_max and reduce_min.
void gradient_of_extremum(const GradientArgs& g) {
  Builder& b = g.builder;
  const Value x = g.operands[0], y = g.results[0], dy = g.result_gradients[0];
  const Value chosen = b.eq(x, spread(g, y));
  const Value count = b.reduce(Op::reduce_sum, b.cast(chosen, x.dtype()), g.node.as<AxesAttrs>().axes);
  accumulate(g, 0, b.select(chosen, spread(g, b.div(dy, count)), b.constant_like(x, 0)));
}

/// The product of the other factors is p / x, where p leaves out zeros: without a zero for all factors, with
/// one zero for that one (then it is p), otherwise 0.
void gradient_of_product(const GradientArgs& g) {
  Builder& b = g.builder;
  const Ints& axes = g.node.as<AxesAttrs>().axes;
  const Value x = g.operands[0], dy = g.result_gradients[0];
  const Value one = b.constant_like(x, 1);
  const Value is_zero = b.eq(x, b.constant_like(x, 0));
  const Value factors = b.select(is_zero, one, x);
  const Value zeros = b.reduce(Op::reduce_sum, b.cast(is_zero, x.dtype()), axes);
  const Value product = b.mul(dy, b.reduce(Op::reduce_prod, factors, axes));
  auto if_zeros = [&](double count) {
    const Value applies = b.eq(zeros, b.constant_like(zeros, count));
    return spread(g, b.select(applies, product, b.constant_like(product, 0)));
  };
  accumulate(g, 0, b.select(is_zero, if_zeros(1), b.div(if_zeros(0), factors)));
}

}  // namespace

constinit const OpDef def_reduce_sum{
    .form = "(x: T[S]) -> T[S without axes], T numbers",
    .doc = "The sum over the axes; empty: 0. Gradient: a broadcast.",
    .infer = infer_reduce<kNumbers>,
    .gradient = gradient_of_sum,
    .eval = fold_numbers<Sum>,
};

constinit const OpDef def_reduce_prod{
    .form = "(x: T[S]) -> T[S without axes], T numbers",
    .doc = "The product over the axes; empty: 1. Gradient: exact with zeros among the factors, too.",
    .infer = infer_reduce<kNumbers>,
    .gradient = gradient_of_product,
    .eval = fold_numbers<Product>,
};

constinit const OpDef def_reduce_max{
    .form = "(x: T[S]) -> T[S without axes], T numbers",
    .doc =
        "The greatest element over the axes, NaN if there is one; empty: -inf, or the smallest integer. "
        "Gradient: equal extrema share it.",
    .infer = infer_reduce<kNumbers>,
    .gradient = gradient_of_extremum,
    .eval = fold_numbers<Greatest>,
};

constinit const OpDef def_reduce_min{
    .form = "(x: T[S]) -> T[S without axes], T numbers",
    .doc =
        "The smallest element over the axes, NaN if there is one; empty: inf, or the greatest integer. "
        "Gradient: equal extrema share it.",
    .infer = infer_reduce<kNumbers>,
    .gradient = gradient_of_extremum,
    .eval = fold_numbers<Smallest>,
};

constinit const OpDef def_reduce_and{
    .form = "(x: T[S]) -> T[S without axes], T integers or booleans",
    .doc = "Whether all over the axes are true (integers: bit by bit); empty: true.",
    .infer = infer_reduce<kBits>,
    .gradient = not_differentiable,
    .eval = fold_bits<All>,
};

constinit const OpDef def_reduce_or{
    .form = "(x: T[S]) -> T[S without axes], T integers or booleans",
    .doc = "Whether any over the axes is true (integers: bit by bit); empty: false.",
    .infer = infer_reduce<kBits>,
    .gradient = not_differentiable,
    .eval = fold_bits<Any>,
};

constinit const OpDef def_argmax{
    .form = "(x: T[S]) -> i32[S without axes], T numbers",
    .doc = "The index (i32) of the first greatest element along one axis; the first NaN wins; empty: 0.",
    .infer = infer_arg,
    .gradient = not_differentiable,
    .eval = find_extremum<[](auto v, auto best, DType dtype) { return elements::less(best, v, dtype); }>,
};

constinit const OpDef def_argmin{
    .form = "(x: T[S]) -> i32[S without axes], T numbers",
    .doc = "The index (i32) of the first smallest element along one axis; the first NaN wins; empty: 0.",
    .infer = infer_arg,
    .gradient = not_differentiable,
    .eval = find_extremum<[](auto v, auto best, DType dtype) { return elements::less(v, best, dtype); }>,
};

}  // namespace keratin
