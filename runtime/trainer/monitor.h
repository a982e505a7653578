// What callbacks that watch a metric have in common: Keras's MonitorCallback.
#pragma once

#include <optional>
#include <string>

#include "runtime/trainer/callback.h"

namespace keratin::trainer {

enum class MonitorMode { automatic, min, max };

class Monitor {
 public:
  /// `metric`: its name in logs, "val_loss". `baseline`: what the first value is compared with. `callback`: who watches, for errors.
  Monitor(std::string callback, std::string metric, MonitorMode mode, double min_delta,
          std::optional<double> baseline = {});

  const std::string& metric() const { return metric_; }
  /// Finds out which values are better. `is_logged`: who watches logs it himself. Throws Error(usage) if nobody says so, or if there will
  /// be no such metric.
  void begin(Training& training, bool is_logged = false);

  /// Its value in the logs of an epoch; nothing if it did not validate.
  std::optional<double> value(const Logs& logs) const;
  bool is_improvement(double value, std::optional<double> over) const;
  /// Whether it is better than the best so far, which it then is.
  bool improves(double value);
  std::optional<double> best() const { return best_; }

  void save(CallbackState& state) const;
  void restore(const CallbackState& state);

 private:
  std::string callback_, metric_;
  MonitorMode mode_;
  double min_delta_;
  std::optional<double> baseline_, best_;
  bool less_ = true;  // whether less is better
};

/// A number of a state. Throws Error(data) if it is not there.
double number_of(const CallbackState& state, const std::string& name);
int64_t count_of(const CallbackState& state, const std::string& name);

}  // namespace keratin::trainer
