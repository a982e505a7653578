// What there is to know about a model that is trained.
#pragma once

#include <string>

#include "runtime/trainer/trainable.h"

namespace keratin::trainer {

/// Inputs, targets, outputs, variables and their sizes, a line each.
std::string summary(const TrainableInfo& info);

}  // namespace keratin::trainer
