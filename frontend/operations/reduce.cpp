// Operations that reduce axes, or run along one.
#include "frontend/operations/tables.h"
#include "ir/text.h"

namespace keratin {
namespace {

constexpr Arg kReduceParams[] = {
    {"axis", ArgKind::any, "null"},
    {"keepdims", ArgKind::boolean, "false"},
    {"initial", ArgKind::fixed, "null"},
    {"dtype", ArgKind::fixed, "null"},
};

Ints axes_of(OperationCall& call, const Expr& x) {
  const Json& axis = call.args().json("axis");
  return axis.is_null() ? axes_from(x, 0) : to_ints(axis);
}

bool keeps(OperationCall& call) { return call.args().boolean("keepdims"); }

template <Op op>
Outputs reduction(OperationCall& call) {
  const Expr x = call.tensor(0);
  return reduce(op, x, axes_of(call, x), keeps(call));
}

template <Op op>
Outputs logical_reduction(OperationCall& call) {
  const Expr x = as_boolean(call.tensor(0));
  return reduce(op, x, axes_of(call, x), keeps(call));
}

Outputs mean_operation(OperationCall& call) {
  const Expr x = call.tensor(0);
  return mean(x, axes_of(call, x), keeps(call));
}

Expr variance_of(OperationCall& call) {
  const Expr x = to_float(call.tensor(0));
  const Ints axes = axes_of(call, x);
  return variance(x, mean(x, axes, true), axes, keeps(call));
}

Outputs var_operation(OperationCall& call) { return variance_of(call); }
Outputs std_operation(OperationCall& call) { return unary(Op::sqrt, variance_of(call)); }

/// The largest element is taken out of the exponentials.
Outputs logsumexp(OperationCall& call) {
  const Expr x = to_float(call.tensor(0));
  const Ints axes = axes_of(call, x);
  const Expr largest = unary(Op::stop_gradient, reduce(Op::reduce_max, x, axes, true));
  const Expr total = unary(Op::log, sum(unary(Op::exp, x - largest), axes, true)) + largest;
  return keeps(call) ? total : squeeze(total, axes);
}

template <Op op>
Outputs arg_extremum(OperationCall& call) {
  const Expr x = call.tensor(0);
  const Json& axis = call.args().json("axis");
  if (axis.is_null()) call.fail("the place in the flattened tensor is not supported; give an axis");
  return reduce(op, x, {axis.as_int()}, keeps(call));
}

constexpr Arg kRunningParams[] = {{"axis", ArgKind::integer}, {"dtype", ArgKind::fixed, "null"}};

template <Op op>
Outputs running(OperationCall& call) {
  const Expr x = call.tensor(0);
  return Expr(call.builder(),
              call.builder().make(op, {x.value()}, AxisAttrs{x.axis(call.args().integer("axis"))}));
}

constexpr OperationDef kRows[] = {
    {"Any", "x", logical_reduction<Op::reduce_or>, kReduceParams},
    {"All", "x", logical_reduction<Op::reduce_and>, kReduceParams},
    {"Sum", "x", reduction<Op::reduce_sum>, kReduceParams},
    {"Prod", "x", reduction<Op::reduce_prod>, kReduceParams},
    {"Max", "x", reduction<Op::reduce_max>, kReduceParams},
    {"Amax", "x", reduction<Op::reduce_max>, kReduceParams},
    {"Min", "x", reduction<Op::reduce_min>, kReduceParams},
    {"Amin", "x", reduction<Op::reduce_min>, kReduceParams},
    {"Mean", "x", mean_operation, kReduceParams},
    {"Var", "x", var_operation, kReduceParams},
    {"Std", "x", std_operation, kReduceParams},
    {"Logsumexp", "x", logsumexp, kReduceParams},
    {"Argmax", "x", arg_extremum<Op::argmax>, kReduceParams},
    {"Argmin", "x", arg_extremum<Op::argmin>, kReduceParams},
    {"Cumsum", "x", running<Op::cumsum>, kRunningParams},
    {"Cumprod", "x", running<Op::cumprod>, kRunningParams},
};

}  // namespace

std::span<const OperationDef> reduce_operations() { return kRows; }

}  // namespace keratin
