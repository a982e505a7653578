#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <optional>

#include "runtime/trainer/commands.h"
#include "runtime/trainer/data_options.h"
#include "runtime/trainer/error.h"
#include "runtime/trainer/file.h"
#include "runtime/trainer/fit.h"
#include "runtime/trainer/json.h"
#include "runtime/trainer/progress.h"
#include "runtime/trainer/text.h"
#include "runtime/trainer/weights.h"

namespace keratin::trainer {
namespace {

constexpr Option kOptions[] = {
    {"epochs", "N", "times that all data are seen (1)"},
    {"validation-split", "F", "hold out the last part of the data, 0.2 for a fifth, and report val_ metrics"},
    {"validation-data", "FILE...", "report val_ metrics on other data", false, true},
    {"class-weight", "JSON", R"(weights of classes, '{"0": 1, "1": 2.5}'; those not named weigh 1)"},
    {"no-shuffle", "", "take the samples in their order; they are shuffled for each epoch otherwise"},
    {"seed", "N", "of the order, of dropout and of --reinitialize (0); equal seeds give equal results"},
    kWeightsOption,
    {"reinitialize", "", "start with fresh weights"},
    {"save", "FILE", "write the weights, .safetensors, when training ends"},
    {"history", "FILE", "write the metrics of all epochs as JSON, as Keras's History.history"},
    {"verbose", "0|1|2", "what is shown: nothing, a bar, a line per epoch (1)"},
};
constexpr std::span<const Option> kGroups[] = {kDataOptions, kOptions};

volatile std::sig_atomic_t stop_signal = 0;

/// Notes SIGINT and SIGTERM for as long as it lives; the second of them ends the process as usual.
class SignalGuard {
 public:
  SignalGuard() {
    stop_signal = 0;
    struct sigaction noting = {};
    noting.sa_handler = [](int signal) { stop_signal = signal; };
    noting.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
    sigaction(SIGINT, &noting, &interrupt_);
    sigaction(SIGTERM, &noting, &terminate_);
  }
  SignalGuard(const SignalGuard&) = delete;
  ~SignalGuard() {
    sigaction(SIGINT, &interrupt_, nullptr);
    sigaction(SIGTERM, &terminate_, nullptr);
  }

 private:
  struct sigaction interrupt_ = {}, terminate_ = {};
};

/// History and weights, both or none.
void write_results(const Trainable& model, const History& history, const Arguments& arguments) {
  std::optional<StagedFile> weights, json;
  if (arguments.has("save")) save_weights(model, weights.emplace(arguments.get("save")));
  if (arguments.has("history")) json.emplace(arguments.get("history")).append(history.json());
  if (weights) weights->commit();
  if (json) json->commit();
}

int run(Trainable& model, const Arguments& arguments) {
  FitOptions options;
  options.epochs = arguments.get_int("epochs", 1, 1, INT64_MAX);
  options.batch_size = batch_size(arguments);
  options.validation_split = arguments.get_fraction("validation-split");
  options.shuffle = !arguments.has("no-shuffle");
  options.seed = static_cast<uint64_t>(arguments.get_int("seed", 0, 0, INT64_MAX));
  if (arguments.has("class-weight")) options.class_weight = parse_class_weight(arguments.get("class-weight"));
  const auto verbose = static_cast<Verbose>(arguments.get_int("verbose", 1, 0, 2));
  if (options.validation_split > 0 && arguments.has("validation-data"))
    throw Error(ErrorKind::usage, "excludes --validation-split", "--validation-data");
  if (arguments.has("weights") && arguments.has("reinitialize"))
    throw Error(ErrorKind::usage, "excludes --weights", "--reinitialize");
  if (arguments.has("save") && arguments.get("save") == arguments.get("history"))
    throw Error(ErrorKind::usage, "is the file of --save too", "--history");
  check_creatable(arguments, "save");
  check_creatable(arguments, "history");

  if (arguments.has("reinitialize")) model.initialize(options.seed);
  start_weights(model, arguments);
  const auto read = [&](std::string_view option) {
    return read_data(arguments, option, model.info(), Needs::inputs_and_targets);
  };
  const Dataset data = read("data");
  std::optional<Dataset> validation;
  if (arguments.has("validation-data")) options.validation = &validation.emplace(read("validation-data"));

  const SignalGuard guard;
  options.stop = [] { return stop_signal != 0; };
  Progress progress(stdout, stderr, verbose, ::isatty(STDOUT_FILENO) == 1, monotonic_seconds);
  const History history = fit(model, data, options, progress);
  const int signal = stop_signal;
  if (signal != 0)
    progress.warn(cat("stopped after ", history.epochs.size(), " of ", options.epochs, " epochs",
                      arguments.has("save") ? "; the weights of now are saved" : ""));
  write_results(model, history, arguments);
  return signal == 0 ? 0 : 128 + signal;
}

}  // namespace

constinit const Command kFitCommand = {
    "fit", "Trains the model.",
    "fit --data train.npz --epochs 5 --validation-split 0.1 --save weights.safetensors\n"
    "fit --data x=train_x.npy y=train_y.npy --epochs 5\n"
    "fit --data table.csv --label price --epochs 20 --history history.json\n"
    "fit --data more.npz --weights weights.safetensors --save weights.safetensors\n"
    "  # ^C stops after the step at hand, and still saves\n",
    kGroups, run};

}  // namespace keratin::trainer
