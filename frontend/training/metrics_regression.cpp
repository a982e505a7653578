// Errors and correlations of numbers that are no means of losses.
#include <cmath>

#include "frontend/training/loss_values.h"
#include "frontend/training/metrics.h"
#include "ir/text.h"

namespace keratin {
namespace {

Expr square(const Expr& x) { return x * x; }
Expr total(const Expr& x) { return sum(x, axes_from(x, 0)); }

void squared_errors(MetricCall& call) {  // element by element, not averaged first
  const Expr squares = square(call.prediction.value - call.target), weights = call.weights(squares);
  call.state.add("total", total(squares * weights));
  call.state.add("count", total(weights));
}

Expr root_of_mean(const Args& args, const MetricState& state) {
  return unary(Op::sqrt, mean_result(args, state));
}

constexpr Arg kAxisArgs[] = {{"axis", ArgKind::ints, "-1"}};

void cosine(MetricCall& call) {
  call.add_to_mean(cosine_similarity(call.target, call.prediction.value, call.args.ints("axis")));
}

// ---- correlations ----

struct Moments {
  Expr mean, variance;  ///< with kept axes
};

Moments moments(const Expr& x, const Ints& axes) {
  const Expr m = mean(x, axes, true);
  return {m, variance(x, m, axes, true)};
}

void pearson(MetricCall& call) {
  const Ints axes = call.args.ints("axis");
  const auto normalized = [&](const Expr& x) {
    const Moments m = moments(x, axes);
    return (x - m.mean) / unary(Op::sqrt, m.variance);
  };
  call.add_to_mean(mean(normalized(call.target) * normalized(call.prediction.value), axes));
}

/// L. I. Lin, A concordance correlation coefficient to evaluate reproducibility, 1989.
void concordance(MetricCall& call) {
  const Ints axes = call.args.ints("axis");
  const Expr &y = call.target, &p = call.prediction.value;
  const Moments of_y = moments(y, axes), of_p = moments(p, axes);
  const Expr norm = of_y.variance + of_p.variance + square(of_y.mean - of_p.mean) + kEpsilon;
  call.add_to_mean(mean((y - of_y.mean) * (p - of_p.mean) * 2 / norm, axes));
}

// ---- coefficient of determination ----

constexpr Arg kR2Args[] = {
    {"class_aggregation", ArgKind::any, "\"uniform_average\""},
    {"num_regressors", ArgKind::integer, "0"},
};

void r2_sums(MetricCall& call) {
  const Expr& y = call.target;
  if (y.rank() != 2)
    throw Error(ErrorKind::data,
                cat("the prediction is ", to_text(y.shape()), ", expected rank 2: sample, output"),
                call.args.where());
  const Expr weights = call.weights(y);
  call.state.add("sum", sum(y * weights, {0}));
  call.state.add("squared_sum", sum(y * y * weights, {0}));
  call.state.add("residual", sum(square(y - call.prediction.value) * weights, {0}));
  call.state.add("count", sum(weights, {0}));
  call.state.add("num_samples", count(y, axes_from(y, 0)));
}

/// How null is given is a matter of the config: absent means the default.
Expr aggregated(const Args& args, const Expr& scores, const Expr& spread) {
  const Json& given = args.config()["class_aggregation"];
  if (args.config().has("class_aggregation") && given.is_null()) return scores;
  const Json& method = args.json("class_aggregation");
  const std::string name = method.is_string() ? method.as_string() : "";
  if (name == "uniform_average") return mean(scores, {0});
  if (name != "variance_weighted_average")
    args.reject("class_aggregation", "expected \"uniform_average\", \"variance_weighted_average\" or null");
  return sum(spread * scores, {0}) / sum(spread, {0});
}

Expr r2_score(const Args& args, const MetricState& state) {
  const Expr spread = state["squared_sum"] - state["sum"] * (state["sum"] / state["count"]);
  const Expr raw = 1 - state["residual"] / spread;
  const Expr finite = where(equal(unary(Op::abs, raw), number(raw, INFINITY)), number(raw, 0), raw);
  const Expr score = aggregated(args, finite, spread);
  const double regressors = static_cast<double>(args.integer("num_regressors"));
  if (regressors < 0) args.reject("num_regressors", "expected at least 0", {}, ErrorKind::data);
  if (regressors == 0) return score;
  // Adjusted for them, where there are samples enough.
  const Expr n = state["num_samples"], left = n - (regressors + 1);
  const Expr enough = greater(left, 0);
  const Expr ratio = (n - 1) / where(enough, left, number(left, 1));
  return where(enough, 1 - (1 - score) * ratio, score);
}

constexpr MetricDef kMetrics[] = {
    {{"RootMeanSquaredError", "rmse|RMSE", {}},
     MetricTarget::values,
     squared_errors,
     root_of_mean,
     Direction::down},
    {{"CosineSimilarity", "", kAxisArgs}, MetricTarget::values, cosine, mean_result, Direction::up},
    {{"PearsonCorrelation", "", kAxisArgs}, MetricTarget::values, pearson, mean_result, Direction::up},
    {{"ConcordanceCorrelation", "", kAxisArgs},
     MetricTarget::values,
     concordance,
     mean_result,
     Direction::up},
    {{"R2Score", "", kR2Args}, MetricTarget::values, r2_sums, r2_score, Direction::up},
};

}  // namespace

std::span<const MetricDef> regression_metrics() { return kMetrics; }

}  // namespace keratin
