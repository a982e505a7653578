// Errors of numbers.
#include <numbers>

#include "frontend/training/loss_values.h"

namespace keratin {
namespace {

Expr log(const Expr& x) { return unary(Op::log, x); }
Expr square(const Expr& x) { return x * x; }

}  // namespace

Expr squared_error(const Expr& y, const Expr& p) { return mean(square(p - y), {-1}); }
Expr absolute_error(const Expr& y, const Expr& p) { return mean(unary(Op::abs, p - y), {-1}); }

Expr absolute_percentage_error(const Expr& y, const Expr& p) {
  return mean(unary(Op::abs, (y - p) / maximum(unary(Op::abs, y), kEpsilon)), {-1}) * 100;
}

Expr squared_logarithmic_error(const Expr& y, const Expr& p) {
  auto logarithm = [](const Expr& x) { return log(maximum(x, kEpsilon) + 1); };
  return mean(square(logarithm(p) - logarithm(y)), {-1});
}

Expr log_cosh(const Expr& y, const Expr& p) {
  const Expr e = p - y;
  return mean(e + unary(Op::softplus, e * -2) - std::numbers::ln2, {-1});
}

namespace {

template <Expr (*F)(const Expr&, const Expr&)>
LossValues of(const LossCall& call) {
  return F(call.target, call.prediction.value);
}

constexpr Arg kHuberArgs[] = {{"delta", ArgKind::real, "1.0"}};

/// P. J. Huber, Robust estimation of a location parameter, 1964.
LossValues huber(const LossCall& call) {
  const double delta = call.args.real("delta");
  const Expr e = call.prediction.value - call.target, size = unary(Op::abs, e);
  return mean(where(less_equal(size, delta), square(e) * 0.5, size * delta - 0.5 * delta * delta), {-1});
}

constexpr LossDef kLosses[] = {
    {{"MeanSquaredError", "mse|MSE", {}}, LossTarget::values, of<squared_error>},
    {{"MeanAbsoluteError", "mae|MAE", {}}, LossTarget::values, of<absolute_error>},
    {{"MeanAbsolutePercentageError", "mape|MAPE", {}}, LossTarget::values, of<absolute_percentage_error>},
    {{"MeanSquaredLogarithmicError", "msle|MSLE", {}}, LossTarget::values, of<squared_logarithmic_error>},
    {{"Huber", "huber_loss", kHuberArgs}, LossTarget::values, huber},
    {{"LogCosh", "logcosh", {}}, LossTarget::values, of<log_cosh>},
};

}  // namespace

std::span<const LossDef> regression_losses() { return kLosses; }

}  // namespace keratin
