// Losses: one value per sample, made one number by `reduction`.
//
// Below, y is the target and p the prediction, of one shape, and means and sums go along the last axis. Refused by
// Model::compile, as yet: ignore_class.
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

struct SparseCategoricalCrossentropyOptions {
  bool from_logits = false;
  Value ignore_class = {};
  std::string reduction = "sum_over_batch_size";
  int64_t axis = -1;
  std::string name = {};
};
/// −log p of the class that y, an integer, names.
Value SparseCategoricalCrossentropy(const SparseCategoricalCrossentropyOptions& options = {});

}  // namespace keratin::keras::losses
