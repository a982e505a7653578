// Keras's LearningRateScheduler: a learning rate for each epoch.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/trainer/callback.h"

namespace keratin::trainer {

/// The rate of an epoch, from its number and the rate so far.
using RateFunction = std::function<double(int64_t epoch, double rate)>;

class LearningRateScheduler : public Callback {
 public:
  /// `schedule`: none leaves the rate to the model's own, and logs it.
  explicit LearningRateScheduler(RateFunction schedule) : schedule_(std::move(schedule)) {}

  /// Throws Error(usage) if the learning rate cannot be set.
  void on_train_begin(Training& training) override;
  void on_epoch_begin(Training& training, int64_t epoch) override;
  bool may_log(const Trainable& model, const std::string& name) const override;
  void on_epoch_end(Training& training, int64_t epoch, Logs& logs) override;

 private:
  RateFunction schedule_;
};

/// "EPOCH:RATE", what holds from an epoch on, counted from 1; or "model" for none. Throws Error(usage).
RateFunction parse_schedule(const std::vector<std::string>& words);

}  // namespace keratin::trainer
