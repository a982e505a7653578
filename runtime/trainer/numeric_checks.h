// Looks after each step whether all weights are numbers still, and finds out where the first came from that is none.
#pragma once

#include <vector>

#include "runtime/trainer/trainable.h"

namespace keratin::trainer {

class NumericChecks {
 public:
  /// Throws Error(usage) if the model has no checks.
  explicit NumericChecks(Trainable& model);

  /// Before a step: remembers the variables.
  void begin();
  /// After it. Throws Error(numerics) if the loss or a weight is NaN or infinite; the variables are then what they were before the step.
  void end(const Batch& batch, double loss, int64_t epoch, int64_t step);

 private:
  std::string first_of(const Batch& batch) const;

  Trainable& model_;
  std::vector<Array> before_;
};

}  // namespace keratin::trainer
