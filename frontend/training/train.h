// A model with a loss, an optimizer and metrics: the functions that training runs.
//
//   train_step(inputs…, y:OUTPUT…, sample_weight: f32[N]) -> loss       one step; updates weights, slots, statistics, metrics
//   evaluate_step(inputs…, y:OUTPUT…, sample_weight: f32[N]) -> loss    updates metrics
//                                   with a sample_weight_mode: sample_weight:OUTPUT… in the place of sample_weight
//   metrics() -> a scalar per metric, by its name in logs               what was accumulated since the last reset
//   reset_metrics()
//   finish_training()                                                   weights become their averages; where an optimizer has some
//   swap_averages()                                                     weights and their averages are exchanged; likewise
//   learning_rates() -> a scalar per optimizer                          of the next step: learning_rate, or learning_rate_NAME of several
//   initialize(seed: u32[2])                                            begins afresh (initialize.h)
//
// A step's loss and metrics are those before its update. Keras's epoch loss is the mean of the steps' losses, weighted by the
// size of their batches: "loss" is a metric of that kind, and so is "OUTPUT_loss" where there are several losses.
#pragma once

#include <string>

#include "frontend/model.h"
#include "frontend/training/signature.h"

namespace keratin {

/// Adds the functions and their variables to `module`, which has the function predict and the variables of `model`. The optimizer starts afresh.
/// Throws Error(unsupported) for losses, optimizers, metrics and arguments that are not supported, by name; Error(usage) if
/// there is no loss or optimizer.
TrainingSignature add_training(Module& module, Model& model, const CompileConfig& config,
                               const std::string& where);

}  // namespace keratin
