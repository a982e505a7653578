#include "runtime/trainer/summary.h"

#include <algorithm>

#include "runtime/trainer/commands.h"
#include "runtime/trainer/data_options.h"
#include "runtime/trainer/text.h"

namespace keratin::trainer {
namespace {

std::string padded(std::string text, size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text;
}

/// "f32[N, 28, 28]".
std::string type_text(DType dtype, const Shape& shape, std::string_view first) {
  std::string dimensions(first);
  for (const int64_t n : shape) dimensions += cat(dimensions.empty() ? "" : ", ", n);
  return cat(to_text(dtype), "[", dimensions, "]");
}

std::string signatures_text(std::string_view title, const std::vector<Signature>& signatures, size_t width) {
  std::string text = cat(title, ":\n");
  for (const Signature& signature : signatures) {
    text += cat("  ", padded(signature.name, width), "  ", type_text(signature.dtype, signature.shape, "N"),
                signature.classes > 0 ? cat(", classes 0 to ", signature.classes - 1) : std::string(), "\n");
  }
  return text;
}

std::string memory_text(const FitMemory& memory) {
  return cat("Memory of fit, ", memory.batch_size, " samples at a time: ", grouped(memory.all()),
             " bytes (variables ", grouped(memory.variables), ", workspace ", grouped(memory.workspace),
             ", two batches ", grouped(memory.batches), ")\n");
}

}  // namespace

std::string summary(const TrainableInfo& info, const FitMemory& memory) {
  size_t width = 0, type_width = 0;
  for (const std::vector<Signature>* signatures : {&info.inputs, &info.targets, &info.outputs})
    for (const Signature& signature : *signatures) width = std::max(width, signature.name.size());
  for (const VariableInfo& variable : info.variables) {
    if (variable.role == VariableRole::metric) continue;
    width = std::max(width, variable.name.size());
    type_width = std::max(type_width, type_text(variable.dtype, variable.shape, "").size());
  }
  std::string text = cat("Model: ", quoted(info.name), "\n", signatures_text("Inputs", info.inputs, width),
                         signatures_text("Targets", info.targets, width),
                         signatures_text("Outputs", info.outputs, width), "Variables:\n");
  int64_t weights = 0, others = 0, bytes = 0;
  for (const VariableInfo& variable : info.variables) {
    if (variable.role == VariableRole::metric) continue;
    const int64_t size = byte_count(variable.dtype, variable.shape).value_or(0);
    const int64_t elements = size / byte_size(variable.dtype);
    (variable.is_weight() ? weights : others) += elements;
    bytes += size;
    text += cat("  ", padded(variable.name, width), "  ",
                padded(type_text(variable.dtype, variable.shape, ""), type_width), "  ", grouped(elements),
                variable.is_weight() ? "" : " (optimizer and counters)", "\n");
  }
  std::vector<std::string> metrics;
  for (const MetricInfo& metric : info.metrics) metrics.push_back(metric.name);
  return text + cat("Parameters: ", grouped(weights), " in weights, ", grouped(others), " beside them, ",
                    grouped(bytes), " bytes\nMetrics: ", join(metrics, ", "), "\n",
                    info.targets.empty() ? std::string() : memory_text(memory));
}

namespace {

constexpr Option kOptions[] = {
    {"batch-size", "N", "samples at a time, for the memory that fit takes (32)"},
    kThreadsOption,
};
constexpr std::span<const Option> kGroups[] = {kOptions};

int run(Trainable& model, const Arguments& arguments) {
  start_threads(model, arguments);
  print_out(summary(model.info(), memory_of_fit(model, batch_size(arguments))));
  return 0;
}

}  // namespace

constinit const Command kSummaryCommand = {
    "summary", "Shows inputs, targets, outputs and variables, and the memory that training takes.",
    "summary\nsummary --batch-size 256\n", kGroups, run};

}  // namespace keratin::trainer
