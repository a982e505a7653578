// Keras's SwapEMAWeights: a validation, or what is saved at the end of an epoch, sees the averages of the weights (use_ema).
#pragma once

#include "runtime/trainer/callback.h"

namespace keratin::trainer {

class SwapEMAWeights : public Callback {
 public:
  /// `swap_on_epoch`: averages are in the weights from the end of an epoch to the beginning of the next, for callbacks behind this one.
  explicit SwapEMAWeights(bool swap_on_epoch) : swap_on_epoch_(swap_on_epoch) {}

  std::string name() const override { return "swap_ema_weights"; }
  /// Throws Error(usage) if there are no averages.
  void on_train_begin(Training& training) override;
  void on_epoch_begin(Training& training, int64_t epoch) override;
  void on_test_begin(Training& training) override;
  void on_test_end(Training& training, const Logs& logs) override;
  void on_epoch_end(Training& training, int64_t epoch, Logs& logs) override;
  /// Has averages stay in the weights, unless training is stopped: Keras then forgets that they are exchanged.
  void before_finish(Trainable& model, bool is_stopped) override;
  CallbackState state() const override;
  void restore(const CallbackState& state) override;

 private:
  void swap(Trainable& model, bool averages_in_model);

  bool swap_on_epoch_;
  bool averages_in_model_ = false;
};

}  // namespace keratin::trainer
