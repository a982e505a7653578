#include <keratin/keras/metrics.h>

#include "frontend/keras/make.h"

namespace keratin::keras::metrics {
namespace {

template <typename Options>
Value metric(std::string_view class_name, std::string_view name, const Options& o,
             const Arguments& own = {}) {
  Arguments arguments = {{"name", o.name.empty() ? name : o.name}};
  arguments.insert(arguments.end(), own.begin(), own.end());
  return make_object("keras.metrics", class_name, arguments);
}

Value confusion(std::string_view class_name, std::string_view name, const ConfusionOptions& o) {
  return metric(class_name, name, o, {{"thresholds", o.thresholds}});
}

Value at_bound(std::string_view class_name, std::string_view name, std::string_view bound, double value,
               const AtBoundOptions& o) {
  return metric(
      class_name, name, o,
      {{"num_thresholds", o.num_thresholds}, {"class_id", o.class_id}, {std::string(bound), value}});
}

/// What is given to all of them, then the class's own.
template <typename Options>
Value iou(std::string_view class_name, std::string_view name, const Options& o, Arguments own) {
  own.emplace_back("dtype", o.dtype.is_none() ? "int32" : o.dtype);
  return metric(class_name, name, o, own);
}

template <typename Options>
Arguments class_arguments(int64_t num_classes, const Options& o) {
  Arguments arguments = {{"num_classes", num_classes}, {"ignore_class", o.ignore_class}};
  if constexpr (requires { o.sparse_y_true; }) arguments.emplace_back("sparse_y_true", o.sparse_y_true);
  arguments.emplace_back("sparse_y_pred", o.sparse_y_pred);
  arguments.emplace_back("axis", o.axis);
  return arguments;
}

template <typename Options>
Arguments class_arguments(int64_t num_classes, const Value& target_class_ids, const Options& o) {
  Arguments arguments = class_arguments(num_classes, o);
  arguments.emplace_back("target_class_ids", target_class_ids);
  return arguments;
}

Arguments precision_arguments(const PrecisionOptions& o) {
  return {{"thresholds", o.thresholds}, {"top_k", o.top_k}, {"class_id", o.class_id}};
}

}  // namespace

Value Accuracy(const MetricOptions& o) { return metric("Accuracy", "accuracy", o); }
Value Mean(const MetricOptions& o) { return metric("Mean", "mean", o); }
Value Sum(const MetricOptions& o) { return metric("Sum", "sum", o); }
Value CategoricalAccuracy(const MetricOptions& o) {
  return metric("CategoricalAccuracy", "categorical_accuracy", o);
}
Value SparseCategoricalAccuracy(const MetricOptions& o) {
  return metric("SparseCategoricalAccuracy", "sparse_categorical_accuracy", o);
}
Value MeanSquaredError(const MetricOptions& o) { return metric("MeanSquaredError", "mean_squared_error", o); }
Value MeanAbsoluteError(const MetricOptions& o) {
  return metric("MeanAbsoluteError", "mean_absolute_error", o);
}
Value MeanAbsolutePercentageError(const MetricOptions& o) {
  return metric("MeanAbsolutePercentageError", "mean_absolute_percentage_error", o);
}
Value MeanSquaredLogarithmicError(const MetricOptions& o) {
  return metric("MeanSquaredLogarithmicError", "mean_squared_logarithmic_error", o);
}
Value RootMeanSquaredError(const MetricOptions& o) {
  return metric("RootMeanSquaredError", "root_mean_squared_error", o);
}
Value LogCoshError(const MetricOptions& o) { return metric("LogCoshError", "logcosh", o); }
Value Poisson(const MetricOptions& o) { return metric("Poisson", "poisson", o); }
Value KLDivergence(const MetricOptions& o) { return metric("KLDivergence", "kl_divergence", o); }
Value Hinge(const MetricOptions& o) { return metric("Hinge", "hinge", o); }
Value SquaredHinge(const MetricOptions& o) { return metric("SquaredHinge", "squared_hinge", o); }
Value CategoricalHinge(const MetricOptions& o) { return metric("CategoricalHinge", "categorical_hinge", o); }

Value BinaryAccuracy(const BinaryAccuracyOptions& o) {
  return metric("BinaryAccuracy", "binary_accuracy", o, {{"threshold", o.threshold}});
}

Value TopKCategoricalAccuracy(const TopKCategoricalAccuracyOptions& o) {
  return metric("TopKCategoricalAccuracy", "top_k_categorical_accuracy", o, {{"k", o.k}});
}

Value SparseTopKCategoricalAccuracy(const SparseTopKCategoricalAccuracyOptions& o) {
  Arguments own = {{"k", o.k}};
  if (o.from_sorted_ids) own.emplace_back("from_sorted_ids", o.from_sorted_ids);  // as Keras
  return metric("SparseTopKCategoricalAccuracy", "sparse_top_k_categorical_accuracy", o, own);
}

Value R2Score(const R2ScoreOptions& o) {
  return metric("R2Score", "r2_score", o,
                {{"class_aggregation", o.class_aggregation}, {"num_regressors", o.num_regressors}});
}

Value CosineSimilarity(const CosineSimilarityOptions& o) {
  // Keras forgets the axis.
  return metric("CosineSimilarity", "cosine_similarity", o,
                o.axis == -1 ? Arguments() : Arguments{{"axis", o.axis}});
}

Value PearsonCorrelation(const CorrelationOptions& o) {
  return metric("PearsonCorrelation", "pearson_correlation", o, {{"axis", o.axis}});
}
Value ConcordanceCorrelation(const CorrelationOptions& o) {
  return metric("ConcordanceCorrelation", "concordance_correlation", o, {{"axis", o.axis}});
}

Value MeanMetricWrapper(const Value& fn, const MeanMetricWrapperOptions& o) {
  const bool is_name = fn.json().starts_with('"');
  Arguments own = {{"fn", is_name ? Value(Dict{{"module", "builtins"},
                                               {"class_name", "function"},
                                               {"config", fn},
                                               {"registered_name", "function"}})
                                  : fn}};
  own.insert(own.end(), o.arguments.begin(), o.arguments.end());
  return metric("MeanMetricWrapper", "mean_metric_wrapper", o, own);
}

Value BinaryCrossentropy(const BinaryCrossentropyOptions& o) {
  return metric("BinaryCrossentropy", "binary_crossentropy", o,
                {{"from_logits", o.from_logits}, {"label_smoothing", o.label_smoothing}});
}
Value CategoricalCrossentropy(const CategoricalCrossentropyOptions& o) {
  return metric("CategoricalCrossentropy", "categorical_crossentropy", o,
                {{"from_logits", o.from_logits}, {"label_smoothing", o.label_smoothing}, {"axis", o.axis}});
}
Value SparseCategoricalCrossentropy(const SparseCategoricalCrossentropyOptions& o) {
  return metric("SparseCategoricalCrossentropy", "sparse_categorical_crossentropy", o,
                {{"from_logits", o.from_logits}, {"ignore_class", o.ignore_class}, {"axis", o.axis}});
}

Value TruePositives(const ConfusionOptions& o) { return confusion("TruePositives", "true_positives", o); }
Value FalsePositives(const ConfusionOptions& o) { return confusion("FalsePositives", "false_positives", o); }
Value TrueNegatives(const ConfusionOptions& o) { return confusion("TrueNegatives", "true_negatives", o); }
Value FalseNegatives(const ConfusionOptions& o) { return confusion("FalseNegatives", "false_negatives", o); }

Value Precision(const PrecisionOptions& o) {
  return metric("Precision", "precision", o, precision_arguments(o));
}
Value Recall(const PrecisionOptions& o) { return metric("Recall", "recall", o, precision_arguments(o)); }

Value SensitivityAtSpecificity(double specificity, const AtBoundOptions& o) {
  return at_bound("SensitivityAtSpecificity", "sensitivity_at_specificity", "specificity", specificity, o);
}
Value SpecificityAtSensitivity(double sensitivity, const AtBoundOptions& o) {
  return at_bound("SpecificityAtSensitivity", "specificity_at_sensitivity", "sensitivity", sensitivity, o);
}
Value PrecisionAtRecall(double recall, const AtBoundOptions& o) {
  return at_bound("PrecisionAtRecall", "precision_at_recall", "recall", recall, o);
}
Value RecallAtPrecision(double precision, const AtBoundOptions& o) {
  return at_bound("RecallAtPrecision", "recall_at_precision", "precision", precision, o);
}

Value AUC(const AUCOptions& o) {
  Arguments own = {{"num_thresholds", o.num_thresholds},
                   {"curve", o.curve},
                   {"summation_method", o.summation_method},
                   {"multi_label", o.multi_label},
                   {"num_labels", o.num_labels},
                   {"label_weights", o.label_weights},
                   {"from_logits", o.from_logits}};
  if (!o.thresholds.is_none()) own.emplace_back("thresholds", o.thresholds);  // as Keras
  return metric("AUC", "auc", o, own);
}

Value F1Score(const F1ScoreOptions& o) {
  return metric("F1Score", "f1_score", o, {{"average", o.average}, {"threshold", o.threshold}});
}
Value FBetaScore(const FBetaScoreOptions& o) {
  return metric("FBetaScore", "fbeta_score", o,
                {{"average", o.average}, {"beta", o.beta}, {"threshold", o.threshold}});
}

Value BinaryIoU(const BinaryIoUOptions& o) {
  return iou("BinaryIoU", "binary_io_u", o,
             {{"target_class_ids", o.target_class_ids}, {"threshold", o.threshold}});
}
Value IoU(int64_t num_classes, const Value& target_class_ids, const IoUOptions& o) {
  return iou("IoU", "io_u", o, class_arguments(num_classes, target_class_ids, o));
}
Value MeanIoU(int64_t num_classes, const IoUOptions& o) {
  return iou("MeanIoU", "mean_io_u", o, class_arguments(num_classes, o));
}
Value OneHotIoU(int64_t num_classes, const Value& target_class_ids, const OneHotIoUOptions& o) {
  return iou("OneHotIoU", "one_hot_io_u", o, class_arguments(num_classes, target_class_ids, o));
}
Value OneHotMeanIoU(int64_t num_classes, const OneHotIoUOptions& o) {
  return iou("OneHotMeanIoU", "one_hot_mean_io_u", o, class_arguments(num_classes, o));
}

}  // namespace keratin::keras::metrics
