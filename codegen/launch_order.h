// In which orders the launches of a program may run.
#pragma once

#include <cstddef>
#include <vector>

#include "codegen/kernel.h"

namespace keratin {

/// By number: launches as they stand in the program.
using LaunchOrder = std::vector<size_t>;

/// Some possible orders; the first is that of the program. Where ranks reduce, the one that lets them do so while other launches run.
/// See codegen/plan_program.h.
std::vector<LaunchOrder> launch_orders(const KernelModule& module, const Program& program);

/// That of the program, but launches after which no more is alive than before run as soon as they can.
LaunchOrder freeing_order(const KernelModule& module, const Program& program);

}  // namespace keratin
