// A model's weights in a .safetensors file, under the names of its variables.
#pragma once

#include <map>
#include <string>

#include "runtime/trainer/file.h"
#include "runtime/trainer/trainable.h"

namespace keratin::trainer {

/// Weights and the encoding of the data, and nothing else.
void save_weights(const Trainable& model, StagedFile& file);

/// All variables of the model get the arrays of their names; none if one is missing, left over, or of another shape or dtype.
/// Throws Error(data) with `where`.
void set_variables(Trainable& model, const std::map<std::string, Array>& arrays, const std::string& where);

/// The file must hold all weights and nothing else, in the model's shapes and dtypes; otherwise the model is left as it was.
/// Throws Error.
void load_weights(Trainable& model, const std::string& path);

}  // namespace keratin::trainer
