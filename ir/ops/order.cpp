// Sorting and running sums and products along one axis, which may have any length, symbols included.
//
// The gradient of an order is data movement by its indices. That of a running product is exact at zeros, too:
// up to the first zero of a line the products are divided by the factor, at the first zero the factor is left
// out, and behind it every product is zero.
#include <algorithm>
#include <numeric>

#include "ir/array.h"
#include "ir/ops/elements.h"
#include "ir/ops/places.h"
#include "ir/ops/rules.h"

namespace keratin {
namespace {

using namespace elements;
using namespace rules;

std::vector<Type> infer_sort(Operands operands, const Attrs& attrs, const Function*) {
  expect_count(operands, 1);
  expect_row_major(operands, 0);
  expect_dtype(operands, 0, kNumbers);
  const auto& sort = attrs_as<SortAttrs>(attrs);
  expect_axis("axis", sort.axis, operands[0].rank());
  if (sort.k != 0) fail("k is top_k's");
  return {operands[0].type(), Type(DType::i32, operands[0].shape())};
}

std::vector<Type> infer_top_k(Operands operands, const Attrs& attrs, const Function*) {
  expect_count(operands, 1);
  expect_row_major(operands, 0);
  expect_dtype(operands, 0, kNumbers);
  const auto& sort = attrs_as<SortAttrs>(attrs);
  expect_axis("axis", sort.axis, operands[0].rank());
  if (sort.descending) fail("descending is sort's");
  Shape shape = operands[0].shape();
  if (!shape[sort.axis].is_static())
    fail_operand(operands, 0,
                 cat("its axis ", sort.axis, " has the free length ", to_text(shape[sort.axis]),
                     ", which may be less than k"));
  if (sort.k < 0 || sort.k > shape[sort.axis].value())
    fail_operand(operands, 0, cat("k is ", sort.k, ", expected 0 to the length of its axis ", sort.axis));
  shape[sort.axis] = sort.k;
  return {Type(operands[0].dtype(), shape), Type(DType::i32, shape)};
}

std::vector<Type> infer_running(Operands operands, const Attrs& attrs, const Function*) {
  expect_count(operands, 1);
  expect_row_major(operands, 0);
  expect_dtype(operands, 0, kNumbers);
  expect_axis("axis", attrs_as<AxisAttrs>(attrs).axis, operands[0].rank());
  return {operands[0].type()};
}

/// Values and indices of the first elements along `axis` in the order asked for, as many as the results hold.
void eval_order(const Array& x, int64_t axis, bool descending, std::span<Array> results) {
  const AxisView view(x.shape(), axis);
  const int64_t kept = AxisView(results[0].shape(), axis).length;
  int64_t* indices = results[1].integer().data();
  with_elements(x, results[0], [&](const auto* from, auto* to) {
    const auto before = [&](auto a, auto b) {
      if (is_nan(a) || is_nan(b)) return is_nan(b) && !is_nan(a);
      if (descending) std::swap(a, b);
      return less(a, b, x.dtype);
    };
    std::vector<int64_t> order(view.length);
    for (int64_t o = 0; o < view.outer; ++o)
      for (int64_t i = 0; i < view.inner; ++i) {
        const auto* line = from + o * view.length * view.inner + i;
        std::iota(order.begin(), order.end(), 0);
        std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
          return before(line[a * view.inner], line[b * view.inner]);
        });
        for (int64_t place = 0; place < kept; ++place) {
          const int64_t target = (o * kept + place) * view.inner + i;
          to[target] = line[order[place] * view.inner];
          indices[target] = order[place];
        }
      }
  });
}

/// y[j] = x[0] ∘ … ∘ x[j] along `axis`.
template <typename Combine>
void eval_running(const Array& x, int64_t axis, Array& y, Combine combine) {
  const AxisView view(x.shape(), axis);
  with_elements(x, y, [&](const auto* from, auto* to) {
    for (int64_t o = 0; o < view.outer; ++o)
      for (int64_t j = 0; j < view.length; ++j)
        for (int64_t i = 0; i < view.inner; ++i) {
          const int64_t place = (o * view.length + j) * view.inner + i;
          to[place] = j == 0 ? from[place] : combine(to[place - view.inner], from[place]);
        }
  });
}

/// Sends each gradient back to where its value came from. Gathering and scattering within lines need the axis
/// last.
void gradient_order(const GradientArgs& args) {
  if (!args.wanted[0] || !args.result_gradients[0]) return;
  Builder& b = args.builder;
  const int64_t rank = args.operands[0].rank();
  const int64_t axis = args.node.as<SortAttrs>().axis;
  Ints axis_last, back(rank);
  for (int64_t i = 0; i < rank; ++i)
    if (i != axis) axis_last.push_back(i);
  axis_last.push_back(axis);
  for (int64_t i = 0; i < rank; ++i) back[axis_last[i]] = i;

  Shape shape = args.operands[0].shape();
  std::rotate(shape.begin() + axis, shape.begin() + axis + 1, shape.end());
  if (shape.back().is(0)) return;
  const Value lines =
      b.make(Op::scatter_add,
             {b.constant(args.operands[0].dtype(), 0, shape), b.transpose(args.results[1], axis_last),
              b.transpose(args.result_gradients[0], axis_last)},
             GatherAttrs{rank - 1, rank - 1});
  accumulate(args, 0, b.transpose(lines, back));
}

/// The running sum from the end.
Value sum_of_rest(Builder& b, Value x, int64_t axis) {
  const AxesAttrs axes{{axis}};
  return b.make(Op::reverse, {b.make(Op::cumsum, {b.make(Op::reverse, {x}, axes)}, AxisAttrs{axis})}, axes);
}

void gradient_cumprod(const GradientArgs& args) {
  if (!args.wanted[0]) return;
  Builder& b = args.builder;
  const Value x = args.operands[0], y = args.results[0], dy = args.result_gradients[0];
  const AxisAttrs attrs = args.node.as<AxisAttrs>();
  const Value zero = b.constant_like(x, 0), one = b.constant_like(x, 1);
  const Value none = b.constant(DType::i32, 0, x.shape()), single = b.constant(DType::i32, 1, x.shape());
  const Value is_zero = b.eq(x, zero);
  const Value zeros_so_far = b.make(Op::cumsum, {b.select(is_zero, single, none)}, attrs);
  const Value before_any = b.eq(zeros_so_far, none);
  const Value is_first = b.make(Op::and_, {is_zero, b.eq(zeros_so_far, single)});

  const Value divided = b.div(sum_of_rest(b, b.mul(dy, y), attrs.axis), b.select(is_zero, one, x));
  const Value without_first = b.make(Op::cumprod, {b.select(is_first, one, x)}, attrs);
  const Value left_out = sum_of_rest(b, b.mul(dy, without_first), attrs.axis);
  accumulate(args, 0, b.select(before_any, divided, b.select(is_first, left_out, zero)));
}

}  // namespace

constinit const OpDef def_sort{
    .form = "(x: T[S]) -> T[S], i32[S], T numbers",
    .doc =
        "The elements along `axis` in ascending (or `descending`) order and, as i32, the index that each "
        "had. Equal elements keep their order; NaN comes last either way. Gradient: dy put back by the "
        "indices.",
    .infer = infer_sort,
    .gradient = gradient_order,
    .eval =
        [](const EvalContext& context, std::span<const Array* const> operands, std::span<Array> results) {
          const auto& attrs = context.node.as<SortAttrs>();
          eval_order(*operands[0], attrs.axis, attrs.descending, results);
        },
};

constinit const OpDef def_top_k{
    .form = "(x: T[S]) -> T[S with k], i32[S with k], T numbers",
    .doc =
        "The `k` largest elements along `axis`, largest first, and, as i32, the index that each had. Of "
        "equal elements the one with the lowest index comes first; NaN comes last. Gradient: dy put back by "
        "the indices.",
    .infer = infer_top_k,
    .gradient = gradient_order,
    .eval =
        [](const EvalContext& context, std::span<const Array* const> operands, std::span<Array> results) {
          eval_order(*operands[0], context.node.as<SortAttrs>().axis, true, results);
        },
};

constinit const OpDef def_cumsum{
    .form = "(x: T[S]) -> T[S], T numbers",
    .doc = "Element j along `axis` is the sum of the elements 0 to j. Gradient: the same from the other end.",
    .infer = infer_running,
    .gradient =
        [](const GradientArgs& args) {
          if (!args.wanted[0]) return;
          accumulate(args, 0,
                     sum_of_rest(args.builder, args.result_gradients[0], args.node.as<AxisAttrs>().axis));
        },
    .eval =
        [](const EvalContext& context, std::span<const Array* const> operands, std::span<Array> results) {
          eval_running(*operands[0], context.node.as<AxisAttrs>().axis, results[0],
                       [](auto a, auto b) { return plus(a, b); });
        },
};

constinit const OpDef def_cumprod{
    .form = "(x: T[S]) -> T[S], T numbers",
    .doc =
        "Element j along `axis` is the product of the elements 0 to j. Gradient: exact with zeros among the "
        "factors, too.",
    .infer = infer_running,
    .gradient = gradient_cumprod,
    .eval =
        [](const EvalContext& context, std::span<const Array* const> operands, std::span<Array> results) {
          eval_running(*operands[0], context.node.as<AxisAttrs>().axis, results[0],
                       [](auto a, auto b) { return times(a, b); });
        },
};

}  // namespace keratin
