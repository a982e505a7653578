#include "tools/training_summary.h"

#include <algorithm>

#include "codegen/native.h"
#include "codegen/program_facts.h"
#include "codegen/tile_layout.h"
#include "frontend/table.h"
#include "ir/text.h"
#include "tools/model_source.h"
#include "tools/target_option.h"
#include "tools/trainable_source.h"

namespace keratin {
namespace {

constexpr int64_t kBatch = 32;

std::string line(std::string_view title, const std::string& text) {
  return cat(" ", title, ": ", text, "\n");
}

/// "12 in 3 arrays (48.00 B)".
template <typename Wanted>
std::string amount(const std::vector<Variable>& variables, const Wanted& wanted) {
  int64_t elements = 0, bytes = 0, arrays = 0;
  for (const Variable& variable : variables) {
    if (!wanted(variable)) continue;
    elements += variable.type.elements().value();
    bytes += variable.type.bytes().value();
    ++arrays;
  }
  return cat(grouped(elements), " in ", arrays, arrays == 1 ? " array (" : " arrays (", memory_text(bytes),
             ")");
}

}  // namespace

std::string training_summary(const Arguments& arguments) {
  const TrainableModule model = read_trainable(arguments);
  const KernelModule kernels = compile_kernels(model.module, target_of(arguments));
  const Program& step = find_program(kernels, "train_step");
  const int64_t batch = fixed_batch(step) == 0 ? kBatch : fixed_batch(step);
  const auto& trained = model.signature.trained;
  const auto& variables = model.module.variables;
  std::vector<std::string> targets;
  for (const TrainingTarget& target : model.signature.targets)
    targets.push_back(cat(target.name, " ", target.type));

  std::string text = "Training\n";
  text += line("Targets", join(targets, ", "));
  std::vector<std::string> logs;
  for (const TrainingMetric& metric : model.signature.metrics) logs.push_back(metric.name);
  text += line("Logs", join(logs, ", "));
  text += line("Trained", amount(variables, [&](const Variable& variable) {
                 return std::find(trained.begin(), trained.end(), variable.name) != trained.end();
               }));
  text += line("Optimizer", amount(model.signature.optimizer_state, [](const Variable&) { return true; }));
  const Bindings samples{{Symbol("N"), batch}};
  text += line(cat("Memory of a step, batch ", batch, ", one thread"),
               cat(memory_text(step.workspace.value(samples) + tile_bytes(kernels, step)), ", with ",
                   memory_text(step.least_workspace.value(samples)), " in use at the fullest moment"));
  text += line("Kernels of a step", to_text(static_cast<int64_t>(step.launches.size())));
  return text;
}

}  // namespace keratin
