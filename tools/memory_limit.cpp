#include "tools/memory_limit.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>
#include <thread>

#include "codegen/program_facts.h"
#include "codegen/tile_layout.h"
#include "frontend/table.h"
#include "ir/error.h"
#include "ir/text.h"
#include "tools/model_source.h"

namespace keratin {
namespace {

constexpr const char* kOption = "--memory-limit";
constexpr int64_t kFreeBatch = 32;
constexpr int64_t kBatches = 2;
constexpr std::string_view kLimited[] = {"train_step", "evaluate_step", "train_step.ranks",
                                         "evaluate_step.ranks"};

int64_t threads_here() { return std::max(1u, std::thread::hardware_concurrency()); }

/// "300MB", "1.5G", "1048576". As everywhere here, 1 MB is 1024 KB.
int64_t parse_size(const std::string& text) {
  double amount = 0;
  const char* const end = text.data() + text.size();
  const auto [unit, error] = std::from_chars(text.data(), end, amount);
  constexpr std::string_view kUnits[] = {"", "K", "M", "G", "T"};
  for (size_t i = 0; error == std::errc() && amount > 0 && i < std::size(kUnits); ++i) {
    const std::string_view given(unit, static_cast<size_t>(end - unit));
    const double bytes = amount * static_cast<double>(int64_t{1} << (10 * i));
    const std::string unit_name(kUnits[i]);
    const bool is_unit =
        given == unit_name || given == unit_name + "B" || (i > 0 && given == unit_name + "iB");
    if (is_unit && bytes < 9e18) return static_cast<int64_t>(bytes);
  }
  throw Error(ErrorKind::usage, cat(quoted(text), " is no size"), kOption,
              "300MB, 1.5GB, or a number of bytes");
}

bool is_limited(std::string_view program) {
  return std::ranges::find(kLimited, program) != std::end(kLimited);
}

StepMemory memory_without_workspace(const Arguments& arguments, const Module& module) {
  const Function& step = module.function("train_step");
  StepMemory memory{.batch = arguments.get_int("batch", kFreeBatch, 1)};
  if (!step.params.empty() && step.params[0]->type().is_static() && step.params[0]->type().rank() > 0)
    memory.batch = step.params[0]->type().shape[0].value();
  for (const Variable& variable : module.variables)
    if (variable.role != Role::strings) memory.variables += variable.type.bytes().value();
  for (const Node* param : step.params) {
    for (const Dim extent : param->type().shape)
      if (!extent.is_static() && extent.symbol != Dim::batch().symbol)
        throw Error(ErrorKind::usage, cat("the length ", extent.symbol.name(), " is free"), kOption,
                    "--shape INPUT=… fixes it");
    memory.batches += kBatches * param->type().bytes().value({{Dim::batch().symbol, memory.batch}});
  }
  return memory;
}

/// Of steps that train and evaluate.
StepMemory memory_of(const Arguments& arguments, const Module& module, const KernelModule& kernels) {
  StepMemory memory = memory_without_workspace(arguments, module);
  const Bindings bindings = usual_bindings(kernels, memory.batch);
  for (const Program& program : kernels.programs)
    if (is_limited(program.name))
      memory.workspace = std::max(memory.workspace, program.workspace.value(bindings) +
                                                        threads_here() * tile_bytes(kernels, program));
  return memory;
}

/// Launches whose kernels ran before in the same step.
std::string repeated(const KernelModule& kernels, int64_t batch) {
  const Bindings bindings = usual_bindings(kernels, batch);
  std::set<uint32_t> launched;
  int64_t again = 0, multiply_adds = 0, multiply_adds_again = 0;
  for (const Launch& launch : find_program(kernels, "train_step").launches) {
    const bool is_first = launched.insert(launch.kernel).second;
    const int64_t count = kernels.kernels[launch.kernel].work.multiply_adds.value(bindings);
    again += !is_first;
    (is_first ? multiply_adds : multiply_adds_again) += count;
  }
  if (again == 0) return "nothing is computed again";
  const double more = 100.0 * static_cast<double>(multiply_adds_again) /
                      static_cast<double>(std::max<int64_t>(multiply_adds, 1));
  return cat("of ", launched.size(), " kernels ", again, " run again, ",
             static_cast<int64_t>(std::ceil(more)), " % more multiply-adds");
}

}  // namespace

std::optional<WorkspaceLimit> workspace_limit(const Arguments& arguments, const Module& module) {
  if (!arguments.has("memory-limit")) return {};
  const int64_t limit = parse_size(arguments.get("memory-limit"));
  if (module.find_function("train_step") == nullptr)
    throw Error(ErrorKind::usage, "is for steps of training", kOption, "--func train_step");
  const StepMemory memory = memory_without_workspace(arguments, module);
  if (memory.all() >= limit)
    throw Error(ErrorKind::usage,
                cat("variables take ", memory_text(memory.variables), ", and two batches of ", memory.batch,
                    " samples ", memory_text(memory.batches), ": nothing is left for a step"),
                kOption);
  return WorkspaceLimit{
      limit - memory.all(), memory.batch, threads_here(), {std::begin(kLimited), std::end(kLimited)}};
}

std::string memory_report(const Arguments& arguments, const Module& module,
                          std::span<const LevelKernels> levels) {
  if (!arguments.has("memory-limit")) return {};
  const int64_t limit = parse_size(arguments.get("memory-limit"));
  std::string report;
  int64_t most = 0;  // of all levels
  for (const LevelKernels& level : levels) {
    const StepMemory memory = memory_of(arguments, module, level.kernels);
    if (memory.all() <= most) continue;
    most = memory.all();
    const auto amounts = [&](std::string_view takes) {
      return cat("a step of ", memory.batch, " samples takes ", takes, grouped(memory.all()), " bytes",
                 ": variables ", memory_text(memory.variables), ", workspace ", memory_text(memory.workspace),
                 ", two batches ", memory_text(memory.batches));
    };
    if (memory.all() > limit)
      throw Error(ErrorKind::unsupported, amounts("at least "), kOption,
                  "fewer samples at a time, by --batch, or more memory");
    report =
        cat(amounts(""), "; ", repeated(level.kernels, memory.batch),
            level.without_stages ? "; kernels of several stages are apart, whose sums may be in another order"
                                 : "",
            "\n");
  }
  return report;
}

}  // namespace keratin
