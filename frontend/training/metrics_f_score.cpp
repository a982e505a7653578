// F scores: precision and recall in one number.
#include "frontend/training/loss_values.h"
#include "frontend/training/metrics.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {
namespace {

constexpr Arg kF1Args[] = {
    {"average", ArgKind::choice, "null", "null|micro|macro|weighted"},
    {"threshold", ArgKind::real, "null"},
};
constexpr Arg kFBetaArgs[] = {
    {"average", ArgKind::choice, "null", "null|micro|macro|weighted"},
    {"beta", ArgKind::real, "1.0"},
    {"threshold", ArgKind::real, "null"},
};

std::string average_of(const Args& args) { return args.is_null("average") ? "null" : args.choice("average"); }

/// Without a threshold, a row decides for its largest elements.
Expr decided_for(const Args& args, const Expr& p) {
  constexpr double kZero = 1e-9;
  if (args.is_null("threshold")) {
    const Expr largest = broadcast_to(reduce(Op::reduce_max, p, {-1}, true), p.shape());
    return logical_and(less_equal(largest, p), greater(unary(Op::abs, p), kZero));
  }
  const double threshold = args.real("threshold");
  if (threshold <= 0 || threshold > 1)
    args.reject("threshold", "expected a number above 0, at most 1", {}, ErrorKind::data);
  return greater(p, threshold);
}

void f_counts(MetricCall& call) {
  const Expr &y = call.target, &p = call.prediction.value;
  if (p.rank() != 2)
    throw Error(ErrorKind::data,
                cat("the prediction is ", to_text(p.shape()), ", expected rank 2: sample, class"),
                call.args.where());
  const Expr d = cast(decided_for(call.args, p), DType::f32), weights = call.weights(d);
  const Ints axes = average_of(call.args) == "micro" ? axes_from(d, 0) : Ints{0};
  call.state.add("true_positives", sum(d * y * weights, axes));
  call.state.add("false_positives", sum(d * (1 - y) * weights, axes));
  call.state.add("false_negatives", sum((1 - d) * y * weights, axes));
  call.state.add("intermediate_weights", sum(y * weights, axes));
}

Expr f_beta(const Args& args, const MetricState& s, double beta) {
  if (beta <= 0) args.reject("beta", "expected a number above 0", {}, ErrorKind::data);
  const Expr tp = s["true_positives"];
  const Expr p = tp / (tp + s["false_positives"] + kEpsilon), r = tp / (tp + s["false_negatives"] + kEpsilon);
  const Expr score = p * r / (p * (beta * beta) + r + kEpsilon) * (1 + beta * beta);
  const std::string average = average_of(args);
  if (average == "null") return score;
  if (average != "weighted") return mean(score, axes_from(score, 0));
  const Expr weights = s["intermediate_weights"];
  return sum(score * (weights / (sum(weights, {0}) + kEpsilon)), {0});
}

constexpr MetricDef kMetrics[] = {
    {{"F1Score", "", kF1Args},
     MetricTarget::values,
     f_counts,
     [](const Args& args, const MetricState& s) { return f_beta(args, s, 1); },
     Direction::up},
    {{"FBetaScore", "fbeta_score", kFBetaArgs},
     MetricTarget::values,
     f_counts,
     [](const Args& args, const MetricState& s) { return f_beta(args, s, args.real("beta")); },
     Direction::up},
};

}  // namespace

std::span<const MetricDef> f_score_metrics() { return kMetrics; }

}  // namespace keratin
