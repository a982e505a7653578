// The memory that training takes, known before it begins.
#pragma once

#include <cstdint>

#include "runtime/trainer/trainable.h"

namespace keratin::trainer {

/// Bytes of fit, beside the program itself and data that are not mapped from files.
struct FitMemory {
  int64_t batch_size = 0;
  int64_t variables = 0;  ///< weights, slots, counters, accumulators
  int64_t workspace = 0;  ///< planned when the model was compiled
  int64_t batches = 0;    ///< the one at hand, and the next

  int64_t all() const { return variables + workspace + batches; }
};

/// With batches of so many samples, or as many as the model takes.
FitMemory memory_of_fit(const Trainable& model, int64_t batch_size);

}  // namespace keratin::trainer
