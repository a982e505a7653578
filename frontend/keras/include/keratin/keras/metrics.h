// Metrics: what is logged beside the loss, over all samples of an epoch.
//
// Below, y is the target and p the prediction. Means are those of the samples, weighted if the metric is a weighted one.
// Refused by Model::compile, as yet: several thresholds, top_k and class_id, multi_label, and what gives more than one number.
#pragma once

#include <keratin/keras/value.h>

namespace keratin::keras::metrics {

struct MetricOptions {
  std::string name = {};
};
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
  std::string class_aggregation = "uniform_average";  ///< or "variance_weighted_average"
  int64_t num_regressors = 0;
  std::string name = {};
};
/// The part of the targets' variance that predictions explain.
Value R2Score(const R2ScoreOptions& options = {});

struct CosineSimilarityOptions {
  std::string name = {};
  int64_t axis = -1;
};
/// The cosine of the angle between y and p.
Value CosineSimilarity(const CosineSimilarityOptions& options = {});

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

struct AUCOptions {
  int64_t num_thresholds = 200;
  std::string curve = "ROC";                       ///< or "PR"
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

}  // namespace keratin::keras::metrics
