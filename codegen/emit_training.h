// The description and the exported functions of a library that trains. Only object.cpp includes this.
#pragma once

#include "codegen/emission.h"
#include "codegen/training_library.h"

namespace keratin {

void emit_training(std::span<const Emission> levels, const EntrySpec& entry, const TrainingSpec& training);

}  // namespace keratin
