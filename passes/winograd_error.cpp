#include "passes/winograd_error.h"

#include <cmath>
#include <vector>

namespace keratin {

namespace {

constexpr int64_t kTiles = 4;

using Squares = std::vector<std::vector<float>>;  // by channel

/// Numbers between -1 and 1, always the same.
class Numbers {
 public:
  float next() {
    state_ = state_ * 1664525u + 1013904223u;
    return static_cast<float>(state_ >> 8) / (1 << 23) - 1;
  }

 private:
  uint32_t state_ = 1;
};

/// One result tile of one feature, from `inputs` squares of numbers and of taps.
template <typename T>
std::vector<T> direct_tile(const WinogradTransform& transform, const Squares& x, const Squares& taps) {
  std::vector<T> tile;
  for (int64_t i = 0; i < transform.outputs; ++i)
    for (int64_t j = 0; j < transform.outputs; ++j) {
      T sum = 0;
      for (int64_t tap = 0; tap < kWinogradTaps * kWinogradTaps; ++tap) {
        const int64_t at = (i + tap / kWinogradTaps) * transform.size + j + tap % kWinogradTaps;
        for (size_t c = 0; c < x.size(); ++c)
          sum = static_cast<T>(sum + static_cast<double>(x[c][at]) * taps[c][tap]);
      }
      tile.push_back(sum);
    }
  return tile;
}

/// The same from transformed numbers and taps.
std::vector<float> winograd_tile(const WinogradTransform& transform, const Squares& v, const Squares& u) {
  std::vector<float> sums(static_cast<size_t>(transform.size * transform.size), 0);
  for (size_t c = 0; c < v.size(); ++c)
    for (size_t i = 0; i < sums.size(); ++i)
      sums[i] = static_cast<float>(sums[i] + static_cast<double>(v[c][i]) * u[c][i]);
  return both_sides(transform.output, sums);
}

}  // namespace

double winograd_error(const Tensor& taps, const WinogradTransform& transform) {
  const int64_t inputs = taps.shape()[2], features = taps.shape()[3];
  const auto transformed = [](const Matrix& matrix, const Squares& squares) {
    Squares made;
    for (const std::vector<float>& square : squares) made.push_back(both_sides(matrix, square));
    return made;
  };
  Numbers numbers;
  double direct_error = 0, error = 0;
  for (int64_t tile = 0; tile < kTiles; ++tile) {
    Squares x(static_cast<size_t>(inputs));
    for (std::vector<float>& square : x)
      for (int64_t i = 0; i < transform.size * transform.size; ++i) square.push_back(numbers.next());
    const Squares v = transformed(transform.input, x);
    for (int64_t k = 0; k < features; ++k) {
      Squares own(static_cast<size_t>(inputs));
      for (int64_t tap = 0; tap < kWinogradTaps * kWinogradTaps; ++tap)
        for (int64_t c = 0; c < inputs; ++c)
          own[c].push_back(static_cast<float>(taps.get((tap * inputs + c) * features + k)));
      const std::vector<double> exact = direct_tile<double>(transform, x, own);
      const std::vector<float> direct = direct_tile<float>(transform, x, own),
                               fast = winograd_tile(transform, v, transformed(transform.kernel, own));
      for (size_t i = 0; i < exact.size(); ++i) {
        direct_error += std::pow(direct[i] - exact[i], 2);
        error += std::pow(fast[i] - exact[i], 2);
      }
    }
  }
  return error == 0 ? 0 : std::sqrt(error / direct_error);
}

}  // namespace keratin
