#include "frontend/keras/callbacks.h"

#include <keratin/keras/model.h>

#include <utility>

#include "ir/error.h"
#include "ir/text.h"
#include "runtime/trainer/csv_logger.h"
#include "runtime/trainer/early_stopping.h"
#include "runtime/trainer/learning_rate.h"
#include "runtime/trainer/learning_rate_scheduler.h"
#include "runtime/trainer/model_checkpoint.h"
#include "runtime/trainer/reduce_lr_on_plateau.h"
#include "runtime/trainer/swap_ema_weights.h"
#include "runtime/trainer/tensorboard.h"
#include "runtime/trainer/terminate_on_nan.h"

namespace keratin::keras {
namespace {

trainer::MonitorMode mode_of(const std::string& mode, const char* where) {
  if (mode == "auto") return trainer::MonitorMode::automatic;
  if (mode == "min") return trainer::MonitorMode::min;
  if (mode == "max") return trainer::MonitorMode::max;
  throw Error(ErrorKind::usage, cat("mode is ", quoted(mode)), where, "it is auto, min or max");
}

/// One of Keras's own: made by the trainer's for each fit.
class OfTrainer : public callbacks::Callback {
 public:
  using Make = std::function<std::unique_ptr<trainer::Callback>()>;
  explicit OfTrainer(Make make) : make_(std::move(make)) {}
  std::unique_ptr<trainer::Callback> make() const { return make_(); }

 private:
  Make make_;
};

template <typename T, typename... Options>
callbacks::CallbackPtr of_trainer(const Options&... options) {
  (void)T(options...);  // what is wrong with them is said where they are given
  return std::make_shared<OfTrainer>([=] { return std::make_unique<T>(options...); });
}

/// Not a callback for the trainer: fit itself saves and restores, as only it knows all that there is.
struct Backup : callbacks::Callback {
  Backup(std::string p, callbacks::BackupAndRestoreOptions o) : path(std::move(p)), options(o) {}
  std::string path;
  callbacks::BackupAndRestoreOptions options;
};

/// A whole model, saved when and where the trainer's callback says.
struct ModelSaver : callbacks::Callback {
  ModelSaver(trainer::ModelCheckpointOptions o) : options(std::move(o)) {}
  trainer::ModelCheckpointOptions options;
};

Logs to_map(const trainer::Logs& logs) { return {logs.begin(), logs.end()}; }

/// A training as the callbacks of users see it.
class TrainingView : public callbacks::Training {
 public:
  TrainingView(trainer::Training& training, const TrainedModel& model) : training_(training), model_(model) {}
  TrainingView(const TrainingView&) = delete;
  ~TrainingView() override = default;

  Model& model() override {
    is_taken_ = true;
    return model_.take();
  }
  int64_t epochs() const override { return training_.epochs(); }
  int64_t steps() const override { return training_.steps(); }
  void stop() override { training_.stop(); }
  double learning_rate() override {
    const std::vector<double> rates = training_.model().learning_rates();
    if (rates.empty()) throw Error(ErrorKind::usage, "the model does not tell its learning rate", "fit");
    return rates[0];
  }
  void set_learning_rate(double rate) override {
    trainer::expect_settable_rates(training_.model(), "set_learning_rate");
    for (size_t i = 0; i < training_.model().info().learning_rates.size(); ++i)
      trainer::set_learning_rate(training_.model(), i, rate);
  }
  /// What the callback has set is trained on.
  void finish() {
    if (is_taken_) model_.give();
  }

 private:
  trainer::Training& training_;
  const TrainedModel& model_;
  bool is_taken_ = false;
};

/// A user's callback as one of the trainer's.
class Adapter : public trainer::Callback {
 public:
  Adapter(callbacks::Callback& callback, TrainedModel model)
      : callback_(callback), model_(std::move(model)) {}

  void on_train_begin(trainer::Training& training) override {
    call(training, [&](auto& view) { callback_.on_train_begin(view); });
  }
  void on_train_end(trainer::Training& training) override {
    call(training, [&](auto& view) { callback_.on_train_end(view); });
  }
  void on_epoch_begin(trainer::Training& training, int64_t epoch) override {
    call(training, [&](auto& view) { callback_.on_epoch_begin(view, epoch); });
  }
  /// What a user's callback adds is not known before it does.
  bool may_log(const trainer::Trainable&, const std::string&) const override { return true; }
  void on_epoch_end(trainer::Training& training, int64_t epoch, trainer::Logs& logs) override {
    Logs map = to_map(logs);
    call(training, [&](auto& view) { callback_.on_epoch_end(view, epoch, map); });
    for (auto& [name, value] : logs)
      if (const auto now = map.find(name); now != map.end()) {
        value = now->second;
        map.erase(now);
      }
    logs.insert(logs.end(), map.begin(), map.end());
  }
  bool wants_batch_logs() override { return callback_.wants_batch_logs(); }
  void on_train_batch_end(trainer::Training& training, int64_t step, double loss,
                          const trainer::Logs& logs) override {
    call(training, [&](auto& view) { callback_.on_train_batch_end(view, step, loss, to_map(logs)); });
  }
  void on_test_begin(trainer::Training& training) override {
    call(training, [&](auto& view) { callback_.on_test_begin(view); });
  }
  void on_test_end(trainer::Training& training, const trainer::Logs& logs) override {
    call(training, [&](auto& view) { callback_.on_test_end(view, to_map(logs)); });
  }

 private:
  template <typename Action>
  void call(trainer::Training& training, Action action) {
    TrainingView view(training, model_);
    action(view);
    view.finish();
  }

  callbacks::Callback& callback_;
  TrainedModel model_;
};

}  // namespace

namespace callbacks {

CallbackPtr EarlyStopping(const EarlyStoppingOptions& options) {
  return of_trainer<trainer::EarlyStopping>(
      trainer::EarlyStoppingOptions{.monitor = options.monitor,
                                    .min_delta = options.min_delta,
                                    .patience = options.patience,
                                    .mode = mode_of(options.mode, "EarlyStopping"),
                                    .baseline = options.baseline,
                                    .restore_best_weights = options.restore_best_weights,
                                    .start_from_epoch = options.start_from_epoch});
}

CallbackPtr ReduceLROnPlateau(const ReduceLROnPlateauOptions& options) {
  return of_trainer<trainer::ReduceLROnPlateau>(
      trainer::ReduceLROnPlateauOptions{.monitor = options.monitor,
                                        .factor = options.factor,
                                        .patience = options.patience,
                                        .mode = mode_of(options.mode, "ReduceLROnPlateau"),
                                        .min_delta = options.min_delta,
                                        .cooldown = options.cooldown,
                                        .min_lr = options.min_lr});
}

CallbackPtr ModelCheckpoint(const std::string& path, const ModelCheckpointOptions& options) {
  trainer::ModelCheckpointOptions of_trainer_options{
      .path = path,
      .monitor = options.monitor,
      .save_best_only = options.save_best_only,
      .mode = mode_of(options.mode, "ModelCheckpoint"),
      .save_freq = options.save_freq,
      .initial_value_threshold = options.initial_value_threshold};
  if (path.ends_with(".keras")) return std::make_shared<ModelSaver>(std::move(of_trainer_options));
  return of_trainer<trainer::ModelCheckpoint>(of_trainer_options);
}

CallbackPtr LearningRateScheduler(std::function<double(int64_t epoch, double rate)> schedule) {
  return of_trainer<trainer::LearningRateScheduler>(trainer::RateFunction(std::move(schedule)));
}

CallbackPtr TerminateOnNaN() { return of_trainer<trainer::TerminateOnNaN>(); }

CallbackPtr TensorBoard(const std::string& log_dir, const TensorBoardOptions& options) {
  return of_trainer<trainer::TensorBoard>(
      trainer::TensorBoardOptions{.log_dir = log_dir,
                                  .update_freq = options.update_freq,
                                  .histogram_freq = options.histogram_freq,
                                  .write_steps_per_second = options.write_steps_per_second});
}

CallbackPtr CSVLogger(const std::string& filename) { return of_trainer<trainer::CsvLogger>(filename); }

CallbackPtr SwapEMAWeights(const SwapEMAWeightsOptions& options) {
  return of_trainer<trainer::SwapEMAWeights>(options.swap_on_epoch);
}

CallbackPtr BackupAndRestore(const std::string& path, const BackupAndRestoreOptions& options) {
  return std::make_shared<Backup>(path, options);
}

}  // namespace callbacks

FitCallbacks::FitCallbacks(const std::vector<callbacks::CallbackPtr>& callbacks, TrainedModel model)
    : kept_(callbacks) {
  for (const callbacks::CallbackPtr& callback : kept_) {
    if (callback == nullptr) throw Error(ErrorKind::usage, "a callback is null", "fit");
    if (const auto* backup = dynamic_cast<const Backup*>(callback.get())) {
      if (checkpoints_) throw Error(ErrorKind::usage, "has two BackupAndRestore", "fit");
      checkpoints_.emplace(backup->path, trainer::CheckpointInterval{.steps = backup->options.save_freq});
      deletes_checkpoints_ = backup->options.delete_checkpoint;
    } else if (const auto* of_trainer = dynamic_cast<const OfTrainer*>(callback.get())) {
      adapters_.push_back(of_trainer->make());
    } else if (const auto* saver = dynamic_cast<const ModelSaver*>(callback.get())) {
      adapters_.push_back(std::make_unique<trainer::ModelCheckpoint>(
          saver->options, [model](trainer::Training&, const std::string& path) { model.take().save(path); }));
    } else {
      adapters_.push_back(std::make_unique<Adapter>(*callback, model));
    }
  }
}

FitCallbacks::~FitCallbacks() = default;

void FitCallbacks::add_to(trainer::FitOptions& options) {
  for (const std::unique_ptr<trainer::Callback>& adapter : adapters_)
    options.callbacks.push_back(adapter.get());
  if (checkpoints_) options.checkpoints = &*checkpoints_;
}

void FitCallbacks::finish() {
  if (checkpoints_ && deletes_checkpoints_) checkpoints_->remove();
}

}  // namespace keratin::keras
