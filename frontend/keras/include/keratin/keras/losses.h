// Losses: one value per sample, made one number by `reduction`.
//
// Below, y is the target and p the prediction, of one shape, and means and sums go along the last axis, or along `axis`.
#pragma once

#include <keratin/keras/value.h>

namespace keratin::keras::losses {

struct LossOptions {
  std::string reduction = "sum_over_batch_size";  ///< or "sum", "mean", "mean_with_sample_weight"
  std::string name = {};
};
Value MeanSquaredError(const LossOptions& options = {});             ///< mean (y − p)²
Value MeanAbsoluteError(const LossOptions& options = {});            ///< mean |y − p|
Value MeanAbsolutePercentageError(const LossOptions& options = {});  ///< 100 · mean |(y − p) / y|
Value MeanSquaredLogarithmicError(const LossOptions& options = {});  ///< mean (log(1 + y) − log(1 + p))²
Value LogCosh(const LossOptions& options = {});                      ///< mean log cosh(p − y)
Value Poisson(const LossOptions& options = {});                      ///< mean (p − y · log p)
Value KLDivergence(const LossOptions& options = {});                 ///< sum y · log(y / p)
Value Hinge(const LossOptions& options = {});  ///< mean max(1 − y · p, 0), where y is -1 or 1 (or 0 or 1)
Value SquaredHinge(const LossOptions& options = {});      ///< mean max(1 − y · p, 0)²
Value CategoricalHinge(const LossOptions& options = {});  ///< max(max((1 − y) · p) − sum y · p + 1, 0)

struct HuberOptions {
  double delta = 1.0;
  std::string reduction = "sum_over_batch_size";
  std::string name = {};
};
/// Half the squared error up to `delta`, straight on from there.
Value Huber(const HuberOptions& options = {});

struct CosineSimilarityOptions {
  int64_t axis = -1;
  std::string reduction = "sum_over_batch_size";
  std::string name = {};
};
/// Minus the cosine of the angle between y and p.
Value CosineSimilarity(const CosineSimilarityOptions& options = {});

struct CrossentropyOptions {
  bool from_logits = false;
  double label_smoothing = 0.0;
  int64_t axis = -1;
  std::string reduction = "sum_over_batch_size";
  std::string name = {};
};
/// −mean (y · log p + (1 − y) · log(1 − p))
Value BinaryCrossentropy(const CrossentropyOptions& options = {});
/// −sum y · log p
Value CategoricalCrossentropy(const CrossentropyOptions& options = {});

struct BinaryFocalCrossentropyOptions {
  bool apply_class_balancing = false;
  double alpha = 0.25;
  double gamma = 2.0;
  bool from_logits = false;
  double label_smoothing = 0.0;
  int64_t axis = -1;
  std::string reduction = "sum_over_batch_size";
  std::string name = {};
};
/// Binary cross-entropy where what is predicted well counts little: times (1 − probability of the truth)^gamma.
Value BinaryFocalCrossentropy(const BinaryFocalCrossentropyOptions& options = {});

struct CategoricalFocalCrossentropyOptions {
  Value alpha = 0.25;  ///< or a list, with one for each class
  double gamma = 2.0;
  bool from_logits = false;
  double label_smoothing = 0.0;
  int64_t axis = -1;
  std::string reduction = "sum_over_batch_size";
  std::string name = {};
};
/// −sum alpha · (1 − p)^gamma · y · log p
Value CategoricalFocalCrossentropy(const CategoricalFocalCrossentropyOptions& options = {});

struct CategoricalGeneralizedCrossEntropyOptions {
  double q = 0.5;
  std::string reduction = "sum_over_batch_size";
  std::string name = {};
};
/// (1 − p^q) / q, p being that of the class that y, an integer, names: between cross-entropy (q near 0) and absolute error (1).
Value CategoricalGeneralizedCrossEntropy(const CategoricalGeneralizedCrossEntropyOptions& options = {});

struct SparseCategoricalCrossentropyOptions {
  bool from_logits = false;
  Value ignore_class = {};
  std::string reduction = "sum_over_batch_size";
  int64_t axis = -1;
  std::string name = {};
};
/// −log p of the class that y, an integer, names. Where it is `ignore_class`, nothing counts.
Value SparseCategoricalCrossentropy(const SparseCategoricalCrossentropyOptions& options = {});

/// Connectionist temporal classification: y [N, T] is a sequence of classes from 1 on, filled up with zeros to as many as p
/// [N, T, classes], logits, has steps. Class 0 is the blank.
Value CTC(const LossOptions& options = {});

struct DiceOptions {
  std::string reduction = "sum_over_batch_size";
  std::string name = {};
  Value axis = {};  ///< or a list; None: all axes, so the batch has one value
};
/// 1 − 2 · sum y · p / (sum y + sum p)
Value Dice(const DiceOptions& options = {});

struct TverskyOptions {
  double alpha = 0.5;
  double beta = 0.5;
  std::string reduction = "sum_over_batch_size";
  std::string name = {};
  Value axis = {};  ///< or a list; None: all axes, so the batch has one value
};
/// 1 − both / (both + alpha · missed + beta · wrong), where both is sum y · p, missed sum y · (1 − p), wrong sum (1 − y) · p
Value Tversky(const TverskyOptions& options = {});

struct CircleOptions {
  double gamma = 80.0;
  double margin = 0.4;
  bool remove_diagonal = true;
  std::string reduction = "sum_over_batch_size";
  std::string name = {};
};
/// Embeddings p, of length 1, are drawn together where the integers y are the same, and apart elsewhere.
Value Circle(const CircleOptions& options = {});

}  // namespace keratin::keras::losses
