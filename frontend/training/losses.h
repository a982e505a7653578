// Losses: a table row and a short function each.
//
// A loss function gives one value per sample, or per sample and step; the prediction's shape without its last axis, unless an
// argument says otherwise. What is made of these values, by masks, sample weights and the reduction, is the same for all
// (class Loss). The tables are one per topic: losses_TOPIC.cpp.
#pragma once

#include <deque>
#include <span>
#include <string>

#include "frontend/layer.h"
#include "frontend/training/serialized.h"

namespace keratin {

/// What a prediction is compared with.
enum class LossTarget : uint8_t {
  values,    ///< floats of the prediction's shape
  classes,   ///< integers: class numbers in the place of the prediction's axis of classes
  groups,    ///< integers in the place of the last axis: samples that have the same one belong together
  sequence,  ///< integers: as many class numbers as the prediction has steps; zeros fill up what is shorter
};

struct LossCall {
  const Args& args;
  Expr target;        ///< what LossTarget says; floats are of the prediction's dtype
  Traced prediction;  ///< floats
};

struct LossValues {
  Expr values;
  Expr counted;  ///< booleans, false where a value does not count; none: all do

  LossValues(Expr v, Expr c = {})
      : values(std::move(v)), counted(std::move(c)) {}  // NOLINT: usually all count
};
using LossFn = LossValues(const LossCall&);

struct LossDef : ClassRow {
  LossTarget target;
  LossFn* values;
};

std::span<const LossDef> regression_losses();
std::span<const LossDef> probabilistic_losses();
std::span<const LossDef> hinge_losses();
std::span<const LossDef> similarity_losses();
std::span<const LossDef> ctc_losses();

/// The rows of all losses: those of these tables, then those of plug-ins.
std::deque<LossDef>& loss_defs();
/// The row's own arguments, and those that every loss has.
std::vector<Arg> arguments_of(const LossDef& def);
/// The row of a class or of its function, or null.
const LossDef* find_loss_def(std::string_view name);

class Loss {
 public:
  /// Throws Error(unsupported) for classes and arguments that are not supported.
  Loss(const Json& object, const std::string& where);
  Loss(const Loss&) = delete;

  const std::string& class_name() const { return name_; }
  /// What the prediction is compared with. Throws Error about a prediction that the loss cannot be made of.
  Type target_type(const Type& prediction) const;
  /// Whether the target holds numbers of classes that the prediction's last axis has, and nothing else.
  bool has_labels() const;

  /// One value per sample, or per sample and step.
  LossValues values(const Expr& target, const Traced& prediction) const;
  /// The values reduced to a scalar, weighted by `sample_weight`, f32[N] or of their shape, and, where the prediction has one, by its mask.
  Expr operator()(const Expr& target, const Traced& prediction, const Expr& sample_weight) const;

 private:
  const LossDef* def_;
  std::string name_;
  Json config_;
  Args args_;
  DType dtype_;  ///< what it computes in
};

}  // namespace keratin
