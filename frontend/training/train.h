// A model with a loss, an optimizer and metrics: the functions that training runs.
//
//   train_step(inputs…, y:OUTPUT…, sample_weight: f32[N]) -> loss       one step; updates weights, slots, statistics, metrics
//   evaluate_step(inputs…, y:OUTPUT…, sample_weight: f32[N]) -> loss    updates metrics
//   metrics() -> a scalar per metric, by its name in logs               what was accumulated since the last reset
//   reset_metrics()
//
// A step's loss and metrics are those before its update. Keras's epoch loss is the mean of the steps' losses, weighted by the
// size of their batches: "loss" is a metric of that kind, and so is "OUTPUT_loss" where there are several losses.
#pragma once

#include <string>
#include <vector>

#include "frontend/json.h"
#include "frontend/model.h"
#include "ir/graph.h"

namespace keratin {

/// How a model is compiled: Keras's compile(). Members are as in a model file; null where absent.
struct CompileConfig {
  Json optimizer, loss, loss_weights, metrics, weighted_metrics;

  /// From a "compile_config" or a legacy file's "training_config".
  static CompileConfig read(const Json& stored);
};

/// What an output is compared with.
struct Target {
  std::string name;  ///< the output's
  Type type;
  int64_t classes = 0;  ///< the labels are class numbers below this; 0: the target is no label
};

/// What the functions take and give.
struct TrainingSignature {
  std::vector<Target> targets;       ///< of the outputs that have a loss, in their order
  std::vector<std::string> metrics;  ///< results of metrics(), sorted by name
  std::vector<std::string> trained;  ///< names of the variables that train_step updates by their gradients
  std::vector<Variable> optimizer_state;  ///< in the order of Keras's files, with initial values
};

/// Adds the functions and their variables to `module`, which has the variables of `model`. The optimizer starts afresh.
/// Throws Error(unsupported) for losses, optimizers, metrics and arguments that are not supported, by name; Error(usage) if
/// there is no loss or optimizer.
TrainingSignature add_training(Module& module, Model& model, const CompileConfig& config,
                               const std::string& where);

}  // namespace keratin
