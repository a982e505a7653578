#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>

#include "runtime/trainer/callback_options.h"
#include "runtime/trainer/commands.h"
#include "runtime/trainer/data_options.h"
#include "runtime/trainer/error.h"
#include "runtime/trainer/file.h"
#include "runtime/trainer/fit.h"
#include "runtime/trainer/json.h"
#include "runtime/trainer/progress.h"
#include "runtime/trainer/signals.h"
#include "runtime/trainer/text.h"
#include "runtime/trainer/weights.h"

namespace keratin::trainer {
namespace {

constexpr Option kOptions[] = {
    {"epochs", "N", "times that all data are seen (1)"},
    {"initial-epoch", "N", "epochs that are over, of those (0)"},
    {"steps-per-epoch", "N", "batches that make an epoch; otherwise as many as there are"},
    {"validation-split", "F", "hold out the last part of the data, 0.2 for a fifth, and report val_ metrics"},
    {"validation-data", "FILE...", "report val_ metrics on other data", false, true},
    {"validation-freq", "N", "epochs from one validation to the next (1)"},
    {"validation-steps", "N", "batches to judge by; otherwise all"},
    {"validation-batch-size", "N", "samples at a time in validations; otherwise as in training"},
    {"class-weight", "JSON", R"(weights of classes, '{"0": 1, "1": 2.5}'; those not named weigh 1)"},
    {"no-shuffle", "", "take the samples in their order; they are shuffled for each epoch otherwise"},
    {"seed", "N", "of the order, of dropout and of --reinitialize (0); equal seeds give equal results"},
    kWeightsOption,
    {"reinitialize", "", "start with fresh weights"},
    {"save", "FILE", "write the weights, .safetensors, when training ends"},
    {"checkpoint", "FILE",
     "keep all of the training's state there, at the end of each epoch and when it is\n"
     "stopped; where there is one, go on from it: the end is the same to the bit"},
    {"checkpoint-every", "N|Ns", "also after so many steps, or seconds"},
    {"check-numerics", "",
     "end at the first step that leaves NaN or infinity, and say which layer it came from;\n"
     "the trainer has to be compiled with --check-numerics, and takes longer"},
    {"on-save-error", "stop|warn", "what to do if a checkpoint cannot be written (stop)"},
    {"history", "FILE", "write the metrics of all epochs as JSON, as Keras's History.history"},
    kThreadsOption,
    {"verbose", "0|1|2", "what is shown: nothing, a bar, a line per epoch (1)"},
};
constexpr std::span<const Option> kGroups[] = {kDataOptions, kOptions, kCallbackOptions, kRanksOptions};

/// Options that name a file to write.
constexpr std::string_view kWritten[] = {"save", "history", "csv-logger", "plot", "checkpoint"};

/// "100" or "30s".
CheckpointInterval interval_of(const Arguments& arguments) {
  CheckpointInterval interval;
  if (!arguments.has("checkpoint-every")) return interval;
  if (!arguments.has("checkpoint")) throw Error(ErrorKind::usage, "needs --checkpoint", "--checkpoint-every");
  const std::string text = arguments.get("checkpoint-every");
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string unit(end, text.data() + text.size());
  if (error != std::errc() || number < 1 || (!unit.empty() && unit != "s"))
    throw Error(ErrorKind::usage, cat(trainer::quoted(text), " is no number of steps, and no time"),
                "--checkpoint-every", "1000, or 60s");
  if (unit.empty())
    interval.steps = number;
  else
    interval.seconds = static_cast<double>(number);
  return interval;
}

/// History and weights, both or none.
void write_results(const Trainable& model, const History& history, const Arguments& arguments) {
  std::optional<StagedFile> weights, json;
  if (arguments.has("save")) save_weights(model, weights.emplace(arguments.get("save")));
  if (arguments.has("history")) json.emplace(arguments.get("history")).append(history.json());
  if (weights) weights->commit();
  if (json) json->commit();
}

FitOptions options_of(const Arguments& arguments) {
  const auto count = [&](std::string_view name, int64_t otherwise, int64_t least) {
    return arguments.get_int(name, otherwise, least, INT64_MAX);
  };
  FitOptions options;
  options.epochs = count("epochs", 1, 1);
  options.initial_epoch = count("initial-epoch", 0, 0);
  options.batch_size = batch_size(arguments);
  options.steps_per_epoch = count("steps-per-epoch", 0, 1);
  options.validation_split = arguments.get_fraction("validation-split");
  options.validation_freq = count("validation-freq", 1, 1);
  options.validation_steps = count("validation-steps", 0, 1);
  options.validation_batch_size = count("validation-batch-size", 0, 1);
  options.shuffle = !arguments.has("no-shuffle");
  options.seed = static_cast<uint64_t>(count("seed", 0, 0));
  if (arguments.has("class-weight")) options.class_weight = parse_class_weight(arguments.get("class-weight"));
  return options;
}

bool is_same_file(const std::string& a, const std::string& b) {
  std::error_code absent;
  return std::filesystem::equivalent(a, b, absent);
}

void refuse_contradictions(const Arguments& arguments) {
  const auto exclude = [&](std::string_view option, std::string_view other) {
    if (arguments.has(option) && arguments.has(other))
      throw Error(ErrorKind::usage, cat("excludes --", other), cat("--", option));
  };
  exclude("validation-data", "validation-split");
  exclude("reinitialize", "weights");
  std::map<std::string, std::string_view> written;  // which option has a file
  for (const std::string_view option : kWritten)
    if (arguments.has(option))
      if (const auto [file, is_new] = written.emplace(arguments.get(option), option); !is_new)
        throw Error(ErrorKind::usage, cat("is the file of --", file->second, " too"), cat("--", option));
  for (const std::string_view data : {"data", "validation-data"})
    for (const std::string& word : arguments.get_all(data))
      for (const auto& [file, option] : written)
        if (is_same_file(file, word.substr(word.find('=') + 1)))
          throw Error(ErrorKind::usage, cat("is a file of --", data, " too"), cat("--", option));
}

/// What to do if a checkpoint cannot be written.
bool warns_on_save_error(const Arguments& arguments) {
  const std::string word = arguments.has("on-save-error") ? arguments.get("on-save-error") : "stop";
  if (word != "stop" && word != "warn")
    throw Error(ErrorKind::usage, cat(trainer::quoted(word), " is not stop or warn"), "--on-save-error");
  return word == "warn";
}

int run(Trainable& model, const Arguments& arguments) {
  FitOptions options = options_of(arguments);
  options.check_numerics = arguments.has("check-numerics");
  options.warn_on_save_error = warns_on_save_error(arguments);
  const auto verbose = static_cast<Verbose>(arguments.get_int("verbose", 1, 0, 2));
  refuse_contradictions(arguments);
  const SignalGuard guard;
  start_threads(model, arguments);
  if (arguments.has("reinitialize")) model.initialize(options.seed);
  start_weights(model, arguments);
  const bool is_first = start_ranks(model, arguments);
  for (const std::string_view option : kWritten)
    if (is_first) check_creatable(arguments, option);
  const std::vector<std::unique_ptr<Callback>> callbacks = make_callbacks(arguments);
  std::optional<Checkpoints> checkpoints;
  const CheckpointInterval interval = interval_of(arguments);
  if (arguments.has("checkpoint"))
    options.checkpoints = &checkpoints.emplace(arguments.get("checkpoint"), interval, is_first);

  const auto read = [&](std::string_view option) {
    return read_data(arguments, option, model.info(), Needs::inputs_and_targets, model.encoding());
  };
  const Dataset data = read("data");
  if (!data.encoding.empty()) model.set_encoding(data.encoding);
  std::optional<Dataset> validation;
  if (arguments.has("validation-data")) options.validation = &validation.emplace(read("validation-data"));

  Progress progress(stdout, stderr, verbose, ::isatty(STDOUT_FILENO) == 1, monotonic_seconds);
  for (const std::unique_ptr<Callback>& callback : callbacks)
    if (is_first || !callback->writes()) options.callbacks.push_back(callback.get());
  if (is_first) options.callbacks.push_back(&progress);
  // All ranks learn after the same step what has come to any of them: twice the signal that ends training, and 1 if a checkpoint is asked for.
  const auto asked_of_any = [&model] {
    const int64_t own = 2 * int64_t{SignalGuard::signal()} + (SignalGuard::take_save_request() ? 1 : 0);
    return model.ranks() == nullptr ? own : model.ranks()->greatest(own);
  };
  options.interrupted = [&checkpoints, &asked_of_any] {
    const int64_t asked = asked_of_any();
    if (asked % 2 == 1 && checkpoints) checkpoints->request();
    return asked / 2 != 0;
  };
  const History history = fit(model, data, options);
  const int signal = static_cast<int>(asked_of_any() / 2);
  if (signal != 0 && is_first)
    progress.on_warning(cat("stopped after ",
                            history.first_epoch + static_cast<int64_t>(history.epochs.size()), " of ",
                            options.epochs, " epochs",
                            checkpoints             ? "; the same command goes on"
                            : arguments.has("save") ? "; the weights of now are saved"
                                                    : ""));
  if (is_first) write_results(model, history, arguments);
  return signal == 0 ? 0 : 128 + signal;
}

}  // namespace

constinit const Command kFitCommand = {
    "fit", "Trains the model.",
    "fit --data train.npz --epochs 5 --validation-split 0.1 --save weights.safetensors\n"
    "fit --data x=train_x.npy y=train_y.npy --epochs 5\n"
    "fit --data table.csv --label price --one-hot city --missing median --history history.json\n"
    "fit --data photos/ --validation-split 0.2 --epochs 20\n"
    "fit --data more.npz --weights weights.safetensors --save weights.safetensors\n"
    "  # ^C stops after the step at hand, and still saves\n",
    kGroups, run};

}  // namespace keratin::trainer
