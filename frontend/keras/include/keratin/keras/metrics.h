// Metrics: what is logged beside the loss, over all samples of an epoch.
//
// Below, y is the target and p the prediction. Means are those of the samples, weighted if the metric is a weighted one.
// Losses are metrics, too: .metrics = {losses::Huber()}. Refused by Model::compile: what gives more than one number, as several
// thresholds do, or F scores without an average.
#pragma once

#include <keratin/keras/value.h>

namespace keratin::keras::metrics {

struct MetricOptions {
  std::string name = {};
};
/// How often p is y.
Value Accuracy(const MetricOptions& options = {});
/// The mean of y, weighted by p: what Keras makes of Mean for a model's output.
Value Mean(const MetricOptions& options = {});
/// The sum of y · p.
Value Sum(const MetricOptions& options = {});
/// How often the largest p is where the largest y is.
Value CategoricalAccuracy(const MetricOptions& options = {});
/// How often the largest p is at y, an integer.
Value SparseCategoricalAccuracy(const MetricOptions& options = {});
// Means of what losses compute.
Value MeanSquaredError(const MetricOptions& options = {});
Value MeanAbsoluteError(const MetricOptions& options = {});
Value MeanAbsolutePercentageError(const MetricOptions& options = {});
Value MeanSquaredLogarithmicError(const MetricOptions& options = {});
Value RootMeanSquaredError(const MetricOptions& options = {});
Value LogCoshError(const MetricOptions& options = {});
Value Poisson(const MetricOptions& options = {});
Value KLDivergence(const MetricOptions& options = {});
Value Hinge(const MetricOptions& options = {});
Value SquaredHinge(const MetricOptions& options = {});
Value CategoricalHinge(const MetricOptions& options = {});

struct BinaryAccuracyOptions {
  std::string name = {};
  double threshold = 0.5;
};
/// How often y is 1 where p > threshold, and 0 elsewhere.
Value BinaryAccuracy(const BinaryAccuracyOptions& options = {});

struct TopKCategoricalAccuracyOptions {
  int64_t k = 5;
  std::string name = {};
};
/// How often the largest y is where one of the k largest p is.
Value TopKCategoricalAccuracy(const TopKCategoricalAccuracyOptions& options = {});

struct SparseTopKCategoricalAccuracyOptions {
  int64_t k = 5;
  std::string name = {};
  bool from_sorted_ids = false;
};
/// How often one of the k largest p is at y, an integer.
Value SparseTopKCategoricalAccuracy(const SparseTopKCategoricalAccuracyOptions& options = {});

struct R2ScoreOptions {
  Value class_aggregation = "uniform_average";  ///< or "variance_weighted_average"; None: a number per output
  int64_t num_regressors = 0;
  std::string name = {};
};
/// The part of the targets' variance that predictions explain, adjusted if they come from `num_regressors` variables.
Value R2Score(const R2ScoreOptions& options = {});

struct CosineSimilarityOptions {
  std::string name = {};
  int64_t axis = -1;
};
/// The cosine of the angle between y and p.
Value CosineSimilarity(const CosineSimilarityOptions& options = {});

struct CorrelationOptions {
  std::string name = {};
  int64_t axis = -1;
};
/// Pearson's correlation of y and p.
Value PearsonCorrelation(const CorrelationOptions& options = {});
/// Lin's: of y and p being the same, not only growing together.
Value ConcordanceCorrelation(const CorrelationOptions& options = {});

struct MeanMetricWrapperOptions {
  std::string name = {};
  std::vector<std::pair<std::string, Value>> arguments = {};  ///< of the function
};
/// The mean of what a function gives: MeanMetricWrapper("huber", {.arguments = {{"delta", 0.5}}}). `fn`: the name of a function
/// of keras.losses or keras.metrics, or a loss, of which it is the mean over steps.
Value MeanMetricWrapper(const Value& fn, const MeanMetricWrapperOptions& options = {});

struct BinaryCrossentropyOptions {
  std::string name = {};
  bool from_logits = false;
  double label_smoothing = 0;
};
Value BinaryCrossentropy(const BinaryCrossentropyOptions& options = {});

struct CategoricalCrossentropyOptions {
  std::string name = {};
  bool from_logits = false;
  double label_smoothing = 0;
  int64_t axis = -1;
};
Value CategoricalCrossentropy(const CategoricalCrossentropyOptions& options = {});

struct SparseCategoricalCrossentropyOptions {
  std::string name = {};
  bool from_logits = false;
  Value ignore_class = {};
  int64_t axis = -1;
};
Value SparseCategoricalCrossentropy(const SparseCategoricalCrossentropyOptions& options = {});

struct ConfusionOptions {
  Value thresholds = {};  ///< None: 0.5
  std::string name = {};
};
// How many samples are decided for (p > threshold) or against, rightly or wrongly.
Value TruePositives(const ConfusionOptions& options = {});
Value FalsePositives(const ConfusionOptions& options = {});
Value TrueNegatives(const ConfusionOptions& options = {});
Value FalseNegatives(const ConfusionOptions& options = {});

struct PrecisionOptions {
  Value thresholds = {};  ///< None: 0.5
  Value top_k = {};
  Value class_id = {};
  std::string name = {};
};
/// The part of what is decided for that is right.
Value Precision(const PrecisionOptions& options = {});
/// The part of what is 1 that is decided for.
Value Recall(const PrecisionOptions& options = {});

struct AtBoundOptions {
  int64_t num_thresholds = 200;
  Value class_id = {};
  std::string name = {};
};
// The best of one rate at thresholds where another is at least the bound.
Value SensitivityAtSpecificity(double specificity, const AtBoundOptions& options = {});
Value SpecificityAtSensitivity(double sensitivity, const AtBoundOptions& options = {});
Value PrecisionAtRecall(double recall, const AtBoundOptions& options = {});
Value RecallAtPrecision(double precision, const AtBoundOptions& options = {});

struct AUCOptions {
  int64_t num_thresholds = 200;
  std::string curve = "ROC";                       ///< or "PR", "PRGAIN"
  std::string summation_method = "interpolation";  ///< or "minoring", "majoring"
  std::string name = {};
  Value thresholds = {};
  bool multi_label = false;
  Value num_labels = {};
  Value label_weights = {};
  bool from_logits = false;
};
/// The area under the curve of recall over the false positive rate (ROC), or of precision over recall (PR).
Value AUC(const AUCOptions& options = {});

struct F1ScoreOptions {
  Value average = {};    ///< "micro", "macro" or "weighted"; None: a number per class
  Value threshold = {};  ///< None: the largest p of each sample is decided for
  std::string name = {};
};
/// The harmonic mean of precision and recall.
Value F1Score(const F1ScoreOptions& options = {});

struct FBetaScoreOptions {
  Value average = {};  ///< "micro", "macro" or "weighted"; None: a number per class
  double beta = 1.0;
  Value threshold = {};  ///< None: the largest p of each sample is decided for
  std::string name = {};
};
/// The same with recall `beta` times as important as precision.
Value FBetaScore(const FBetaScoreOptions& options = {});

// Intersection over union: of the elements that are a class, or are predicted to be, those that are both; the mean over classes
// that occur. They count in int32, so weights are cut to whole numbers, unless `dtype` is a float.

struct BinaryIoUOptions {
  Value target_class_ids = {0, 1};
  double threshold = 0.5;
  std::string name = {};
  Value dtype = {};
};
/// The classes are y, 0 or 1, and p >= threshold.
Value BinaryIoU(const BinaryIoUOptions& options = {});

struct IoUOptions {
  std::string name = {};
  Value dtype = {};
  Value ignore_class = {};
  bool sparse_y_true = true;  ///< y holds class numbers; otherwise the largest along `axis` is the class
  bool sparse_y_pred = true;  ///< so does p
  int64_t axis = -1;
};
Value IoU(int64_t num_classes, const Value& target_class_ids, const IoUOptions& options = {});
Value MeanIoU(int64_t num_classes, const IoUOptions& options = {});

struct OneHotIoUOptions {
  std::string name = {};
  Value dtype = {};
  Value ignore_class = {};
  bool sparse_y_pred = false;
  int64_t axis = -1;
};
Value OneHotIoU(int64_t num_classes, const Value& target_class_ids, const OneHotIoUOptions& options = {});
Value OneHotMeanIoU(int64_t num_classes, const OneHotIoUOptions& options = {});

}  // namespace keratin::keras::metrics
