// Means of what losses compute, and of anything else.
#include "frontend/training/loss_values.h"
#include "frontend/training/metrics.h"
#include "ir/error.h"

namespace keratin {

Expr mean_result(const Args&, const MetricState& state) {
  return divide_no_nan(state["total"], state["count"]);
}

namespace {

template <Expr (*F)(const Expr&, const Expr&)>
void mean_of(MetricCall& call) {
  call.add_to_mean(F(call.target, call.prediction.value));
}

constexpr Arg kBinaryArgs[] = {
    {"from_logits", ArgKind::boolean, "false"},
    {"label_smoothing", ArgKind::real, "0.0"},
};

void binary(MetricCall& call) {
  call.add_to_mean(binary_crossentropy(
      call.target, call.prediction,
      {.from_logits = call.args.boolean("from_logits"), .smoothing = call.args.real("label_smoothing")}));
}

void categorical(MetricCall& call) {
  call.add_to_mean(categorical_crossentropy(call.target, call.prediction, crossentropy_of(call.args)));
}

void sparse(MetricCall& call) {
  call.add_to_mean(sparse_categorical_crossentropy(
      call.target, call.prediction, {call.args.boolean("from_logits"), 0, call.args.integer("axis")},
      optional_integer(call.args, "ignore_class")));
}

// As a metric of a model they are given the target as values and the prediction as its weights.

Expr weighted_target(const MetricCall& call) {
  if (call.weight)
    throw Error(ErrorKind::unsupported,
                "it weighs the target by the prediction: it cannot be a weighted metric", call.args.where(),
                "list it in metrics");
  return call.target * call.prediction.value;
}

void weighted_mean(MetricCall& call) {
  const auto total = [](const Expr& x) { return sum(x, axes_from(x, 0)); };
  call.state.add("total", total(weighted_target(call)));
  call.state.add("count", total(call.prediction.value));
}

void weighted_sum(MetricCall& call) {
  const Expr products = weighted_target(call);
  call.state.add("total", sum(products, axes_from(products, 0)));
}

/// Of a loss's function. Functions of metrics are the metrics themselves.
void mean_of_loss(MetricCall& call) { call.add_to_mean(call.loss->values(call.target, call.prediction)); }

constexpr MetricDef kMetrics[] = {
    {{"MeanMetricWrapper", "", {}}, MetricTarget::own, mean_of_loss, mean_result, Direction::down},
    {{"Mean", "", {}}, MetricTarget::values, weighted_mean, mean_result},
    {{"Sum", "", {}},
     MetricTarget::values,
     weighted_sum,
     [](const Args&, const MetricState& s) { return s["total"]; }},
    {{"MeanSquaredError", "mse|MSE", {}},
     MetricTarget::values,
     mean_of<squared_error>,
     mean_result,
     Direction::down},
    {{"MeanAbsoluteError", "mae|MAE", {}},
     MetricTarget::values,
     mean_of<absolute_error>,
     mean_result,
     Direction::down},
    {{"MeanAbsolutePercentageError", "mape|MAPE", {}},
     MetricTarget::values,
     mean_of<absolute_percentage_error>,
     mean_result,
     Direction::down},
    {{"MeanSquaredLogarithmicError", "msle|MSLE", {}},
     MetricTarget::values,
     mean_of<squared_logarithmic_error>,
     mean_result,
     Direction::down},
    {{"LogCoshError", "logcosh|log_cosh|LogCosh", {}},
     MetricTarget::values,
     mean_of<log_cosh>,
     mean_result,
     Direction::down},
    {{"Poisson", "", {}}, MetricTarget::values, mean_of<poisson>, mean_result, Direction::down},
    {{"KLDivergence", "kld|KLD|kullback_leibler_divergence", {}},
     MetricTarget::values,
     mean_of<kl_divergence>,
     mean_result,
     Direction::down},
    {{"Hinge", "", {}}, MetricTarget::values, mean_of<hinge>, mean_result, Direction::down},
    {{"SquaredHinge", "", {}}, MetricTarget::values, mean_of<squared_hinge>, mean_result, Direction::down},
    {{"CategoricalHinge", "", {}},
     MetricTarget::values,
     mean_of<categorical_hinge>,
     mean_result,
     Direction::down},
    {{"BinaryCrossentropy", "bce|BCE", kBinaryArgs},
     MetricTarget::values,
     binary,
     mean_result,
     Direction::down},
    {{"CategoricalCrossentropy", "", kCrossentropyArgs},
     MetricTarget::values,
     categorical,
     mean_result,
     Direction::down},
    {{"SparseCategoricalCrossentropy", "", kSparseCrossentropyArgs},
     MetricTarget::classes,
     sparse,
     mean_result,
     Direction::down},
};

}  // namespace

std::span<const MetricDef> mean_metrics() { return kMetrics; }

}  // namespace keratin
