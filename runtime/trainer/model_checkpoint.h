// Keras's ModelCheckpoint: the weights in a file, at the end of epochs or after so many steps; all of them or the best.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "runtime/trainer/callback.h"
#include "runtime/trainer/monitor.h"

namespace keratin::trainer {

struct ModelCheckpointOptions {
  /// May have places for numbers in it, as Python's str.format does: "{epoch:02d}-{val_loss:.3f}.safetensors"; {batch} too where
  /// it is saved after steps. Where one of them is missing, as val_loss is in epochs without a validation, nothing is saved. Folders that
  /// are missing are made. What there is of that name is replaced.
  std::string path;
  std::string monitor = "val_loss";
  bool save_best_only = false;
  MonitorMode mode = MonitorMode::automatic;
  int64_t save_freq = 0;                          ///< steps; 0: at the end of each epoch
  std::optional<double> initial_value_threshold;  ///< what the first of the best has to be better than
};

class ModelCheckpoint : public Callback {
 public:
  /// Writes weights, .safetensors.
  explicit ModelCheckpoint(const ModelCheckpointOptions& options);
  /// Has `write` write whatever it likes.
  ModelCheckpoint(const ModelCheckpointOptions& options,
                  std::function<void(Training& training, const std::string& path)> write);

  std::string name() const override { return "model_checkpoint"; }
  bool writes() const override { return true; }
  /// Throws Error(usage) if the path has places for what will never be known, Error(cannot_create) if nothing can be written there.
  void on_train_begin(Training& training) override;
  void on_epoch_begin(Training&, int64_t epoch) override { epoch_ = epoch; }
  void on_resume(Training& training, int64_t epoch, int64_t step) override;
  bool wants_batch_logs() override { return options_.save_freq > 0; }
  void on_train_batch_end(Training& training, int64_t step, double loss, const Logs& logs) override;
  void on_epoch_end(Training& training, int64_t epoch, Logs& logs) override;
  CallbackState state() const override;
  void restore(const CallbackState& state) override;

 private:
  void save(Training& training, const Logs& logs, std::optional<int64_t> step);

  ModelCheckpointOptions options_;
  std::function<void(Training& training, const std::string& path)> write_;
  Monitor monitor_;
  int64_t epoch_ = 0, steps_ = 0;  // since it was last saved
  bool has_warned_ = false;
};

/// Numbers put into the places of a text, by their names. Throws Error(usage) about a name that has none, or a format that is none of numbers.
std::string format_path(const std::string& text, const Logs& numbers);

}  // namespace keratin::trainer
