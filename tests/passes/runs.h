// Two modules that should compute the same, run side by side in the reference interpreter: what tests of passes compare.
//
// Parameters and variables get numbers drawn from a fixed seed, variables positive ones (some are variances). Symbols are
// 0, 1 and more. Every function is called twice, so that what the first call left in the variables is seen.
#pragma once

#include <string>

#include "ir/graph.h"

namespace keratin::testing {

enum class Closeness : uint8_t {
  bits,      ///< equal bits; one NaN is as good as another
  rounding,  ///< the same NaNs and infinities, finite numbers up to a few roundings of the largest
  bf16,      ///< the same, roundings to bf16
};

enum class Numbers : uint8_t {
  plain,    ///< between -2 and 2
  awkward,  ///< among them zeros of both signs, infinities and NaN; the least and the greatest integers
};

/// Empty if every function of `before` (but `prepare`) gives the same results and updates in `after`; else what differs.
std::string difference(const Module& before, const Module& after, Closeness closeness, Numbers numbers);

}  // namespace keratin::testing
