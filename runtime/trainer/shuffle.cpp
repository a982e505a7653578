// Fisher and Yates's shuffle: each place gets one of what is left, all with the same probability. It draws from SplitMix64
// (Steele, Lea and Flood, 2014), which makes its k-th number of key and k, so an epoch's order needs no epochs before it.
#include "runtime/trainer/shuffle.h"

#include <cstddef>
#include <numeric>
#include <utility>

namespace keratin::trainer {
namespace {

uint64_t mixed(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

class SplitMix {
 public:
  SplitMix(uint64_t seed, uint64_t stream) : state_(mixed(mixed(seed + kGamma) + stream * kGamma)) {}

  uint64_t next() { return mixed(state_ += kGamma); }

  /// Below `n`, without bias: what would favour small numbers is drawn again.
  uint64_t below(uint64_t n) {
    const uint64_t favoured = (0 - n) % n;  // 2^64 mod n
    uint64_t drawn = next();
    while (drawn < favoured) drawn = next();
    return drawn % n;
  }

 private:
  static constexpr uint64_t kGamma = 0x9e3779b97f4a7c15;
  uint64_t state_;
};

}  // namespace

std::vector<int64_t> shuffled(int64_t n, uint64_t seed, uint64_t epoch) {
  std::vector<int64_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), int64_t{0});
  SplitMix random(seed, epoch);
  for (std::size_t left = order.size(); left > 1; --left)
    std::swap(order[left - 1], order[random.below(left)]);
  return order;
}

}  // namespace keratin::trainer
