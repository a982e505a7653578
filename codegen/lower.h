// Graph to kernels: each fusion group becomes one kernel, each function one program.
#pragma once

#include <optional>

#include "codegen/kernel.h"
#include "codegen/schedule.h"
#include "codegen/target.h"
#include "ir/graph.h"
#include "passes/memory_plan.h"

namespace keratin {

/// Requires: `module` has been through passes/pipeline.h: every node of a function is a parameter, a variable, a constant
/// or a fusion. Throws Error(unsupported), naming the layer, where a fusion cannot be lowered.
/// `schedules`: of fusions' regions, by schedule_key(); the others are lowered as usual. `limit`: of each program's workspace; those that
/// cannot do with it take as little as they can.
KernelModule lower(const Module& module, const Target& target, const Schedules& schedules = {},
                   const std::optional<WorkspaceLimit>& limit = {});

/// Regions of one key are lowered alike.
std::string schedule_key(const Function& region);

}  // namespace keratin
