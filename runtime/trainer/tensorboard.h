// What Keras's TensorBoard callback writes: curves of losses and metrics, and histograms of weights.
//
//     FOLDER/train/events.out.tfevents.…       epoch_loss, epoch_accuracy, epoch_learning_rate, batch_loss, …, dense/kernel/histogram
//     FOLDER/validation/events.out.tfevents.…  epoch_loss, …, evaluation_loss_vs_iterations, …
//
// Training that goes on after an interruption adds files, whose steps are those of the training as a whole. What was written
// behind the last checkpoint is then there twice, with the same values.
//
// Unlike Keras, which leaves out the epochs that end at no multiple of an `update_freq`, all are written.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "runtime/trainer/callback.h"
#include "runtime/trainer/event_file.h"

namespace keratin::trainer {

/// Seconds since 1970.
double wall_seconds();

struct TensorBoardOptions {
  std::string log_dir = "logs";
  int64_t update_freq = 0;     ///< batches from one batch_ metric to the next; 0: none are written
  int64_t histogram_freq = 0;  ///< epochs from one histogram to the next; 0: none are written
  bool write_steps_per_second = false;
};

class TensorBoard : public Callback {
 public:
  explicit TensorBoard(TensorBoardOptions options, std::function<double()> clock = wall_seconds);

  std::string name() const override { return "tensorboard"; }
  bool writes() const override { return true; }
  void on_train_begin(Training& training) override;
  void on_epoch_begin(Training& training, int64_t epoch) override;
  void on_resume(Training& training, int64_t epoch, int64_t step) override;
  bool wants_batch_logs() override;
  void on_train_batch_end(Training& training, int64_t step, double loss, const Logs& logs) override;
  void on_epoch_end(Training& training, int64_t epoch, Logs& logs) override;
  CallbackState state() const override;
  void restore(const CallbackState& state) override;

 private:
  void start_clock();
  EventFile& validation();
  void write_weights(Trainable& model, int64_t epoch);

  TensorBoardOptions options_;
  std::function<double()> clock_;
  std::optional<EventFile> train_, validation_;
  int64_t batch_ = 0;        // how many have been trained on
  int64_t first_batch_ = 0;  // that many when the epoch began, or went on
  double epoch_start_ = 0, batch_start_ = 0;
};

}  // namespace keratin::trainer
