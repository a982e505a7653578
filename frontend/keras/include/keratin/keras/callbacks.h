// Callbacks: what fit tells while it trains, and what may be answered. Those of Keras, and a class to derive one's own from.
//
//     struct Watch : callbacks::Callback {
//       void on_epoch_end(callbacks::Training& training, int64_t epoch, Logs& logs) override {
//         if (logs.at("loss") < 0.01) training.stop();
//       }
//     };
//     model.fit(x, y, {.epochs = 100, .validation_split = 0.1,
//                      .callbacks = {std::make_shared<Watch>(), callbacks::EarlyStopping({.patience = 3})}});
//
// Epochs and batches count from 0. A metric that is watched is named as in logs; "auto" knows of Keras's own which values are better.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace keratin::keras {

class Model;

/// Values by name: {"accuracy": 0.93, "loss": 0.25}.
using Logs = std::map<std::string, double>;

namespace callbacks {

/// The training at hand.
class Training {
 public:
  virtual ~Training() = default;
  /// With the weights of now; those that are set are trained on.
  virtual Model& model() = 0;
  virtual int64_t epochs() const = 0;
  virtual int64_t steps() const = 0;  ///< of an epoch that are wanted; data may end before
  /// Training ends with the batch at hand, or the epoch.
  virtual void stop() = 0;
  /// Of the optimizer; of several the first one's.
  virtual double learning_rate() = 0;
  /// Of all optimizers. Throws if a schedule makes it.
  virtual void set_learning_rate(double rate) = 0;
};

class Callback {
 public:
  virtual ~Callback() = default;
  virtual void on_train_begin(Training&) {}
  virtual void on_train_end(Training&) {}
  virtual void on_epoch_begin(Training&, int64_t /*epoch*/) {}
  /// What is added to the logs is in the history.
  virtual void on_epoch_end(Training&, int64_t /*epoch*/, Logs& /*logs*/) {}
  /// Whether on_train_batch_end wants logs; to compute them takes time.
  virtual bool wants_batch_logs() const { return false; }
  /// `loss`: the batch's own; `logs`: means since the epoch began, or empty.
  virtual void on_train_batch_end(Training&, int64_t /*batch*/, double /*loss*/, const Logs& /*logs*/) {}
  virtual void on_test_begin(Training&) {}
  virtual void on_test_end(Training&, const Logs& /*logs*/) {}
};

using CallbackPtr = std::shared_ptr<Callback>;

struct EarlyStoppingOptions {
  std::string monitor = "val_loss";
  double min_delta = 0;
  int64_t patience = 0;  ///< epochs without improvement that are borne
  std::string mode = "auto";
  std::optional<double> baseline = {};  ///< what counts as progress at all
  bool restore_best_weights = false;
  int64_t start_from_epoch = 0;
};
/// Training ends when a metric has stopped improving.
CallbackPtr EarlyStopping(const EarlyStoppingOptions& options = {});

struct ReduceLROnPlateauOptions {
  std::string monitor = "val_loss";
  double factor = 0.1;
  int64_t patience = 10;  ///< epochs without improvement that are borne
  std::string mode = "auto";
  double min_delta = 1e-4;
  int64_t cooldown = 0;  ///< epochs after a reduction in which none are counted
  double min_lr = 0;
};
/// A smaller learning rate when a metric has stopped improving.
CallbackPtr ReduceLROnPlateau(const ReduceLROnPlateauOptions& options = {});

struct ModelCheckpointOptions {
  std::string monitor = "val_loss";
  bool save_best_only = false;
  std::string mode = "auto";
  int64_t save_freq = 0;  ///< batches; 0: at the end of each epoch
  std::optional<double> initial_value_threshold = {};
};
/// The weights in a .safetensors file, or the whole model in a .keras file. `path` may have places for numbers:
/// "{epoch:02d}-{val_loss:.3f}.keras".
CallbackPtr ModelCheckpoint(const std::string& path, const ModelCheckpointOptions& options = {});

/// The learning rate of an epoch, from its number and the rate so far.
CallbackPtr LearningRateScheduler(std::function<double(int64_t epoch, double rate)> schedule);

/// Training ends at a loss that is NaN or infinite.
CallbackPtr TerminateOnNaN();

struct TensorBoardOptions {
  int64_t histogram_freq = 0;  ///< epochs from one histogram of the weights to the next; 0: none are written
  int64_t update_freq = 0;     ///< batches from one batch_ metric to the next; 0: none are written
  bool write_steps_per_second = false;
};
/// What TensorBoard shows, in event files.
CallbackPtr TensorBoard(const std::string& log_dir = "logs", const TensorBoardOptions& options = {});

/// A table with a row for each epoch.
CallbackPtr CSVLogger(const std::string& filename);

struct SwapEMAWeightsOptions {
  bool swap_on_epoch = false;  ///< averages are in the weights at the end of epochs, too
};
/// Validations see the averages of the weights (use_ema).
CallbackPtr SwapEMAWeights(const SwapEMAWeightsOptions& options = {});

struct BackupAndRestoreOptions {
  int64_t save_freq = 0;          ///< batches; 0: at the end of each epoch only
  bool delete_checkpoint = true;  ///< when training has come to its end
};
/// All of the training's state in a file, and the state before it in `path`.previous. Where there is one, fit goes on from it, and ends with
/// the bits of training that was not interrupted. One for each fit.
CallbackPtr BackupAndRestore(const std::string& path, const BackupAndRestoreOptions& options = {});

}  // namespace callbacks
}  // namespace keratin::keras
