// Operations that pick elements by their places, or put them there.
#include <algorithm>

#include "frontend/operations/tables.h"
#include "frontend/positions.h"
#include "ir/text.h"

namespace keratin {
namespace {

constexpr Arg kAxisParams[] = {{"axis", ArgKind::any, "null"}};

Expr gather(const Expr& x, const Expr& places, GatherAttrs attrs) {
  return {x.builder(), x.builder().make(Op::gather, {x.value(), places.value()}, attrs)};
}

/// By numbers in the file, which have to be there. Of a free length each is asked for by itself.
Expr take_known(OperationCall& call, const Expr& x, int64_t axis, const Expr& places) {
  constexpr int64_t kMost = 256;
  const ConstantAttrs* constant = as_constant(places.value());
  const int64_t count = places.value().type().elements().value();
  const auto place = [&](int64_t i) {
    return constant->data != nullptr ? constant->data->get_integer(i) : constant->splat.integer;
  };
  const Dim extent = x.dim(axis);
  if (extent.is_static()) {
    for (int64_t i = 0; i < count; ++i)
      if (place(i) < -extent.value() || place(i) >= extent.value())
        call.fail(cat("index ", place(i), " is out of range"), ErrorKind::data);
    return take(x, axis, from_front(places, extent));
  }
  if (count < 1 || count > kMost)
    call.fail(cat("takes ", count, " elements of an axis of free length, at most ", kMost, " are supported"),
              ErrorKind::unsupported, kFixLength);
  std::vector<Expr> elements;
  for (int64_t i = 0; i < count; ++i) elements.push_back(expand_dims(element_at(x, axis, place(i)), axis));
  Shape shape = x.shape();
  shape.erase(shape.begin() + axis);
  shape.insert(shape.begin() + axis, places.shape().begin(), places.shape().end());
  return reshape(concat(elements, axis), shape);
}

/// Along an axis by numbers in the file, or by a tensor of integers. Without an axis, in the flattened tensor.
Outputs take_operation(OperationCall& call) {
  Expr x = call.tensor(0);
  const Json& given = call.args().json("axis");
  if (given.is_null()) x = flattened(x);
  const int64_t axis = given.is_null() ? 0 : x.axis(given.as_int());
  const Expr places = call.tensor(1);
  if (!call.operand(1).tensor.value) return take_known(call, x, axis, places);
  return take(x, axis, from_front(places, x.dim(axis)));
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
  places = move_axis(from_front(places, x.dim(last)), axis, last);
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

/// How many elements a diagonal has that begins in a row and a column of matrices.
Dim diagonal_length(OperationCall& call, const Expr& matrices, int64_t row, int64_t column) {
  const Dim rows = matrices.dim(-2), columns = matrices.dim(-1);
  const Dim below = *sum(rows, -row), behind = *sum(columns, -column);
  if (least_difference(behind, below) >= 0) return below;
  if (least_difference(below, behind) >= 0) return behind;
  if (rows.is_static()) return at_most(behind, below.coef);
  if (columns.is_static()) return at_most(below, behind.coef);
  call.fail(cat("the diagonal of matrices ", to_text(rows), " by ", to_text(columns)), ErrorKind::unsupported,
            kFixLength);
}

/// A diagonal of the matrices on two axes, as the last axis: what each row has there.
Expr diagonal_of(OperationCall& call, const Expr& x, int64_t offset, int64_t axis1, int64_t axis2) {
  const int64_t first = x.axis(axis1), second = x.axis(axis2);
  Ints perm;
  for (int64_t axis = 0; axis < x.rank(); ++axis)
    if (axis != first && axis != second) perm.push_back(axis);
  perm.push_back(first);
  perm.push_back(second);
  const Expr matrices = transpose(x, perm);
  const int64_t row = std::max<int64_t>(-offset, 0), column = std::max<int64_t>(offset, 0);
  const Dim rows = matrices.dim(-2), columns = matrices.dim(-1);
  if (rows.is_static() && columns.is_static()) {
    Ints places;
    for (int64_t i = 0; i + row < rows.value() && i + column < columns.value(); ++i)
      places.push_back((i + row) * columns.value() + i + column);
    Shape shape = matrices.shape();
    shape.pop_back();
    shape.back() = rows.value() * columns.value();
    return take(reshape(matrices, shape), -1, places);
  }
  const Dim length = diagonal_length(call, matrices, row, column);
  const Expr above = places(matrices, -1) - places(matrices, -2);
  const Expr is_there = equal(above, number(above, static_cast<double>(offset)));
  const Expr line = x.dtype() == DType::boolean ? reduce(Op::reduce_or, logical_and(is_there, matrices), {-1})
                                                : sum(where(is_there, matrices, number(matrices, 0)), {-1});
  return slice(line, -1, row, *sum(length, row));
}

Outputs diagonal(OperationCall& call) {
  const Args& args = call.args();
  return diagonal_of(call, call.tensor(0), args.integer("offset"), args.integer("axis1"),
                     args.integer("axis2"));
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
  return x.rank() == 1 ? with_diagonal(x, k) : diagonal_of(call, x, k, 0, 1);
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
  Expr rest = from_front(call.tensor(0), Dim(total));
  Outputs outputs;
  for (size_t i = shape.size(); i-- > 0;) {
    const Expr extent = number(rest, static_cast<double>(shape[i]));
    outputs.insert(outputs.begin(), Traced(binary(Op::rem, rest, extent)));
    rest = binary(Op::div, rest, extent);
  }
  return outputs;
}

// --- x[…] ---

/// A Python slice of an axis.
Expr slice_axis(OperationCall& call, const Expr& x, int64_t axis, const Json& slice_of_python) {
  const auto place = [&](const char* name) {
    const Json& given = slice_of_python[name];
    return given.is_null() ? std::nullopt : std::optional(given.as_int());
  };
  const int64_t step = place("step").value_or(1);
  if (step == 0) call.fail("a slice has step 0", ErrorKind::data);
  return slice_at(x, axis, place("start"), place("stop"), step);
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
      x = element_at(x, axis, entry.data->as_int());
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
