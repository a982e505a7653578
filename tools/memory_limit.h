// `--memory-limit`: training within so much memory.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "codegen/emit.h"
#include "passes/memory_plan.h"
#include "tools/command.h"

namespace keratin {

inline constexpr Option kMemoryLimitOption{
    "--memory-limit", "SIZE",
    "the most that a step of training may take, \"300MB\": values are then\n"
    "computed again rather than kept. Of --batch samples, otherwise of 32"};

/// What a step of training takes, as the trainer's `summary` says it.
struct StepMemory {
  int64_t batch = 0;
  int64_t variables = 0;  ///< weights, slots, counters, accumulators
  int64_t workspace = 0;  ///< with a thread for each processor of this machine
  int64_t batches = 0;    ///< the one at hand, and the next

  int64_t all() const { return variables + workspace + batches; }
};

/// What --memory-limit leaves for the workspace of a module that was traced for training; nothing if it was not given. Throws
/// Error(usage) if it is no size, or if variables and batches alone take more.
std::optional<WorkspaceLimit> workspace_limit(const Arguments& arguments, const Module& module);

/// One line: how much a step takes, and how much work is done again for that, at the level that takes most; nothing if --memory-limit was not
/// given. Throws Error(unsupported) if the limit could not be kept there. Requires: kernels were compiled with it.
std::string memory_report(const Arguments& arguments, const Module& module,
                          std::span<const LevelKernels> levels);

}  // namespace keratin
