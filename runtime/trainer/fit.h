// Training, judging and predicting over a data set, as Keras's fit, evaluate and predict.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "runtime/trainer/callback.h"
#include "runtime/trainer/checkpoint.h"
#include "runtime/trainer/class_weight.h"
#include "runtime/trainer/dataset.h"
#include "runtime/trainer/history.h"
#include "runtime/trainer/trainable.h"

namespace keratin::trainer {

struct FitOptions {
  int64_t epochs = 1;         ///< the number of the last one; as many are done if initial_epoch is 0
  int64_t initial_epoch = 0;  ///< the first one's, from 0; the order of samples is that of its number
  int64_t batch_size = 32;
  /// How many make an epoch; 0: as many as there are. The next epoch goes on in the data. One in which they are used up ends there,
  /// and the next begins anew, in another order.
  int64_t steps_per_epoch = 0;
  /// The last part of the data is held out: training gets the first floor(n * (1 - split)) samples.
  double validation_split = 0;
  const Dataset* validation = nullptr;  ///< or, instead of that, samples of their own
  int64_t validation_batch_size = 0;    ///< 0: batch_size
  int64_t validation_steps = 0;         ///< batches to judge by; 0: all
  /// Epochs from one validation to the next.
  int64_t validation_freq = 1;
  bool shuffle = true;                ///< the training samples, anew in each epoch
  uint64_t seed = 0;                  ///< of the order, and of the model's random ops
  ClassWeight class_weight;           ///< for training, not for validation
  std::vector<Callback*> callbacks;   ///< in the order in which they are called
  std::function<bool()> interrupted;  ///< asked after each step, and stops at once if true; may be empty
  /// Where training is saved while it lasts, and goes on from; null: nowhere.
  Checkpoints* checkpoints = nullptr;
  /// Training fails at a step that leaves NaN or infinity, saying what the first of them was in. Needs info().checks.
  bool check_numerics = false;
  bool warn_on_save_error = false;  ///< training goes on if one cannot be written; otherwise it fails
};

/// The history of the epochs that were finished. Throws Error, also what a callback throws.
History fit(Trainable& model, const Dataset& data, const FitOptions& options);

Logs evaluate(Trainable& model, const Dataset& data, int64_t batch_size);

/// By output.
std::map<std::string, Array> predict(Trainable& model, const Dataset& data, int64_t batch_size);

}  // namespace keratin::trainer
