// How much alike: angles, overlaps, distances between embeddings.
#include <limits>

#include "frontend/training/loss_values.h"
#include "ir/text.h"

namespace keratin {

Expr cosine_similarity(const Expr& y, const Expr& p, const Ints& axes) {
  constexpr double kSmallest = 1e-12;
  auto unit = [&](const Expr& x) { return x * unary(Op::rsqrt, maximum(sum(x * x, axes, true), kSmallest)); };
  return sum(unit(y) * unit(p), axes);
}

namespace {

constexpr Arg kCosineArgs[] = {{"axis", ArgKind::ints, "-1"}};

LossValues negative_cosine(const LossCall& call) {
  return -cosine_similarity(call.target, call.prediction.value, call.args.ints("axis"));
}

// ---- overlaps ----

constexpr Arg kDiceArgs[] = {{"axis", ArgKind::ints, "null"}};
constexpr Arg kTverskyArgs[] = {
    {"alpha", ArgKind::real, "0.5"},
    {"beta", ArgKind::real, "0.5"},
    {"axis", ArgKind::ints, "null"},
};

/// Null is all axes, the batch among them.
Ints overlap_axes(const LossCall& call) {
  return call.args.is_null("axis") ? axes_from(call.target, 0) : call.args.ints("axis");
}

/// F. Milletari et al., V-Net, 3DV 2016.
LossValues dice(const LossCall& call) {
  const Expr &y = call.target, &p = call.prediction.value;
  const Ints axes = overlap_axes(call);
  return 1 - sum(y * p, axes) * 2 / (sum(y, axes) + sum(p, axes) + kEpsilon);
}

/// S. S. M. Salehi et al., Tversky loss function for image segmentation using 3D fully convolutional deep networks, MLMI 2017.
/// As in Keras, `alpha` weighs what is missed and `beta` what is found wrongly.
LossValues tversky(const LossCall& call) {
  const Expr &y = call.target, &p = call.prediction.value;
  const Ints axes = overlap_axes(call);
  const Expr both = sum(y * p, axes), missed = sum(y * (1 - p), axes), wrong = sum(p * (1 - y), axes);
  return 1 - both / (both + missed * call.args.real("alpha") + wrong * call.args.real("beta") + kEpsilon);
}

// ---- Y. Sun et al., Circle loss: A unified perspective of pair similarity optimization, CVPR 2020 ----

constexpr Arg kCircleArgs[] = {
    {"gamma", ArgKind::real, "80.0"},
    {"margin", ArgKind::real, "0.4"},
    {"remove_diagonal", ArgKind::boolean, "true"},
};

/// log Σ e^x along axis 1, over the places that are `in`; -inf if none is.
Expr log_sum_exp(const Expr& x, const Expr& in) {
  const Expr lowest = number(x, -std::numeric_limits<double>::infinity()), terms = where(in, x, lowest);
  const Expr largest = unary(Op::stop_gradient, reduce(Op::reduce_max, terms, {1}, true));
  const Expr shift = where(equal(largest, number(largest, -std::numeric_limits<double>::infinity())),
                           number(largest, 0), largest);
  return unary(Op::log, sum(unary(Op::exp, terms - shift), {1})) + squeeze(shift, {1});
}

/// The batch is compared with itself: embeddings of one group should be near each other, others far away.
LossValues circle(const LossCall& call) {
  const Expr& p = call.prediction.value;
  const double gamma = call.args.real("gamma"), margin = call.args.real("margin");
  Builder& builder = p.builder();
  const Expr products(builder,
                      builder.make(Op::dot, {p.value(), p.value()}, DotAttrs{.contract = {{1}, {1}}}));
  const Expr distance = maximum(1 - products, 0);
  const auto places = [&](int64_t axis) {
    return Expr(builder, builder.make(Op::iota, {}, IotaAttrs{axis, DType::i32, distance.shape()}));
  };
  const Expr same = equal(align(call.target, distance, {0}), align(call.target, distance, {1}));
  const Expr other = logical_not(same);
  const Expr near =
      call.args.boolean("remove_diagonal") ? logical_and(same, not_equal(places(0), places(1))) : same;
  // How far a pair is from its optimum weighs it; the weight has a gradient, too.
  const Expr near_weight = maximum(where(near, distance + margin, number(distance, 0)), 0);
  const Expr other_weight = maximum(where(other, (1 + margin) - distance, number(distance, 0)), 0);
  const Expr near_terms = near_weight * (margin - distance) * -gamma;
  const Expr other_terms = other_weight * ((1 - margin) - distance) * gamma;
  const Expr values = unary(Op::softplus, log_sum_exp(near_terms, near) + log_sum_exp(other_terms, other));
  return {values, greater(values, 0)};
}

constexpr LossDef kLosses[] = {
    {{"CosineSimilarity", "", kCosineArgs}, LossTarget::values, negative_cosine},
    {{"Dice", "", kDiceArgs}, LossTarget::values, dice},
    {{"Tversky", "", kTverskyArgs}, LossTarget::values, tversky},
    {{"Circle", "", kCircleArgs}, LossTarget::groups, circle},
};

}  // namespace

std::span<const LossDef> similarity_losses() { return kLosses; }

}  // namespace keratin
