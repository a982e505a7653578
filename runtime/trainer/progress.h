// Progress as Keras 3 shows it.
//
//     Epoch 1/5
//     250/250 ━━━━━━━━━━━━━━━━━━━━ 1s 2ms/step - accuracy: 0.7682 - loss: 0.8210
//
// On a terminal the line is drawn again as steps are done, at most every 50 ms; elsewhere it appears once, without escape
// sequences, when the epoch is over. It is then full, also where data ended before --steps-per-epoch, as Keras has it.
#pragma once

#include <cstdio>
#include <functional>

#include "runtime/trainer/callback.h"

namespace keratin::trainer {

enum class Verbose { silent, bar, line };  ///< Keras's 0, 1 and 2

class Progress : public Callback {
 public:
  /// `clock`: seconds since some time. Warnings go to `errors`.
  Progress(std::FILE* out, std::FILE* errors, Verbose verbose, bool terminal, std::function<double()> clock);

  void on_resume(Training& training, int64_t epoch, int64_t step) override;
  void on_epoch_begin(Training& training, int64_t epoch) override;
  bool wants_batch_logs() override;
  void on_train_batch_end(Training& training, int64_t step, double loss, const Logs& logs) override;
  void on_epoch_end(Training& training, int64_t epoch, Logs& logs) override;
  void on_message(const std::string& text) override;
  void on_warning(const std::string& text) override;

 private:
  void leave_line();
  double step_duration(int64_t step, double now);
  void draw(int64_t step, const Logs& logs, double now, bool last);
  std::string counts(int64_t step) const;
  void print(const std::string& text);

  std::FILE *out_, *errors_;
  Verbose verbose_;
  bool terminal_;
  std::function<double()> clock_;

  int64_t steps_ = 0, first_ = 0;  // of the epoch; those before it were done earlier
  double start_ = 0, after_first_step_ = -1, last_draw_ = -1;
  size_t width_ = 0;        // of the line that was drawn
  bool line_open_ = false;  // whether the cursor stands behind one
};

/// Seconds of a clock that only goes forward.
double monotonic_seconds();

}  // namespace keratin::trainer
