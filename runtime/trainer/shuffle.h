// The order of samples in an epoch.
#pragma once

#include <cstdint>
#include <vector>

namespace keratin::trainer {

/// 0 to n - 1 in an order that depends on `seed` and `epoch` alone.
std::vector<int64_t> shuffled(int64_t n, uint64_t seed, uint64_t epoch);

}  // namespace keratin::trainer
