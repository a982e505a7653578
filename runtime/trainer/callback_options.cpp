#include "runtime/trainer/callback_options.h"

#include <cmath>
#include <map>
#include <optional>
#include <string>

#include "runtime/trainer/csv_logger.h"
#include "runtime/trainer/early_stopping.h"
#include "runtime/trainer/error.h"
#include "runtime/trainer/learning_rate_scheduler.h"
#include "runtime/trainer/model_checkpoint.h"
#include "runtime/trainer/plot.h"
#include "runtime/trainer/progress.h"
#include "runtime/trainer/reduce_lr_on_plateau.h"
#include "runtime/trainer/swap_ema_weights.h"
#include "runtime/trainer/tensorboard.h"
#include "runtime/trainer/terminate_on_nan.h"
#include "runtime/trainer/text.h"

namespace keratin::trainer {
namespace {

/// The words behind an option. Each is asked for once; what is left over then was never meant.
class Settings {
 public:
  Settings(const Arguments& arguments, std::string_view option) : where_(cat("--", option)) {
    for (const std::string& word : arguments.get_all(option)) {
      const size_t equals = std::min(word.find('='), word.size());
      const std::string value = equals < word.size() ? word.substr(equals + 1) : "true";
      if (!words_.emplace(word.substr(0, equals), value).second)
        throw Error(ErrorKind::usage, cat(quoted(word.substr(0, equals)), " is given twice"), where_);
    }
  }

  std::string text(const std::string& key, std::string otherwise) {
    known_.push_back(key);
    const auto found = words_.find(key);
    if (found == words_.end()) return otherwise;
    std::string value = std::move(found->second);
    words_.erase(found);
    return value;
  }

  std::optional<double> number(const std::string& key) {
    const std::string word = text(key, "");
    if (word.empty()) return {};
    const std::optional<double> value = parse_double(word);
    if (!value || !std::isfinite(*value)) refuse(key, word, "a number");
    return value;
  }

  int64_t count(const std::string& key, int64_t otherwise) {
    const std::string word = text(key, to_text(otherwise));
    const std::optional<int64_t> value = parse_integer(word);
    if (!value || *value < 0) refuse(key, word, "a whole number of at least 0");
    return *value;
  }

  /// Steps from one time to the next; 0 if it is at the end of each epoch.
  int64_t frequency(const std::string& key) {
    const std::string word = text(key, "epoch");
    if (word == "epoch") return 0;
    if (word == "batch") return 1;
    const std::optional<int64_t> value = parse_integer(word);
    if (!value || *value < 1) refuse(key, word, "epoch, batch or a number of steps");
    return *value;
  }

  bool flag(const std::string& key) {
    const std::string word = text(key, "false");
    for (const char* yes : {"true", "True", "1", "yes"})
      if (word == yes) return true;
    for (const char* no : {"false", "False", "0", "no"})
      if (word == no) return false;
    refuse(key, word, "true or false");
  }

  MonitorMode mode() {
    const std::string word = text("mode", "auto");
    if (word == "auto") return MonitorMode::automatic;
    if (word == "min") return MonitorMode::min;
    if (word == "max") return MonitorMode::max;
    refuse("mode", word, "auto, min or max");
  }

  void finish() const {
    if (words_.empty()) return;
    const std::string& word = words_.begin()->first;
    const std::string similar = most_similar(word, known_);
    throw Error(
        ErrorKind::usage, cat("has no argument ", quoted(word)), where_,
        similar.empty() ? cat("arguments are ", join(known_, ", ")) : cat("did you mean ", similar, "?"));
  }

  [[noreturn]] void refuse(const std::string& key, const std::string& word, std::string_view wanted) const {
    throw Error(ErrorKind::usage, cat(key, " is ", quoted(word), ", and has to be ", wanted), where_);
  }

 private:
  std::string where_;
  std::map<std::string, std::string> words_;  // not asked for yet
  std::vector<std::string> known_;
};

std::unique_ptr<Callback> early_stopping(Settings& settings) {
  EarlyStoppingOptions options;
  options.monitor = settings.text("monitor", options.monitor);
  options.min_delta = settings.number("min_delta").value_or(options.min_delta);
  options.patience = settings.count("patience", options.patience);
  options.mode = settings.mode();
  options.baseline = settings.number("baseline");
  options.restore_best_weights = settings.flag("restore_best_weights");
  options.start_from_epoch = settings.count("start_from_epoch", options.start_from_epoch);
  return std::make_unique<EarlyStopping>(options);
}

std::unique_ptr<Callback> reduce_lr_on_plateau(Settings& settings) {
  ReduceLROnPlateauOptions options;
  options.monitor = settings.text("monitor", options.monitor);
  options.factor = settings.number("factor").value_or(options.factor);
  options.patience = settings.count("patience", options.patience);
  options.mode = settings.mode();
  options.min_delta = settings.number("min_delta").value_or(options.min_delta);
  options.cooldown = settings.count("cooldown", options.cooldown);
  options.min_lr = settings.number("min_lr").value_or(options.min_lr);
  return std::make_unique<ReduceLROnPlateau>(options);
}

std::unique_ptr<Callback> model_checkpoint(Settings& settings) {
  ModelCheckpointOptions options;
  options.path = settings.text("path", "");
  if (options.path.empty())
    throw Error(ErrorKind::usage, "needs a path", "--model-checkpoint", "path=best.safetensors");
  options.monitor = settings.text("monitor", options.monitor);
  options.save_best_only = settings.flag("save_best_only");
  options.mode = settings.mode();
  options.save_freq = settings.frequency("save_freq");
  options.initial_value_threshold = settings.number("initial_value_threshold");
  return std::make_unique<ModelCheckpoint>(options);
}

std::unique_ptr<Callback> tensorboard(Settings& settings) {
  TensorBoardOptions options;
  options.log_dir = settings.text("log_dir", options.log_dir);
  options.histogram_freq = settings.count("histogram_freq", options.histogram_freq);
  options.update_freq = settings.frequency("update_freq");
  options.write_steps_per_second = settings.flag("write_steps_per_second");
  return std::make_unique<TensorBoard>(options);
}

std::unique_ptr<Callback> swap_ema_weights(Settings& settings) {
  return std::make_unique<SwapEMAWeights>(settings.flag("swap_on_epoch"));
}

struct Row {
  std::string_view option;
  std::unique_ptr<Callback> (*make)(Settings& settings);
};
/// The scheduler is first: others log what it has set. Averages are in the weights before they are saved, and the weights are saved
/// before the learning rate changes, which TensorBoard is shown as it was.
constexpr Row kRows[] = {
    {"swap-ema-weights", swap_ema_weights},         {"early-stopping", early_stopping},
    {"model-checkpoint", model_checkpoint},         {"tensorboard", tensorboard},
    {"reduce-lr-on-plateau", reduce_lr_on_plateau},
};

}  // namespace

std::vector<std::unique_ptr<Callback>> make_callbacks(const Arguments& arguments) {
  std::vector<std::unique_ptr<Callback>> callbacks;
  if (arguments.has("learning-rate-scheduler"))
    callbacks.push_back(std::make_unique<LearningRateScheduler>(
        parse_schedule(arguments.get_all("learning-rate-scheduler"))));
  for (const Row& row : kRows) {
    if (!arguments.has(row.option)) continue;
    Settings settings(arguments, row.option);
    callbacks.push_back(row.make(settings));
    settings.finish();
  }
  if (arguments.has("terminate-on-nan")) callbacks.push_back(std::make_unique<TerminateOnNaN>());
  // Behind those that log something.
  if (arguments.has("csv-logger"))
    callbacks.push_back(std::make_unique<CsvLogger>(arguments.get("csv-logger")));
  if (arguments.has("plot"))
    callbacks.push_back(std::make_unique<Plot>(arguments.get("plot"), monotonic_seconds));
  return callbacks;
}

}  // namespace keratin::trainer
