// Operations that put elements elsewhere.
#include <algorithm>
#include <numeric>
#include <optional>

#include "frontend/copied_edges.h"
#include "frontend/operations/tables.h"
#include "frontend/positions.h"
#include "ir/text.h"
#include "ir/unequal_dims.h"

namespace keratin {
namespace {

constexpr Arg kFirstAxisParams[] = {{"axis", ArgKind::integer, "0"}};
constexpr Arg kNoAxisParams[] = {{"axis", ArgKind::any, "null"}};

// --- several tensors ---

Outputs concatenate(OperationCall& call) { return concat(call.tensors(0), call.args().integer("axis")); }

Outputs append(OperationCall& call) {
  const Expr a = call.tensor(0), b = call.tensor(1);
  if (call.args().is_null("axis")) return concat({flattened(a), flattened(b)}, 0);
  return concat({a, b}, call.args().json("axis").as_int());
}

Outputs stack(OperationCall& call) {
  std::vector<Expr> parts = call.tensors(0);
  int64_t axis = call.args().integer("axis");
  if (axis < 0) axis += parts[0].rank() + 1;
  for (Expr& part : parts) part = expand_dims(part, axis);
  return concat(parts, axis);
}

/// Along an axis that vectors, and for the third one matrices, are given first.
template <int64_t axis>
Outputs stack_along(OperationCall& call) {
  std::vector<Expr> parts = call.tensors(0);
  for (Expr& part : parts) {
    if (axis != 1 && part.rank() == 1) part = expand_dims(part, 0);
    if (axis == 2 && part.rank() == 2) part = expand_dims(part, -1);
  }
  return concat(parts, axis == 1 && parts[0].rank() == 1 ? 0 : axis);
}

/// Vectors are columns.
Outputs column_stack(OperationCall& call) {
  std::vector<Expr> parts = call.tensors(0);
  for (Expr& part : parts) {
    if (part.rank() == 0) call.fail("its operands must have axes", ErrorKind::data);
    if (part.rank() == 1) part = expand_dims(part, 1);
  }
  return concat(parts, 1);
}

constexpr Arg kMeshgridParams[] = {{"indexing", ArgKind::choice, "xy", "xy|ij"}};

/// Every tensor along an axis of its own; "xy" swaps the first two.
Outputs meshgrid(OperationCall& call) {
  std::vector<Expr> parts;
  for (size_t i = 0; i < call.count(); ++i) parts.push_back(flattened(call.tensor(i)));
  const bool swaps = call.args().choice("indexing") == "xy" && parts.size() > 1;
  const auto axis_of = [&](size_t i) { return static_cast<int64_t>(swaps && i < 2 ? 1 - i : i); };
  Shape shape(parts.size());
  for (size_t i = 0; i < parts.size(); ++i) shape[axis_of(i)] = parts[i].dim(0);
  Outputs outputs;
  for (size_t i = 0; i < parts.size(); ++i) {
    Shape alone(parts.size(), Dim(1));
    alone[axis_of(i)] = parts[i].dim(0);
    outputs.emplace_back(broadcast_to(reshape(parts[i], alone), shape));
  }
  return outputs;
}

constexpr Arg kSplitParams[] = {{"indices_or_sections", ArgKind::ints}, {"axis", ArgKind::integer, "0"}};
constexpr Arg kSectionsParams[] = {{"indices_or_sections", ArgKind::ints}};

/// In equal parts, which are an axis of their own for a moment: where they begin is not known of a free length.
Outputs split_equally(const Expr& x, int64_t axis, int64_t parts) {
  Shape shape = x.shape();
  shape[axis] = divided(shape[axis], parts);
  shape.insert(shape.begin() + axis, Dim(parts));
  const Expr all = reshape(x, shape);
  Outputs outputs;
  for (int64_t i = 0; i < parts; ++i) outputs.emplace_back(element_at(all, axis, i));
  return outputs;
}

/// A number of parts, or the places where to cut. If the parts may differ, the first ones are longer.
Outputs split_along(OperationCall& call, const Expr& x, int64_t axis, bool may_differ) {
  Ints cuts = call.args().ints("indices_or_sections");
  if (!call.args().json("indices_or_sections").is_array()) {
    const int64_t parts = cuts[0];
    if (parts < 1)
      call.args().reject("indices_or_sections", "expected a number of at least 1", {}, ErrorKind::data);
    if (!x.dim(axis).is_static()) return split_equally(x, axis, parts);
    const int64_t extent = x.extent(axis);
    if (extent % parts != 0 && !may_differ)
      call.args().reject("indices_or_sections", cat("it must divide ", extent), {}, ErrorKind::data);
    cuts.clear();
    for (int64_t i = 1; i < parts; ++i) cuts.push_back(i * (extent / parts) + std::min(i, extent % parts));
  }
  std::optional<int64_t> first;
  Outputs outputs;
  for (const int64_t cut : cuts) {
    outputs.emplace_back(slice_at(x, axis, first, cut));
    first = cut;
  }
  outputs.emplace_back(slice_at(x, axis, first, {}));
  return outputs;
}

template <bool may_differ>
Outputs split(OperationCall& call) {
  const Expr x = call.tensor(0);
  return split_along(call, x, x.axis(call.args().integer("axis")), may_differ);
}

template <int64_t axis>
Outputs split_at(OperationCall& call) {
  const Expr x = call.tensor(0);
  return split_along(call, x, axis == 1 && x.rank() == 1 ? 0 : x.axis(axis), false);
}

constexpr Arg kUnstackParams[] = {{"num", ArgKind::any, "null"}, {"axis", ArgKind::integer, "0"}};

Outputs unstack(OperationCall& call) {
  const Expr x = call.tensor(0);
  const int64_t axis = x.axis(call.args().integer("axis"));
  const Json& num = call.args().json("num");
  if (!num.is_null() && !x.dim(axis).is_static())
    throw_unequal(
        Error(ErrorKind::data, cat("a length of ", to_text(x.dim(axis)), " is not num, ", num.as_int())),
        {x.dim(axis)}, {Dim(num.as_int())});
  const int64_t extent = x.extent(axis);
  if (!num.is_null() && num.as_int() != extent)
    call.args().reject("num", cat("the axis has ", extent, " elements"), {}, ErrorKind::data);
  Outputs outputs;
  for (int64_t i = 0; i < extent; ++i) outputs.emplace_back(squeeze(slice(x, axis, i, i + 1), {axis}));
  return outputs;
}

// --- axes and extents ---

constexpr Arg kExpandParams[] = {{"axis", ArgKind::ints, "-1"}};

Outputs expand(OperationCall& call) {
  Expr x = call.tensor(0);
  Ints axes = call.args().ints("axis");
  for (int64_t& axis : axes) axis += axis < 0 ? x.rank() + static_cast<int64_t>(axes.size()) : 0;
  std::sort(axes.begin(), axes.end());
  for (int64_t axis : axes) x = expand_dims(x, axis);
  return x;
}

Outputs squeeze_operation(OperationCall& call) {
  const Expr x = call.tensor(0);
  if (!call.args().is_null("axis")) return squeeze(x, to_ints(call.args().json("axis")));
  Ints ones;
  for (int64_t axis = 0; axis < x.rank(); ++axis)
    if (x.dim(axis).is(1)) ones.push_back(axis);
  return squeeze(x, ones);
}

constexpr Arg kReshapeParams[] = {{"newshape", ArgKind::ints}};

/// The whole shape is given, the batch included: an extent of -1 is what the others leave.
Outputs reshape_operation(OperationCall& call) {
  const Expr x = call.tensor(0);
  const std::optional<Dim> elements = as_dim(x.value().type().elements());
  if (!elements) call.fail("several axes are free", ErrorKind::unsupported, kFixLength);
  const std::optional<Shape> shape = completed_shape(*elements, call.args().ints("newshape"));
  if (!shape) call.args().reject("newshape", cat("does not fit ", to_text(x.shape())), {}, ErrorKind::data);
  return reshape(x, *shape);
}

Outputs ravel(OperationCall& call) { return flattened(call.tensor(0)); }

constexpr Arg kBroadcastParams[] = {{"shape", ArgKind::ints}};

/// Free axes stay: the shape that is given can only repeat what has extent 1.
Outputs broadcast_operation(OperationCall& call) {
  const Ints shape = call.args().ints("shape");
  const Expr x = call.tensor(0);
  return broadcast_to(x, broadcast_shape(x.shape(), Shape(shape.begin(), shape.end())));
}

constexpr Arg kTransposeParams[] = {{"axes", ArgKind::any, "null"}};

Outputs transpose_operation(OperationCall& call) {
  const Expr x = call.tensor(0);
  Ints perm = axes_from(x, 0);
  std::reverse(perm.begin(), perm.end());
  if (!call.args().is_null("axes")) {
    perm = to_ints(call.args().json("axes"));
    for (int64_t& axis : perm) axis = x.axis(axis);
  }
  return transpose(x, perm);
}

constexpr Arg kSwapParams[] = {{"axis1", ArgKind::integer}, {"axis2", ArgKind::integer}};

Outputs swap_axes(OperationCall& call) {
  const Expr x = call.tensor(0);
  Ints perm = axes_from(x, 0);
  std::swap(perm[x.axis(call.args().integer("axis1"))], perm[x.axis(call.args().integer("axis2"))]);
  return transpose(x, perm);
}

constexpr Arg kMoveParams[] = {{"source", ArgKind::ints}, {"destination", ArgKind::ints}};

/// Axes that are not named keep their order.
Outputs move_axes(OperationCall& call) {
  const Expr x = call.tensor(0);
  Ints from = call.args().ints("source"), to = call.args().ints("destination");
  if (from.size() != to.size())
    call.args().reject("destination", cat("expected ", from.size(), " axes"), {}, ErrorKind::data);
  Ints perm(x.rank(), -1);
  for (size_t i = 0; i < from.size(); ++i) perm[x.axis(to[i])] = x.axis(from[i]);
  int64_t next = 0;
  for (int64_t& axis : perm) {
    if (axis >= 0) continue;
    while (contains(normalized_axes(x, from), next)) ++next;
    axis = next++;
  }
  return transpose(x, perm);
}

constexpr Arg kRot90Params[] = {{"k", ArgKind::integer, "1"}, {"axes", ArgKind::ints, "[0, 1]"}};

/// Quarter turns from the first axis towards the second.
Outputs rot90(OperationCall& call) {
  Expr x = call.tensor(0);
  const Ints axes = call.args().ints("axes", 2);
  Ints swapped = axes_from(x, 0);
  std::swap(swapped[x.axis(axes[0])], swapped[x.axis(axes[1])]);
  const int64_t turns = ((call.args().integer("k") % 4) + 4) % 4;
  if (turns == 2) return reverse(reverse(x, axes[0]), axes[1]);
  if (turns == 1) return transpose(reverse(x, axes[1]), swapped);
  return turns == 3 ? reverse(transpose(x, swapped), axes[1]) : x;
}

// --- repeated, turned round, shifted ---

constexpr Arg kRepeatParams[] = {{"repeats", ArgKind::ints}, {"axis", ArgKind::any, "null"}};

/// All elements as often, or each as its number says.
Outputs repeat_operation(OperationCall& call) {
  Expr x = call.tensor(0);
  const Ints repeats = call.args().ints("repeats");
  const Json& given = call.args().json("axis");
  if (given.is_null()) x = flattened(x);
  const int64_t axis = given.is_null() ? 0 : x.axis(given.as_int());
  for (int64_t times : repeats)
    if (times < 0) call.args().reject("repeats", "expected numbers of at least 0", {}, ErrorKind::data);
  if (repeats.size() == 1 && repeats[0] > 0) return repeat(x, axis, repeats[0]);
  Ints places;
  for (int64_t i = 0; i < x.extent(axis); ++i) {
    if (repeats.size() != 1 && static_cast<int64_t>(repeats.size()) != x.extent(axis))
      call.args().reject("repeats", cat("expected ", x.extent(axis), " numbers"), {}, ErrorKind::data);
    places.insert(places.end(), repeats[repeats.size() == 1 ? 0 : i], i);
  }
  return take(x, axis, places);
}

constexpr Arg kTileParams[] = {{"repeats", ArgKind::ints}};

/// The whole axis over and over: copies in front of the axis, which is then merged with it.
Expr tile_axis(const Expr& x, int64_t axis, int64_t times) {
  if (times == 1) return x;
  return reshape(repeat(expand_dims(x, axis), axis, times), [&] {
    Shape shape = x.shape();
    shape[axis] = Dim(shape[axis].coef * times, shape[axis].symbol);
    return shape;
  }());
}

/// There may be more numbers than axes, or fewer: those that are missing, in front, are 1.
Outputs tile(OperationCall& call) {
  Expr x = call.tensor(0);
  Ints repeats = call.args().ints("repeats");
  while (static_cast<int64_t>(repeats.size()) > x.rank()) x = expand_dims(x, 0);
  repeats.insert(repeats.begin(), x.rank() - repeats.size(), 1);
  for (int64_t axis = 0; axis < x.rank(); ++axis) {
    if (repeats[axis] < 1)
      call.args().reject("repeats", "expected numbers of at least 1", {}, ErrorKind::data);
    x = tile_axis(x, axis, repeats[axis]);
  }
  return x;
}

Outputs flip(OperationCall& call) {
  Expr x = call.tensor(0);
  const Ints axes = call.args().is_null("axis") ? axes_from(x, 0) : to_ints(call.args().json("axis"));
  for (int64_t axis : axes) x = reverse(x, axis);
  return x;
}

template <int64_t axis>
Outputs flip_along(OperationCall& call) {
  return reverse(call.tensor(0), axis);
}

constexpr Arg kRollParams[] = {{"shift", ArgKind::ints}, {"axis", ArgKind::any, "null"}};

Expr roll_axis(const Expr& x, int64_t axis, int64_t by) {
  if (!x.dim(axis).is_static()) {
    Builder& b = x.builder();
    const Expr from = places(b, x.dim(axis)) - static_cast<double>(by);
    return take(x, axis, binary(Op::rem, from, length(b, x.dim(axis))));
  }
  const int64_t extent = x.extent(axis);
  const int64_t shift = extent == 0 ? 0 : ((by % extent) + extent) % extent;
  if (shift == 0) return x;
  return concat({slice(x, axis, extent - shift, extent), slice(x, axis, 0, extent - shift)}, axis);
}

/// By one number along all axes, or by one each; without an axis the flattened tensor.
Outputs roll(OperationCall& call) {
  Expr x = call.tensor(0);
  const Json& axis = call.args().json("axis");
  if (axis.is_null()) {
    int64_t shift = 0;
    for (int64_t by : call.args().ints("shift")) shift += by;
    return reshape(roll_axis(flattened(x), 0, shift), x.shape());
  }
  const Ints axes = to_ints(axis), shifts = call.args().ints("shift", axes.size());
  for (size_t i = 0; i < axes.size(); ++i) x = roll_axis(x, axes[i], shifts[i]);
  return x;
}

// --- padding ---

constexpr Arg kPadParams[] = {
    {"pad_width", ArgKind::any},
    {"mode", ArgKind::choice, "constant", "constant|edge|reflect|symmetric|wrap"},
};

/// One number for all sides, one pair for all axes, or a pair for each.
void read_widths(OperationCall& call, int64_t rank, Ints& low, Ints& high) {
  const Json& widths = call.args().json("pad_width");
  const auto wrong = [&] {
    call.args().reject("pad_width", cat("expected a number, a pair or ", rank, " pairs"), {},
                       ErrorKind::data);
  };
  const bool is_pair = widths.size() == 2 && !widths.at(0).is_array();
  if (widths.is_array() && !is_pair && widths.size() != 1 && static_cast<int64_t>(widths.size()) != rank)
    wrong();
  for (int64_t axis = 0; axis < rank; ++axis) {
    const Json& width = !widths.is_array() || is_pair ? widths : widths.at(widths.size() == 1 ? 0 : axis);
    const Ints sides = to_ints(width);
    if (sides.empty() || sides.size() > 2) wrong();
    low.push_back(sides.front());
    high.push_back(sides.back());
  }
}

Outputs pad_operation(OperationCall& call) {
  Expr x = call.tensor(0);
  const std::string& mode = call.args().choice("mode");
  Ints low, high;
  read_widths(call, x.rank(), low, high);
  if (mode == "constant") {
    if (!call.has(1)) return pad(x, low, high);
    const Operand& fill = call.operand(1);
    if (fill.tensor.value) {
      const Expr value = cast(fill.tensor.value, x.dtype());
      return Expr(call.builder(), call.builder().pad(x.value(), value.value(), low, high));
    }
    return pad(x, low, high, fill.data->as_double());
  }
  for (int64_t axis = 0; axis < x.rank(); ++axis)
    if (low[axis] != 0 || high[axis] != 0) x = pad_with_copies(x, axis, low[axis], high[axis], mode);
  return x;
}

// --- what is known of shapes ---

Expr whole_number(OperationCall& call, int64_t value) {
  return {call.builder(), call.builder().constant(Scalar::of_integer(DType::i32, value))};
}

Outputs size(OperationCall& call) {
  const Expr x = call.tensor(0);
  return cast(count(x, axes_from(x, 0)), DType::i32);
}

constexpr OperationDef kRows[] = {
    {"Concatenate", "xs", concatenate, kFirstAxisParams},
    {"Append", "x1 x2", append, kNoAxisParams},
    {"Stack", "x", stack, kFirstAxisParams},
    {"Hstack", "xs", stack_along<1>},
    {"Vstack", "xs", stack_along<0>},
    {"Dstack", "xs", stack_along<2>},
    {"ColumnStack", "xs", column_stack},
    {"Meshgrid", "*", meshgrid, kMeshgridParams},
    {"Split", "x", split<false>, kSplitParams},
    {"ArraySplit", "x", split<true>, kSplitParams},
    {"Hsplit", "x", split_at<1>, kSectionsParams},
    {"Vsplit", "x", split_at<0>, kSectionsParams},
    {"Dsplit", "x", split_at<2>, kSectionsParams},
    {"Unstack", "x", unstack, kUnstackParams},

    {"ExpandDims", "x", expand, kExpandParams},
    {"Squeeze", "x", squeeze_operation, kNoAxisParams},
    {"Reshape", "x", reshape_operation, kReshapeParams},
    {"Ravel", "x", ravel},
    {"BroadcastTo", "x", broadcast_operation, kBroadcastParams},
    {"Transpose", "x", transpose_operation, kTransposeParams},
    {"Swapaxes", "x", swap_axes, kSwapParams},
    {"Moveaxis", "x", move_axes, kMoveParams},
    {"Rot90", "array", rot90, kRot90Params},

    {"Repeat", "x", repeat_operation, kRepeatParams},
    {"Tile", "x", tile, kTileParams},
    {"Flip", "x", flip, kNoAxisParams},
    {"Fliplr", "x", flip_along<1>},
    {"Flipud", "x", flip_along<0>},
    {"Roll", "x", roll, kRollParams},
    {"Pad", "x constant_values", pad_operation, kPadParams},

    {"Ndim", "x", [](OperationCall& call) { return Outputs(whole_number(call, call.tensor(0).rank())); }},
    {"Size", "x", size},
};

}  // namespace

std::span<const OperationDef> shape_operations() { return kRows; }

}  // namespace keratin
