// Ops that put the same elements elsewhere, and those that know only places: iota, dim_size.
//
// Each is an affine map of indices, one term per axis, which is what their eval rules and codegen's index
// expressions both rest on. Their gradients are each other: a slice's is a pad, a broadcast's a sum, the rest
// are permutations.
#include <algorithm>
#include <numeric>

#include "ir/array.h"
#include "ir/conv_axes.h"
#include "ir/ops/places.h"
#include "ir/ops/rules.h"

namespace keratin {
namespace {

using namespace elements;
using namespace rules;

int64_t size_of(const Shape& shape) { return static_cast<int64_t>(shape.size()); }

/// The length of an axis of n elements after a pad. Throws Error(data) if it exceeds 64 bits.
int64_t padded_length(int64_t n, int64_t low, int64_t high, int64_t interior) {
  return (Size(n) + low + high + Size(interior) * Size(std::max<int64_t>(n - 1, 0))).value();
}

Value zero_like(Builder& builder, Value value) { return builder.constant_like(value, 0); }

std::vector<Type> infer_reshape(Operands operands, const Attrs& attrs, const Function*) {
  expect_count(operands, 1);
  expect_row_major(operands, 0);
  const Shape& shape = attrs_as<ShapeAttrs>(attrs).shape;
  expect_shape("shape", shape);
  const Size have = operands[0].type().elements();
  const Size want = Size::product(shape);
  if (have != want) {
    const std::optional<Dim> all = as_dim(have), wanted = as_dim(want);
    fail_shape(
        operands, 0, all ? Shape{*all} : Shape{}, wanted ? Shape{*wanted} : Shape{},
        cat("its ", to_text(have), " elements do not make ", to_text(shape), ", which has ", to_text(want)));
  }
  return {Type(operands[0].dtype(), shape)};
}

std::vector<Type> infer_transpose(Operands operands, const Attrs& attrs, const Function*) {
  expect_count(operands, 1);
  expect_row_major(operands, 0);
  const Ints& perm = attrs_as<TransposeAttrs>(attrs).perm;
  const int64_t rank = operands[0].rank();
  expect_entries("perm", perm, rank);
  std::vector<bool> seen(perm.size(), false);
  Shape shape;
  for (int64_t axis : perm) {
    expect_axis("perm", axis, rank);
    if (seen[axis]) fail(cat("perm has ", axis, " twice"));
    seen[axis] = true;
    shape.push_back(operands[0].shape()[axis]);
  }
  return {Type(operands[0].dtype(), shape)};
}

std::vector<Type> infer_broadcast(Operands operands, const Attrs& attrs, const Function*) {
  expect_count(operands, 1);
  expect_row_major(operands, 0);
  const auto& [dims, shape] = attrs_as<BroadcastAttrs>(attrs);
  expect_shape("shape", shape);
  expect_entries("dims", dims, operands[0].rank());
  expect_axes("dims", dims, size_of(shape));
  for (size_t i = 0; i < dims.size(); ++i)
    if (operands[0].shape()[i] != shape[dims[i]])
      fail_shape(operands, 0, {operands[0].shape()[i]}, {shape[dims[i]]},
                 cat("its axis ", i, " must be as long as axis ", dims[i], " of the result, ",
                     to_text(shape[dims[i]])));
  return {Type(operands[0].dtype(), shape)};
}

std::vector<Type> infer_slice(Operands operands, const Attrs& attrs, const Function*) {
  expect_count(operands, 1);
  expect_row_major(operands, 0);
  const auto& [start, limit, stride] = attrs_as<SliceAttrs>(attrs);
  const int64_t rank = operands[0].rank();
  expect_entries("start", start, rank);
  if (size_of(limit) != rank) fail(cat("limit has ", limit.size(), " entries, expected ", rank));
  expect_entries("stride", stride, rank);
  expect_all_at_least("stride", stride, 1);
  Shape shape = operands[0].shape();
  for (int64_t axis = 0; axis < rank; ++axis) {
    const bool is_part = start[axis] >= 0 && least_difference(shape[axis], limit[axis]) >= 0 &&
                         (!limit[axis].is_static() || limit[axis].coef >= start[axis]);
    if (!is_part)
      fail_operand(
          operands, 0,
          cat("start ", start[axis], " and limit ", to_text(limit[axis]), " are no part of its axis ", axis));
    const Dim covered = *sum(limit[axis], -start[axis]);
    if (!covered.is_static())
      shape[axis] = quotient(covered, stride[axis] - 1, stride[axis]);
    else
      shape[axis] = covered.coef == 0 ? 0 : (covered.coef - 1) / stride[axis] + 1;
  }
  return {Type(operands[0].dtype(), shape)};
}

std::vector<Type> infer_pad(Operands operands, const Attrs& attrs, const Function*) {
  expect_count(operands, 2);
  expect_row_major(operands, 0);
  expect_rank(operands, 1, 0);
  expect_same_dtype(operands, 1);
  const auto& [low, high, interior] = attrs_as<PadAttrs>(attrs);
  Shape shape = operands[0].shape();
  expect_entries("low", low, size_of(shape));
  expect_entries("high", high, size_of(shape));
  expect_entries("interior", interior, size_of(shape));
  expect_all_between("low", low, -INT32_MAX, INT32_MAX);
  expect_all_between("high", high, -INT32_MAX, INT32_MAX);
  expect_all_between("interior", interior, 0, INT32_MAX);
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    if (low[axis] == 0 && high[axis] == 0 && interior[axis] == 0) continue;
    if (!shape[axis].is_static()) {
      shape[axis] = *sum(dilated(shape[axis], interior[axis] + 1), low[axis] + high[axis]);
      continue;
    }
    const int64_t length = padded_length(shape[axis].value(), low[axis], high[axis], interior[axis]);
    if (length < 0) fail_operand(operands, 0, cat("padding cuts more than there is of its axis ", axis));
    shape[axis] = length;
  }
  return {Type(operands[0].dtype(), shape)};
}

std::vector<Type> infer_concat(Operands operands, const Attrs& attrs, const Function*) {
  expect_count_at_least(operands, 1);
  const int64_t axis = attrs_as<AxisAttrs>(attrs).axis;
  expect_axis("axis", axis, operands[0].rank());
  Shape shape = operands[0].shape();
  Dim length = 0;
  for (size_t i = 0; i < operands.size(); ++i) {
    expect_row_major(operands, i);
    expect_same_dtype(operands, i);
    Shape own = operands[i].shape();
    if (own.size() == shape.size()) {
      const std::optional<Dim> longer = sum(length, own[axis]);
      if (!longer)
        throw_unequal(Error(ErrorKind::data, cat("axis ", axis, " would be ", to_text(length), " + ",
                                                 to_text(own[axis]), " long, which is no dimension")),
                      {Dim(1, length.symbol.root())}, {Dim(1, own[axis].symbol.root())});
      length = *longer;
      own[axis] = shape[axis];
    }
    if (own != shape)
      fail_shape(operands, i, own, shape,
                 cat("but for axis ", axis, " its shape must be that of operand 0, ", to_text(shape)));
  }
  shape[axis] = length;
  return {Type(operands[0].dtype(), shape)};
}

std::vector<Type> infer_reverse(Operands operands, const Attrs& attrs, const Function*) {
  expect_count(operands, 1);
  expect_row_major(operands, 0);
  expect_axes("axes", attrs_as<AxesAttrs>(attrs).axes, operands[0].rank());
  return {operands[0].type()};
}

std::vector<Type> infer_iota(Operands operands, const Attrs& attrs, const Function*) {
  expect_count(operands, 0);
  const auto& [axis, dtype, shape] = attrs_as<IotaAttrs>(attrs);
  if (!kNumbers.contains(dtype)) fail("dtype must be one of numbers");
  expect_shape("shape", shape);
  expect_axis("axis", axis, size_of(shape));
  return {Type(dtype, shape)};
}

std::vector<Type> infer_dim_size(Operands operands, const Attrs& attrs, const Function*) {
  expect_count(operands, 0);
  const auto& [dim, dtype] = attrs_as<DimAttrs>(attrs);
  if (!kNumbers.contains(dtype)) fail("dtype must be one of numbers");
  expect_shape("dim", {dim});
  return {Type(dtype, {})};
}

std::vector<Type> infer_relayout(Operands operands, const Attrs& attrs, const Function*) {
  expect_count(operands, 1);
  const Layout layout = attrs_as<LayoutAttrs>(attrs).layout;
  const Shape& shape = operands[0].shape();
  if (layout.is_row_major()) {
    if (layout.axis != 0 || layout.has_pairs()) fail("a row-major layout has no axis");
  } else {
    expect_axis("layout", layout.axis, size_of(shape));
    if (layout.width < 0) fail(cat("layout has width ", layout.width));
    if (!shape[layout.axis].is_static())
      fail_operand(operands, 0,
                   cat("its axis ", layout.axis, " has the free length ", to_text(shape[layout.axis]),
                       " and cannot be cut into panels"));
    if (layout.has_pairs()) {
      expect_axis("pairs", layout.pair_axis, size_of(shape));
      if (!layout.fits(shape))
        fail_operand(operands, 0,
                     cat("it cannot be laid out as ", to_text(layout),
                         ": pairs are along another axis, of static length"));
    }
  }
  return {Type(operands[0].dtype(), shape, layout)};
}

void eval_pad(const EvalContext& context, std::span<const Array* const> operands, std::span<Array> results) {
  const auto& [low, high, interior] = context.node.as<PadAttrs>();
  fill_with(*operands[1], results[0]);
  std::vector<int64_t> extent = operands[0]->shape();
  const std::vector<int64_t> bounds = results[0].shape();
  Places from = places_of(extent);
  Places to = places_of(bounds);
  for (size_t axis = 0; axis < extent.size(); ++axis) {
    // Element i goes to low + i · step: those below 0 or beyond the result are cut.
    const int64_t step = interior[axis] + 1;
    const int64_t first = low[axis] < 0 ? (-low[axis] + step - 1) / step : 0;
    const int64_t room = bounds[axis] - low[axis];
    const int64_t end = room <= 0 ? 0 : std::min(extent[axis], (room + step - 1) / step);
    extent[axis] = end - first;
    from.offset += first * from.strides[axis];
    to.offset += (low[axis] + first * step) * to.strides[axis];
    to.strides[axis] *= step;
  }
  copy_box(extent, *operands[0], from, results[0], to);
}

/// dy spread by the strides and put where it was taken from. How much a stride leaves over of a free axis is not known: zeros
/// are put behind for the most that it can be, and what is too long is cut.
void gradient_slice(const GradientArgs& args) {
  Builder& b = args.builder;
  const Value x = args.operands[0], dy = args.result_gradients[0];
  const auto& attrs = args.node.as<SliceAttrs>();
  Ints low = attrs.start, high(low.size(), 0), interior(low.size(), 0);
  for (size_t axis = 0; axis < low.size(); ++axis) {
    interior[axis] = attrs.stride[axis] - 1;
    const Dim whole = x.shape()[axis];
    const Dim spread = *sum(dilated(dy.shape()[axis], attrs.stride[axis]), low[axis]);
    const std::optional<int64_t> longer = least_difference(spread, whole);
    KERATIN_CHECK(longer, "a slice is not bounded by its operand");
    high[axis] = -*longer;
  }
  const Value padded = b.pad(dy, b.constant(x.dtype(), 0), low, high, interior);
  accumulate(args, 0,
             padded.shape() == x.shape()
                 ? padded
                 : b.slice(padded, Ints(low.size(), 0), x.shape(), Ints(low.size(), 1)));
}

void gradient_pad(const GradientArgs& args) {
  Builder& b = args.builder;
  const Value x = args.operands[0], dy = args.result_gradients[0];
  const auto& attrs = args.node.as<PadAttrs>();
  if (args.wanted[0]) {
    // First the padding off (and zeros where elements were cut), then what stood between the elements.
    Ints low, high, stride;
    for (size_t axis = 0; axis < attrs.low.size(); ++axis) {
      low.push_back(-attrs.low[axis]);
      high.push_back(-attrs.high[axis]);
      stride.push_back(attrs.interior[axis] + 1);
    }
    const Value spread = b.pad(dy, b.constant(x.dtype(), 0), low, high);
    accumulate(args, 0, b.slice(spread, Ints(low.size(), 0), spread.shape(), stride));
  }
  if (args.wanted[1]) {
    Ints axes(dy.rank());
    std::iota(axes.begin(), axes.end(), 0);
    const Value filled =
        b.pad(zero_like(b, x), b.constant(x.dtype(), 1), attrs.low, attrs.high, attrs.interior);
    accumulate(args, 1, b.reduce(Op::reduce_sum, b.mul(dy, filled), axes));
  }
}

/// The part of dy that belongs to each operand. Where a part begins must be a number to be cut out: counted from the front or,
/// if something free comes before it, from the back.
void gradient_concat(const GradientArgs& args) {
  Builder& b = args.builder;
  const int64_t axis = args.node.as<AxisAttrs>().axis;
  const Value dy = args.result_gradients[0];
  const auto length = [&](size_t i) { return args.operands[i].shape()[axis]; };
  const auto cut = [&](Value whole, Dim start, Dim end) {
    Ints from(dy.rank(), 0);
    Shape limit = dy.shape();
    from[axis] = start.value();
    limit[axis] = end;
    return b.slice(whole, from, limit, Ints(dy.rank(), 1));
  };
  const auto reversed = [&](Value value) { return b.make(Op::reverse, {value}, AxesAttrs{{axis}}); };
  const Dim whole = dy.shape()[axis];
  Dim start = 0;
  for (size_t i = 0; i < args.operands.size(); ++i) {
    const std::optional<Dim> end = sum(start, length(i));
    if (args.wanted[i]) {
      if (start.is_static()) {
        accumulate(args, i, cut(dy, start, *end));
      } else if (whole.symbol == start.symbol && whole.symbol == length(i).symbol) {
        // All are multiples of one symbol: blocks of that length become an axis of their own.
        Shape blocks = dy.shape();
        blocks[axis] = Dim(1, whole.symbol);
        blocks.insert(blocks.begin() + axis, whole.coef);
        const Value cut_up = b.reshape(dy, blocks);
        Ints from(cut_up.rank(), 0);
        Shape limit = blocks;
        from[axis] = start.coef;
        limit[axis] = end->coef;
        accumulate(args, i, b.reshape(b.slice(cut_up, from, limit), args.operands[i].shape()));
      } else {
        Dim behind = 0;
        for (size_t j = i + 1; j < args.operands.size(); ++j) behind = *sum(behind, length(j));
        if (!behind.is_static())
          throw Error(ErrorKind::unsupported, "a part between two of free length has no gradient", {},
                      "fix the lengths with --shape");
        accumulate(args, i, reversed(cut(reversed(dy), behind, *sum(behind, length(i)))));
      }
    }
    start = *end;
  }
}

}  // namespace

constinit const OpDef def_reshape{
    .form = "(x: T[S]) -> T[shape], T anything",
    .doc =
        "The same elements in row-major order in another shape. The element counts must be equal as "
        "polynomials in the symbols. Gradient: a reshape.",
    .infer = infer_reshape,
    .gradient =
        [](const GradientArgs& args) {
          accumulate(args, 0, args.builder.reshape(args.result_gradients[0], args.operands[0].shape()));
        },
    .eval =
        [](const EvalContext&, std::span<const Array* const> operands, std::span<Array> results) {
          with_elements(*operands[0], results[0],
                        [&](const auto* from, auto* to) { std::copy_n(from, operands[0]->elements(), to); });
        },
};

constinit const OpDef def_transpose{
    .form = "(x: T[S]) -> T[S permuted], T anything",
    .doc = "The axes in another order: axis i of the result is axis perm[i] of x. Gradient: a transpose.",
    .infer = infer_transpose,
    .gradient =
        [](const GradientArgs& args) {
          const Ints& perm = args.node.as<TransposeAttrs>().perm;
          Ints inverse(perm.size());
          for (size_t i = 0; i < perm.size(); ++i) inverse[perm[i]] = static_cast<int64_t>(i);
          accumulate(args, 0, args.builder.transpose(args.result_gradients[0], inverse));
        },
    .eval =
        [](const EvalContext& context, std::span<const Array* const> operands, std::span<Array> results) {
          const Places plain = places_of(operands[0]->shape());
          Places from;
          for (int64_t axis : context.node.as<TransposeAttrs>().perm)
            from.strides.push_back(plain.strides[axis]);
          fill_from(*operands[0], from, results[0]);
        },
};

constinit const OpDef def_broadcast{
    .form = "(x: T[S]) -> T[shape], T anything",
    .doc =
        "Axis i of x becomes axis dims[i] of the result, of the same length (1 is not stretched) and in the "
        "same order; along all other axes of the result x repeats. Gradient: a reduce_sum.",
    .infer = infer_broadcast,
    .gradient =
        [](const GradientArgs& args) {
          const Ints axes = other_axes(args.node.as<BroadcastAttrs>().dims, args.result_gradients[0].rank());
          accumulate(args, 0, args.builder.reduce(Op::reduce_sum, args.result_gradients[0], axes));
        },
    .eval =
        [](const EvalContext& context, std::span<const Array* const> operands, std::span<Array> results) {
          const Places plain = places_of(operands[0]->shape());
          const Ints& dims = context.node.as<BroadcastAttrs>().dims;
          Places from{0, std::vector<int64_t>(results[0].shape().size(), 0)};
          for (size_t i = 0; i < dims.size(); ++i) from.strides[dims[i]] = plain.strides[i];
          fill_from(*operands[0], from, results[0]);
        },
};

constinit const OpDef def_slice{
    .form = "(x: T[S]) -> T[what is left], T anything",
    .doc =
        "Along each axis the elements start, start + stride, … below limit, which is sure not to lie beyond the "
        "end. Gradient: a pad.",
    .infer = infer_slice,
    .gradient = gradient_slice,
    .eval =
        [](const EvalContext& context, std::span<const Array* const> operands, std::span<Array> results) {
          const auto& attrs = context.node.as<SliceAttrs>();
          const std::vector<int64_t> shape = operands[0]->shape();
          Places from = places_of(shape);
          for (size_t axis = 0; axis < from.strides.size(); ++axis) {
            from.offset += attrs.start[axis] * from.strides[axis];
            from.strides[axis] *= std::min(attrs.stride[axis], std::max<int64_t>(shape[axis], 1));
          }
          fill_from(*operands[0], from, results[0]);
        },
};

constinit const OpDef def_pad{
    .form = "(x: T[S], fill: T[]) -> T[S padded], T anything",
    .doc =
        "Along each axis `interior` fills between neighbours, then `low` before and `high` after: element i "
        "goes to low + i · (interior + 1). Negative low and high cut. Gradient: a slice, and for the fill a sum.",
    .infer = infer_pad,
    .gradient = gradient_pad,
    .eval = eval_pad,
};

constinit const OpDef def_concat{
    .form = "(x: T[S], …) -> T[S with the lengths summed], T anything",
    .doc =
        "The operands one after the other along `axis`; all other axes are equal. The lengths must sum to a "
        "dimension: one symbol, multiples of it and numbers. Gradient: slices.",
    .infer = infer_concat,
    .gradient = gradient_concat,
    .eval =
        [](const EvalContext& context, std::span<const Array* const> operands, std::span<Array> results) {
          const int64_t axis = context.node.as<AxisAttrs>().axis;
          Places to = places_of(results[0].shape());
          for (const Array* part : operands) {
            copy_box(part->shape(), *part, places_of(part->shape()), results[0], to);
            to.offset += part->shape()[axis] * to.strides[axis];
          }
        },
};

constinit const OpDef def_reverse{
    .form = "(x: T[S]) -> T[S], T anything",
    .doc = "The elements in opposite order along `axes`. Gradient: a reverse.",
    .infer = infer_reverse,
    .gradient =
        [](const GradientArgs& args) {
          accumulate(args, 0,
                     args.builder.make(Op::reverse, {args.result_gradients[0]}, args.node.as<AxesAttrs>()));
        },
    .eval =
        [](const EvalContext& context, std::span<const Array* const> operands, std::span<Array> results) {
          const std::vector<int64_t> shape = operands[0]->shape();
          Places from = places_of(shape);
          for (int64_t axis : context.node.as<AxesAttrs>().axes) {
            from.offset += (shape[axis] - 1) * from.strides[axis];
            from.strides[axis] = -from.strides[axis];
          }
          fill_from(*operands[0], from, results[0]);
        },
};

constinit const OpDef def_iota{
    .form = "() -> dtype[shape], dtype numbers",
    .doc = "The index along `axis`, rounded or wrapped to the dtype.",
    .infer = infer_iota,
    .gradient = not_differentiable,
    .eval =
        [](const EvalContext& context, std::span<const Array* const>, std::span<Array> results) {
          const AxisView view(results[0].shape(), context.node.as<IotaAttrs>().axis);
          std::visit(
              [&](auto& numbers) {
                auto* to = numbers.data();
                for (int64_t o = 0; o < view.outer; ++o)
                  for (int64_t i = 0; i < view.length; ++i) to = std::fill_n(to, view.inner, i);
              },
              results[0].data);
        },
};

constinit const OpDef def_dim_size{
    .form = "() -> dtype[], dtype numbers",
    .doc = "The value that a dimension has in this call, as a scalar.",
    .infer = infer_dim_size,
    .gradient = not_differentiable,
    .eval =
        [](const EvalContext& context, std::span<const Array* const>, std::span<Array> results) {
          const int64_t value = context.node.as<DimAttrs>().dim.value(context.bindings);
          std::visit([&](auto& number) { *number.data() = value; }, results[0].data);
        },
};

constinit const OpDef def_relayout{
    .form = "(x: T[S]) -> T[S]{layout}, T anything",
    .doc =
        "The same tensor, its elements in another order in memory; the value is unchanged. The axis that is "
        "cut into panels has a static length. Gradient: a relayout back.",
    .infer = infer_relayout,
    .gradient =
        [](const GradientArgs& args) {
          const Layout layout = args.operands[0].type().layout;
          accumulate(args, 0,
                     args.builder.make(Op::relayout, {args.result_gradients[0]}, LayoutAttrs{layout}));
        },
    .eval = [](const EvalContext&, std::span<const Array* const> operands,
               std::span<Array> results) { results[0].data = operands[0]->data; },
};

}  // namespace keratin
