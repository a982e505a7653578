#include <keratin/keras/losses.h>

#include "frontend/keras/make.h"

namespace keratin::keras::losses {
namespace {

template <typename Options>
Value loss(std::string_view class_name, std::string_view name, const Options& o, const Arguments& own = {}) {
  Arguments arguments = {{"name", o.name.empty() ? name : o.name}, {"reduction", o.reduction}};
  arguments.insert(arguments.end(), own.begin(), own.end());
  return make_object("keras.losses", class_name, arguments);
}

/// For arguments that Keras's configs leave out: here they are kept if they are not the default.
Arguments unless_default(std::string_view name, const Value& value, const Value& fallback) {
  if (value.json() == fallback.json()) return {};
  return {{std::string(name), value}};
}

}  // namespace

Value MeanSquaredError(const LossOptions& o) { return loss("MeanSquaredError", "mean_squared_error", o); }
Value MeanAbsoluteError(const LossOptions& o) { return loss("MeanAbsoluteError", "mean_absolute_error", o); }
Value MeanAbsolutePercentageError(const LossOptions& o) {
  return loss("MeanAbsolutePercentageError", "mean_absolute_percentage_error", o);
}
Value MeanSquaredLogarithmicError(const LossOptions& o) {
  return loss("MeanSquaredLogarithmicError", "mean_squared_logarithmic_error", o);
}
Value LogCosh(const LossOptions& o) { return loss("LogCosh", "log_cosh", o); }
Value Poisson(const LossOptions& o) { return loss("Poisson", "poisson", o); }
Value KLDivergence(const LossOptions& o) { return loss("KLDivergence", "kl_divergence", o); }
Value Hinge(const LossOptions& o) { return loss("Hinge", "hinge", o); }
Value SquaredHinge(const LossOptions& o) { return loss("SquaredHinge", "squared_hinge", o); }
Value CategoricalHinge(const LossOptions& o) { return loss("CategoricalHinge", "categorical_hinge", o); }

Value Huber(const HuberOptions& o) {
  return loss("Huber", "huber_loss", o, unless_default("delta", o.delta, HuberOptions().delta));
}

Value CosineSimilarity(const CosineSimilarityOptions& o) {
  return loss("CosineSimilarity", "cosine_similarity", o, unless_default("axis", o.axis, -1));
}

Value BinaryCrossentropy(const CrossentropyOptions& o) {
  return loss("BinaryCrossentropy", "binary_crossentropy", o,
              {{"from_logits", o.from_logits}, {"label_smoothing", o.label_smoothing}, {"axis", o.axis}});
}
Value CategoricalCrossentropy(const CrossentropyOptions& o) {
  return loss("CategoricalCrossentropy", "categorical_crossentropy", o,
              {{"from_logits", o.from_logits}, {"label_smoothing", o.label_smoothing}, {"axis", o.axis}});
}

Value SparseCategoricalCrossentropy(const SparseCategoricalCrossentropyOptions& o) {
  Arguments own = unless_default("axis", o.axis, -1);
  own.emplace_back("from_logits", o.from_logits);
  own.emplace_back("ignore_class", o.ignore_class);
  return loss("SparseCategoricalCrossentropy", "sparse_categorical_crossentropy", o, own);
}

Value BinaryFocalCrossentropy(const BinaryFocalCrossentropyOptions& o) {
  return loss("BinaryFocalCrossentropy", "binary_focal_crossentropy", o,
              {{"from_logits", o.from_logits},
               {"label_smoothing", o.label_smoothing},
               {"axis", o.axis},
               {"apply_class_balancing", o.apply_class_balancing},
               {"alpha", o.alpha},
               {"gamma", o.gamma}});
}
Value CategoricalFocalCrossentropy(const CategoricalFocalCrossentropyOptions& o) {
  return loss("CategoricalFocalCrossentropy", "categorical_focal_crossentropy", o,
              {{"from_logits", o.from_logits},
               {"label_smoothing", o.label_smoothing},
               {"axis", o.axis},
               {"alpha", o.alpha},
               {"gamma", o.gamma}});
}
Value CategoricalGeneralizedCrossEntropy(const CategoricalGeneralizedCrossEntropyOptions& o) {
  return loss("CategoricalGeneralizedCrossEntropy", "categorical_generalized_cross_entropy", o, {{"q", o.q}});
}

Value CTC(const LossOptions& o) { return loss("CTC", "ctc", o); }

Value Dice(const DiceOptions& o) { return loss("Dice", "dice", o, {{"axis", o.axis}}); }
Value Tversky(const TverskyOptions& o) {
  return loss("Tversky", "tversky", o, {{"alpha", o.alpha}, {"beta", o.beta}, {"axis", o.axis}});
}
Value Circle(const CircleOptions& o) {
  return loss("Circle", "circle", o,
              {{"gamma", o.gamma}, {"margin", o.margin}, {"remove_diagonal", o.remove_diagonal}});
}

}  // namespace keratin::keras::losses
