// Ops whose places depend on data.
//
// Every index means something: one out of range is clamped to the nearest that is in range. scatter_add
// clamps as gather does, so that it is gather's exact transpose, and the two dynamic ops start where the
// piece just fits. What an axis with a symbol does not hold, because it is empty or shorter than the piece,
// reads as zero and is not written.
#include <algorithm>

#include "ir/array.h"
#include "ir/ops/elements.h"
#include "ir/ops/places.h"
#include "ir/ops/rules.h"

namespace keratin {
namespace {

using namespace elements;
using namespace rules;

/// data.shape[:axis] + indices.shape[batch_dims:] + data.shape[axis+1:]
Shape gathered_shape(Operands operands, const GatherAttrs& attrs) {
  const Shape& data = operands[0].shape();
  const Shape& indices = operands[1].shape();
  Shape shape(data.begin(), data.begin() + attrs.axis);
  shape.insert(shape.end(), indices.begin() + attrs.batch_dims, indices.end());
  shape.insert(shape.end(), data.begin() + attrs.axis + 1, data.end());
  return shape;
}

void expect_gather(Operands operands, const GatherAttrs& attrs) {
  expect_row_major(operands, 0);
  expect_row_major(operands, 1);
  expect_dtype(operands, 1, kIntegers);
  const auto& [axis, batch_dims] = attrs;
  const Shape& data = operands[0].shape();
  const Shape& indices = operands[1].shape();
  expect_axis("axis", axis, operands[0].rank());
  if (data[axis].is(0))
    fail_operand(operands, 0, cat("its axis ", axis, " is empty: there is nothing to select"));
  if (batch_dims < 0 || batch_dims > axis || batch_dims > operands[1].rank())
    fail(
        cat("batch_dims has ", batch_dims, ", expected at most axis (", axis, ") and the rank of operand 1"));
  for (int64_t i = 0; i < batch_dims; ++i)
    if (indices[i] != data[i])
      fail_shape(operands, 1, {indices[i]}, {data[i]},
                 cat("its batch axis ", i, " must be that of operand 0, ", to_text(data[i])));
}

std::vector<Type> infer_gather(Operands operands, const Attrs& attrs, const Function*) {
  expect_count(operands, 2);
  const auto& gather = attrs_as<GatherAttrs>(attrs);
  expect_gather(operands, gather);
  return {Type(operands[0].dtype(), gathered_shape(operands, gather))};
}

std::vector<Type> infer_scatter_add(Operands operands, const Attrs& attrs, const Function*) {
  expect_count(operands, 3);
  const auto& gather = attrs_as<GatherAttrs>(attrs);
  expect_dtype(operands, 0, kNumbers);
  expect_gather(operands, gather);
  expect_row_major(operands, 2);
  expect_same_dtype(operands, 2);
  const Shape shape = gathered_shape(operands, gather);
  if (operands[2].shape() != shape)
    fail_shape(operands, 2, operands[2].shape(), shape,
               cat("its shape must be that of what gather would read, ", to_text(shape)));
  return {operands[0].type()};
}

void expect_start(Operands operands, size_t i) {
  expect_dtype(operands, i, kIntegers);
  expect_rank(operands, i, 0);
}

void expect_piece(Operands operands, int64_t axis, int64_t size) {
  const Dim whole = operands[0].shape()[axis];
  if (whole.is_static() && size > whole.value())
    fail_operand(operands, 0, cat("a piece of ", size, " does not fit into its axis ", axis));
}

std::vector<Type> infer_dynamic_slice(Operands operands, const Attrs& attrs, const Function*) {
  expect_count(operands, 2);
  expect_row_major(operands, 0);
  expect_start(operands, 1);
  const auto& [axis, size] = attrs_as<DynamicSliceAttrs>(attrs);
  expect_axis("axis", axis, operands[0].rank());
  if (size < 0) fail(cat("size has ", size, ", expected no negative number"));
  expect_piece(operands, axis, size);
  Shape shape = operands[0].shape();
  shape[axis] = size;
  return {Type(operands[0].dtype(), shape)};
}

std::vector<Type> infer_dynamic_update_slice(Operands operands, const Attrs& attrs, const Function*) {
  expect_count(operands, 3);
  expect_row_major(operands, 0);
  expect_row_major(operands, 1);
  expect_same_dtype(operands, 1);
  expect_start(operands, 2);
  const int64_t axis = attrs_as<AxisAttrs>(attrs).axis;
  expect_axis("axis", axis, operands[0].rank());
  expect_rank(operands, 1, operands[0].rank());
  const Dim size = operands[1].shape()[axis];
  if (!size.is_static())
    fail_operand(operands, 1,
                 cat("its axis ", axis, " has the free length ", to_text(size), ", expected a number"));
  expect_piece(operands, axis, size.value());
  Shape shape = operands[0].shape();
  shape[axis] = size;
  if (operands[1].shape() != shape)
    fail_operand(operands, 1,
                 cat("but for axis ", axis, " its shape must be that of operand 0, ", to_text(shape)));
  return {operands[0].type()};
}

/// Calls `visit(place in data, place in the gathered array)` for every element that the indices select.
template <typename Visit>
void for_each_selected(const Array& data, const Array& indices, const GatherAttrs& attrs, Visit visit) {
  const std::vector<int64_t> shape = data.shape();
  const std::vector<int64_t> picks = indices.shape();
  int64_t batch = 1, outer = 1, picked = 1, inner = 1;
  const int64_t length = shape[attrs.axis];
  for (int64_t i = 0; i < attrs.batch_dims; ++i) batch *= shape[i];
  for (int64_t i = attrs.batch_dims; i < attrs.axis; ++i) outer *= shape[i];
  for (size_t i = attrs.batch_dims; i < picks.size(); ++i) picked *= picks[i];
  for (size_t i = attrs.axis + 1; i < shape.size(); ++i) inner *= shape[i];
  if (length == 0) return;
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t o = 0; o < outer; ++o)
      for (int64_t p = 0; p < picked; ++p) {
        const int64_t place = std::clamp<int64_t>(index_value(indices, b * picked + p), 0, length - 1);
        const int64_t from = ((b * outer + o) * length + place) * inner;
        const int64_t to = ((b * outer + o) * picked + p) * inner;
        for (int64_t i = 0; i < inner; ++i) visit(from + i, to + i);
      }
}

/// The part of `whole` that a piece of `size` elements from `start` covers, and how much of the piece is in
/// it.
struct Piece {
  Places places;
  std::vector<int64_t> extent;
};
Piece piece_of(const Array& whole, int64_t axis, int64_t size, const Array& start) {
  const std::vector<int64_t> shape = whole.shape();
  const int64_t last = std::max<int64_t>(shape[axis] - size, 0);
  Piece piece{places_of(shape), shape};
  piece.places.offset = std::clamp<int64_t>(index_value(start, 0), 0, last) * piece.places.strides[axis];
  piece.extent[axis] = std::min(size, shape[axis]);
  return piece;
}

}  // namespace

constinit const OpDef def_gather{
    .form = "(data: T[S], indices: I[J]) -> T[picked], T anything, I integers",
    .doc =
        "Selects along `axis` of the data by the indices, the first `batch_dims` axes of both going "
        "together: the result's shape is S[:axis] + J[batch_dims:] + S[axis+1:]. An index out of range is "
        "clamped; an axis with a symbol that is empty reads as zero. Gradient: a scatter_add.",
    .infer = infer_gather,
    .gradient =
        [](const GradientArgs& args) {
          if (!args.wanted[0]) return;
          const Value zeros = args.builder.constant_like(args.operands[0], 0);
          accumulate(args, 0,
                     args.builder.make(Op::scatter_add, {zeros, args.operands[1], args.result_gradients[0]},
                                       args.node.as<GatherAttrs>()));
        },
    .eval =
        [](const EvalContext& context, std::span<const Array* const> operands, std::span<Array> results) {
          with_elements(*operands[0], results[0], [&](const auto* data, auto* result) {
            for_each_selected(*operands[0], *operands[1], context.node.as<GatherAttrs>(),
                              [&](int64_t from, int64_t to) { result[to] = data[from]; });
          });
        },
};

constinit const OpDef def_scatter_add{
    .form = "(data: T[S], indices: I[J], updates: T[picked]) -> T[S], T numbers, I integers",
    .doc =
        "The data, plus each of the updates at the place where gather with the same attributes and indices "
        "would read it. All that meets in one place is summed before it is rounded. Gradient: dy itself, "
        "and for the updates a gather.",
    .infer = infer_scatter_add,
    .gradient =
        [](const GradientArgs& args) {
          accumulate(args, 0, args.result_gradients[0]);
          if (!args.wanted[2]) return;
          accumulate(args, 2,
                     args.builder.make(Op::gather, {args.result_gradients[0], args.operands[1]},
                                       args.node.as<GatherAttrs>()));
        },
    .eval =
        [](const EvalContext& context, std::span<const Array* const> operands, std::span<Array> results) {
          results[0].data = operands[0]->data;
          with_elements(*operands[2], results[0], [&](const auto* updates, auto* result) {
            for_each_selected(
                *operands[0], *operands[1], context.node.as<GatherAttrs>(),
                [&](int64_t place, int64_t from) { result[place] = plus(result[place], updates[from]); });
          });
        },
};

constinit const OpDef def_dynamic_slice{
    .form = "(data: T[S], start: I[]) -> T[piece], T anything, I integers",
    .doc =
        "`size` elements along `axis` from `start` on, which is clamped so that the piece fits. What an "
        "axis with a symbol is too short for reads as zero. Gradient: zeros, updated by dy.",
    .infer = infer_dynamic_slice,
    .gradient =
        [](const GradientArgs& args) {
          if (!args.wanted[0]) return;
          const Value zeros = args.builder.constant_like(args.operands[0], 0);
          accumulate(
              args, 0,
              args.builder.make(Op::dynamic_update_slice, {zeros, args.result_gradients[0], args.operands[1]},
                                AxisAttrs{args.node.as<DynamicSliceAttrs>().axis}));
        },
    .eval =
        [](const EvalContext& context, std::span<const Array* const> operands, std::span<Array> results) {
          const auto& [axis, size] = context.node.as<DynamicSliceAttrs>();
          const Piece piece = piece_of(*operands[0], axis, size, *operands[1]);
          copy_box(piece.extent, *operands[0], piece.places, results[0], places_of(results[0].shape()));
        },
};

constinit const OpDef def_dynamic_update_slice{
    .form = "(data: T[S], piece: T[piece], start: I[]) -> T[S], T anything, I integers",
    .doc =
        "The data with a piece of it replaced, along `axis` from `start` on, which is clamped so that the "
        "piece fits. What an axis with a symbol is too short for is not written. Gradient: dy with zeros "
        "for the piece, and the piece of dy.",
    .infer = infer_dynamic_update_slice,
    .gradient =
        [](const GradientArgs& args) {
          Builder& b = args.builder;
          const Value piece = args.operands[1], start = args.operands[2], dy = args.result_gradients[0];
          const int64_t axis = args.node.as<AxisAttrs>().axis;
          if (args.wanted[0])
            accumulate(
                args, 0,
                b.make(Op::dynamic_update_slice, {dy, b.constant_like(piece, 0), start}, AxisAttrs{axis}));
          if (args.wanted[1])
            accumulate(
                args, 1,
                b.make(Op::dynamic_slice, {dy, start}, DynamicSliceAttrs{axis, piece.shape()[axis].value()}));
        },
    .eval =
        [](const EvalContext& context, std::span<const Array* const> operands, std::span<Array> results) {
          const int64_t axis = context.node.as<AxisAttrs>().axis;
          results[0].data = operands[0]->data;
          const Piece piece = piece_of(*operands[0], axis, operands[1]->shape()[axis], *operands[2]);
          copy_box(piece.extent, *operands[1], places_of(operands[1]->shape()), results[0], piece.places);
        },
};

}  // namespace keratin
