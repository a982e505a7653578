// Progress as Keras 3 shows it.
//
//     Epoch 1/5
//     250/250 ━━━━━━━━━━━━━━━━━━━━ 1s 2ms/step - accuracy: 0.7682 - loss: 0.8210
//
// On a terminal the line is drawn again as steps are done, at most every 50 ms; elsewhere it appears once, without escape
// sequences, when the epoch is over.
#pragma once

#include <cstdio>
#include <functional>

#include "runtime/trainer/fit.h"

namespace keratin::trainer {

enum class Verbose { silent, bar, line };  ///< Keras's 0, 1 and 2

class Progress : public Observer {
 public:
  /// `clock`: seconds since some time. Warnings go to `errors`.
  Progress(std::FILE* out, std::FILE* errors, Verbose verbose, bool terminal, std::function<double()> clock);

  void begin_epoch(int64_t epoch, int64_t epochs, int64_t steps) override;
  void end_step(int64_t step, const Logs& logs) override;
  void end_epoch(const Logs& logs) override;
  void warn(const std::string& text) override;
  bool wants_logs() override;

 private:
  double step_duration(int64_t step, double now);
  void draw(int64_t step, const Logs& logs, double now, bool last);
  std::string counts(int64_t step) const;
  void print(const std::string& text);

  std::FILE *out_, *errors_;
  Verbose verbose_;
  bool terminal_;
  std::function<double()> clock_;

  int64_t steps_ = 0;
  double start_ = 0, after_first_step_ = -1, last_draw_ = -1;
  size_t width_ = 0;        // of the line that was drawn
  bool line_open_ = false;  // whether the cursor stands behind one
};

/// Seconds of a clock that only goes forward.
double monotonic_seconds();

}  // namespace keratin::trainer
