#include "runtime/trainer/trainer_main.h"

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <new>
#include <optional>

#include "runtime/trainer/command_line.h"
#include "runtime/trainer/error.h"
#include "runtime/trainer/file.h"
#include "runtime/trainer/fit.h"
#include "runtime/trainer/json.h"
#include "runtime/trainer/npz.h"
#include "runtime/trainer/progress.h"
#include "runtime/trainer/summary.h"
#include "runtime/trainer/text.h"
#include "runtime/trainer/weights.h"

namespace keratin::trainer {
namespace {

constexpr Option kData = {
    "data", "FILE...",
    ".npz with arrays x and y (or x:NAME and y:NAME for each input and target), and\n"
    "sample_weight if samples count differently; or the arrays from files of their own,\n"
    "x=FILE.npy y=FILE.npy; or .csv with a line of column names",
    true, true};
constexpr Option kPredictData = {"data", "FILE...",
                                 ".npz with x (or x:NAME for each input), x=FILE.npy, or .csv", true, true};
constexpr Option kLabel = {"label", "NAME",
                           "the column of a .csv that holds the label; all others are features"};
constexpr Option kWeights = {"weights", "FILE", "start with weights that --save wrote"};
constexpr Option kBatchSize = {"batch-size", "N", "samples at a time (32)"};

constexpr Option kFitOptions[] = {
    kData,
    kLabel,
    {"epochs", "N", "times that all data are seen (1)"},
    kBatchSize,
    {"validation-split", "F", "hold out the last part of the data, 0.2 for a fifth, and report val_ metrics"},
    {"validation-data", "FILE...", "report val_ metrics on other data", false, true},
    {"class-weight", "JSON", R"(weights of classes, '{"0": 1, "1": 2.5}'; those not named weigh 1)"},
    {"no-shuffle", "", "take the samples in their order; they are shuffled for each epoch otherwise"},
    {"seed", "N", "of the order, of dropout and of --reinitialize (0); equal seeds give equal results"},
    kWeights,
    {"reinitialize", "", "start with fresh weights"},
    {"save", "FILE", "write the weights, .safetensors, when training ends"},
    {"history", "FILE", "write the metrics of all epochs as JSON, as Keras's History.history"},
    {"verbose", "0|1|2", "what is shown: nothing, a bar, a line per epoch (1)"},
};
constexpr Option kEvaluateOptions[] = {kData, kLabel, kWeights, kBatchSize};
constexpr Option kPredictOptions[] = {
    kPredictData,
    {"output", "FILE", "the .npz to write, with an array for each output", true},
    kLabel,
    kWeights,
    kBatchSize};

constexpr Command kFit = {
    "fit", "Trains the model.",
    "fit --data train.npz --epochs 5 --validation-split 0.1 --save weights.safetensors\n"
    "fit --data x=train_x.npy y=train_y.npy --epochs 5\n"
    "fit --data table.csv --label price --epochs 20 --history history.json\n"
    "fit --data more.npz --weights weights.safetensors --save weights.safetensors\n"
    "  # ^C stops after the step at hand, and still saves\n",
    kFitOptions};
constexpr Command kEvaluate = {"evaluate", "Prints loss and metrics over data, as one JSON object.",
                               "evaluate --data test.npz --weights weights.safetensors\n", kEvaluateOptions};
constexpr Command kPredict = {
    "predict", "Writes what the model makes of data.",
    "predict --data test.npz --output predictions.npz --weights weights.safetensors\n", kPredictOptions};
constexpr Command kSummary = {"summary", "Shows inputs, targets, outputs and variables.", "summary\n", {}};
constexpr const Command* kCommands[] = {&kFit, &kEvaluate, &kPredict, &kSummary};

std::string overview(const TrainableInfo& info, const std::string& program) {
  std::string text = cat("Trains the model ", quoted(info.name), ", compiled by Keratin.\n\n");
  for (const Command* command : kCommands) {
    text += cat("  ", program, " ", command->examples.substr(0, command->examples.find('\n') + 1));
  }
  text += "\nCommands:\n";
  for (const Command* command : kCommands)
    text += cat("  ", command->name, std::string(10 - command->name.size(), ' '), command->summary, "\n");
  return text +
         cat("\n`", program,
             " COMMAND --help` says more about each.\n"
             "Exit status: 0; 2 wrong command line; 65 malformed input or one that does not fit; 66 no such input;\n"
             "70 a fault of the program; 71 no memory; 73 output cannot be created; 74 reading or writing failed;\n"
             "130 and 143 stopped by a signal, after saving.\n");
}

void print_out(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

/// Creating a file and leaving it: what cannot be written is better known before hours of training.
void check_creatable(const Arguments& arguments, std::string_view option) {
  if (arguments.has(option)) StagedFile(arguments.get(option));
}

int64_t batch_size(const Arguments& arguments) { return arguments.get_int("batch-size", 32, 1, INT64_MAX); }

void start_weights(Trainable& model, const Arguments& arguments) {
  if (arguments.has("weights")) load_weights(model, arguments.get("weights"));
}

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

int run_fit(Trainable& model, const Arguments& arguments) {
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
    return read_dataset(arguments.get_all(option), model.info(), Needs::inputs_and_targets,
                        arguments.get("label"));
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

int run_evaluate(Trainable& model, const Arguments& arguments) {
  start_weights(model, arguments);
  const Dataset data = read_dataset(arguments.get_all("data"), model.info(), Needs::inputs_and_targets,
                                    arguments.get("label"));
  std::vector<std::string> members;
  for (const auto& [name, value] : evaluate(model, data, batch_size(arguments)))
    members.push_back(cat(quoted(name), ": ", json_number(value)));
  print_out(cat("{", join(members, ", "), "}\n"));
  return 0;
}

int run_predict(Trainable& model, const Arguments& arguments) {
  check_creatable(arguments, "output");
  start_weights(model, arguments);
  const Dataset data =
      read_dataset(arguments.get_all("data"), model.info(), Needs::inputs, arguments.get("label"));
  write_npz(arguments.get("output"), predict(model, data, batch_size(arguments)));
  return 0;
}

const Command& find_command(const std::string& name, const std::string& program) {
  std::vector<std::string> names;
  for (const Command* command : kCommands) {
    if (command->name == name) return *command;
    names.emplace_back(command->name);
  }
  const std::string similar = most_similar(name, names);
  throw Error(ErrorKind::usage, cat("unknown command ", quoted(name)), program,
              similar.empty() ? cat("commands are ", join(names, ", ")) : cat("did you mean ", similar, "?"));
}

int run(Trainable& model, const std::string& program, const std::vector<std::string>& words) {
  if (words.empty() || words[0] == "--help" || words[0] == "-h" || (words[0] == "help" && words.size() < 2)) {
    print_out(overview(model.info(), program));
    return words.empty() ? static_cast<int>(ErrorKind::usage) : 0;
  }
  const bool asked_by_name = words[0] == "help";
  const Command& command = find_command(words[asked_by_name ? 1 : 0], program);
  for (const std::string& word : words) {
    if (!asked_by_name && word != "--help" && word != "-h") continue;
    print_out(command_help(command, program));
    return 0;
  }
  const Arguments arguments = parse_options(command, program, {words.begin() + 1, words.end()});
  if (&command == &kFit) return run_fit(model, arguments);
  if (&command == &kEvaluate) return run_evaluate(model, arguments);
  if (&command == &kPredict) return run_predict(model, arguments);
  print_out(summary(model.info()));
  return 0;
}

int fail(const char* what, int status) {
  std::fprintf(stderr, "error: %s\n", what);
  return status;
}

}  // namespace

int trainer_main(Trainable& model, int argc, char** argv) {
  constexpr int kFault = 70, kNoMemory = 71;  // EX_SOFTWARE, EX_OSERR
  std::string program = argc > 0 ? argv[0] : "trainer";
  try {
    const int status = run(model, program, std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc));
    if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
      throw Error(ErrorKind::io, "writing the result failed", "standard output");
    return status;
  } catch (const Error& error) {
    return fail(error.what(), static_cast<int>(error.kind()));
  } catch (const std::bad_alloc&) {
    return fail("there is not enough memory", kNoMemory);
  } catch (const std::exception& error) {
    return fail(error.what(), kFault);
  }
}

}  // namespace keratin::trainer
