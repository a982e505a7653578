// Optimizers: a table row and a short function each.
//
// An optimizer's function says what one variable becomes, given its gradient and its slots. What all have in common stands in
// class Optimizer, in Keras's order: clipping, weight decay, the update. Rates, clipping and decay are traced into the same
// graph, so that the update can be fused with whatever makes the gradient.
#pragma once

#include <string>
#include <vector>

#include "frontend/layer.h"
#include "frontend/training/serialized.h"

namespace keratin {

/// One variable's update, as an optimizer's function sees it.
class VariableUpdate {
 public:
  VariableUpdate(const Args& args, Expr variable, Expr gradient, Expr rate, Expr step, std::string path)
      : args(args),
        variable(std::move(variable)),
        gradient(std::move(gradient)),
        rate(std::move(rate)),
        step(std::move(step)),
        path_(std::move(path)) {}

  const Args& args;
  Expr variable, gradient;
  Expr rate;  ///< the learning rate, an f32 scalar
  Expr step;  ///< the number of this update, from 1: an f32 scalar

  Expr slot(std::string_view name) const;
  void set_slot(std::string_view name, const Expr& value) const;

 private:
  std::string path_;  ///< of its slots, without their names
};

using UpdateFn = Expr(const VariableUpdate& update);
/// The slots of each variable. Slots of one group stand together in files, variable by variable; then comes the next group.
using SlotsFn = std::vector<std::vector<std::string_view>>(const Args& args);

struct OptimizerDef : ClassRow {
  SlotsFn* slots;
  UpdateFn* update;
};

class Optimizer {
 public:
  Optimizer(const Json& object, const std::string& where);
  Optimizer(const Optimizer&) = delete;

  /// All its variables, in the order of Keras's files: the count of updates, the rate unless a schedule gives it, the slots.
  std::vector<Variable> variables(const std::vector<Variable>& trained) const;

  /// Updates the variables in `trained`, each with its gradient, and the optimizer's own. Requires: one builder.
  void apply(Builder& builder, const std::vector<Variable>& trained, std::vector<Expr> gradients) const;

  /// The number of updates so far: an i32 scalar.
  Expr iterations(Builder& builder) const;

 private:
  std::string path(std::string_view variable) const;
  std::vector<Expr> clipped(std::vector<Expr> gradients) const;

  const OptimizerDef* def_;
  std::string name_;
  Json config_;
  Args args_;
};

}  // namespace keratin
