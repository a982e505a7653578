// What kernels hand on to each other in memory, and why.
#pragma once

#include <string>
#include <vector>

#include "codegen/kernel.h"
#include "passes/decisions.h"

namespace keratin {

/// A buffer that one launch writes and another reads.
struct Crossing {
  uint32_t buffer;        ///< of the program
  size_t writer, reader;  ///< launches
  Origin layer;           ///< that computes what is in it; null: a copy, or unknown
  std::string why;        ///< it is not one kernel
};

/// In the order of the readers. Requires: `decisions` are those of the passes that made the program's function.
std::vector<Crossing> find_crossings(const KernelModule& module, const Program& program,
                                     const Decisions& decisions);

}  // namespace keratin
