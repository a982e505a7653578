// Operations that pick elements by their places, or put them there.
#include <algorithm>

#include "frontend/operations/tables.h"
#include "ir/text.h"

namespace keratin {
namespace {

constexpr Arg kAxisParams[] = {{"axis", ArgKind::any, "null"}};

/// Negative places count from the end.
Expr from_front(const Expr& places, int64_t extent) {
  const Expr signed_places =
      is_signed(places.dtype()) && byte_size(places.dtype()) >= 4 ? places : cast(places, DType::i32);
  return where(less(signed_places, 0), signed_places + static_cast<double>(extent), signed_places);
}

Expr gather(const Expr& x, const Expr& places, GatherAttrs attrs) {
  return {x.builder(), x.builder().make(Op::gather, {x.value(), places.value()}, attrs)};
}

/// Along an axis by numbers in the file, or by a tensor of integers. Without an axis, in the flattened tensor.
Outputs take_operation(OperationCall& call) {
  Expr x = call.tensor(0);
  const Json& given = call.args().json("axis");
  if (given.is_null()) x = flattened(x);
  const int64_t axis = given.is_null() ? 0 : x.axis(given.as_int()), extent = x.extent(axis);
  const Expr places = call.tensor(1);
  if (const Operand& operand = call.operand(1); !operand.tensor.value) {
    const ConstantAttrs* constant = as_constant(places.value());
    for (int64_t i = 0; constant->data != nullptr && i < constant->data->elements(); ++i)
      if (const int64_t place = constant->data->get_integer(i); place < -extent || place >= extent)
        call.fail(cat("index ", place, " is out of range"), ErrorKind::data);
  }
  return gather(x, from_front(places, extent), {.axis = axis});
}

/// Each line along the axis by its own places.
Outputs take_along_axis(OperationCall& call) {
  Expr x = call.tensor(0), places = call.tensor(1);
  const Json& given = call.args().json("axis");
  if (given.is_null()) {
    x = flattened(x);
    places = flattened(places);
  }
  if (x.rank() != places.rank())
    call.fail(cat("its indices ", to_text(places.shape()), " have not the rank of ", to_text(x.shape())),
              ErrorKind::data);
  const int64_t axis = given.is_null() ? 0 : x.axis(given.as_int()), last = x.rank() - 1;
  x = move_axis(x, axis, last);
  places = move_axis(from_front(places, x.extent(last)), axis, last);
  Shape lines = x.shape(), wanted = places.shape();
  lines.pop_back();
  wanted.pop_back();
  const Shape common = broadcast_shape(lines, wanted);
  const auto on_lines = [&](const Expr& part) {
    Shape shape = common;
    shape.push_back(part.dim(-1));
    return broadcast_to(part, shape);
  };
  return move_axis(gather(on_lines(x), on_lines(places), {.axis = last, .batch_dims = last}), last, axis);
}

// --- triangles and diagonals ---

constexpr Arg kDiagonalParams[] = {{"k", ArgKind::integer, "0"}};

template <bool lower>
Outputs triangle(OperationCall& call) {
  const Expr x = call.tensor(0);
  const Expr above = places(x, -1) - places(x, -2);
  const auto k = static_cast<double>(call.args().integer("k"));
  return where(lower ? less_equal(above, k) : greater_equal(above, k), x, number(x, 0));
}

constexpr Arg kDiagonalOfParams[] = {
    {"offset", ArgKind::integer, "0"},
    {"axis1", ArgKind::integer, "0"},
    {"axis2", ArgKind::integer, "1"},
};

/// A diagonal of the matrices on two axes, as the last axis.
Expr diagonal_of(const Expr& x, int64_t offset, int64_t axis1, int64_t axis2) {
  const int64_t first = x.axis(axis1), second = x.axis(axis2);
  Ints perm;
  for (int64_t axis = 0; axis < x.rank(); ++axis)
    if (axis != first && axis != second) perm.push_back(axis);
  perm.push_back(first);
  perm.push_back(second);
  const Expr matrices = transpose(x, perm);
  const int64_t rows = matrices.extent(-2), columns = matrices.extent(-1);
  Ints places;
  for (int64_t row = std::max<int64_t>(-offset, 0); row < rows && row + offset < columns; ++row)
    places.push_back(row * columns + row + offset);
  Shape shape = matrices.shape();
  shape.pop_back();
  shape.back() = rows * columns;
  return take(reshape(matrices, shape), -1, places);
}

Outputs diagonal(OperationCall& call) {
  const Args& args = call.args();
  return diagonal_of(call.tensor(0), args.integer("offset"), args.integer("axis1"), args.integer("axis2"));
}

Outputs trace(OperationCall& call) {
  const Expr line = diagonal(call)[0].value;
  return sum(line.dtype() == DType::boolean ? cast(line, DType::i32) : line, {-1});
}

/// A square matrix with a vector on its k-th diagonal, zeros elsewhere.
Expr with_diagonal(const Expr& line, int64_t k) {
  const Expr padded = pad(line, {std::max<int64_t>(k, 0)}, {std::max<int64_t>(-k, 0)});
  const Expr rows = broadcast_to(padded, {padded.dim(0), padded.dim(0)});
  const Expr above = places(rows, 1) - places(rows, 0);
  return where(equal(above, number(above, static_cast<double>(k))), rows, number(rows, 0));
}

Outputs diag(OperationCall& call) {
  const Expr x = call.tensor(0);
  const int64_t k = call.args().integer("k");
  return x.rank() == 1 ? with_diagonal(x, k) : diagonal_of(x, k, 0, 1);
}

Outputs diagflat(OperationCall& call) {
  return with_diagonal(flattened(call.tensor(0)), call.args().integer("k"));
}

// --- classes ---

constexpr Arg kOneHotParams[] = {
    {"num_classes", ArgKind::count},
    {"axis", ArgKind::integer, "-1"},
    {"dtype", ArgKind::any, "null"},
    {"sparse", ArgKind::fixed, "false"},
};

Expr one_hot_of(OperationCall& call, const Expr& x, int64_t axis) {
  const Expr wide = expand_dims(cast(x, DType::i32), -1);
  Shape shape = wide.shape();
  shape.back() = call.args().integer("num_classes");
  const Expr classes = places(broadcast_to(wide, shape), -1);
  return move_axis(cast(equal(wide, classes), call.dtype("dtype", DType::f32)), -1, axis);
}

Outputs one_hot(OperationCall& call) { return one_hot_of(call, call.tensor(0), call.args().integer("axis")); }

/// Whether a class is among the labels of a sample, which stand on axis 1.
Outputs multi_hot(OperationCall& call) {
  const Expr x = call.tensor(0);
  const Expr hot = one_hot_of(call, x, call.args().integer("axis"));
  const int64_t labels = x.rank() > 1 ? 1 : 0;
  return hot.dtype() == DType::boolean ? reduce(Op::reduce_or, hot, {labels})
                                       : reduce(Op::reduce_max, hot, {labels});
}

constexpr Arg kShapeParams[] = {{"shape", ArgKind::ints}};

/// The places along each axis of what are places in the flattened tensor.
Outputs unravel_index(OperationCall& call) {
  const Ints shape = call.args().ints("shape");
  int64_t total = 1;
  for (int64_t extent : shape) total *= extent;
  Expr rest = from_front(call.tensor(0), total);
  Outputs outputs;
  for (size_t i = shape.size(); i-- > 0;) {
    const Expr extent = number(rest, static_cast<double>(shape[i]));
    outputs.insert(outputs.begin(), Traced(binary(Op::rem, rest, extent)));
    rest = binary(Op::div, rest, extent);
  }
  return outputs;
}

// --- x[…] ---

[[noreturn]] void fail_on_length(OperationCall& call, const Expr& x, int64_t axis) {
  call.fail(cat("what it takes of axis ", axis, " of ", to_text(x.shape()), " is not there at all lengths"),
            ErrorKind::unsupported, kFixLength);
}

/// A Python slice of an axis.
Expr slice_axis(OperationCall& call, const Expr& x, int64_t axis, const Json& slice_of_python) {
  const Json& start = slice_of_python["start"];
  const Json& stop = slice_of_python["stop"];
  const int64_t step = slice_of_python["step"].is_null() ? 1 : slice_of_python["step"].as_int();
  if (start.is_null() && stop.is_null() && step == 1) return x;
  if (step == 0) call.fail("a slice has step 0", ErrorKind::data);
  const Dim extent = x.dim(axis);
  // Seen from the end if the step is negative: then the axis is turned round first.
  const auto place = [&](const Json& given, Dim otherwise) {
    if (given.is_null()) return otherwise;
    const int64_t steps = step > 0 ? given.as_int() : -1 - given.as_int();
    const bool from_end = (given.as_int() < 0) == (step > 0);
    if (!extent.is_static()) return from_end ? *sum(extent, steps) : Dim(steps);
    return Dim(std::clamp<int64_t>(from_end ? extent.value() + steps : steps, 0, extent.value()));
  };
  const Dim first = place(start, 0), limit = place(stop, extent);
  // The last ones, of an axis that has as many.
  if (!first.is_static() && limit == extent && step == 1 && least_difference(first, 0) >= 0)
    return reverse(slice(reverse(x, axis), axis, 0, -start.as_int()), axis);
  if (!first.is_static() || !(least_difference(extent, limit) >= 0)) fail_on_length(call, x, axis);
  return slice(step > 0 ? x : reverse(x, axis), axis, first.value(),
               least_difference(first, limit) >= 0 ? first : limit, std::abs(step));
}

/// The element at an index; -1 is the last one.
Expr element_at(OperationCall& call, const Expr& x, int64_t axis, int64_t index) {
  const Dim extent = x.dim(axis);
  const bool is_turned = index < 0 && !extent.is_static();
  int64_t place = index;
  if (index < 0) place = is_turned ? -1 - index : index + extent.value();
  const bool is_there = least_difference(extent, place + 1) >= 0;
  if (!is_there && !extent.is_static()) fail_on_length(call, x, axis);
  if (!is_there || place < 0) call.fail(cat("index ", index, " is out of range"), ErrorKind::data);
  return squeeze(slice(is_turned ? reverse(x, axis) : x, axis, place, place + 1), {axis});
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
      x = element_at(call, x, axis, entry.data->as_int());
    } else {
      call.fail("indices must be integers, slices, None or an ellipsis");
    }
  }
  return x;
}

constexpr OperationDef kRows[] = {
    {"Take", "x indices", take_operation, kAxisParams},
    {"TakeAlongAxis", "x indices", take_along_axis, kAxisParams},
    {"GetItem", "x key", get_item},
    {"UnravelIndex", "indices", unravel_index, kShapeParams},
    {"Tril", "x", triangle<true>, kDiagonalParams},
    {"Triu", "x", triangle<false>, kDiagonalParams},
    {"Diag", "x", diag, kDiagonalParams},
    {"Diagflat", "x", diagflat, kDiagonalParams},
    {"Diagonal", "x", diagonal, kDiagonalOfParams},
    {"Trace", "x", trace, kDiagonalOfParams},
    {"OneHot", "x", one_hot, kOneHotParams},
    {"MultiHot", "inputs", multi_hot, kOneHotParams},
    refused("Nonzero", "the shape of its result depends on data"),
};

}  // namespace

std::span<const OperationDef> index_operations() { return kRows; }

}  // namespace keratin
