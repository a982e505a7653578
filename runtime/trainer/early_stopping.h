// Keras's EarlyStopping: training ends when a metric has not improved for some epochs.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "runtime/trainer/callback.h"
#include "runtime/trainer/monitor.h"

namespace keratin::trainer {

struct EarlyStoppingOptions {
  std::string monitor = "val_loss";
  double min_delta = 0;
  int64_t patience = 0;  ///< epochs without improvement that are borne
  MonitorMode mode = MonitorMode::automatic;
  std::optional<double> baseline;  ///< what counts as progress at all
  bool restore_best_weights = false;
  int64_t start_from_epoch = 0;  ///< those before it are not looked at
};

class EarlyStopping : public Callback {
 public:
  explicit EarlyStopping(const EarlyStoppingOptions& options);

  std::string name() const override { return "early_stopping"; }
  void on_train_begin(Training& training) override;
  void on_epoch_end(Training& training, int64_t epoch, Logs& logs) override;
  void on_train_end(Training& training) override;
  /// Those of the best epoch, if they are kept.
  void put_best_weights(Trainable& model) const;
  CallbackState state() const override;
  void restore(const CallbackState& state) override;

 private:
  void keep_weights(const Trainable& model, int64_t epoch);

  EarlyStoppingOptions options_;
  Monitor monitor_;
  int64_t wait_ = 0, stopped_epoch_ = 0, best_epoch_ = 0;
  std::map<std::string, Array> best_weights_;  // by the variables' names
};

}  // namespace keratin::trainer
