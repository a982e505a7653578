#include "runtime/trainer/swap_ema_weights.h"

#include "runtime/trainer/error.h"
#include "runtime/trainer/monitor.h"

namespace keratin::trainer {

void SwapEMAWeights::on_train_begin(Training& training) {
  if (!training.model().info().has_averages)
    throw Error(ErrorKind::usage, "the optimizer averages no weights", "SwapEMAWeights",
                "compile the model with an optimizer that has use_ema=True");
  averages_in_model_ = false;
}

void SwapEMAWeights::swap(Trainable& model, bool averages_in_model) {
  if (averages_in_model_ == averages_in_model) return;
  model.swap_averages();
  averages_in_model_ = averages_in_model;
}

void SwapEMAWeights::on_epoch_begin(Training& training, int64_t) {
  if (swap_on_epoch_) swap(training.model(), false);
}

void SwapEMAWeights::on_test_begin(Training& training) { swap(training.model(), true); }

void SwapEMAWeights::on_test_end(Training& training, const Logs&) { swap(training.model(), false); }

void SwapEMAWeights::on_epoch_end(Training& training, int64_t, Logs&) {
  if (swap_on_epoch_) swap(training.model(), true);
}

void SwapEMAWeights::before_finish(Trainable& model, bool is_stopped) {
  if (!is_stopped) swap(model, false);
}

CallbackState SwapEMAWeights::state() const {
  CallbackState state;
  state.numbers["averages_in_model"] = averages_in_model_ ? 1 : 0;
  return state;
}

void SwapEMAWeights::restore(const CallbackState& state) {
  averages_in_model_ = number_of(state, "averages_in_model") != 0;
}

}  // namespace keratin::trainer
