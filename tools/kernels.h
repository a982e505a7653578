// The way from a graph to kernels, as the subcommands take it.
#pragma once

#include "codegen/kernel.h"
#include "codegen/target.h"
#include "ir/graph.h"
#include "tools/command.h"

namespace keratin {

/// What `--cpu` and `--target` say; this machine without them. Throws Error(usage).
Target target_of(const Arguments& arguments);

/// A graph as read to kernels: optimised, lowered, prepared variables computed.
KernelModule compile_kernels(const Module& module, const Target& target);

}  // namespace keratin
