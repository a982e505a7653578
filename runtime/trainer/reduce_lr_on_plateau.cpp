#include "runtime/trainer/reduce_lr_on_plateau.h"

#include <algorithm>

#include "runtime/trainer/error.h"
#include "runtime/trainer/learning_rate.h"
#include "runtime/trainer/text.h"

namespace keratin::trainer {

ReduceLROnPlateau::ReduceLROnPlateau(const ReduceLROnPlateauOptions& options)
    : options_(options), monitor_("ReduceLROnPlateau", options.monitor, options.mode, options.min_delta) {
  if (!(options.factor < 1 && options.factor >= 0))
    throw Error(ErrorKind::usage, cat("the factor is ", options.factor), "ReduceLROnPlateau",
                "it is at least 0 and below 1");
}

void ReduceLROnPlateau::on_train_begin(Training& training) {
  expect_settable_rates(training.model(), "ReduceLROnPlateau");
  monitor_.begin(training, may_log(training.model(), monitor_.metric()));
  wait_ = cooldown_ = 0;
}

bool ReduceLROnPlateau::reduce(Training& training, int64_t epoch) {
  Trainable& model = training.model();
  const std::vector<double> rates = model.learning_rates();
  bool reduced = false;
  for (size_t i = 0; i < rates.size(); ++i) {
    if (!(rates[i] > static_cast<double>(static_cast<float>(options_.min_lr)))) continue;
    const double rate = std::max(rates[i] * options_.factor, options_.min_lr);
    set_learning_rate(model, i, rate);
    training.say(
        cat("Epoch ", epoch + 1, ": ReduceLROnPlateau reducing ", spoken_name(model, i), " to ", rate, "."));
    reduced = true;
  }
  return reduced;
}

bool ReduceLROnPlateau::may_log(const Trainable& model, const std::string& name) const {
  return is_learning_rate(model, name);
}

void ReduceLROnPlateau::on_epoch_end(Training& training, int64_t epoch, Logs& logs) {
  log_learning_rates(training.model(), logs);
  const std::optional<double> current = monitor_.value(logs);
  if (!current) return;
  if (cooldown_ > 0) {
    --cooldown_;
    wait_ = 0;
  }
  if (monitor_.improves(*current)) {
    wait_ = 0;
  } else if (cooldown_ == 0 && ++wait_ >= options_.patience && reduce(training, epoch)) {
    cooldown_ = options_.cooldown;
    wait_ = 0;
  }
}

CallbackState ReduceLROnPlateau::state() const {
  CallbackState state;
  monitor_.save(state);
  state.numbers["wait"] = static_cast<double>(wait_);
  state.numbers["cooldown"] = static_cast<double>(cooldown_);
  return state;
}

void ReduceLROnPlateau::restore(const CallbackState& state) {
  monitor_.restore(state);
  wait_ = count_of(state, "wait");
  cooldown_ = count_of(state, "cooldown");
}

}  // namespace keratin::trainer
