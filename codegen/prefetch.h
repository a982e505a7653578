// Fetching early what is used late.
#pragma once

#include "codegen/kernel.h"

namespace keratin {

/// Statements that fetch the vectors which `block` will load and store in buffers of at least `least_bytes`: with the loops of the
/// block around them, nothing of what it computes. A symbol counts as a small batch.
/// Left out: what is accessed under conditions, or at places that the block computes.
Block prefetches(const Kernel& kernel, const Block& block, int64_t least_bytes);

}  // namespace keratin
