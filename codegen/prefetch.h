// Fetching early what is used late.
#pragma once

#include <optional>

#include "codegen/kernel.h"

namespace keratin {

constexpr int64_t kLineBytes = 64;  ///< of a cache
/// How far ahead of its use what is large is fetched: a page, where the processor's own prefetching ends.
constexpr int64_t kPrefetchBytes = 4 << 10;

/// Fetches what lies `places` further along the last but one axis than what `value` loads; nothing if it is not one load, widened perhaps.
std::optional<Stmt> prefetch_ahead(const ExprRef& value, int64_t places);

/// Statements that fetch the vectors which `block` will load and store in buffers of at least `least_bytes`: with the loops of the
/// block around them, nothing of what it computes. A symbol counts as a small batch.
/// Left out: what is accessed under conditions, or at places that the block computes.
Block prefetches(const Kernel& kernel, const Block& block, int64_t least_bytes);

}  // namespace keratin
