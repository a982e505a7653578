// Operations that put elements elsewhere, and products of matrices.
#include <algorithm>
#include <numeric>

#include "frontend/operations/tables.h"
#include "ir/text.h"

namespace keratin {
namespace {

constexpr Arg kAxisParams[] = {{"axis", ArgKind::integer, "-1"}};

std::vector<Expr> tensors_of_list(OperationCall& call) {
  std::vector<Expr> parts;
  for (const Operand& item : call.operand(0).items) {
    if (!item.tensor.value) call.fail("its operands must be tensors");
    parts.push_back(item.tensor.value);
  }
  if (parts.empty()) call.fail("is called with an empty list", ErrorKind::data);
  return parts;
}

Outputs concatenate(OperationCall& call) {
  return concat(tensors_of_list(call), call.args().integer("axis"));
}

Outputs stack(OperationCall& call) {
  std::vector<Expr> parts = tensors_of_list(call);
  int64_t axis = call.args().integer("axis");
  if (axis < 0) axis += parts[0].rank() + 1;
  for (Expr& part : parts) part = expand_dims(part, axis);
  return concat(parts, axis);
}

Outputs expand(OperationCall& call) { return expand_dims(call.tensor(0), call.args().integer("axis")); }

constexpr Arg kSqueezeParams[] = {{"axis", ArgKind::any, "null"}};

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
  if (!elements) call.fail("several axes are free");
  int64_t known = 1;
  const Ints wanted = call.args().ints("newshape");
  for (int64_t extent : wanted)
    if (extent != -1) known = std::min(known * extent, elements->coef + 1);
  Shape shape;
  for (int64_t extent : wanted) {
    if (extent != -1) {
      shape.push_back(extent);
    } else {
      if (known <= 0 || elements->coef % known != 0)
        call.args().reject("newshape", cat("does not fit ", to_text(x.shape())), {}, ErrorKind::data);
      shape.push_back(Dim(elements->coef / known, elements->symbol));
    }
  }
  return reshape(x, shape);
}

Outputs ravel(OperationCall& call) {
  const Expr x = call.tensor(0);
  const std::optional<Dim> elements = as_dim(x.value().type().elements());
  if (!elements) call.fail("several axes are free");
  return reshape(x, {*elements});
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

constexpr Arg kMoveParams[] = {{"source", ArgKind::integer}, {"destination", ArgKind::integer}};

Outputs move_axis(OperationCall& call) {
  const Expr x = call.tensor(0);
  const int64_t from = x.axis(call.args().integer("source")), to = x.axis(call.args().integer("destination"));
  Ints perm = axes_from(x, 0);
  perm.erase(perm.begin() + from);
  perm.insert(perm.begin() + to, from);
  return transpose(x, perm);
}

constexpr Arg kSplitParams[] = {{"indices_or_sections", ArgKind::ints}, {"axis", ArgKind::integer, "0"}};

/// A number of equal parts, or the places where to cut.
Outputs split(OperationCall& call) {
  const Expr x = call.tensor(0);
  const int64_t axis = x.axis(call.args().integer("axis")), extent = x.extent(axis);
  Ints cuts = call.args().ints("indices_or_sections");
  if (!call.args().json("indices_or_sections").is_array()) {
    const int64_t parts = cuts[0];
    if (parts < 1 || extent % parts != 0)
      call.args().reject("indices_or_sections", cat("it must divide ", extent), {}, ErrorKind::data);
    cuts.clear();
    for (int64_t i = 1; i < parts; ++i) cuts.push_back(i * (extent / parts));
  }
  cuts.insert(cuts.begin(), 0);
  cuts.push_back(extent);
  Outputs outputs;
  for (size_t i = 0; i + 1 < cuts.size(); ++i) outputs.emplace_back(slice(x, axis, cuts[i], cuts[i + 1]));
  return outputs;
}

constexpr Arg kRepeatParams[] = {{"repeats", ArgKind::count}, {"axis", ArgKind::integer}};

Outputs repeat_operation(OperationCall& call) {
  return repeat(call.tensor(0), call.args().integer("axis"), call.args().integer("repeats"));
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

Outputs tile(OperationCall& call) {
  Expr x = call.tensor(0);
  const Ints repeats = call.args().ints("repeats", static_cast<size_t>(x.rank()));
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

constexpr Arg kRollParams[] = {{"shift", ArgKind::integer}, {"axis", ArgKind::integer}};

Outputs roll(OperationCall& call) {
  const Expr x = call.tensor(0);
  const int64_t axis = x.axis(call.args().integer("axis")), extent = x.extent(axis);
  if (extent == 0) return x;
  const int64_t shift = ((call.args().integer("shift") % extent) + extent) % extent;
  if (shift == 0) return x;
  return concat({slice(x, axis, extent - shift, extent), slice(x, axis, 0, extent - shift)}, axis);
}

constexpr Arg kPadParams[] = {{"pad_width", ArgKind::any}, {"mode", ArgKind::choice, "constant", "constant"}};

Outputs pad_operation(OperationCall& call) {
  const Expr x = call.tensor(0);
  const Json& widths = call.args().json("pad_width");
  if (static_cast<int64_t>(widths.size()) != x.rank())
    call.args().reject("pad_width", cat("expected ", x.rank(), " pairs"), {}, ErrorKind::data);
  Ints low, high;
  for (const Json& pair : widths.items()) {
    low.push_back(pair.at(0).as_int());
    high.push_back(pair.at(1).as_int());
  }
  const Json* fill = call.count() > 1 ? call.operand(1).data : nullptr;
  return pad(x, low, high, fill == nullptr || fill->is_null() ? 0 : fill->as_double());
}

/// Along an axis by numbers in the file, or by a tensor of integers; negative ones count from the end.
Outputs take_operation(OperationCall& call) {
  const Expr x = call.tensor(0);
  const int64_t axis = x.axis(call.args().integer("axis")), extent = x.extent(axis);
  const Operand& indices = call.operand(1);
  if (!indices.tensor.value) {
    Ints places = to_ints(*indices.data);
    for (int64_t& place : places) {
      if (place < -extent || place >= extent)
        call.fail(cat("index ", place, " is out of range"), ErrorKind::data);
      place += place < 0 ? extent : 0;
    }
    const Expr taken = take(x, axis, places);
    return indices.data->is_array() ? taken : squeeze(taken, {axis});
  }
  Expr places = cast(indices.tensor.value, DType::i32);
  places = where(less(places, 0), places + static_cast<double>(extent), places);
  return Expr(call.builder(),
              call.builder().make(Op::gather, {x.value(), places.value()}, GatherAttrs{.axis = axis}));
}

Expr index_along(const Expr& x, int64_t axis) {
  return {x.builder(), x.builder().make(Op::iota, {}, IotaAttrs{x.axis(axis), DType::i32, x.shape()})};
}

constexpr Arg kTriangleParams[] = {{"k", ArgKind::integer, "0"}};

template <bool lower>
Outputs triangle(OperationCall& call) {
  const Expr x = call.tensor(0);
  const Expr above = index_along(x, -1) - index_along(x, -2);
  const auto k = static_cast<double>(call.args().integer("k"));
  return where(lower ? less_equal(above, k) : greater_equal(above, k), x, number(x, 0));
}

Outputs sort(OperationCall& call) {
  const Expr x = call.tensor(0);
  return Expr(call.builder(), call.builder().make(Op::sort, {x.value()},
                                                  SortAttrs{.axis = x.axis(call.args().integer("axis"))}));
}

constexpr Arg kTopKParams[] = {{"k", ArgKind::count}, {"sorted", ArgKind::boolean, "true"}};

Outputs top_k(OperationCall& call) {
  const Expr x = call.tensor(0);
  const Node* node = call.builder().make_node(Op::top_k, {x.value()},
                                              SortAttrs{.axis = x.axis(-1), .k = call.args().integer("k")});
  return {Expr(call.builder(), node->value(0)), Expr(call.builder(), node->value(1))};
}

constexpr Arg kOneHotParams[] = {
    {"num_classes", ArgKind::count},
    {"axis", ArgKind::fixed, "-1"},
    {"dtype", ArgKind::any, "null"},
    {"sparse", ArgKind::fixed, "false"},
};

Outputs one_hot(OperationCall& call) {
  const Expr x = expand_dims(cast(call.tensor(0), DType::i32), -1);
  Shape shape = x.shape();
  shape.back() = call.args().integer("num_classes");
  const Expr classes = index_along(broadcast_to(x, shape), -1);
  return cast(equal(x, classes), read_dtype(call.args().json("dtype"), call.args().where()));
}

/// Batches of matrices of equal shape, or a matrix on the right.
Outputs matmul_operation(OperationCall& call) {
  const Expr a = to_float(call.tensor(0)), b = to_float(call.tensor(1));
  if (a.rank() < 2 || b.rank() < 2) call.fail("operands of rank 1 are not supported");
  if (b.rank() == 2) return matmul(a, b);
  if (a.rank() != b.rank())
    call.fail(cat("shapes ", to_text(a.shape()), " and ", to_text(b.shape()), " are not supported"));
  Ints batch(a.rank() - 2);
  std::iota(batch.begin(), batch.end(), 0);
  return Expr(call.builder(), call.builder().make(Op::dot, {a.value(), b.value()},
                                                  DotAttrs{.contract = {{a.rank() - 1}, {b.rank() - 2}},
                                                           .batch = {batch, batch}}));
}

// --- x[…] ---

/// A Python slice of an axis.
Expr slice_axis(OperationCall& call, const Expr& x, int64_t axis, const Json& slice_of_python) {
  const Json& start = slice_of_python["start"];
  const Json& stop = slice_of_python["stop"];
  const int64_t step = slice_of_python["step"].is_null() ? 1 : slice_of_python["step"].as_int();
  if (start.is_null() && stop.is_null() && step == 1) return x;
  if (step == 0) call.fail("a slice has step 0", ErrorKind::data);
  const int64_t extent = x.extent(axis);
  // Seen from the end if the step is negative: then the axis is turned round first.
  const auto place = [&](const Json& given, int64_t otherwise) {
    if (given.is_null()) return otherwise;
    const int64_t from_front = given.as_int() < 0 ? given.as_int() + extent : given.as_int();
    return std::clamp<int64_t>(step > 0 ? from_front : extent - 1 - from_front, 0, extent);
  };
  const int64_t first = place(start, 0), limit = std::max(place(stop, extent), first);
  return slice(step > 0 ? x : reverse(x, axis), axis, first, limit, std::abs(step));
}

bool is_object_of(const Operand& operand, std::string_view class_name) {
  return operand.data != nullptr && operand.data->is_object() && (*operand.data)["class_name"].is_string() &&
         (*operand.data)["class_name"].as_string() == class_name;
}

/// Integers drop their axis, slices cut it, null puts a new one, an ellipsis leaves as many as it takes.
Outputs get_item(OperationCall& call) {
  Expr x = call.tensor(0);
  const Operand& index = call.operand(1);
  const std::vector<Operand> entries = index.items.empty() ? std::vector<Operand>{index} : index.items;
  int64_t consumed = 0;
  for (const Operand& entry : entries)
    consumed += !is_object_of(entry, "__ellipsis__") && !(entry.data != nullptr && entry.data->is_null());
  int64_t left = x.rank() - consumed, axis = 0;
  if (left < 0) call.fail("has more indices than axes", ErrorKind::data);
  for (const Operand& entry : entries) {
    if (is_object_of(entry, "__ellipsis__")) {
      axis += left;
    } else if (is_object_of(entry, "__slice__")) {
      x = slice_axis(call, x, axis, (*entry.data)["config"]);
      ++axis;
    } else if (entry.data != nullptr && entry.data->is_null()) {
      x = expand_dims(x, axis++);
    } else if (entry.data != nullptr && entry.data->kind() == Json::Kind::integer) {
      const int64_t extent = x.extent(axis),
                    place = entry.data->as_int() + (entry.data->as_int() < 0 ? extent : 0);
      if (place < 0 || place >= extent)
        call.fail(cat("index ", entry.data->as_int(), " is out of range"), ErrorKind::data);
      x = squeeze(slice(x, axis, place, place + 1), {axis});
    } else {
      call.fail("indices must be integers, slices, None or an ellipsis");
    }
  }
  return x;
}

constexpr OperationDef kRows[] = {
    {"ExpandDims", "x", expand, kAxisParams},
    {"Squeeze", "x", squeeze_operation, kSqueezeParams},
    {"Reshape", "x", reshape_operation, kReshapeParams},
    {"Ravel", "x", ravel},
    {"Transpose", "x", transpose_operation, kTransposeParams},
    {"Swapaxes", "x", swap_axes, kSwapParams},
    {"Moveaxis", "x", move_axis, kMoveParams},
    {"Concatenate", "xs", concatenate, kAxisParams},
    {"Stack", "x", stack, kAxisParams},
    {"Split", "x", split, kSplitParams},
    {"Repeat", "x", repeat_operation, kRepeatParams},
    {"Tile", "x", tile, kTileParams},
    {"Flip", "x", flip, kSqueezeParams},
    {"Roll", "x", roll, kRollParams},
    {"Pad", "x constant_values", pad_operation, kPadParams},
    {"Take", "x indices", take_operation, kAxisParams},
    {"Tril", "x", triangle<true>, kTriangleParams},
    {"Triu", "x", triangle<false>, kTriangleParams},
    {"Sort", "x", sort, kAxisParams},
    {"TopK", "x", top_k, kTopKParams},
    {"OneHot", "x", one_hot, kOneHotParams},
    {"Matmul", "x1 x2", matmul_operation},
    {"GetItem", "x key", get_item},
};

}  // namespace

std::span<const OperationDef> shape_operations() { return kRows; }

}  // namespace keratin
