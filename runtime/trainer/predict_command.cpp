#include "runtime/trainer/commands.h"
#include "runtime/trainer/data_options.h"
#include "runtime/trainer/fit.h"
#include "runtime/trainer/npz.h"

namespace keratin::trainer {
namespace {

constexpr Option kOptions[] = {
    {"output", "FILE", "the .npz to write, with an array for each output", true},
    kWeightsOption,
    kThreadsOption,
};
constexpr std::span<const Option> kGroups[] = {kInputOptions, kOptions};

int run(Trainable& model, const Arguments& arguments) {
  if (!is_first_of_ranks()) return 0;
  start_threads(model, arguments);
  check_creatable(arguments, "output");
  start_weights(model, arguments);
  const Dataset data = read_data(arguments, "data", model.info(), Needs::inputs, model.encoding());
  write_npz(arguments.get("output"), predict(model, data, batch_size(arguments)));
  return 0;
}

}  // namespace

constinit const Command kPredictCommand = {
    "predict", "Writes what the model makes of data.",
    "predict --data test.npz --output predictions.npz --weights weights.safetensors\n", kGroups, run};

}  // namespace keratin::trainer
