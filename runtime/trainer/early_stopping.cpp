#include "runtime/trainer/early_stopping.h"

#include "runtime/trainer/text.h"

namespace keratin::trainer {

EarlyStopping::EarlyStopping(const EarlyStoppingOptions& options)
    : options_(options), monitor_("EarlyStopping", options.monitor, options.mode, options.min_delta) {}

void EarlyStopping::on_train_begin(Training& training) {
  monitor_.begin(training);
  wait_ = stopped_epoch_ = best_epoch_ = 0;
  best_weights_.clear();
}

void EarlyStopping::keep_weights(const Trainable& model, int64_t epoch) {
  best_epoch_ = epoch;
  if (!options_.restore_best_weights) return;
  const std::vector<VariableInfo>& variables = model.info().variables;
  for (size_t i = 0; i < variables.size(); ++i)
    if (variables[i].is_weight()) best_weights_.insert_or_assign(variables[i].name, model.get_variable(i));
}

void EarlyStopping::on_epoch_end(Training& training, int64_t epoch, Logs& logs) {
  const std::optional<double> current = monitor_.value(logs);
  if (!current || epoch < options_.start_from_epoch) return;
  if (options_.restore_best_weights && best_weights_.empty()) keep_weights(training.model(), epoch);
  ++wait_;
  if (monitor_.improves(*current)) {
    keep_weights(training.model(), epoch);
    if (monitor_.is_improvement(*current, options_.baseline)) wait_ = 0;
  } else if (wait_ >= options_.patience && epoch > 0) {
    stopped_epoch_ = epoch;
    training.stop();
  }
}

void EarlyStopping::on_train_end(Training& training) {
  if (stopped_epoch_ > 0) training.say(cat("Epoch ", stopped_epoch_ + 1, ": early stopping"));
  if (best_weights_.empty()) return;
  training.say(cat("Restoring model weights from the end of the best epoch: ", best_epoch_ + 1, "."));
  put_best_weights(training.model());
}

void EarlyStopping::put_best_weights(Trainable& model) const {
  const std::vector<VariableInfo>& variables = model.info().variables;
  for (size_t i = 0; i < variables.size(); ++i)
    if (const auto kept = best_weights_.find(variables[i].name); kept != best_weights_.end())
      model.set_variable(i, kept->second);
}

CallbackState EarlyStopping::state() const {
  CallbackState state;
  monitor_.save(state);
  state.numbers["wait"] = static_cast<double>(wait_);
  state.numbers["stopped_epoch"] = static_cast<double>(stopped_epoch_);
  state.numbers["best_epoch"] = static_cast<double>(best_epoch_);
  state.arrays = best_weights_;
  return state;
}

void EarlyStopping::restore(const CallbackState& state) {
  monitor_.restore(state);
  wait_ = count_of(state, "wait");
  stopped_epoch_ = count_of(state, "stopped_epoch");
  best_epoch_ = count_of(state, "best_epoch");
  best_weights_ = state.arrays;
}

}  // namespace keratin::trainer
