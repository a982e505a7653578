// Operations that cut pieces out of tensors and put them into others, at places that may depend on data; sums over segments.
#include <algorithm>
#include <limits>

#include "frontend/operations/tables.h"
#include "ir/text.h"

namespace keratin {
namespace {

// --- pieces ---

constexpr Arg kSliceParams[] = {{"shape", ArgKind::ints}};

/// Where a piece starts along an axis: a number, or a scalar in a tensor.
struct Start {
  int64_t place = 0;
  Expr dynamic;
};

std::vector<Start> read_starts(OperationCall& call, int64_t rank) {
  const Operand& operand = call.operand(1);
  std::vector<Start> starts(rank);
  const auto wrong = [&] { call.fail(cat("expected ", rank, " places to start from"), ErrorKind::data); };
  if (!operand.items.empty()) {
    if (static_cast<int64_t>(operand.items.size()) != rank) wrong();
    for (int64_t axis = 0; axis < rank; ++axis) {
      const Operand& item = operand.items[axis];
      if (item.tensor.value)
        starts[axis].dynamic = reshape(cast(item.tensor.value, DType::i32), {});
      else
        starts[axis].place = item.data->as_int();
    }
    return starts;
  }
  const Expr all = cast(call.tensor(1), DType::i32);
  if (all.rank() != 1 || all.extent(0) != rank) wrong();
  for (int64_t axis = 0; axis < rank; ++axis) {
    const Expr one = squeeze(slice(all, 0, axis, axis + 1), {0});
    const ConstantAttrs* known = as_constant(one.value());
    if (known != nullptr && known->data == nullptr)
      starts[axis].place = static_cast<int64_t>(known->splat.as_double());
    else
      starts[axis].dynamic = one;
  }
  return starts;
}

/// `size` elements along an axis. A piece that would not fit starts earlier.
Expr piece_of(const Expr& x, int64_t axis, const Start& start, int64_t size) {
  Builder& b = x.builder();
  if (start.dynamic)
    return {b, b.make(Op::dynamic_slice, {x.value(), start.dynamic.value()}, DynamicSliceAttrs{axis, size})};
  const int64_t first = std::clamp<int64_t>(start.place, 0, x.extent(axis) - size);
  return slice(x, axis, first, first + size);
}

bool is_whole(const Start& start, Dim size, Dim extent) {
  return !start.dynamic && start.place == 0 && size == extent;
}

Outputs slice_operation(OperationCall& call) {
  Expr x = call.tensor(0);
  const std::vector<Start> starts = read_starts(call, x.rank());
  const Ints shape = call.args().ints("shape", static_cast<size_t>(x.rank()));
  for (int64_t axis = 0; axis < x.rank(); ++axis) {
    const bool takes_rest = shape[axis] == -1;
    if (takes_rest && starts[axis].dynamic)
      call.fail("the rest of an axis, from a place in a tensor, depends on data");
    if (takes_rest ? starts[axis].place == 0 : is_whole(starts[axis], shape[axis], x.dim(axis))) continue;
    const int64_t size = takes_rest ? x.extent(axis) - starts[axis].place : shape[axis];
    if (size < 0 || size > x.extent(axis))
      call.args().reject("shape", cat("it does not fit ", to_text(x.shape())), {}, ErrorKind::data);
    x = piece_of(x, axis, starts[axis], size);
  }
  return x;
}

/// `x` with a piece replaced, from `axis` on: along each axis the lines that the piece meets are cut out and changed.
Expr with_piece(const Expr& x, const Expr& piece, const std::vector<Start>& starts, int64_t axis) {
  while (axis < x.rank() && is_whole(starts[axis], piece.dim(axis), x.dim(axis))) ++axis;
  if (axis == x.rank()) return piece;
  const int64_t size = piece.extent(axis);
  const Expr changed = with_piece(piece_of(x, axis, starts[axis], size), piece, starts, axis + 1);
  Builder& b = x.builder();
  const int64_t last = std::numeric_limits<int32_t>::max();
  const Value start =
      starts[axis].dynamic
          ? starts[axis].dynamic.value()
          : b.constant(Scalar::of_integer(DType::i32, std::clamp<int64_t>(starts[axis].place, 0, last)));
  return {b, b.make(Op::dynamic_update_slice, {x.value(), changed.value(), start}, AxisAttrs{axis})};
}

Outputs slice_update(OperationCall& call) {
  const Expr x = call.tensor(0), piece = cast(call.tensor(2), x.dtype());
  if (piece.rank() != x.rank()) call.fail("its update has not the rank of its input", ErrorKind::data);
  return with_piece(x, piece, read_starts(call, x.rank()), 0);
}

// --- single places ---

/// A tensor whose first axes, which indices name, are one; and the places on it.
struct Flat {
  Expr data, places;
};

/// indices: [places, axes]. Negative ones count from the end.
Flat flat_places(OperationCall& call, const Expr& data, const Expr& indices) {
  const int64_t axes = indices.extent(-1);
  if (axes < 1 || axes > data.rank())
    call.fail(cat("its indices name ", axes, " axes of ", to_text(data.shape())), ErrorKind::data);
  Shape shape(data.shape().begin() + axes, data.shape().end());
  Dim total = data.dim(0);
  Expr places;
  for (int64_t axis = 0; axis < axes; ++axis) {
    if (axis > 0) total = Dim(total.coef * data.extent(axis), total.symbol);
    Expr along = squeeze(slice(indices, -1, axis, axis + 1), {-1});
    if (data.dim(axis).is_static())
      along = where(less(along, 0), along + static_cast<double>(data.extent(axis)), along);
    places = places ? places * static_cast<double>(data.extent(axis)) + along : along;
  }
  shape.insert(shape.begin(), total);
  return {reshape(data, shape), places};
}

Expr scatter_add(const Expr& data, const Expr& places, const Expr& updates) {
  return {
      data.builder(),
      data.builder().make(Op::scatter_add, {data.value(), places.value(), updates.value()}, GatherAttrs{})};
}

/// For every row of the result, `op` over the updates that belong there: `neutral` where there are none.
Expr reduce_by_place(Op op, const Expr& updates, const Expr& belonging, const Dim& rows, double neutral) {
  Shape shape = updates.shape();
  shape.insert(shape.begin(), rows);
  const Expr wide = broadcast_to(expand_dims(updates, 0), shape);
  const Expr belongs = equal(align(belonging, wide, {1}), places(wide, 0));
  return reduce(op, where(belongs, wide, number(wide, neutral)), {1});
}

constexpr Arg kScatterParams[] = {{"shape", ArgKind::ints}};

/// Values that meet in one place add up.
Outputs scatter(OperationCall& call) {
  const Expr indices = cast(call.tensor(0), DType::i32), values = call.tensor(1);
  const Ints shape = call.args().ints("shape");
  const Expr zeros(call.builder(),
                   call.builder().constant(Scalar::of(values.dtype(), 0), Shape(shape.begin(), shape.end())));
  const Flat flat = flat_places(call, zeros, indices);
  Dim rows = flattened(values).dim(0);
  for (int64_t axis = 1; axis < flat.data.rank(); ++axis)
    rows.coef /= std::max<int64_t>(flat.data.extent(axis), 1);
  Shape updates = flat.data.shape();
  updates[0] = rows;
  return reshape(scatter_add(flat.data, flattened(flat.places), reshape(values, updates)), zeros.shape());
}

constexpr Arg kScatterUpdateParams[] = {{"reduction", ArgKind::choice, "null", "add|max|min|mul"}};

double least_of(DType dtype) {
  return is_float(dtype) ? -std::numeric_limits<double>::infinity() : Scalar::of(dtype, -0x1p63).as_double();
}
double greatest_of(DType dtype) {
  return is_float(dtype) ? std::numeric_limits<double>::infinity() : Scalar::of(dtype, 0x1p63).as_double();
}

Outputs scatter_update(OperationCall& call) {
  const Expr data = call.tensor(0), indices = cast(call.tensor(1), DType::i32);
  if (indices.rank() != 2) call.fail("its indices must be [places, axes]", ErrorKind::data);
  const Flat flat = flat_places(call, data, indices);
  Shape shape = flat.data.shape();
  shape[0] = flat.places.dim(0);
  const Expr updates = broadcast_to(cast(call.tensor(2), data.dtype()), shape);
  const Json& reduction = call.args().json("reduction");
  const auto finish = [&](const Expr& result) { return reshape(result, data.shape()); };
  if (!reduction.is_null()) {
    const std::string& name = reduction.as_string();
    if (name == "add") return finish(scatter_add(flat.data, flat.places, updates));
    const Dim rows = flat.data.dim(0);
    if (name == "mul")
      return finish(flat.data * reduce_by_place(Op::reduce_prod, updates, flat.places, rows, 1));
    if (name == "max")
      return finish(maximum(
          flat.data, reduce_by_place(Op::reduce_max, updates, flat.places, rows, least_of(data.dtype()))));
    return finish(minimum(
        flat.data, reduce_by_place(Op::reduce_min, updates, flat.places, rows, greatest_of(data.dtype()))));
  }
  // Of updates for one place the last one counts: those before it are left out.
  const Expr by_row = expand_dims(flat.places, 1), by_column = expand_dims(flat.places, 0);
  const Expr same = equal(by_row, by_column);
  const Expr is_later = less(places(same, 0), places(same, 1));
  const Expr is_last = logical_not(reduce(Op::reduce_or, logical_and(same, is_later), {1}));
  const DType counted = data.dtype() == DType::boolean ? DType::i32 : data.dtype();
  const Expr kept =
      where(align(is_last, updates, {0}), cast(updates, counted), number(cast(updates, counted), 0));
  const Expr zeros = number(cast(flat.data, counted), 0);
  const Expr written =
      scatter_add(number(cast(zeros, DType::f32), 0), flat.places, number(cast(updates, DType::f32), 1));
  return finish(
      where(greater(written, 0), cast(scatter_add(zeros, flat.places, kept), data.dtype()), flat.data));
}

// --- segments ---

constexpr Arg kSegmentParams[] = {{"num_segments", ArgKind::any, "null"},
                                  {"sorted", ArgKind::boolean, "false"}};

int64_t segments_of(OperationCall& call) {
  const Json& count = call.args().json("num_segments");
  if (count.is_null())
    call.args().reject("num_segments", "without it the shape of the result depends on data");
  return count.as_int();
}

/// Elements of segments that do not exist are left out.
Outputs segment_sum(OperationCall& call) {
  const Expr data = call.tensor(0), segments = cast(call.tensor(1), DType::i32);
  const int64_t count = segments_of(call);
  const Expr is_known = logical_and(greater_equal(segments, 0), less(segments, static_cast<double>(count)));
  const Expr kept = where(align(is_known, data, {0}), data, number(data, 0));
  Shape shape = data.shape();
  shape[0] = count;
  const Expr zeros(call.builder(), call.builder().constant(Scalar::of(data.dtype(), 0), shape));
  return scatter_add(zeros, segments, kept);
}

template <Op op>
Outputs segment_reduction(OperationCall& call) {
  const Expr data = call.tensor(0), segments = cast(call.tensor(1), DType::i32);
  const double neutral = op == Op::reduce_prod  ? 1
                         : op == Op::reduce_max ? least_of(data.dtype())
                                                : greatest_of(data.dtype());
  return reduce_by_place(op, data, segments, segments_of(call), neutral);
}

constexpr std::string_view kFunctions = "it holds Python functions";

constexpr OperationDef kRows[] = {
    {"Slice", "inputs start_indices", slice_operation, kSliceParams},
    {"SliceUpdate", "inputs start_indices updates", slice_update},
    {"Scatter", "indices values", scatter, kScatterParams},
    {"ScatterUpdate", "inputs indices updates", scatter_update, kScatterUpdateParams},
    {"SegmentSum", "data segment_ids", segment_sum, kSegmentParams},
    {"SegmentMax", "data segment_ids", segment_reduction<Op::reduce_max>, kSegmentParams},
    {"SegmentMin", "data segment_ids", segment_reduction<Op::reduce_min>, kSegmentParams},
    {"SegmentProd", "data segment_ids", segment_reduction<Op::reduce_prod>, kSegmentParams},
    refused("Map", kFunctions),
    refused("Scan", kFunctions),
    refused("AssociativeScan", kFunctions),
    refused("Switch", kFunctions),
    refused("WhileLoop", kFunctions),
    refused("ForiLoop", kFunctions),
    refused("Cond", kFunctions),
    refused("VectorizedMap", kFunctions),
    refused("JVP", kFunctions),
};

}  // namespace

std::span<const OperationDef> scatter_operations() { return kRows; }

}  // namespace keratin
