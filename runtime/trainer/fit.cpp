#include "runtime/trainer/fit.h"

#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "runtime/trainer/batches.h"
#include "runtime/trainer/data_checksum.h"
#include "runtime/trainer/error.h"
#include "runtime/trainer/numeric_checks.h"
#include "runtime/trainer/shuffle.h"
#include "runtime/trainer/text.h"
#include "runtime/trainer/weights.h"

namespace keratin::trainer {
namespace {

Logs logs_of(Trainable& model, const std::string& prefix = {}) {
  const std::vector<double> values = model.metrics();
  Logs logs;
  for (size_t i = 0; i < values.size(); ++i)
    logs.emplace_back(prefix + model.info().metrics.at(i).name, values[i]);
  std::sort(logs.begin(), logs.end());
  return logs;
}

/// What a mistake there would spoil is told apart from what may change when training goes on: the number of epochs, callbacks.
std::map<std::string, std::string> settings_of(const FitOptions& options, const Dataset& training,
                                               const Dataset* validation) {
  std::vector<std::string> weights;
  for (const auto& [label, weight] : options.class_weight) weights.push_back(cat(label, ": ", weight));
  return {{"batch-size", to_text(options.batch_size)},
          {"class-weight", join(weights, ", ")},
          {"data", counted(training.samples, "sample")},
          {"initial-epoch", to_text(options.initial_epoch)},
          {"no-shuffle", options.shuffle ? "no" : "yes"},
          {"seed", to_text(options.seed)},
          {"steps-per-epoch", to_text(options.steps_per_epoch)},
          {"validation-data", validation == nullptr ? "none" : counted(validation->samples, "sample")}};
}

/// Of the samples to learn from and those held out; none where nobody compares them.
std::map<std::string, uint32_t> checksums_of(const Trainable& model, const FitOptions& options,
                                             const Dataset& training, const Dataset* validation) {
  std::map<std::string, uint32_t> checksums;
  if (options.checkpoints == nullptr && model.ranks() == nullptr) return checksums;
  checksums.emplace("training", data_checksum(model.info(), training));
  if (validation != nullptr) checksums.emplace("validation", data_checksum(model.info(), *validation));
  return checksums;
}

/// Ranks that see different data would wait for each other for ever, or take each other's samples for their own.
void expect_same_of_all(const Trainable& model, const std::string& settings, const std::string& where) {
  Ranks* ranks = model.ranks();
  if (ranks == nullptr) return;
  const auto own =
      static_cast<int64_t>(crc32_z(0, reinterpret_cast<const Bytef*>(settings.data()), settings.size()));
  if (ranks->greatest(own) != -ranks->greatest(-own))
    throw Error(ErrorKind::data, "data or options are not the same for all processes", where,
                "all of them read the same files, and take their share of each batch");
}

class Fit : public Training {
 public:
  Fit(Trainable& model, const Dataset& training, const Dataset* validation, const FitOptions& options)
      : model_(model),
        options_(options),
        settings_(settings_of(options, training, validation)),
        checksums_(checksums_of(model, options, training, validation)),
        samples_(training.samples),
        training_(model, training, options.batch_size,
                  sample_weights(model.info(), training, options.class_weight)),
        steps_(options.steps_per_epoch > 0 ? std::min(options.steps_per_epoch, training_.steps())
                                           : training_.steps()),
        epoch_(options.initial_epoch) {
    history_.first_epoch = options.initial_epoch;
    if (options.check_numerics) checks_.emplace(model);
    if (validation != nullptr)
      validation_.emplace(
          model, *validation,
          options.validation_batch_size > 0 ? options.validation_batch_size : options.batch_size,
          validation->weights);
  }

  History run() {
    std::string settings;
    for (const auto& [name, value] : settings_) settings += cat(name, " ", value, "\n");
    for (const auto& [samples, value] : checksums_) settings += cat(samples, " ", value, "\n");
    expect_same_of_all(model_, settings, "fit");
    model_.set_seed(options_.seed);
    for_each([&](Callback& callback) {
      callback.on_train_begin(*this);
      begun_.push_back(&callback);
    });
    resume();
    while (epoch_ < options_.epochs && (!stopped_ || step_ > 0) && !interrupted())
      if (!run_epoch()) break;
    if (interrupted_) save();
    for_each(
        [&](Callback& callback) { callback.before_finish(model_, stopped_ && epoch_ < options_.epochs); });
    if (options_.epochs > 0) model_.finish_training();
    for_each([&](Callback& callback) { callback.on_train_end(*this); });
    return std::move(history_);
  }

  Trainable& model() override { return model_; }
  int64_t epochs() const override { return options_.epochs; }
  int64_t steps() const override { return options_.steps_per_epoch > 0 ? options_.steps_per_epoch : steps_; }
  bool validates() const override {
    return validation_ &&
           options_.epochs / options_.validation_freq > options_.initial_epoch / options_.validation_freq;
  }
  bool may_be_logged(const std::string& name) const override {
    return std::any_of(begun_.begin(), begun_.end(),
                       [&](const Callback* callback) { return callback->may_log(model_, name); });
  }
  const History& history() const override { return history_; }
  void stop() override { stopped_ = true; }
  void say(const std::string& text) override {
    for_each([&](Callback& callback) { callback.on_message(text); });
  }
  void warn(const std::string& text) override {
    for_each([&](Callback& callback) { callback.on_warning(text); });
  }

 private:
  template <typename Action>
  void for_each(Action action) {
    for (Callback* callback : options_.callbacks) action(*callback);
  }

  bool interrupted() {
    interrupted_ = interrupted_ || (options_.interrupted && options_.interrupted());
    return interrupted_;
  }

  /// False if it was interrupted.
  bool run_epoch() {
    // Where an interruption was, callbacks go on; they have been told that the epoch began.
    if (step_ == 0)
      for_each([&](Callback& callback) { callback.on_epoch_begin(*this, epoch_); });
    else
      for_each([&](Callback& callback) { callback.on_resume(*this, epoch_, step_); });
    if (step_ < steps_of_epoch() && !run_steps()) return false;
    Logs logs = std::exchange(training_logs_, {});
    if (validation_ && (epoch_ + 1) % options_.validation_freq == 0) {
      std::optional<Logs> held_out = validate();
      if (!held_out) {
        training_logs_ = std::move(logs);
        return false;
      }
      logs.insert(logs.end(), held_out->begin(), held_out->end());
    }
    for_each([&](Callback& callback) { callback.on_epoch_end(*this, epoch_, logs); });
    history_.epochs.push_back(std::move(logs));
    ++epoch_;
    step_ = 0;
    save();
    return true;
  }

  /// Those that are left of the epoch. False if it was interrupted before their end.
  bool run_steps() {
    if (step_ == 0) model_.reset_metrics();
    for (bool ends = false; !ends;) {
      const Batch& batch = next_batch();
      if (checks_) checks_->begin();
      const double loss = model_.train_step(batch);
      if (checks_) checks_->end(batch, loss, epoch_, step_);
      if (!std::isfinite(loss)) warn_of_loss(loss);
      const int64_t step = step_++;
      const Logs logs = wants_logs() ? logs_of(model_) : Logs();
      for_each([&](Callback& callback) { callback.on_train_batch_end(*this, step, loss, logs); });
      ends = step_ == steps_of_epoch() || stopped_;
      if (ends) training_logs_ = logs_of(model_);
      if (interrupted() && !ends) return false;
      if (!ends && options_.checkpoints != nullptr && options_.checkpoints->is_due()) save();
    }
    step_ = steps_of_epoch();
    return true;
  }

  /// Epochs that go through the data once.
  int64_t epochs_of_pass() const { return (training_.steps() + steps_ - 1) / steps_; }
  /// The place of the epoch's first batch in the data.
  int64_t first_batch() const { return (epoch_ - options_.initial_epoch) % epochs_of_pass() * steps_; }
  /// Keras's epochs end where the data do.
  int64_t steps_of_epoch() const { return std::min(steps_, training_.steps() - first_batch()); }

  const Batch& next_batch() {
    const int64_t pass = options_.initial_epoch + (epoch_ - options_.initial_epoch) / epochs_of_pass();
    if (options_.shuffle && pass != pass_)
      training_.set_order(shuffled(samples_, options_.seed, static_cast<uint64_t>(pass)));
    pass_ = pass;
    return training_.batch(first_batch() + step_);
  }

  bool wants_logs() {
    bool wanted = false;  // all are asked: each may note the time
    for_each([&](Callback& callback) { wanted = callback.wants_batch_logs() || wanted; });
    return wanted;
  }

  /// Nothing if it was interrupted.
  std::optional<Logs> validate() {
    for_each([&](Callback& callback) { callback.on_test_begin(*this); });
    model_.reset_metrics();
    const int64_t steps = options_.validation_steps > 0
                              ? std::min(options_.validation_steps, validation_->steps())
                              : validation_->steps();
    for (int64_t step = 0; step < steps; ++step) {
      if (interrupted()) break;
      model_.evaluate_step(validation_->batch(step));
    }
    const Logs logs = logs_of(model_, "val_");
    for_each([&](Callback& callback) { callback.on_test_end(*this, logs); });
    if (interrupted_) return {};
    return logs;
  }

  void warn_of_loss(double loss) {
    if (warned_) return;
    warned_ = true;
    warn(cat("the loss became ", std::isnan(loss) ? "NaN" : "infinite", " in epoch ", epoch_ + 1, ", step ",
             step_ + 1, "; a smaller learning rate or scaled inputs may help"));
  }

  void save() {
    if (options_.checkpoints == nullptr) return;
    Snapshot snapshot{.settings = settings_,
                      .data_checksums = checksums_,
                      .epochs = options_.epochs,
                      .epoch = epoch_,
                      .step = step_,
                      .stopped = stopped_,
                      .training_logs = training_logs_,
                      .history = history_};
    const std::vector<VariableInfo>& variables = model_.info().variables;
    for (size_t i = 0; i < variables.size(); ++i)
      snapshot.variables.emplace(variables[i].name, model_.view_variable(i));
    for_each([&](Callback& callback) {
      if (CallbackState state = callback.state(); !state.empty())
        snapshot.callbacks.emplace(callback.name(), std::move(state));
    });
    try {
      options_.checkpoints->save(snapshot);
    } catch (const Error& error) {
      if (!options_.warn_on_save_error) throw;
      warn(cat("no checkpoint was written: ", error.what()));
    }
  }

  void resume() {
    if (options_.checkpoints == nullptr) return;
    load_checkpoint();
    expect_same_place();
  }

  /// Ranks that went on from different checkpoints would wait for each other for ever.
  void expect_same_place() const {
    Ranks* ranks = model_.ranks();
    if (ranks == nullptr) return;
    const int64_t latest_epoch = ranks->greatest(epoch_), first_epoch = -ranks->greatest(-epoch_),
                  latest_step = ranks->greatest(step_), first_step = -ranks->greatest(-step_);
    if (latest_epoch != first_epoch || latest_step != first_step)
      throw Error(ErrorKind::data, "is not the same for all processes", options_.checkpoints->path(),
                  "put it where all of them find it");
  }

  void load_checkpoint() {
    std::optional<Snapshot> found = options_.checkpoints->load([&](const std::string& text) { warn(text); });
    if (!found) return;
    const std::string& where = options_.checkpoints->path();
    expect_same_settings(found->settings, where);
    expect_same_samples(found->data_checksums, where);
    set_variables(model_, found->variables, where);
    for_each([&](Callback& callback) {
      if (const auto state = found->callbacks.find(callback.name()); state != found->callbacks.end())
        callback.restore(state->second);
    });
    epoch_ = found->epoch;
    step_ = found->step;
    if (epoch_ < options_.initial_epoch || step_ < 0 || step_ > steps_of_epoch())
      throw Error(ErrorKind::data,
                  cat("is of epoch ", epoch_, ", step ", step_, ", which training does not have"), where);
    stopped_ = found->stopped;
    training_logs_ = std::move(found->training_logs);
    history_ = std::move(found->history);
    if (epoch_ >= options_.epochs || (stopped_ && step_ == 0))
      say(cat("Training had ended after epoch ", epoch_, ": nothing is left to do"));
    else
      say(cat("Going on with epoch ", epoch_ + 1, ", step ", step_ + 1));
  }

  void expect_same_settings(const std::map<std::string, std::string>& found, const std::string& where) const {
    for (const auto& [name, value] : settings_) {
      const auto other = found.find(name);
      const std::string before = other == found.end() ? "unknown" : other->second;
      if (before != value)
        throw Error(ErrorKind::data, cat("belongs to training with --", name, " ", before, ", not ", value),
                    where, "give the same options and data, or another --checkpoint to begin anew");
    }
  }

  /// What an older checkpoint does not tell is taken to be the same.
  void expect_same_samples(const std::map<std::string, uint32_t>& found, const std::string& where) const {
    for (const auto& [samples, checksum] : checksums_)
      if (const auto before = found.find(samples); before != found.end() && before->second != checksum)
        throw Error(ErrorKind::data, cat("belongs to training whose ", samples, " samples were others"),
                    where, "give the data that it began with, or another --checkpoint to begin anew");
  }

  Trainable& model_;
  const FitOptions& options_;
  std::map<std::string, std::string> settings_;
  std::map<std::string, uint32_t> checksums_;
  int64_t samples_;
  Batches training_;
  std::optional<Batches> validation_;
  std::optional<NumericChecks> checks_;
  std::vector<const Callback*> begun_;  // those whose on_train_begin was called
  int64_t steps_;
  // Where training is.
  int64_t epoch_, step_ = 0;
  int64_t pass_ = -1;  // through the data: whose order the batches have
  bool stopped_ = false, interrupted_ = false, warned_ = false;
  Logs training_logs_;  // of an epoch whose steps are done
  History history_;
};

}  // namespace

History fit(Trainable& model, const Dataset& data, const FitOptions& options) {
  if (options.validation_split == 0 || options.validation != nullptr)
    return Fit(model, data, options.validation, options).run();
  const auto first =
      static_cast<int64_t>(std::floor(static_cast<double>(data.samples) * (1.0 - options.validation_split)));
  if (first <= 0 || first >= data.samples)
    throw Error(
        ErrorKind::usage,
        cat(counted(data.samples, "sample"), " cannot be split for validation by ", options.validation_split),
        data.where, "both parts need at least one sample");
  const Dataset training = data.rows(0, first), validation = data.rows(first, data.samples);
  return Fit(model, training, &validation, options).run();
}

Logs evaluate(Trainable& model, const Dataset& data, int64_t batch_size) {
  expect_same_of_all(model, cat(data.samples, " ", batch_size), data.where);
  Batches batches(model, data, batch_size, data.weights);
  model.reset_metrics();
  for (int64_t step = 0; step < batches.steps(); ++step) model.evaluate_step(batches.batch(step));
  return logs_of(model);
}

std::map<std::string, Array> predict(Trainable& model, const Dataset& data, int64_t batch_size) {
  const std::vector<Signature>& signatures = model.info().outputs;
  Batches batches(model, data, batch_size, {});
  std::vector<Array> outputs;
  for (const Signature& output : signatures) {
    const int64_t rows =
        output.is_per_sample ? output.row_count(data.samples) : output.row_count(1) * batches.steps();
    Shape shape = {rows};
    shape.insert(shape.end(), output.shape.begin(), output.shape.end());
    if (!byte_count(output.dtype, shape))
      throw Error(ErrorKind::data, "too many samples to predict", data.where);
    outputs.emplace_back(output.dtype, shape);
  }
  std::vector<std::byte*> next;
  for (Array& output : outputs) next.push_back(output.mutable_data());
  for (int64_t step = 0; step < batches.steps(); ++step) {
    const Batch& batch = batches.batch(step);
    const std::vector<void*> places(next.begin(), next.end());
    model.predict(batch.n, batch.inputs, places);
    for (size_t i = 0; i < outputs.size(); ++i) {
      const int64_t all = std::max<int64_t>(outputs[i].shape()[0], 1);
      next[i] += outputs[i].bytes() / all * signatures[i].row_count(batch.n);
    }
  }
  std::map<std::string, Array> named;
  for (size_t i = 0; i < outputs.size(); ++i) named.emplace(signatures[i].name, std::move(outputs[i]));
  return named;
}

}  // namespace keratin::trainer
