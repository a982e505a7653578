// Training, judging and predicting over a data set, as Keras's fit, evaluate and predict.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "runtime/trainer/class_weight.h"
#include "runtime/trainer/dataset.h"
#include "runtime/trainer/history.h"
#include "runtime/trainer/trainable.h"

namespace keratin::trainer {

/// Told what fit and evaluate do; shows it (progress.h) or not.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void begin_epoch(int64_t epoch, int64_t epochs, int64_t steps) = 0;  ///< `epoch` counts from 0
  virtual void end_step(int64_t step, const Logs& logs) = 0;                   ///< `step` counts from 1
  virtual void end_epoch(const Logs& logs) = 0;
  /// A sentence for the user.
  virtual void warn(const std::string& text) = 0;
  /// Whether end_step() would use its logs now; metrics are not asked for in vain.
  virtual bool wants_logs() = 0;
};

struct FitOptions {
  int64_t epochs = 1;
  int64_t batch_size = 32;
  /// The last part of the data is held out: training gets the first floor(n * (1 - split)) samples.
  double validation_split = 0;
  const Dataset* validation = nullptr;  ///< or, instead of that, samples of their own
  bool shuffle = true;                  ///< the training samples, anew in each epoch
  uint64_t seed = 0;                    ///< of the order, and of the model's random ops
  ClassWeight class_weight;             ///< for training, not for validation
  std::function<bool()> stop;           ///< asked after each step; may be empty
};

/// The history of the epochs that were finished.
History fit(Trainable& model, const Dataset& data, const FitOptions& options, Observer& observer);

Logs evaluate(Trainable& model, const Dataset& data, int64_t batch_size);

/// By output.
std::map<std::string, Array> predict(Trainable& model, const Dataset& data, int64_t batch_size);

}  // namespace keratin::trainer
