// Optimizers: what becomes of the trained variables in a step, in Keras's order.
//
// A step divides by the loss scale, adds up gradients, clips them, lets weights decay, updates them by the optimizer's rule
// (update_rules.h), averages them, and puts constraints on them. All of it is traced into the same graph, so that the update can be
// fused with whatever makes the gradient.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "frontend/json.h"
#include "frontend/training/step_state.h"

namespace keratin {

struct TrainedVariable {
  Variable variable;
  Json constraint;    ///< a name, a serialized object or null
  std::string where;  ///< of its layer, for errors
};

class Optimizer {
 public:
  virtual ~Optimizer() = default;

  /// All its variables, in the order of Keras's files. Names end in "/iteration" or "/learning_rate" if the variable is there before the first
  /// step, and in no other case.
  virtual std::vector<Variable> variables(const std::vector<TrainedVariable>& trained) const = 0;
  /// What the gradients are taken of.
  virtual Expr scaled(const Expr& loss) const = 0;
  /// What a step gives to the variables in `trained`, each with its gradient, and to its own.
  virtual StepState step(Builder& builder, const std::vector<TrainedVariable>& trained,
                         std::vector<Expr> gradients) const = 0;
  /// What the variables become when training is over. Nothing for most optimizers.
  virtual StepState finish(Builder& builder, const std::vector<TrainedVariable>& trained) const = 0;
  /// Variables and their averages exchanged. Nothing for most optimizers.
  virtual StepState swap_averages(Builder& builder, const std::vector<TrainedVariable>& trained) const = 0;
  /// What the next step's learning rate is, an f32 scalar: of one optimizer without a name, of several by their names.
  virtual std::vector<std::pair<std::string, Expr>> rates(Builder& builder) const = 0;
  /// The number of steps so far: an i32 scalar.
  virtual Expr iterations(Builder& builder) const = 0;
};

/// The optimizer that `object`, a name or a serialized object, describes. Throws Error(unsupported), with `where`, for classes and arguments
/// that are not supported.
std::unique_ptr<Optimizer> make_optimizer(const Json& object, const std::string& where);

/// The optimizer that Keras's compile() makes of `object` for a model of mixed_float16: a LossScaleOptimizer around it, unless it is one. Null
/// stays, and what make_optimizer() does not know.
Json scaling_the_loss(const Json& object);

}  // namespace keratin
