#include "runtime/trainer/monitor.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "runtime/trainer/error.h"
#include "runtime/trainer/text.h"

namespace keratin::trainer {

Monitor::Monitor(std::string callback, std::string metric, MonitorMode mode, double min_delta,
                 std::optional<double> baseline)
    : callback_(std::move(callback)),
      metric_(std::move(metric)),
      mode_(mode),
      min_delta_(std::fabs(min_delta)),
      baseline_(baseline) {}

void Monitor::begin(Training& training, bool is_logged) {
  best_ = baseline_;
  constexpr std::string_view kHeldOut = "val_";
  const bool is_held_out = metric_.starts_with(kHeldOut);
  const std::string name = is_held_out ? metric_.substr(kHeldOut.size()) : metric_;
  const std::vector<MetricInfo>& metrics = training.model().info().metrics;
  const auto found = std::find_if(metrics.begin(), metrics.end(),
                                  [&](const MetricInfo& metric) { return metric.name == name; });
  is_logged = is_logged || training.may_be_logged(metric_);
  if (found == metrics.end() && !is_logged) {
    std::vector<std::string> names;
    for (const MetricInfo& metric : metrics) names.push_back(metric.name);
    const std::string similar = most_similar(name, names);
    throw Error(ErrorKind::usage, cat("watches ", quoted(metric_), ", and there is no such metric"),
                callback_,
                similar.empty()
                    ? cat("metrics are ", join(names, ", "), ", each with val_ where there is a validation")
                    : cat("did you mean ", is_held_out ? kHeldOut : "", similar, "?"));
  }
  if (is_held_out && !is_logged && !training.validates())
    throw Error(
        ErrorKind::usage, cat("watches ", quoted(metric_), ", and there is no validation"), callback_,
        cat("give --validation-split or --validation-data, with a --validation-freq that comes up, or "
            "watch ",
            quoted(name)));
  const int direction = found == metrics.end() ? 0 : found->direction;
  if (mode_ == MonitorMode::automatic && direction == 0)
    throw Error(ErrorKind::usage,
                cat("watches ", quoted(metric_), ", of which it is not known whether more or less is better"),
                callback_, "give the mode, min or max");
  less_ = mode_ == MonitorMode::min || (mode_ == MonitorMode::automatic && direction < 0);
}

std::optional<double> Monitor::value(const Logs& logs) const {
  const double* value = find_log(logs, metric_);
  return value == nullptr ? std::nullopt : std::optional<double>(*value);
}

bool Monitor::is_improvement(double value, std::optional<double> over) const {
  if (!over) return true;
  // Keras compares in f32.
  const auto bar = static_cast<float>(*over);
  return less_ ? static_cast<float>(value + min_delta_) < bar : static_cast<float>(value - min_delta_) > bar;
}

bool Monitor::improves(double value) {
  if (!is_improvement(value, best_)) return false;
  best_ = value;
  return true;
}

void Monitor::save(CallbackState& state) const {
  if (best_) state.numbers["best"] = *best_;
}

void Monitor::restore(const CallbackState& state) {
  const auto found = state.numbers.find("best");
  best_ = found == state.numbers.end() ? std::nullopt : std::optional<double>(found->second);
}

double number_of(const CallbackState& state, const std::string& name) {
  const auto found = state.numbers.find(name);
  if (found == state.numbers.end())
    throw Error(ErrorKind::data, cat("has no ", name, " of a callback: it is of another version"),
                "checkpoint");
  return found->second;
}

int64_t count_of(const CallbackState& state, const std::string& name) {
  return static_cast<int64_t>(number_of(state, name));
}

}  // namespace keratin::trainer
