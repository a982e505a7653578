// Keras's TerminateOnNaN: training ends at a loss that is NaN or infinite.
#pragma once

#include <cmath>

#include "runtime/trainer/callback.h"
#include "runtime/trainer/text.h"

namespace keratin::trainer {

class TerminateOnNaN : public Callback {
 public:
  void on_train_batch_end(Training& training, int64_t step, double loss, const Logs&) override {
    if (std::isfinite(loss)) return;
    training.say(cat("Batch ", step, ": Invalid loss, terminating training"));
    training.stop();
  }
};

}  // namespace keratin::trainer
