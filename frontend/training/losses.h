// Losses: a table row and a short function each.
//
// A loss function gives one value per sample, or per sample and step: the prediction's shape without its last axis. What is made
// of these values, by masks, sample weights and the reduction, is the same for all (class Loss).
#pragma once

#include <string>

#include "frontend/layer.h"
#include "frontend/training/serialized.h"

namespace keratin {

struct LossCall {
  const Args& args;
  Expr target;        ///< floats of the prediction's shape; labels: integers without its last axis
  Traced prediction;  ///< floats
};
using LossFn = Expr(const LossCall&);

struct LossDef : ClassRow {
  bool labels;  ///< the target holds a class number in the place of the last axis
  LossFn* values;
};

class Loss {
 public:
  /// Throws Error(unsupported) for classes and arguments that are not supported.
  Loss(const Json& object, const std::string& where);
  Loss(const Loss&) = delete;

  const std::string& class_name() const { return name_; }
  /// What the prediction is compared with.
  Type target_type(const Type& prediction) const;
  bool has_labels() const { return def_->labels; }

  /// The values reduced to a scalar, weighted by `sample_weight` : f32[N] and, where the prediction has one, by its mask.
  Expr operator()(const Expr& target, const Traced& prediction, const Expr& sample_weight) const;

 private:
  const LossDef* def_;
  std::string name_;
  Json config_;
  Args args_;
};

// Values that metrics use, too: `target` and `prediction` of one shape, reduced over the last axis.
Expr squared_error(const Expr& target, const Expr& prediction);
Expr absolute_error(const Expr& target, const Expr& prediction);
Expr absolute_percentage_error(const Expr& target, const Expr& prediction);
Expr squared_logarithmic_error(const Expr& target, const Expr& prediction);
Expr log_cosh(const Expr& target, const Expr& prediction);
Expr poisson(const Expr& target, const Expr& prediction);
Expr kl_divergence(const Expr& target, const Expr& prediction);
Expr hinge(const Expr& target, const Expr& prediction);
Expr squared_hinge(const Expr& target, const Expr& prediction);
Expr categorical_hinge(const Expr& target, const Expr& prediction);
/// The cosine of the angle between the two, from -1 to 1.
Expr cosine_similarity(const Expr& target, const Expr& prediction);

// By the logits behind a prediction where it remembers them.
Expr binary_crossentropy(const Expr& target, const Traced& prediction, bool from_logits, double smoothing);
Expr categorical_crossentropy(const Expr& target, const Traced& prediction, bool from_logits,
                              double smoothing);
Expr sparse_categorical_crossentropy(const Expr& labels, const Traced& prediction, bool from_logits);

/// `labels` as numbers 0 and 1 along a new last axis as long as that of `like`.
Expr one_hot(const Expr& labels, const Expr& like);
/// x, of rank 1, along axis 0 of `like`.
Expr along_batch(const Expr& x, const Expr& like);

constexpr double kEpsilon = 1e-7;  ///< keras.config.epsilon()

}  // namespace keratin
