#include "runtime/trainer/tensorboard.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "runtime/trainer/learning_rate.h"
#include "runtime/trainer/monitor.h"
#include "runtime/trainer/text.h"

namespace keratin::trainer {
namespace {

constexpr std::string_view kValidationPrefix = "val_";

/// Which step of the model's life it is. Optimizers around others count as well as those, or not at all.
int64_t iterations(const Trainable& model) {
  const std::vector<VariableInfo>& variables = model.info().variables;
  double most = 0;
  for (size_t i = 0; i < variables.size(); ++i)
    if (variables[i].role == VariableRole::state && variables[i].name.ends_with("/iteration"))
      most = std::max(most, model.view_variable(i).number(0));
  return static_cast<int64_t>(most);
}

}  // namespace

double wall_seconds() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

TensorBoard::TensorBoard(TensorBoardOptions options, std::function<double()> clock)
    : options_(std::move(options)), clock_(std::move(clock)) {}

void TensorBoard::on_train_begin(Training&) { train_.emplace(options_.log_dir + "/train", clock_); }

EventFile& TensorBoard::validation() {
  if (!validation_) validation_.emplace(options_.log_dir + "/validation", clock_);
  return *validation_;
}

void TensorBoard::on_epoch_begin(Training&, int64_t) { start_clock(); }
void TensorBoard::on_resume(Training&, int64_t, int64_t) { start_clock(); }

void TensorBoard::start_clock() {
  first_batch_ = batch_;
  if (options_.write_steps_per_second) epoch_start_ = batch_start_ = clock_();
}

bool TensorBoard::wants_batch_logs() {
  return options_.update_freq > 0 && (batch_ + 1) % options_.update_freq == 0;
}

void TensorBoard::on_train_batch_end(Training&, int64_t, double, const Logs& logs) {
  const bool is_written = wants_batch_logs();
  ++batch_;
  if (options_.write_steps_per_second) {
    const double now = clock_(), seconds = now - std::exchange(batch_start_, now);
    if (is_written) train_->add_scalar("batch_steps_per_second", 1 / seconds, batch_);
  }
  if (!is_written) return;
  for (const auto& [name, value] : logs) train_->add_scalar("batch_" + name, value, batch_);
  train_->flush();
}

void TensorBoard::on_epoch_end(Training& training, int64_t epoch, Logs& logs) {
  Trainable& model = training.model();
  Logs train, held_out;
  for (const auto& [name, value] : logs) {
    if (name.starts_with(kValidationPrefix))
      held_out.emplace_back(name.substr(kValidationPrefix.size()), value);
    else
      train.emplace_back(name, value);
  }
  log_learning_rates(model, train);
  if (options_.write_steps_per_second)
    train.emplace_back("steps_per_second",
                       static_cast<double>(batch_ - first_batch_) / (clock_() - epoch_start_));

  for (const auto& [name, value] : held_out)
    validation().add_scalar(cat("evaluation_", name, "_vs_iterations"), value, iterations(model));
  for (const auto& [name, value] : train) train_->add_scalar("epoch_" + name, value, epoch);
  for (const auto& [name, value] : held_out) validation().add_scalar("epoch_" + name, value, epoch);
  if (options_.histogram_freq > 0 && epoch % options_.histogram_freq == 0) write_weights(model, epoch);
  train_->flush();
  if (validation_) validation_->flush();
}

void TensorBoard::write_weights(Trainable& model, int64_t epoch) {
  const std::vector<VariableInfo>& variables = model.info().variables;
  for (size_t i = 0; i < variables.size(); ++i)
    if (variables[i].is_weight())
      train_->add_histogram(variables[i].name + "/histogram", model.view_variable(i), epoch);
}

CallbackState TensorBoard::state() const { return {.numbers = {{"batch", static_cast<double>(batch_)}}}; }

void TensorBoard::restore(const CallbackState& state) { batch_ = count_of(state, "batch"); }

}  // namespace keratin::trainer
