#include <algorithm>
#include <cmath>

#include "frontend/training/confusion.h"
#include "frontend/training/loss_values.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {

Thresholds Thresholds::of(std::vector<double> values) {
  const size_t n = values.size();
  bool is_even = n > 2;
  for (size_t i = 0; i < n && is_even; ++i) {
    // As numpy.allclose() does it.
    constexpr double kRelative = 1e-5;
    const double wanted = static_cast<double>(i) / static_cast<double>(n - 1);
    is_even = std::abs(values[i] - wanted) <= kEpsilon + kRelative * wanted;
  }
  return {std::move(values), is_even};
}

Thresholds Thresholds::even(int64_t count) {
  std::vector<double> values;
  for (int64_t i = 0; i < count; ++i)
    values.push_back(static_cast<double>(i) / static_cast<double>(count - 1));
  return {std::move(values), true};
}

namespace {

/// Predictions, and thresholds to compare them with. Even thresholds are numbered, and a prediction is put between two of these numbers
/// by one multiplication, as Keras does it: so what lies on a threshold but for rounding is decided as there.
struct Comparable {
  Expr prediction;
  std::shared_ptr<Tensor> thresholds;
};

Comparable comparable(const Expr& p, const Thresholds& thresholds) {
  const auto n = static_cast<int64_t>(thresholds.values.size());
  auto numbers = std::make_shared<Tensor>(DType::f32, std::vector<int64_t>{n});
  for (int64_t i = 0; i < n; ++i)
    numbers->set(i, thresholds.is_even ? static_cast<double>(i) : thresholds.values[static_cast<size_t>(i)]);
  if (!thresholds.is_even) return {p, numbers};
  const bool has_margin = thresholds.values.front() < 0 || thresholds.values.back() > 1;
  if (has_margin) numbers->set(0, -1);
  return {clip(p, 0, 1) * static_cast<double>(n - 1), numbers};
}

}  // namespace

void count_decisions(MetricState& state, const Decided& decided, const Thresholds& thresholds, int which) {
  const Comparable compared = comparable(to_float(decided.prediction), thresholds);
  Shape shape = compared.prediction.shape();
  shape.insert(shape.begin(), Dim(static_cast<int64_t>(thresholds.values.size())));
  const auto repeated = [&](const Expr& x) { return broadcast_to(expand_dims(x, 0), shape); };
  const Expr values = repeated(compared.prediction), y = repeated(as_boolean(decided.target)),
             weights = repeated(decided.weights);
  Builder& builder = values.builder();
  const Expr p = less(align(Expr(builder, builder.constant(compared.thresholds)), values, {0}), values);
  Ints axes;
  for (int64_t axis = 1; axis < p.rank(); ++axis)
    if (std::find(decided.labels.begin(), decided.labels.end(), axis - 1) == decided.labels.end())
      axes.push_back(axis);
  auto counted = [&](std::string_view name, Decisions decision, const Expr& pair) {
    if ((which & decision) != 0) state.add(name, sum(cast(pair, weights.dtype()) * weights, axes));
  };
  counted("true_positives", kTruePositives, logical_and(y, p));
  counted("false_positives", kFalsePositives, logical_and(logical_not(y), p));
  counted("true_negatives", kTrueNegatives, logical_and(logical_not(y), logical_not(p)));
  counted("false_negatives", kFalseNegatives, logical_and(y, logical_not(p)));
}

Expr of_class(const Args& args, const Expr& x) {
  const std::optional<int64_t> id = optional_integer(args, "class_id");
  if (!id) return x;
  const int64_t classes = x.extent(-1), first = *id < 0 ? *id + classes : *id;
  if (first < 0 || first >= classes)
    args.reject("class_id", cat("the prediction has ", classes, " classes"), {}, ErrorKind::data);
  return slice(x, -1, first, first + 1);
}

Expr precisions(const MetricState& s) {
  return divide_no_nan(s["true_positives"], s["true_positives"] + s["false_positives"]);
}
Expr recalls(const MetricState& s) {
  return divide_no_nan(s["true_positives"], s["true_positives"] + s["false_negatives"]);
}
Expr specificities(const MetricState& s) {
  return divide_no_nan(s["true_negatives"], s["true_negatives"] + s["false_positives"]);
}

namespace {

constexpr double kLowest = -1e10;  // what is not among the largest k

constexpr Arg kCountArgs[] = {{"thresholds", ArgKind::any, "null"}};
constexpr Arg kDecisionArgs[] = {
    {"thresholds", ArgKind::any, "null"},
    {"top_k", ArgKind::count, "null"},
    {"class_id", ArgKind::integer, "null"},
};

/// One threshold, a list, or null.
Thresholds thresholds_of(const Args& args, double fallback) {
  const Json& given = args.json("thresholds");
  if (given.is_null()) return {{fallback}};
  std::vector<double> values;
  for (const Json& one : given.is_array() ? given.items() : std::vector{given}) {
    if (!one.is_number() || one.as_double() < 0 || one.as_double() > 1)
      args.reject("thresholds", "expected numbers from 0 to 1", {}, ErrorKind::data);
    values.push_back(one.as_double());
  }
  if (values.empty()) args.reject("thresholds", "expected one or more numbers", {}, ErrorKind::data);
  return Thresholds::of(std::move(values));
}

/// A single threshold gives a single number.
Expr by_threshold(const Expr& x) { return x.dim(0).is(1) ? squeeze(x, {0}) : x; }

template <Decisions kWhich>
void counts(MetricCall& call) {
  const Expr& p = call.prediction.value;
  count_decisions(call.state, {call.target, p, call.weights(p)}, thresholds_of(call.args, 0.5), kWhich);
}

/// `x` where it is among the largest k of its row, a very low number elsewhere.
Expr only_top_k(const Args& args, const Expr& x) {
  const int64_t k = args.integer("top_k"), last = x.rank() - 1;
  if (k > x.extent(-1))
    args.reject("top_k", cat("the prediction has ", x.extent(-1), " classes"), {}, ErrorKind::data);
  const Node* top = x.builder().make_node(Op::top_k, {x.value()}, SortAttrs{.axis = last, .k = k});
  const Expr indices(x.builder(), top->value(1));
  Shape shape = indices.shape();
  shape.push_back(x.dim(-1));
  const Expr places(x.builder(), x.builder().make(Op::iota, {}, IotaAttrs{last + 1, DType::i32, shape}));
  const Expr chosen = reduce(Op::reduce_or, equal(expand_dims(indices, -1), places), {last});
  return where(chosen, x, number(x, kLowest));
}

template <int kWhich>
void decisions(MetricCall& call) {
  const bool by_rank = !call.args.is_null("top_k");
  const Expr& all = call.prediction.value;
  const Expr p = of_class(call.args, by_rank ? only_top_k(call.args, all) : all);
  count_decisions(call.state, {of_class(call.args, call.target), p, call.weights(p)},
                  thresholds_of(call.args, by_rank ? kLowest : 0.5), kWhich);
}

Expr precision(const Args&, const MetricState& s) { return by_threshold(precisions(s)); }
Expr recall(const Args&, const MetricState& s) { return by_threshold(recalls(s)); }
Expr true_positives(const Args&, const MetricState& s) { return by_threshold(s["true_positives"]); }
Expr false_positives(const Args&, const MetricState& s) { return by_threshold(s["false_positives"]); }
Expr true_negatives(const Args&, const MetricState& s) { return by_threshold(s["true_negatives"]); }
Expr false_negatives(const Args&, const MetricState& s) { return by_threshold(s["false_negatives"]); }

// ---- the best of one rate where another is good enough ----

constexpr Arg kAtSpecificityArgs[] = {{"specificity", ArgKind::real},
                                      {"num_thresholds", ArgKind::count, "200"},
                                      {"class_id", ArgKind::integer, "null"}};
constexpr Arg kAtSensitivityArgs[] = {{"sensitivity", ArgKind::real},
                                      {"num_thresholds", ArgKind::count, "200"},
                                      {"class_id", ArgKind::integer, "null"}};
constexpr Arg kAtRecallArgs[] = {{"recall", ArgKind::real},
                                 {"num_thresholds", ArgKind::count, "200"},
                                 {"class_id", ArgKind::integer, "null"}};
constexpr Arg kAtPrecisionArgs[] = {{"precision", ArgKind::real},
                                    {"num_thresholds", ArgKind::count, "200"},
                                    {"class_id", ArgKind::integer, "null"}};

void all_decisions(MetricCall& call) {
  const int64_t count = call.args.integer("num_thresholds");
  const Expr p = of_class(call.args, call.prediction.value);
  count_decisions(call.state, {of_class(call.args, call.target), p, call.weights(p)},
                  count == 1 ? Thresholds{{0.5}} : Thresholds::even(count), kAllDecisions);
}

Expr best(const Args& args, std::string_view bound, const Expr& bounded, const Expr& wanted) {
  const double least = args.real(bound);
  if (least < 0 || least > 1) args.reject(bound, "expected a number from 0 to 1", {}, ErrorKind::data);
  return reduce(Op::reduce_max, where(greater_equal(bounded, least), wanted, number(wanted, 0)), {0});
}

constexpr MetricDef kMetrics[] = {
    {{"TruePositives", "", kCountArgs}, MetricTarget::values, counts<kTruePositives>, true_positives},
    {{"FalsePositives", "", kCountArgs}, MetricTarget::values, counts<kFalsePositives>, false_positives},
    {{"TrueNegatives", "", kCountArgs}, MetricTarget::values, counts<kTrueNegatives>, true_negatives},
    {{"FalseNegatives", "", kCountArgs}, MetricTarget::values, counts<kFalseNegatives>, false_negatives},
    {{"Precision", "", kDecisionArgs},
     MetricTarget::values,
     decisions<kTruePositives | kFalsePositives>,
     precision,
     Direction::up},
    {{"Recall", "", kDecisionArgs},
     MetricTarget::values,
     decisions<kTruePositives | kFalseNegatives>,
     recall,
     Direction::up},
    {{"SensitivityAtSpecificity", "", kAtSpecificityArgs},
     MetricTarget::values,
     all_decisions,
     [](const Args& args, const MetricState& s) {
       return best(args, "specificity", specificities(s), recalls(s));
     },
     Direction::up},
    {{"SpecificityAtSensitivity", "", kAtSensitivityArgs},
     MetricTarget::values,
     all_decisions,
     [](const Args& args, const MetricState& s) {
       return best(args, "sensitivity", recalls(s), specificities(s));
     },
     Direction::up},
    {{"PrecisionAtRecall", "", kAtRecallArgs},
     MetricTarget::values,
     all_decisions,
     [](const Args& args, const MetricState& s) { return best(args, "recall", recalls(s), precisions(s)); },
     Direction::up},
    {{"RecallAtPrecision", "", kAtPrecisionArgs},
     MetricTarget::values,
     all_decisions,
     [](const Args& args, const MetricState& s) {
       return best(args, "precision", precisions(s), recalls(s));
     },
     Direction::up},
};

}  // namespace

std::span<const MetricDef> confusion_metrics() { return kMetrics; }

}  // namespace keratin
