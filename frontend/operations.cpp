// The table of operations.
#include <array>

#include "frontend/activations.h"
#include "frontend/operation.h"
#include "ir/text.h"

namespace keratin {
namespace {

template <Op op>
Outputs pointwise(OperationCall& call) {
  return unary(op, to_float(call.tensor(0)));
}

/// Integers and booleans stay what they are.
template <Op op>
Outputs exact(OperationCall& call) {
  return unary(op, call.tensor(0));
}

template <Op op>
Outputs arithmetic(OperationCall& call) {
  const auto [a, b] = call.pair();
  return binary(op, a, b);
}

template <Expr (*function)(const Expr&, const Expr&)>
Outputs two(OperationCall& call) {
  const auto [a, b] = call.pair();
  return function(a, b);
}

constexpr Arg kAxisKeepdims[] = {{"axis", ArgKind::any, "null"}, {"keepdims", ArgKind::boolean, "false"}};

Ints axes_of(OperationCall& call, const Expr& x) {
  const Json& axis = call.args().json("axis");
  return axis.is_null() ? axes_from(x, 0) : to_ints(axis);
}

Expr as_boolean(const Expr& x) { return x.dtype() == DType::boolean ? x : not_equal(x, 0); }

template <Op op>
Outputs logical_reduction(OperationCall& call) {
  const Expr x = as_boolean(call.tensor(0));
  return reduce(op, x, axes_of(call, x), call.args().boolean("keepdims"));
}

template <Op op>
Outputs reduction(OperationCall& call) {
  const Expr x = call.tensor(0);
  return reduce(op, x, axes_of(call, x), call.args().boolean("keepdims"));
}

Outputs mean_operation(OperationCall& call) {
  const Expr x = call.tensor(0);
  return mean(x, axes_of(call, x), call.args().boolean("keepdims"));
}

constexpr Arg kAxis[] = {{"axis", ArgKind::integer, "-1"}};

Outputs expand_dims_operation(OperationCall& call) {
  return expand_dims(call.tensor(0), call.args().integer("axis"));
}

Outputs concatenate_operation(OperationCall& call) {
  std::vector<Expr> parts;
  for (const Operand& item : call.operand(0).items) {
    if (!item.tensor.value) call.fail("its operands must be tensors");
    parts.push_back(item.tensor.value);
  }
  if (parts.empty()) call.fail("has nothing to concatenate", ErrorKind::data);
  return concat(parts, call.args().integer("axis"));
}

constexpr Arg kLikeDType[] = {{"dtype", ArgKind::any, "null"}};

template <int value>
Outputs filled_like(OperationCall& call) {
  const Expr x = call.tensor(0);
  const Json& dtype = call.args().json("dtype");
  return number(dtype.is_null() ? x : cast(x, read_dtype(dtype, call.args().where())), value);
}

constexpr std::array kRows = {
    OperationDef{"Add", "x1 x2", arithmetic<Op::add>},
    OperationDef{"Subtract", "x1 x2", arithmetic<Op::sub>},
    OperationDef{"Multiply", "x1 x2", arithmetic<Op::mul>},
    OperationDef{"TrueDivide", "x1 x2", two<operator/ >},
    OperationDef{"Divide", "x1 x2", two<operator/ >},
    OperationDef{"Power", "x1 x2", arithmetic<Op::pow>},
    OperationDef{"Maximum", "x1 x2", arithmetic<Op::max>},
    OperationDef{"Minimum", "x1 x2", arithmetic<Op::min>},
    OperationDef{"Negative", "x", exact<Op::neg>},
    OperationDef{"Absolute", "x", exact<Op::abs>},
    OperationDef{"Abs", "x", exact<Op::abs>},
    OperationDef{"Exp", "x", pointwise<Op::exp>},
    OperationDef{"Log", "x", pointwise<Op::log>},
    OperationDef{"Sqrt", "x", pointwise<Op::sqrt>},
    OperationDef{"Rsqrt", "x", pointwise<Op::rsqrt>},
    OperationDef{"Tanh", "x", pointwise<Op::tanh>},
    OperationDef{"Sigmoid", "x", pointwise<Op::sigmoid>},
    OperationDef{"Square", "x", [](OperationCall& call) { return Outputs(call.tensor(0) * call.tensor(0)); }},
    OperationDef{"Relu", "x", [](OperationCall& call) { return Outputs(maximum(call.tensor(0), 0)); }},

    OperationDef{"Equal", "x1 x2", two<equal>},
    OperationDef{"NotEqual", "x1 x2", two<not_equal>},
    OperationDef{"LogicalOr", "x1 x2", two<logical_or>},
    OperationDef{"LogicalAnd", "x1 x2", two<logical_and>},
    OperationDef{"LogicalNot", "x",
                 [](OperationCall& call) { return Outputs(logical_not(as_boolean(call.tensor(0)))); }},
    OperationDef{"Any", "x", logical_reduction<Op::reduce_or>, kAxisKeepdims},
    OperationDef{"All", "x", logical_reduction<Op::reduce_and>, kAxisKeepdims},
    OperationDef{"Sum", "x", reduction<Op::reduce_sum>, kAxisKeepdims},
    OperationDef{"Max", "x", reduction<Op::reduce_max>, kAxisKeepdims},
    OperationDef{"Min", "x", reduction<Op::reduce_min>, kAxisKeepdims},
    OperationDef{"Mean", "x", mean_operation, kAxisKeepdims},

    OperationDef{"ExpandDims", "x", expand_dims_operation, kAxis},
    OperationDef{"Concatenate", "xs", concatenate_operation, kAxis},
    OperationDef{"ZerosLike", "x", filled_like<0>, kLikeDType},
    OperationDef{"OnesLike", "x", filled_like<1>, kLikeDType},
};

}  // namespace

const OperationDef* find_operation_def(std::string_view class_name) {
  for (const OperationDef& row : kRows)
    if (row.class_name == class_name) return &row;
  return nullptr;
}

}  // namespace keratin
