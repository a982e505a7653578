// The area under a curve of rates, over many thresholds.
#include <algorithm>

#include "frontend/training/confusion.h"
#include "frontend/training/loss_values.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {
namespace {

constexpr Arg kAucArgs[] = {
    {"num_thresholds", ArgKind::count, "200"},
    {"curve", ArgKind::choice, "ROC", "ROC|PR|PRGAIN|roc|pr|prgain"},
    {"summation_method", ArgKind::choice, "interpolation",
     "interpolation|minoring|majoring|Interpolation|Minoring|Majoring"},
    {"thresholds", ArgKind::any, "null"},
    {"multi_label", ArgKind::boolean, "false"},
    {"num_labels", ArgKind::count, "null"},
    {"label_weights", ArgKind::any, "null"},
    {"from_logits", ArgKind::boolean, "false"},
};

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

/// Those that are given or evenly spaced ones, between one below 0 and one above 1.
Thresholds auc_thresholds(const Args& args) {
  Thresholds thresholds;
  const Json& given = args.json("thresholds");
  if (given.is_null()) {
    const int64_t count = args.integer("num_thresholds");
    if (count < 2) args.reject("num_thresholds", "expected at least 2", {}, ErrorKind::data);
    thresholds = Thresholds::even(count);
  } else {
    std::vector<double> values = {0, 1};
    for (const Json& one : given.is_array() ? given.items() : std::vector<Json>{}) {
      if (!one.is_number()) args.reject("thresholds", "expected a list of numbers", {}, ErrorKind::data);
      values.push_back(one.as_double());
    }
    if (values.size() == 2) args.reject("thresholds", "expected a list of numbers", {}, ErrorKind::data);
    std::sort(values.begin(), values.end());
    thresholds = Thresholds::of(std::move(values));
  }
  thresholds.values.front() = -kEpsilon;
  thresholds.values.back() = 1 + kEpsilon;
  return thresholds;
}

/// One for each label, or none. Keras may store them as a tensor: {"class_name": "__tensor__", "config": {"value": […]}}.
std::shared_ptr<Tensor> label_weights(const Args& args, int64_t labels) {
  const Json& given = args.json("label_weights");
  if (given.is_null()) return nullptr;
  const Json& list = given.is_object() ? given["config"]["value"] : given;
  const auto is_number = [](const Json& item) { return item.is_number(); };
  if (!list.is_array() || static_cast<int64_t>(list.size()) != labels ||
      !std::all_of(list.items().begin(), list.items().end(), is_number))
    args.reject("label_weights", cat("expected a list of ", labels, " numbers"), {}, ErrorKind::data);
  auto weights = std::make_shared<Tensor>(DType::f32, std::vector<int64_t>{labels});
  for (int64_t i = 0; i < labels; ++i) weights->set(i, list.at(static_cast<size_t>(i)).as_double());
  return weights;
}

/// Counts of decisions at each threshold and, if they are counted apart, of each label.
void auc_counts(MetricCall& call) {
  const Args& args = call.args;
  const Expr& given = call.prediction.value;
  const Expr p = args.boolean("from_logits") ? unary(Op::sigmoid, given) : given;
  const bool apart = args.boolean("multi_label");
  const std::optional<int64_t> labels = optional_integer(args, "num_labels");
  if (apart && p.rank() != 2)
    throw Error(
        ErrorKind::data,
        cat("multi_label takes predictions of rank 2: sample, label; this one is ", to_text(p.shape())),
        args.where());
  if (labels && !apart) args.reject("num_labels", "it goes with multi_label only", {}, ErrorKind::data);
  if (labels && *labels != p.extent(1))
    args.reject("num_labels", cat("the prediction has ", p.extent(1)), {}, ErrorKind::data);
  Expr weights = call.weights(p);
  if (!apart && !args.is_null("label_weights")) {
    Builder& builder = p.builder();
    weights = weights * Expr(builder, builder.constant(label_weights(args, p.extent(-1))));
  }
  count_decisions(call.state, {call.target, p, weights, apart ? Ints{1} : Ints{}}, auc_thresholds(args),
                  kAllDecisions);
}

// Of the values at all thresholds, those at the left and at the right ends of the steps between them.
Expr left(const Expr& x) { return slice(x, 0, 0, x.extent(0) - 1); }
Expr right(const Expr& x) { return slice(x, 0, 1, x.extent(0)); }

/// J. Davis, M. Goadrich, The relationship between Precision-Recall and ROC curves, ICML 2006: between two thresholds, true and
/// false positives move together along a line; the integral of the precision has this closed form.
Expr precision_recall_steps(const MetricState& s) {
  const Expr tp = s["true_positives"], p = tp + s["false_positives"], fn = s["false_negatives"];
  const Expr gained = left(tp) - right(tp);
  const Expr slope = divide_no_nan(gained, maximum(left(p) - right(p), 0));
  const Expr intercept = right(tp) - slope * right(p);
  const Expr both = logical_and(greater(left(p), 0), greater(right(p), 0));
  const Expr ratio = where(both, divide_no_nan(left(p), right(p)), number(left(p), 1));
  return divide_no_nan(slope * (gained + intercept * unary(Op::log, ratio)), right(tp) + right(fn));
}

struct Curve {
  Expr x, y;
};

/// P. Flach, M. Kull, Precision-Recall-Gain curves, NeurIPS 2015. Gains that would be below 0 count as 0; without true positives
/// the recall's gain is 0 and the precision's 1.
Curve gains(const MetricState& s) {
  const Expr tp = s["true_positives"], fp = s["false_positives"], fn = s["false_negatives"];
  const Expr odds = divide_no_nan(tp + fn, s["true_negatives"] + fp), none = equal(tp, number(tp, 0));
  const Expr recall = 1 - odds * divide_no_nan(fn, tp), precision = 1 - odds * divide_no_nan(fp, tp);
  return {maximum(where(none, number(tp, 0), recall), 0), where(none, number(tp, 1), precision)};
}

Curve curve_of(const MetricState& s, const std::string& name) {
  if (name == "prgain") return gains(s);
  if (name == "pr") return {recalls(s), precisions(s)};
  const Expr fp = s["false_positives"];
  return {divide_no_nan(fp, fp + s["true_negatives"]), recalls(s)};
}

Expr steps_under_curve(const MetricState& s, const std::string& name, const std::string& method) {
  if (name == "pr" && method == "interpolation") return precision_recall_steps(s);
  const Curve curve = curve_of(s, name);
  const Expr from = left(curve.y), to = right(curve.y);
  const Expr height = method == "interpolation" ? (from + to) / 2
                      : method == "minoring"    ? minimum(from, to)
                                                : maximum(from, to);
  return (left(curve.x) - right(curve.x)) * height;
}

Expr auc(const Args& args, const MetricState& s) {
  const Expr area =
      sum(steps_under_curve(s, lower(args.choice("curve")), lower(args.choice("summation_method"))), {0});
  if (area.rank() == 0) return area;
  const std::shared_ptr<Tensor> weights = label_weights(args, area.extent(0));
  if (weights == nullptr) return mean(area, {0});
  const Expr w(area.builder(), area.builder().constant(weights));
  return divide_no_nan(sum(area * w, {0}), sum(w, {0}));
}

constexpr MetricDef kMetrics[] = {
    {{"AUC", "auc", kAucArgs}, MetricTarget::values, auc_counts, auc, Direction::up}};

}  // namespace

std::span<const MetricDef> auc_metrics() { return kMetrics; }

}  // namespace keratin
