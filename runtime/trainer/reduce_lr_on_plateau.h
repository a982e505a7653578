// Keras's ReduceLROnPlateau: the learning rate becomes smaller when a metric has stopped improving.
#pragma once

#include <string>

#include "runtime/trainer/callback.h"
#include "runtime/trainer/monitor.h"

namespace keratin::trainer {

struct ReduceLROnPlateauOptions {
  std::string monitor = "val_loss";
  double factor = 0.1;    ///< below 1
  int64_t patience = 10;  ///< epochs without improvement that are borne
  MonitorMode mode = MonitorMode::automatic;
  double min_delta = 1e-4;
  int64_t cooldown = 0;  ///< epochs after a reduction in which none are counted
  double min_lr = 0;
};

class ReduceLROnPlateau : public Callback {
 public:
  explicit ReduceLROnPlateau(const ReduceLROnPlateauOptions& options);

  std::string name() const override { return "reduce_lr_on_plateau"; }
  /// Throws Error(usage) if the learning rate cannot be set.
  void on_train_begin(Training& training) override;
  bool may_log(const Trainable& model, const std::string& name) const override;
  void on_epoch_end(Training& training, int64_t epoch, Logs& logs) override;
  CallbackState state() const override;
  void restore(const CallbackState& state) override;

 private:
  bool reduce(Training& training, int64_t epoch);

  ReduceLROnPlateauOptions options_;
  Monitor monitor_;
  int64_t wait_ = 0, cooldown_ = 0;
};

}  // namespace keratin::trainer
