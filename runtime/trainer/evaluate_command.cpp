#include "runtime/trainer/commands.h"
#include "runtime/trainer/data_options.h"
#include "runtime/trainer/fit.h"
#include "runtime/trainer/text.h"

namespace keratin::trainer {
namespace {

constexpr Option kOptions[] = {kWeightsOption, kThreadsOption};
constexpr std::span<const Option> kGroups[] = {kDataOptions, kOptions, kRanksOptions};

int run(Trainable& model, const Arguments& arguments) {
  start_threads(model, arguments);
  start_weights(model, arguments);
  const bool is_first = start_ranks(model, arguments);
  const Dataset data =
      read_data(arguments, "data", model.info(), Needs::inputs_and_targets, model.encoding());
  std::vector<std::string> members;
  for (const auto& [name, value] : evaluate(model, data, batch_size(arguments)))
    members.push_back(cat(quoted(name), ": ", json_number(value)));
  if (is_first) print_out(cat("{", join(members, ", "), "}\n"));
  return 0;
}

}  // namespace

constinit const Command kEvaluateCommand = {
    "evaluate", "Prints loss and metrics over data, as one JSON object.",
    "evaluate --data test.npz --weights weights.safetensors\n", kGroups, run};

}  // namespace keratin::trainer
