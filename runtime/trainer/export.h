// The trained model as a file of its own, .keras or a shared object: the compiler has left it in the trainer, but for the values
// (runtime/abi.h, krt_exports).
#pragma once

#include <string>

#include "runtime/trainer/trainable.h"

namespace keratin::trainer {

/// Throws Error: usage if the model cannot be written so, cannot_create, io.
void export_keras(const Trainable& model, const std::string& path);

/// Writes `path`, which ends in .so, and its header beside it. The library is loaded and tests itself before it has its name. What it
/// is to compute is what the model computes here. Throws Error likewise.
void export_library(Trainable& model, const std::string& path);

}  // namespace keratin::trainer
