// The order of a program's launches, and the places of its temporaries.
//
// Whatever the order, as long as each launch finds what it reads, the results are the same; what lives at once is not. Several orders
// are tried, and the one kept is that whose workspace is smallest, the given one if others are no better:
//
//   depth first   what a result needs, and what that needs, before the next result
//   greedy        of the launches that are ready, the one that leaves least alive
//
// A launch may store a result where an operand lies that nobody reads any more, if it reads element i of that before it stores
// element i, and not after: then both are one block of the plan (passes/memory_plan.h).
#pragma once

#include <functional>

#include "codegen/kernel.h"
#include "passes/memory_plan.h"

namespace keratin {

/// Whether the launch's kernel may store the result that is one of its arguments over the operand that is another.
using MayOverwrite = std::function<bool(const Launch& launch, size_t operand, size_t result)>;

/// Requires: the launches are in a possible order; their kernels are the last of the module, in this order.
/// Ensures: the same of the order chosen, and kernels are named after their places.
void plan_program(KernelModule& module, Program& program, const MayOverwrite& may_overwrite);

/// Whether a planned program's workspace, with scratch memory, is larger than the limit.
bool exceeds(const WorkspaceLimit& limit, const KernelModule& module, const Program& program);

/// If a planned program's workspace is larger than the limit, launches are repeated until it is not, or is as small as can be
/// (codegen/rematerialize.h).
void keep_within(const WorkspaceLimit& limit, const KernelModule& module, Program& program,
                 const MayOverwrite& may_overwrite);

}  // namespace keratin
