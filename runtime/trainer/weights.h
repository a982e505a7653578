// A model's weights in a .safetensors file, under the names of its variables.
#pragma once

#include <string>

#include "runtime/trainer/file.h"
#include "runtime/trainer/trainable.h"

namespace keratin::trainer {

/// What is_weight, and nothing else.
void save_weights(const Trainable& model, StagedFile& file);

/// The file must hold all weights and nothing else, in the model's shapes and dtypes; otherwise the model is left as it was.
/// Throws Error.
void load_weights(Trainable& model, const std::string& path);

}  // namespace keratin::trainer
