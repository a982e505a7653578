// Operations that reduce axes, or run along one.
#include <limits>

#include "frontend/elementary.h"
#include "frontend/operations/tables.h"
#include "ir/text.h"
#include "ir/unequal_dims.h"

namespace keratin {
namespace {

constexpr Arg kReduceParams[] = {{"axis", ArgKind::any, "null"}, {"keepdims", ArgKind::boolean, "false"}};
constexpr Arg kExtremumParams[] = {
    {"axis", ArgKind::any, "null"},
    {"keepdims", ArgKind::boolean, "false"},
    {"initial", ArgKind::any, "null"},
};
constexpr Arg kProdParams[] = {
    {"axis", ArgKind::any, "null"},
    {"keepdims", ArgKind::boolean, "false"},
    {"dtype", ArgKind::any, "null"},
};
constexpr Arg kAxisParams[] = {{"axis", ArgKind::any, "null"}};

/// None stands for all axes.
Ints axes_of(OperationCall& call, const Expr& x) {
  const Json& axis = call.args().json("axis");
  return axis.is_null() ? axes_from(x, 0) : to_ints(axis);
}

bool keeps(OperationCall& call) { return call.args().boolean("keepdims"); }

/// Sums and products of small integers are at least 32 bits wide.
Expr widened(const Expr& x) {
  if (x.dtype() == DType::boolean) return cast(x, DType::i32);
  if (is_float(x.dtype()) || byte_size(x.dtype()) >= 4) return x;
  return cast(x, is_signed(x.dtype()) ? DType::i32 : DType::u32);
}

/// Means of 16-bit floats are computed in f32.
Expr wide_float(const Expr& x) { return cast(x, promote(to_float(x).dtype(), DType::f32)); }
Expr narrowed(const Expr& result, const Expr& x) { return cast(result, to_float(x).dtype()); }

Expr without_nan(const Expr& x, double instead) {
  return is_float(x.dtype()) ? where(is_nan(x), number(x, instead), x) : x;
}

template <Op op>
Outputs sum_or_product(OperationCall& call) {
  const Expr x = call.tensor(0);
  return reduce(op, widened(x), axes_of(call, x), keeps(call));
}

Outputs product(OperationCall& call) {
  const Expr x = call.tensor(0);
  return reduce(Op::reduce_prod, cast(widened(x), call.dtype("dtype", widened(x).dtype())), axes_of(call, x),
                keeps(call));
}

template <Op op>
Outputs nan_sum_or_product(OperationCall& call) {
  const Expr x = without_nan(call.tensor(0), op == Op::reduce_prod ? 1 : 0);
  return reduce(op, widened(x), axes_of(call, x), keeps(call));
}

template <Op op>
Expr extremum(const Expr& x, const Ints& axes, bool keep) {
  if (x.dtype() == DType::boolean)
    return reduce(op == Op::reduce_max ? Op::reduce_or : Op::reduce_and, x, axes, keep);
  return reduce(op, x, axes, keep);
}

template <Op op>
Outputs extremum_operation(OperationCall& call) {
  const Expr x = call.tensor(0);
  const Expr found = extremum<op>(x, axes_of(call, x), keeps(call));
  if (call.args().is_null("initial")) return found;
  const Expr initial = number(found, call.args().json("initial").as_double());  // in the operand's dtype
  return op == Op::reduce_max ? maximum(found, initial) : minimum(found, initial);
}

/// NaN only where there is nothing else.
template <Op op>
Outputs nan_extremum(OperationCall& call) {
  const Expr x = call.tensor(0);
  const Ints axes = axes_of(call, x);
  if (!is_float(x.dtype())) return extremum<op>(x, axes, keeps(call));
  const double infinity = std::numeric_limits<double>::infinity();
  const Expr found =
      reduce(op, without_nan(x, op == Op::reduce_max ? -infinity : infinity), axes, keeps(call));
  return where(reduce(Op::reduce_and, is_nan(x), axes, keeps(call)),
               number(found, std::numeric_limits<double>::quiet_NaN()), found);
}

template <Op op>
Outputs logical_reduction(OperationCall& call) {
  const Expr x = as_boolean(call.tensor(0));
  return reduce(op, x, axes_of(call, x), keeps(call));
}

Outputs mean_operation(OperationCall& call) {
  const Expr x = call.tensor(0);
  return narrowed(mean(wide_float(x), axes_of(call, x), keeps(call)), x);
}

Expr variance_of(OperationCall& call) {
  const Expr x = wide_float(call.tensor(0));
  const Ints axes = axes_of(call, x);
  return variance(x, mean(x, axes, true), axes, keeps(call));
}

Outputs var_operation(OperationCall& call) { return narrowed(variance_of(call), call.tensor(0)); }
Outputs std_operation(OperationCall& call) {
  return narrowed(unary(Op::sqrt, variance_of(call)), call.tensor(0));
}

/// How many numbers there are, as floats.
Expr count_numbers(const Expr& x, const Ints& axes, bool keep) {
  return sum(cast(logical_not(is_nan(x)), x.dtype()), axes, keep);
}

Expr nan_mean_of(const Expr& x, const Ints& axes, bool keep) {
  return sum(without_nan(x, 0), axes, keep) / count_numbers(x, axes, keep);
}

Outputs nan_mean(OperationCall& call) {
  const Expr x = call.real(0);
  return nan_mean_of(x, axes_of(call, x), keeps(call));
}

/// Differences of NaN are 0 before they are squared: so gradients are finite.
Expr nan_variance_of(OperationCall& call) {
  const Expr x = call.real(0), known = without_nan(x, 0);
  const Ints axes = axes_of(call, x);
  const Expr difference = where(is_nan(x), number(x, 0), known - nan_mean_of(x, axes, true));
  return sum(difference * difference, axes, keeps(call)) / count_numbers(x, axes, keeps(call));
}

Outputs nan_var(OperationCall& call) { return nan_variance_of(call); }
Outputs nan_std(OperationCall& call) { return unary(Op::sqrt, nan_variance_of(call)); }

Outputs peak_to_peak(OperationCall& call) {
  const Expr x = call.tensor(0);
  const Ints axes = axes_of(call, x);
  return reduce(Op::reduce_max, x, axes, keeps(call)) - reduce(Op::reduce_min, x, axes, keeps(call));
}

/// The largest element is taken out of the exponentials.
Outputs logsumexp(OperationCall& call) {
  const Expr x = call.real(0);
  const Ints axes = axes_of(call, x);
  const Expr largest = unary(Op::stop_gradient, reduce(Op::reduce_max, x, axes, true));
  const Expr total = unary(Op::log, sum(unary(Op::exp, x - largest), axes, true)) + largest;
  return keeps(call) ? total : squeeze(total, axes);
}

Outputs count_nonzero(OperationCall& call) {
  const Expr x = call.tensor(0);
  return sum(cast(as_boolean(x), DType::i32), axes_of(call, x));
}

/// Weights have the shape of the tensor, or belong to the axis.
Outputs average(OperationCall& call) {
  Expr x = call.real(0);
  const Ints axes = normalized_axes(x, axes_of(call, x));
  if (!call.has(1)) return mean(x, axes);
  Expr weights = call.tensor(1);
  const DType dtype = promote(x.dtype(), weights.dtype());
  x = cast(x, dtype);
  weights = cast(weights, dtype);
  if (weights.shape() != x.shape()) {
    if (weights.rank() != static_cast<int64_t>(axes.size()))
      throw_unequal(Error(ErrorKind::data,
                          cat("its weights ", to_text(weights.shape()), " do not fit ", to_text(x.shape()))),
                    weights.shape(), x.shape());
    weights = align(weights, x, axes);
  }
  return sum(x * weights, axes) / sum(weights, axes);
}

// --- places of extrema ---

/// The place along the axis that is given, or in the flattened tensor.
template <Op op>
Expr place_of(OperationCall& call, const Expr& x) {
  const Json& axis = call.args().json("axis");
  if (!axis.is_null()) return reduce(op, x, {axis.as_int()}, keeps(call));
  const Expr place = reduce(op, flattened(x), {0});
  return keeps(call) ? reshape(place, Shape(x.rank(), Dim(1))) : place;
}

template <Op op>
Outputs arg_extremum(OperationCall& call) {
  const Expr x = call.tensor(0);
  return place_of<op>(call, x.dtype() == DType::boolean ? cast(x, DType::i32) : x);
}

/// -1 where there are only NaNs.
template <Op op>
Outputs nan_arg_extremum(OperationCall& call) {
  const Expr x = call.real(0);
  const double infinity = std::numeric_limits<double>::infinity();
  const Expr place = place_of<op>(call, without_nan(x, op == Op::argmax ? -infinity : infinity));
  const Expr none = reduce(Op::reduce_and, is_nan(x), axes_of(call, x), keeps(call));
  return where(none, number(place, -1), place);
}

// --- running sums and products ---

constexpr Arg kRunningParams[] = {{"axis", ArgKind::any, "null"}, {"dtype", ArgKind::any, "null"}};

template <Op op>
Outputs running_over(OperationCall& call, Expr x) {
  if (x.dtype() == DType::boolean) x = cast(x, DType::i32);
  x = cast(x, call.dtype("dtype", x.dtype()));
  const Json& axis = call.args().json("axis");
  if (axis.is_null()) x = flattened(x);
  const int64_t along = axis.is_null() ? 0 : x.axis(axis.as_int());
  return Expr(call.builder(), call.builder().make(op, {x.value()}, AxisAttrs{along}));
}

template <Op op>
Outputs running(OperationCall& call) {
  return running_over<op>(call, call.tensor(0));
}

template <Op op>
Outputs nan_running(OperationCall& call) {
  return running_over<op>(call, without_nan(call.tensor(0), op == Op::cumprod ? 1 : 0));
}

constexpr OperationDef kRows[] = {
    {"Any", "x", logical_reduction<Op::reduce_or>, kReduceParams},
    {"All", "x", logical_reduction<Op::reduce_and>, kReduceParams},
    {"Sum", "x", sum_or_product<Op::reduce_sum>, kReduceParams},
    {"Prod", "x", product, kProdParams},
    {"Max", "x", extremum_operation<Op::reduce_max>, kExtremumParams},
    {"Min", "x", extremum_operation<Op::reduce_min>, kExtremumParams},
    {"Amax", "x", extremum_operation<Op::reduce_max>, kExtremumParams},
    {"Amin", "x", extremum_operation<Op::reduce_min>, kExtremumParams},
    {"Mean", "x", mean_operation, kReduceParams},
    {"Var", "x", var_operation, kReduceParams},
    {"Std", "x", std_operation, kReduceParams},
    {"Ptp", "x", peak_to_peak, kReduceParams},
    {"Average", "x weights", average, kAxisParams},
    {"Logsumexp", "x", logsumexp, kReduceParams},
    {"CountNonzero", "x", count_nonzero, kAxisParams},
    {"Argmax", "x", arg_extremum<Op::argmax>, kReduceParams},
    {"Argmin", "x", arg_extremum<Op::argmin>, kReduceParams},

    {"Nansum", "x", nan_sum_or_product<Op::reduce_sum>, kReduceParams},
    {"Nanprod", "x", nan_sum_or_product<Op::reduce_prod>, kReduceParams},
    {"Nanmax", "x", nan_extremum<Op::reduce_max>, kReduceParams},
    {"Nanmin", "x", nan_extremum<Op::reduce_min>, kReduceParams},
    {"Nanmean", "x", nan_mean, kReduceParams},
    {"Nanvar", "x", nan_var, kReduceParams},
    {"Nanstd", "x", nan_std, kReduceParams},
    {"Nanargmax", "x", nan_arg_extremum<Op::argmax>, kReduceParams},
    {"Nanargmin", "x", nan_arg_extremum<Op::argmin>, kReduceParams},

    {"Cumsum", "x", running<Op::cumsum>, kRunningParams},
    {"Cumprod", "x", running<Op::cumprod>, kRunningParams},
    {"Nancumsum", "x", nan_running<Op::cumsum>, kRunningParams},
    {"Nancumprod", "x", nan_running<Op::cumprod>, kRunningParams},
};

}  // namespace

std::span<const OperationDef> reduce_operations() { return kRows; }

}  // namespace keratin
