// Whether a data set is the one that training began with, as far as some of its samples tell.
#pragma once

#include <cstdint>

#include "runtime/trainer/dataset.h"
#include "runtime/trainer/trainable.h"

namespace keratin::trainer {

/// Of samples as the model takes them, whatever they are kept in: of all where they are few, and otherwise of the first, the last and some
/// between, always the same ones. It costs about what a batch does. Throws the Error of a sample that cannot be read.
uint32_t data_checksum(const TrainableInfo& model, const Dataset& data);

}  // namespace keratin::trainer
