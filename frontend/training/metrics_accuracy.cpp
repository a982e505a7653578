// How often a prediction is right.
#include "frontend/training/loss_values.h"
#include "frontend/training/metrics.h"

namespace keratin {
namespace {

Expr as_float(const Expr& condition) { return cast(condition, DType::f32); }

/// Indices of the largest elements along the last axis; the first of equal ones.
Expr argmax(const Expr& x) {
  return {x.builder(), x.builder().make(Op::argmax, {x.value()}, AxesAttrs{{x.rank() - 1}})};
}

void accuracy(MetricCall& call) { call.add_to_mean(as_float(equal(call.target, call.prediction.value))); }

constexpr Arg kThresholdArgs[] = {{"threshold", ArgKind::real, "0.5"}};

void binary_accuracy(MetricCall& call) {
  const Expr predicted = as_float(greater(call.prediction.value, call.args.real("threshold")));
  call.add_to_mean(as_float(equal(call.target, predicted)));
}

void categorical_accuracy(MetricCall& call) {
  call.add_to_mean(as_float(equal(argmax(call.target), argmax(call.prediction.value))));
}

void sparse_accuracy(MetricCall& call) {
  call.add_to_mean(as_float(equal(call.target, argmax(call.prediction.value))));
}

constexpr Arg kTopKArgs[] = {{"k", ArgKind::count, "5"}};
constexpr Arg kSparseTopKArgs[] = {{"k", ArgKind::count, "5"},
                                   {"from_sorted_ids", ArgKind::boolean, "false"}};

/// A label is a hit if fewer than k classes are predicted higher.
void top_k(MetricCall& call, const Expr& labels) {
  const Expr& p = call.prediction.value;
  const Expr of_label = sum(one_hot(labels, p) * p, {-1}, true);
  const Expr higher = sum(as_float(less(broadcast_to(of_label, p.shape()), p)), {-1});
  call.add_to_mean(as_float(less(higher, static_cast<double>(call.args.integer("k")))));
}

/// The prediction may hold class numbers instead, the likeliest first.
void sparse_top_k(MetricCall& call) {
  if (!call.args.boolean("from_sorted_ids")) return top_k(call, call.target);
  const Expr& ids = call.prediction.value;
  const Expr first = slice(ids, -1, 0, std::min(call.args.integer("k"), ids.extent(-1)));
  const Expr hits = equal(expand_dims(call.target, -1), first);
  call.add_to_mean(as_float(reduce(Op::reduce_or, hits, {-1})));
}

constexpr MetricDef kMetrics[] = {
    {{"Accuracy", "", {}}, MetricTarget::values, accuracy, mean_result, Direction::up},
    {{"BinaryAccuracy", "", kThresholdArgs},
     MetricTarget::values,
     binary_accuracy,
     mean_result,
     Direction::up},
    {{"CategoricalAccuracy", "", {}}, MetricTarget::values, categorical_accuracy, mean_result, Direction::up},
    {{"SparseCategoricalAccuracy", "", {}},
     MetricTarget::classes,
     sparse_accuracy,
     mean_result,
     Direction::up},
    {{"TopKCategoricalAccuracy", "", kTopKArgs},
     MetricTarget::values,
     [](MetricCall& call) { top_k(call, argmax(call.target)); },
     mean_result,
     Direction::up},
    {{"SparseTopKCategoricalAccuracy", "", kSparseTopKArgs},
     MetricTarget::classes,
     sparse_top_k,
     mean_result,
     Direction::up},
};

}  // namespace

std::span<const MetricDef> accuracy_metrics() { return kMetrics; }

}  // namespace keratin
