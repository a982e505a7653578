// The compiler and the trainer's runtime, as the C++ API needs them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "runtime/trainer/trainable.h"

namespace keratin::keras {

/// Compiles a module, which has at least predict and initialize, for this process. `classes`: of each target of train_step (0: it
/// holds no labels). `directions`: of each result of metrics, as in TrainingMetric. `threads`: 0 is as many as the process may use.
std::shared_ptr<trainer::Trainable> compile_trainable(const Module& module, std::vector<int64_t> classes,
                                                      std::vector<int> directions, unsigned threads);

/// Writes what `keratin compile` does. `name`: first part of all names in C; empty: from the path.
void write_library(const Module& module, const std::string& path, const std::string& name,
                   const std::string& cpu);

}  // namespace keratin::keras
