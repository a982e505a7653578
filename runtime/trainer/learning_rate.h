// The learning rates of a model's optimizers: read, set and logged.
#pragma once

#include <string>

#include "runtime/trainer/history.h"
#include "runtime/trainer/trainable.h"

namespace keratin::trainer {

/// Throws Error(usage), about what `who` cannot do, if one of them comes from a schedule or the model does not tell them.
void expect_settable_rates(const Trainable& model, const std::string& who);
/// Requires: it can be set.
void set_learning_rate(Trainable& model, size_t index, double rate);
/// As they are now; what the logs have already stays where it is.
void log_learning_rates(Trainable& model, Logs& logs);
/// Whether log_learning_rates() logs this.
bool is_learning_rate(const Trainable& model, const std::string& name);
/// "learning rate", or "adam learning rate" of one among several.
std::string spoken_name(const Trainable& model, size_t index);

}  // namespace keratin::trainer
