// The model that is linked into a trainer executable, as a Trainable.
#pragma once

#include <memory>

#include "runtime/trainer/trainable.h"

struct krt_trainer;

namespace keratin::trainer {

/// `threads`: 0 is one per processor. Throws Error if this processor lacks what the model was compiled for.
std::unique_ptr<Trainable> make_compiled(const krt_trainer& trainer, unsigned threads);

}  // namespace keratin::trainer
