#include "frontend/training/metrics.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "frontend/model_file.h"
#include "frontend/training/losses.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {

Expr MetricState::operator[](std::string_view name) const {
  const std::string path = cat(path_, "/", name);
  for (const Variable& variable : variables_)
    if (variable.name == path) return {builder_, builder_.var(variable)};
  KERATIN_CHECK(false, cat("metric ", path_, " has no accumulator ", name));
}

void MetricState::add(std::string_view name, const Expr& increment) {
  const std::string path = cat(path_, "/", name);
  const Type type = increment.value().type();
  if (std::none_of(variables_.begin(), variables_.end(), [&](const Variable& v) { return v.name == path; }))
    variables_.push_back({path, type, Role::state, false, nullptr});
  builder_.update(path, ((*this)[name] + increment).value());
}

Expr MetricCall::weights(const Expr& like) const {
  const Expr weights = weight ? along_batch(weight, like) : broadcast_to(number(like, 1), like.shape());
  const Expr& mask = prediction.mask;
  return mask && mask.rank() == like.rank() ? weights * cast(mask, weights.dtype()) : weights;
}

namespace {

/// 0 where the divisor is 0.
Expr divide_no_nan(const Expr& a, const Expr& b) {
  const Expr zero = equal(b, number(b, 0));
  return where(zero, number(a, 0), a / where(zero, number(b, 1), b));
}

Expr total(const Expr& x) { return sum(x, axes_from(x, 0)); }
Expr square(const Expr& x) { return x * x; }
Expr as_float(const Expr& condition) { return cast(condition, DType::f32); }
/// Indices of the largest elements along the last axis; the first of equal ones.
Expr argmax(const Expr& x) {
  return {x.builder(), x.builder().make(Op::argmax, {x.value()}, AxesAttrs{{x.rank() - 1}})};
}

// ---- means of values per sample ----

void add_to_mean(MetricCall& call, const Expr& values) {
  const Expr weights = call.weights(values);
  call.state.add("total", total(values * weights));
  call.state.add("count", total(weights));
}

Expr mean_result(const Args&, const MetricState& state) {
  return divide_no_nan(state["total"], state["count"]);
}

template <Expr (*F)(const Expr&, const Expr&)>
void mean_of(MetricCall& call) {
  add_to_mean(call, F(call.target, call.prediction.value));
}

void squared_errors(MetricCall& call) {  // element by element, not averaged first
  const Expr squares = square(call.prediction.value - call.target), weights = call.weights(squares);
  call.state.add("total", total(squares * weights));
  call.state.add("count", total(weights));
}
Expr root_of_mean(const Args& args, const MetricState& state) {
  return unary(Op::sqrt, mean_result(args, state));
}

constexpr Arg kThresholdArgs[] = {{"threshold", ArgKind::real, "0.5"}};

void binary_accuracy(MetricCall& call) {
  const Expr predicted = as_float(greater(call.prediction.value, call.args.real("threshold")));
  add_to_mean(call, mean(as_float(equal(call.target, predicted)), {-1}));
}

void categorical_accuracy(MetricCall& call) {
  add_to_mean(call, as_float(equal(argmax(call.target), argmax(call.prediction.value))));
}

void sparse_accuracy(MetricCall& call) {
  add_to_mean(call, as_float(equal(call.target, argmax(call.prediction.value))));
}

constexpr Arg kTopKArgs[] = {{"k", ArgKind::count, "5"}, {"from_sorted_ids", ArgKind::fixed, "false"}};

/// A label is a hit if fewer than k classes are predicted higher.
void top_k(MetricCall& call, const Expr& labels) {
  const Expr& p = call.prediction.value;
  const Expr of_label = sum(one_hot(labels, p) * p, {-1}, true);
  const Expr higher = sum(as_float(less(broadcast_to(of_label, p.shape()), p)), {-1});
  add_to_mean(call, as_float(less(higher, number(higher, static_cast<double>(call.args.integer("k"))))));
}

constexpr Arg kCrossentropyArgs[] = {
    {"from_logits", ArgKind::boolean, "false"},
    {"label_smoothing", ArgKind::real, "0.0"},
    {"axis", ArgKind::fixed, "-1"},
};
constexpr Arg kSparseArgs[] = {{"from_logits", ArgKind::boolean, "false"}, {"axis", ArgKind::fixed, "-1"}};
constexpr Arg kAxisArgs[] = {{"axis", ArgKind::fixed, "-1"}};

template <Expr (*F)(const Expr&, const Traced&, bool, double)>
void crossentropy(MetricCall& call) {
  add_to_mean(call, F(call.target, call.prediction, call.args.boolean("from_logits"),
                      call.args.real("label_smoothing")));
}

// ---- coefficient of determination ----

constexpr Arg kR2Args[] = {
    {"class_aggregation", ArgKind::choice, "uniform_average", "uniform_average|variance_weighted_average"},
    {"num_regressors", ArgKind::fixed, "0"},
};

void r2_sums(MetricCall& call) {
  const Expr &y = call.target, weights = call.weights(y);
  call.state.add("sum", sum(y * weights, {0}));
  call.state.add("squared_sum", sum(y * y * weights, {0}));
  call.state.add("residual", sum(square(y - call.prediction.value) * weights, {0}));
  call.state.add("count", sum(weights, {0}));
}

Expr r2_score(const Args& args, const MetricState& state) {
  const Expr spread = state["squared_sum"] - state["sum"] * (state["sum"] / state["count"]);
  const Expr raw = 1 - state["residual"] / spread;
  const Expr finite = where(equal(unary(Op::abs, raw), number(raw, INFINITY)), number(raw, 0), raw);
  if (args.choice("class_aggregation") == "uniform_average") return mean(finite, {0});
  return sum(spread * finite, {0}) / sum(spread, {0});
}

// ---- counts of right and wrong decisions ----

constexpr Arg kDecisionArgs[] = {
    {"thresholds", ArgKind::any, "null"},
    {"top_k", ArgKind::fixed, "null"},
    {"class_id", ArgKind::fixed, "null"},
};

double decision_threshold(const Args& args) {
  const Json& given = args.json("thresholds");
  if (given.is_null()) return 0.5;
  if (given.is_number()) return given.as_double();
  if (given.is_array() && given.size() == 1) return given.at(0).as_double();
  args.reject("thresholds", "several thresholds are not supported");
}

enum Decisions : uint8_t { kTruePositives = 1, kFalsePositives = 2, kTrueNegatives = 4, kFalseNegatives = 8 };

/// Adds up to four counts: of the pairs of label (y, a boolean) and decision (p), along `axes`.
void count_decisions(MetricCall& call, const Expr& y, const Expr& p, const Expr& weights, const Ints& axes,
                     int which) {
  auto counted = [&](std::string_view name, Decisions decision, const Expr& pair) {
    if ((which & decision) != 0) call.state.add(name, sum(as_float(pair) * weights, axes));
  };
  counted("true_positives", kTruePositives, logical_and(y, p));
  counted("false_positives", kFalsePositives, logical_and(logical_not(y), p));
  counted("true_negatives", kTrueNegatives, logical_and(logical_not(y), logical_not(p)));
  counted("false_negatives", kFalseNegatives, logical_and(y, logical_not(p)));
}

template <int kWhich>
void decisions(MetricCall& call) {
  const Expr& p = call.prediction.value;
  count_decisions(call, as_boolean(call.target), greater(p, decision_threshold(call.args)), call.weights(p),
                  axes_from(p, 0), kWhich);
}

Expr precision(const Args&, const MetricState& s) {
  return divide_no_nan(s["true_positives"], s["true_positives"] + s["false_positives"]);
}
Expr recall(const Args&, const MetricState& s) {
  return divide_no_nan(s["true_positives"], s["true_positives"] + s["false_negatives"]);
}
Expr true_positives(const Args&, const MetricState& s) { return s["true_positives"]; }
Expr false_positives(const Args&, const MetricState& s) { return s["false_positives"]; }
Expr true_negatives(const Args&, const MetricState& s) { return s["true_negatives"]; }
Expr false_negatives(const Args&, const MetricState& s) { return s["false_negatives"]; }

// ---- area under a curve ----

constexpr Arg kAucArgs[] = {
    {"num_thresholds", ArgKind::count, "200"},
    {"curve", ArgKind::choice, "ROC", "ROC|PR"},
    {"summation_method", ArgKind::choice, "interpolation", "interpolation|minoring|majoring"},
    {"thresholds", ArgKind::fixed, "null"},
    {"multi_label", ArgKind::fixed, "false"},
    {"num_labels", ArgKind::fixed, "null"},
    {"label_weights", ArgKind::fixed, "null"},
    {"from_logits", ArgKind::boolean, "false"},
};

/// -ε, evenly spaced numbers between 0 and 1, 1 + ε.
std::shared_ptr<const Tensor> auc_thresholds(int64_t count) {
  auto thresholds = std::make_shared<Tensor>(DType::f32, std::vector<int64_t>{count});
  for (int64_t i = 0; i < count; ++i)
    thresholds->set(i, static_cast<double>(i) / static_cast<double>(count - 1));
  thresholds->set(0, -kEpsilon);
  thresholds->set(count - 1, 1 + kEpsilon);
  return thresholds;
}

/// Counts of decisions at each threshold: vectors.
void auc_counts(MetricCall& call) {
  const int64_t count = call.args.integer("num_thresholds");
  if (count < 2) call.args.reject("num_thresholds", "expected at least 2");
  const Expr& given = call.prediction.value;
  const Expr p = call.args.boolean("from_logits") ? unary(Op::sigmoid, given) : given;
  Builder& builder = p.builder();
  const Expr thresholds(builder, builder.constant(auc_thresholds(count)));
  Shape shape = p.shape();
  shape.insert(shape.begin(), Dim(count));
  const auto repeated = [&](const Expr& x) { return broadcast_to(expand_dims(x, 0), shape); };
  const Expr at = align(thresholds, repeated(p), {0});
  count_decisions(call, repeated(as_boolean(call.target)), less(at, repeated(p)), repeated(call.weights(p)),
                  axes_from(repeated(p), 1),
                  kTruePositives | kFalsePositives | kTrueNegatives | kFalseNegatives);
}

/// J. Davis, M. Goadrich, The relationship between Precision-Recall and ROC curves, ICML 2006: between two thresholds, true and
/// false positives move together along a line; the integral of the precision has this closed form.
Expr area_under_precision_recall(const MetricState& s, int64_t n) {
  const Expr tp = s["true_positives"], p = tp + s["false_positives"], fn = s["false_negatives"];
  auto above = [n](const Expr& x) { return slice(x, 0, 0, n - 1); };
  auto below = [n](const Expr& x) { return slice(x, 0, 1, n); };
  const Expr gained = above(tp) - below(tp);
  const Expr slope = divide_no_nan(gained, maximum(above(p) - below(p), 0));
  const Expr intercept = below(tp) - slope * below(p);
  const Expr both = logical_and(greater(above(p), 0), greater(below(p), 0));
  const Expr ratio = where(both, divide_no_nan(above(p), below(p)), number(above(p), 1));
  return sum(divide_no_nan(slope * (gained + intercept * unary(Op::log, ratio)), below(tp) + below(fn)), {0});
}

Expr auc(const Args& args, const MetricState& s) {
  const int64_t n = args.integer("num_thresholds");
  const bool is_roc = args.choice("curve") == "ROC";
  const std::string& method = args.choice("summation_method");
  if (!is_roc && method == "interpolation") return area_under_precision_recall(s, n);
  const Expr tp = s["true_positives"], fp = s["false_positives"];
  const Expr recalls = divide_no_nan(tp, tp + s["false_negatives"]);
  const Expr x = is_roc ? divide_no_nan(fp, fp + s["true_negatives"]) : recalls;
  const Expr y = is_roc ? recalls : divide_no_nan(tp, tp + fp);
  const Expr left = slice(y, 0, 0, n - 1), right = slice(y, 0, 1, n);
  const Expr height = method == "interpolation" ? (left + right) / 2
                      : method == "minoring"    ? minimum(left, right)
                                                : maximum(left, right);
  return sum((slice(x, 0, 0, n - 1) - slice(x, 0, 1, n)) * height, {0});
}

// ---- F scores ----

constexpr Arg kF1Args[] = {
    {"average", ArgKind::choice, "null", "null|micro|macro|weighted"},
    {"threshold", ArgKind::any, "null"},
};
constexpr Arg kFBetaArgs[] = {
    {"average", ArgKind::choice, "null", "null|micro|macro|weighted"},
    {"beta", ArgKind::real, "1.0"},
    {"threshold", ArgKind::any, "null"},
};

std::string average_of(const Args& args) {
  return args.json("average").is_null() ? "null" : args.choice("average");
}

/// Without a threshold, a row decides for its largest elements.
void f_counts(MetricCall& call) {
  constexpr double kZero = 1e-9;
  const Expr& p = call.prediction.value;
  const Json& threshold = call.args.json("threshold");
  const Expr decided =
      threshold.is_null()
          ? logical_and(less_equal(broadcast_to(reduce(Op::reduce_max, p, {-1}, true), p.shape()), p),
                        greater(unary(Op::abs, p), kZero))
          : greater(p, threshold.as_double());
  const Expr d = as_float(decided), weights = call.weights(d);
  const Ints axes = average_of(call.args) == "micro" ? axes_from(d, 0) : Ints{0};
  call.state.add("true_positives", sum(d * call.target * weights, axes));
  call.state.add("false_positives", sum(d * (1 - call.target) * weights, axes));
  call.state.add("false_negatives", sum((1 - d) * call.target * weights, axes));
  call.state.add("intermediate_weights", sum(call.target * weights, axes));
}

Expr f_beta(const Args& args, const MetricState& s, double beta) {
  const Expr tp = s["true_positives"];
  const Expr p = tp / (tp + s["false_positives"] + kEpsilon), r = tp / (tp + s["false_negatives"] + kEpsilon);
  const Expr score = p * r / (p * (beta * beta) + r + kEpsilon) * (1 + beta * beta);
  const std::string average = average_of(args);
  if (average == "null" && score.rank() > 0)
    args.reject("average", "one number per class cannot be logged",
                "use \"macro\", \"micro\" or \"weighted\"");
  if (average != "weighted") return mean(score, axes_from(score, 0));
  const Expr weights = s["intermediate_weights"];
  return sum(score * (weights / (sum(weights, {0}) + kEpsilon)), {0});
}

// ---- the table ----

constexpr MetricDef kMetrics[] = {
    {{"BinaryAccuracy", "", kThresholdArgs}, binary_accuracy, mean_result},
    {{"CategoricalAccuracy", "", {}}, categorical_accuracy, mean_result},
    {{"SparseCategoricalAccuracy", "", {}}, sparse_accuracy, mean_result},
    {{"TopKCategoricalAccuracy", "", kTopKArgs},
     [](MetricCall& call) { top_k(call, cast(argmax(call.target), DType::i32)); },
     mean_result},
    {{"SparseTopKCategoricalAccuracy", "", kTopKArgs},
     [](MetricCall& call) { top_k(call, call.target); },
     mean_result},
    {{"MeanSquaredError", "mse|MSE", {}}, mean_of<squared_error>, mean_result},
    {{"MeanAbsoluteError", "mae|MAE", {}}, mean_of<absolute_error>, mean_result},
    {{"MeanAbsolutePercentageError", "mape|MAPE", {}}, mean_of<absolute_percentage_error>, mean_result},
    {{"MeanSquaredLogarithmicError", "msle|MSLE", {}}, mean_of<squared_logarithmic_error>, mean_result},
    {{"RootMeanSquaredError", "rmse|RMSE", {}}, squared_errors, root_of_mean},
    {{"LogCoshError", "logcosh|log_cosh|LogCosh", {}}, mean_of<log_cosh>, mean_result},
    {{"R2Score", "", kR2Args}, r2_sums, r2_score},
    {{"CosineSimilarity", "", kAxisArgs}, mean_of<cosine_similarity>, mean_result},
    {{"Poisson", "", {}}, mean_of<poisson>, mean_result},
    {{"KLDivergence", "kld|KLD|kullback_leibler_divergence", {}}, mean_of<kl_divergence>, mean_result},
    {{"Hinge", "", {}}, mean_of<hinge>, mean_result},
    {{"SquaredHinge", "", {}}, mean_of<squared_hinge>, mean_result},
    {{"CategoricalHinge", "", {}}, mean_of<categorical_hinge>, mean_result},
    {{"BinaryCrossentropy", "bce|BCE", kCrossentropyArgs}, crossentropy<binary_crossentropy>, mean_result},
    {{"CategoricalCrossentropy", "", kCrossentropyArgs}, crossentropy<categorical_crossentropy>, mean_result},
    {{"SparseCategoricalCrossentropy", "", kSparseArgs},
     [](MetricCall& call) {
       add_to_mean(call, sparse_categorical_crossentropy(call.target, call.prediction,
                                                         call.args.boolean("from_logits")));
     },
     mean_result},
    {{"TruePositives", "", kDecisionArgs}, decisions<kTruePositives>, true_positives},
    {{"FalsePositives", "", kDecisionArgs}, decisions<kFalsePositives>, false_positives},
    {{"TrueNegatives", "", kDecisionArgs}, decisions<kTrueNegatives>, true_negatives},
    {{"FalseNegatives", "", kDecisionArgs}, decisions<kFalseNegatives>, false_negatives},
    {{"Precision", "", kDecisionArgs}, decisions<kTruePositives | kFalsePositives>, precision},
    {{"Recall", "", kDecisionArgs}, decisions<kTruePositives | kFalseNegatives>, recall},
    {{"AUC", "auc", kAucArgs}, auc_counts, auc},
    {{"F1Score", "f1_score", kF1Args},
     f_counts,
     [](const Args& args, const MetricState& s) { return f_beta(args, s, 1); }},
    {{"FBetaScore", "fbeta_score", kFBetaArgs},
     f_counts,
     [](const Args& args, const MetricState& s) { return f_beta(args, s, args.real("beta")); }},
};

bool is_accuracy(std::string_view name) {
  return name == "accuracy" || name == "acc" || name == "Accuracy" || name == "Acc";
}

/// Which accuracy the shapes ask for.
std::string_view accuracy_for(const Type& target, const Type& prediction) {
  if (prediction.shape.back().is(1)) return "BinaryAccuracy";
  return target.rank() < prediction.rank() ? "SparseCategoricalAccuracy" : "CategoricalAccuracy";
}

}  // namespace

Metric::Metric(const Json& object, const Type& target, const Type& prediction, const std::string& prefix,
               bool weighted, const std::string& where)
    : weighted_(weighted) {
  const Serialized serialized = read_serialized(object, "the metric");
  const bool by_shape = serialized.is_name && is_accuracy(serialized.class_name);
  def_ = &find_row<MetricDef>(kMetrics, by_shape ? accuracy_for(target, prediction) : serialized.class_name,
                              "metric", where);
  config_ = serialized.config;
  args_ = Args(def_->args, config_, cat(where, ": metric ", def_->class_name));
  const Json& given = config_["name"];
  name_ = cat(prefix, serialized.is_name  ? serialized.class_name
                      : given.is_string() ? given.as_string()
                                          : snake_case(def_->class_name));
}

std::string Metric::path() const { return cat("metrics/", name_); }

void Metric::update(const Expr& target, const Traced& prediction, const Expr& sample_weight) {
  MetricState state(target.builder(), path(), variables_);
  MetricCall call{args_, target, prediction, weighted_ ? sample_weight : Expr(), state};
  def_->update(call);
}

Expr Metric::result(Builder& builder) {
  return def_->result(args_, MetricState(builder, path(), variables_));
}

}  // namespace keratin
