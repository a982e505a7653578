// Reductions over sliding windows; every axis of the operand has an entry, 1 and 0 where nothing slides.
//
//     result = (operand + pad_low + pad_high - size) / stride + 1, rounded down; 0 if the window does not fit
//
// Elements of a window are taken in row-major order. The padding counts as the neutral element: 0 for sums; for the
// maximum the lowest number, -inf for floats. pool_max follows max (ir/ops/pointwise.cpp), so NaN propagates; pool_sum adds in
// f64. Windows may slide along axes with symbols, too.
//
// pool_max_grad(x, dy) gives each dy to the first maximum of its window, as argmax would find it: the first NaN if there
// is one; a window that lies in the padding gives its dy to nothing.
#include "ir/array.h"
#include "ir/conv_axes.h"
#include "ir/ops/elements.h"
#include "ir/ops/rules.h"

namespace keratin {
namespace {

using namespace rules;
using elements::for_each_index;
using elements::Greatest;
using elements::Sum;

using Inputs = std::span<const Array* const>;
using Outputs = std::span<Array>;

// ---- shape rules ----

Shape pooled_shape(Operands operands, const WindowAttrs& window) {
  const Shape& shape = operands[0].shape();
  const int64_t rank = operands[0].rank();
  for (const auto& [name, values, least] : {std::tuple{"size", &window.size, 1},
                                            {"stride", &window.stride, 1},
                                            {"pad_low", &window.pad_low, 0},
                                            {"pad_high", &window.pad_high, 0}}) {
    expect_entries(name, *values, rank);
    expect_all_between(name, *values, least, INT32_MAX);  // so that no size below overflows
  }
  Shape result;
  for (int64_t axis = 0; axis < rank; ++axis) {
    const Dim padded = *sum(shape[axis], window.pad_low[axis] + window.pad_high[axis]);
    result.push_back(window_count(padded, window.size[axis], window.stride[axis]));
  }
  return result;
}

std::vector<Type> infer_pool(Operands operands, const Attrs& attrs, const Function*) {
  expect_count(operands, 1);
  expect_dtype(operands, 0, kNumbers);
  return {Type(operands[0].dtype(), pooled_shape(operands, attrs_as<WindowAttrs>(attrs)))};
}

std::vector<Type> infer_pool_max_grad(Operands operands, const Attrs& attrs, const Function*) {
  expect_count(operands, 2);
  expect_dtype(operands, 0, kFloats);
  expect_same_dtype(operands, 1);
  const Shape pooled = pooled_shape(operands, attrs_as<WindowAttrs>(attrs));
  if (operands[1].shape() != pooled)
    fail_operand(operands, 1, cat("its shape must be that of the pooled operand 0, ", to_text(pooled)));
  return {Type(operands[0].dtype(), operands[0].shape())};
}

// ---- meanings ----

/// Calls start(window) and then visit(window, element) for each element of the window that is not padding: both are
/// offsets into the dense result and operand.
template <typename Start, typename Visit>
void for_each_window(const WindowAttrs& window, const std::vector<int64_t>& operand,
                     const std::vector<int64_t>& result, Start start, Visit visit) {
  const std::vector<int64_t> strides = elements::row_major_strides(operand);
  const size_t rank = operand.size();
  std::vector<int64_t> extent(rank);
  size_t number = 0;
  for_each_index(result, [&](const std::vector<int64_t>& place) {
    start(number);
    int64_t first = 0;
    for (size_t axis = 0; axis < rank; ++axis) {
      const int64_t low = place[axis] * window.stride[axis] - window.pad_low[axis];
      const int64_t begin = std::max<int64_t>(low, 0), end = std::min(low + window.size[axis], operand[axis]);
      first += begin * strides[axis];
      extent[axis] = end - begin;
    }
    for_each_index(extent, [&](const std::vector<int64_t>& within) {
      visit(number, static_cast<size_t>(first + elements::offset_of(within, strides)));
    });
    ++number;
  });
}

template <typename Reduction, typename T>
void pool(const EvalContext& context, const Array& x, const xt::xarray<T>& from, Array& y,
          xt::xarray<T>& to) {
  const T* elements = from.data();
  T* results = to.data();
  for_each_window(
      context.node.as<WindowAttrs>(), x.shape(), y.shape(),
      [&](size_t window) { results[window] = Reduction::template start<T>(x.dtype); },
      [&](size_t window, size_t at) {
        results[window] = Reduction::take(results[window], elements[at], x.dtype);
      });
}

template <typename Reduction>
void eval_pool(const EvalContext& context, Inputs x, Outputs y) {
  if (is_float(x[0]->dtype))
    pool<Reduction>(context, *x[0], x[0]->real(), y[0], y[0].real());
  else
    pool<Reduction>(context, *x[0], x[0]->integer(), y[0], y[0].integer());
}

void eval_pool_max_grad(const EvalContext& context, Inputs x, Outputs y) {
  constexpr size_t kNone = SIZE_MAX;
  const double* elements = x[0]->real().data();
  std::vector<size_t> best(x[1]->real().size(), kNone);
  for_each_window(
      context.node.as<WindowAttrs>(), x[0]->shape(), x[1]->shape(), [](size_t) {},
      [&](size_t window, size_t at) {
        size_t& chosen = best[window];
        const bool better = chosen == kNone || elements[at] > elements[chosen] ||
                            (std::isnan(elements[at]) && !std::isnan(elements[chosen]));
        if (better) chosen = at;
      });
  for (size_t window = 0; window < best.size(); ++window)
    if (best[window] != kNone) y[0].real().data()[best[window]] += x[1]->real().data()[window];
}

// ---- gradients ----

/// An element gets the sum of the dy of all windows that hold it: with dy spread by the stride, those are again a window. What a stride
/// leaves over of a free axis is not known: zeros for the most that it can be, and what is too long is cut.
void gradient_of_pool_sum(const GradientArgs& g) {
  const WindowAttrs& window = g.node.as<WindowAttrs>();
  const Value x = g.operands[0], dy = g.result_gradients[0];
  WindowAttrs sliding{.size = window.size};
  Ints low, high, interior;
  for (size_t axis = 0; axis < window.size.size(); ++axis) {
    const int64_t before = window.size[axis] - 1 - window.pad_low[axis];
    const Dim spread = *sum(dilated(dy.shape()[axis], window.stride[axis]), -window.pad_low[axis]);
    interior.push_back(window.stride[axis] - 1);
    low.push_back(before);
    high.push_back(-*least_difference(spread, x.shape()[axis]));
    sliding.stride.push_back(1);
    sliding.pad_low.push_back(0);
    sliding.pad_high.push_back(0);
  }
  const Value zero = g.builder.constant(x.dtype(), 0.0);
  const Value spread = g.builder.pad(dy, zero, std::move(low), std::move(high), std::move(interior));
  const Value sums = g.builder.make(Op::pool_sum, {spread}, std::move(sliding));
  accumulate(g, 0, sums.shape() == x.shape() ? sums : g.builder.slice(sums, Ints(x.rank(), 0), x.shape()));
}

void gradient_of_pool_max(const GradientArgs& g) {
  accumulate(
      g, 0,
      g.builder.make(Op::pool_max_grad, {g.operands[0], g.result_gradients[0]}, g.node.as<WindowAttrs>()));
}

[[noreturn]] void no_second_gradient(const GradientArgs&) {
  throw Error(ErrorKind::unsupported, "the gradient of max pooling's gradient is not available");
}

}  // namespace

constinit const OpDef def_pool_max{
    .form = "(x: T[S]) -> T[windows], T numbers",
    .doc =
        "The greatest element of each window, NaN if there is one; padding counts as the lowest number. "
        "`size`, `stride` and the padding have an entry for every axis, 1 and 0 where nothing slides. "
        "Gradient: pool_max_grad.",
    .infer = infer_pool,
    .gradient = gradient_of_pool_max,
    .eval = eval_pool<Greatest>,
};

constinit const OpDef def_pool_sum{
    .form = "(x: T[S]) -> T[windows], T numbers",
    .doc =
        "The sum of each window; padding counts as 0. The attributes are those of pool_max. Gradient: a "
        "dilated dy, summed over windows.",
    .infer = infer_pool,
    .gradient = gradient_of_pool_sum,
    .eval = eval_pool<Sum>,
};

constinit const OpDef def_pool_max_grad{
    .form = "(x: T[S], dy: T[windows]) -> T[S], T floats",
    .doc =
        "Each element of dy added to the first maximum of its window in x, the first NaN if there is one; 0 "
        "elsewhere. The attributes are those of pool_max. Not differentiable itself.",
    .infer = infer_pool_max_grad,
    .gradient = no_second_gradient,
    .eval = eval_pool_max_grad,
};

}  // namespace keratin
