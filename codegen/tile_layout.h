// The scratch memory of a kernel: where its tiles lie.
//
// A piece of a kernel runs its statements one after the other. Tiles that no statement of the body uses at the same time, loops counted
// whole, may share a place: those of a kernel with many stages do not take more than what two of these hand on.
#pragma once

#include <cstdint>
#include <vector>

#include "codegen/kernel.h"

namespace keratin {

struct TileLayout {
  std::vector<int64_t> offsets;  ///< by buffer; 0 for parameters
  std::vector<int64_t> sizes;    ///< by buffer, in bytes; 0 for parameters
  int64_t bytes = 0;             ///< a multiple of 64

  /// Whether the tiles that two buffers are have no byte in common.
  bool are_apart(BufferId a, BufferId b) const {
    return offsets[a] + sizes[a] <= offsets[b] || offsets[b] + sizes[b] <= offsets[a];
  }
};
TileLayout tile_layout(const Kernel& kernel);

/// The most that a kernel of the program takes.
int64_t tile_bytes(const KernelModule& module, const Program& program);

}  // namespace keratin
