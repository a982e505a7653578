// Margins: what is on the right side by 1 costs nothing.
#include "frontend/training/loss_values.h"

namespace keratin {
namespace {

/// Labels that are all 0 or 1 mean -1 and 1.
Expr signed_labels(const Expr& target) {
  const Expr is_binary = logical_or(equal(target, number(target, 0)), equal(target, number(target, 1)));
  const Expr all = reduce(Op::reduce_and, is_binary, axes_from(target, 0), true);
  return where(broadcast_to(all, target.shape()), target * 2 - 1, target);
}

Expr missing(const Expr& y, const Expr& p) { return maximum(1 - signed_labels(y) * p, 0); }

}  // namespace

Expr hinge(const Expr& y, const Expr& p) { return mean(missing(y, p), {-1}); }

Expr squared_hinge(const Expr& y, const Expr& p) {
  const Expr m = missing(y, p);
  return mean(m * m, {-1});
}

Expr categorical_hinge(const Expr& y, const Expr& p) {
  const Expr right = sum(y * p, {-1}), wrong = reduce(Op::reduce_max, (1 - y) * p, {-1});
  return maximum(wrong - right + 1, 0);
}

namespace {

template <Expr (*F)(const Expr&, const Expr&)>
LossValues of(const LossCall& call) {
  return F(call.target, call.prediction.value);
}

constexpr LossDef kLosses[] = {
    {{"Hinge", "", {}}, LossTarget::values, of<hinge>},
    {{"SquaredHinge", "", {}}, LossTarget::values, of<squared_hinge>},
    {{"CategoricalHinge", "", {}}, LossTarget::values, of<categorical_hinge>},
};

}  // namespace

std::span<const LossDef> hinge_losses() { return kLosses; }

}  // namespace keratin
