// Less workspace for more work: what is kept for long is computed again.
//
//     launch 3: t1 -> t2                     launch 3: t1 -> t2
//     launch 4: t2 -> t3                     launch 4: t2 -> t3
//     …                                      …                     (t2 is not alive here)
//     launch 9: t2, t7 -> t8                 launch 3: t1 -> t11
//                                            launch 9: t11, t7 -> t8
//
// A launch that is repeated is the same kernel with the same arguments, so results stay the same to the bit.
#pragma once

#include <cstdint>
#include <vector>

#include "codegen/kernel.h"

namespace keratin {

/// A program with some launches repeated; its temporaries have no places yet.
struct Rematerialization {
  Program program;
  bool is_least = false;  ///< no way was found to have less alive
};

/// Ways to have less alive at once, with the same results, those with the least added work first. None has more than `bytes` alive at
/// once; if there is no such way, the one that has least. `bindings`: of the program's symbols.
std::vector<Rematerialization> rematerializations(const KernelModule& module, const Program& program,
                                                  const Bindings& bindings, int64_t bytes);

}  // namespace keratin
