#include "runtime/trainer/learning_rate_scheduler.h"

#include <charconv>
#include <cmath>
#include <map>

#include "runtime/trainer/error.h"
#include "runtime/trainer/learning_rate.h"
#include "runtime/trainer/text.h"

namespace keratin::trainer {

void LearningRateScheduler::on_train_begin(Training& training) {
  if (schedule_) expect_settable_rates(training.model(), "LearningRateScheduler");
}

void LearningRateScheduler::on_epoch_begin(Training& training, int64_t epoch) {
  if (!schedule_) return;
  Trainable& model = training.model();
  const std::vector<double> rates = model.learning_rates();
  for (size_t i = 0; i < rates.size(); ++i) set_learning_rate(model, i, schedule_(epoch, rates[i]));
}

bool LearningRateScheduler::may_log(const Trainable& model, const std::string& name) const {
  return is_learning_rate(model, name);
}

void LearningRateScheduler::on_epoch_end(Training& training, int64_t, Logs& logs) {
  log_learning_rates(training.model(), logs);
}

RateFunction parse_schedule(const std::vector<std::string>& words) {
  if (words == std::vector<std::string>{"model"}) return {};
  const auto refuse = [](const std::string& word) {
    throw Error(ErrorKind::usage, cat(quoted(word), " is no EPOCH:RATE"), "--learning-rate-scheduler",
                "1:0.01 10:0.001 is a rate of 0.01 from the first epoch on, and of 0.001 from the tenth");
  };
  std::map<int64_t, double> rates;  // by the first epoch, from 0
  for (const std::string& word : words) {
    const char* end = word.data() + word.size();
    int64_t epoch = 0;
    double rate = 0;
    const auto [colon, bad_epoch] = std::from_chars(word.data(), end, epoch);
    if (bad_epoch != std::errc() || colon == end || *colon != ':' || epoch < 1) refuse(word);
    const auto [rest, bad_rate] = std::from_chars(colon + 1, end, rate);
    if (bad_rate != std::errc() || rest != end || !(rate >= 0) || !std::isfinite(rate)) refuse(word);
    if (!rates.emplace(epoch - 1, rate).second) refuse(word);
  }
  return [rates](int64_t epoch, double rate) {
    const auto next = rates.upper_bound(epoch);
    return next == rates.begin() ? rate : std::prev(next)->second;
  };
}

}  // namespace keratin::trainer
