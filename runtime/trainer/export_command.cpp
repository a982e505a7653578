#include "runtime/trainer/checkpoint.h"
#include "runtime/trainer/commands.h"
#include "runtime/trainer/early_stopping.h"
#include "runtime/trainer/error.h"
#include "runtime/trainer/export.h"
#include "runtime/trainer/swap_ema_weights.h"
#include "runtime/trainer/weights.h"

namespace keratin::trainer {
namespace {

constexpr Option kOptions[] = {
    {"keras", "FILE", "the .keras file to write: Keras loads it, and goes on training"},
    {"library", "FILE", "the shared object to write, .so; its header, .h, goes beside it"},
    kWeightsOption,
    {"checkpoint", "FILE", "instead of that, a checkpoint of fit: the optimizer goes on from there"},
};
constexpr std::span<const Option> kGroups[] = {kOptions};

/// Gives a model that has the variables of a training which is over the weights that fit ended with.
void finish(Trainable& model, const Snapshot& snapshot) {
  SwapEMAWeights averages(true);
  EarlyStopping early({});
  for (Callback* callback : {static_cast<Callback*>(&averages), static_cast<Callback*>(&early)})
    if (const auto state = snapshot.callbacks.find(callback->name()); state != snapshot.callbacks.end())
      callback->restore(state->second);
  averages.before_finish(model, snapshot.stopped && snapshot.epoch < snapshot.epochs);
  model.finish_training();
  early.put_best_weights(model);
}

int run(Trainable& model, const Arguments& arguments) {
  if (!arguments.has("keras") && !arguments.has("library"))
    throw Error(ErrorKind::usage, "nothing is to be written", "export", "give --keras, --library, or both");
  if (arguments.has("checkpoint") && arguments.has("weights"))
    throw Error(ErrorKind::usage, "excludes --weights", "--checkpoint");
  check_creatable(arguments, "keras");
  check_creatable(arguments, "library");
  start_weights(model, arguments);
  if (arguments.has("checkpoint")) {
    const std::string path = arguments.get("checkpoint");
    const Snapshot snapshot = read_checkpoint(path);
    set_variables(model, snapshot.variables, path);
    if (snapshot.is_over()) finish(model, snapshot);
  }
  if (arguments.has("keras")) export_keras(model, arguments.get("keras"));
  if (arguments.has("library")) export_library(model, arguments.get("library"));
  return 0;
}

}  // namespace

constinit const Command kExportCommand = {
    "export", "Writes the model with what it has learned: for Keras, or as a library for C.",
    "export --checkpoint run.safetensors --keras trained.keras\n"
    "export --weights weights.safetensors --library trained.so\n",
    kGroups, run};

}  // namespace keratin::trainer
