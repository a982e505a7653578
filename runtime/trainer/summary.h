// What there is to know about a model that is trained.
#pragma once

#include <string>

#include "runtime/trainer/memory.h"
#include "runtime/trainer/trainable.h"

namespace keratin::trainer {

/// Inputs, targets, outputs, variables and their sizes, a line each; and the memory that training takes.
std::string summary(const TrainableInfo& info, const FitMemory& memory);

}  // namespace keratin::trainer
