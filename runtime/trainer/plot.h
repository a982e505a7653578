// The curves of a history, as a drawing in SVG: for each metric a panel with what training gave and what the validation gave.
// Epochs count from 1. The background is the drawing's own, light or dark as the reader likes it. Equal histories give equal
// text.
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "runtime/trainer/callback.h"

namespace keratin::trainer {

std::string plot(const History& history, const std::string& title);

/// Draws while training goes on, when the last drawing has become old, and at its end.
class Plot : public Callback {
 public:
  /// `clock`: seconds since some time.
  Plot(std::string path, std::function<double()> clock) : path_(std::move(path)), clock_(std::move(clock)) {}

  bool writes() const override { return true; }
  void on_epoch_begin(Training& training, int64_t epoch) override;
  void on_train_end(Training& training) override;

 private:
  void draw(Training& training);

  std::string path_;
  std::function<double()> clock_;
  double last_ = 0;  // when it was drawn
};

}  // namespace keratin::trainer
