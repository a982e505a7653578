// Graph to kernels: each fusion group becomes one kernel, each function one program.
#pragma once

#include "codegen/kernel.h"
#include "codegen/schedule.h"
#include "codegen/target.h"
#include "ir/graph.h"

namespace keratin {

/// Requires: `module` has been through passes/pipeline.h: every node of a function is a parameter, a variable, a constant
/// or a fusion. Throws Error(unsupported), naming the layer, where a fusion cannot be lowered.
/// `schedules`: of fusions' regions, by schedule_key(); the others are lowered as usual.
KernelModule lower(const Module& module, const Target& target, const Schedules& schedules = {});

/// Regions of one key are lowered alike.
std::string schedule_key(const Function& region);

}  // namespace keratin
