// Winograd's convolutions, F(m × m, 3 × 3): tiles of m × m results from (m + 2)² products per pair of channels, instead of 9 m².
//
//     Y = Aᵀ [ (G g Gᵀ) ⊙ (Bᵀ d B) ] A        g: 3 × 3 taps, d: (m + 2) × (m + 2) inputs, ⊙ element by element, summed over channels
//
// A tile is a polynomial in each direction, known by its values at m + 1 points and at infinity: Bᵀ and G evaluate inputs and
// taps there, Aᵀ goes back. The points decide how much rounding costs. For m = 2 they are 0 and ±1, which need no multiplication;
// for m = 4, 0, ±5/8 and ±3/2, whose errors are half of those of 0, ±1 and ±2.
#pragma once

#include <cstdint>
#include <vector>

namespace keratin {

struct Matrix {
  int64_t rows = 0, columns = 0;
  std::vector<double> entries;  ///< row-major
  double at(int64_t row, int64_t column) const { return entries[row * columns + column]; }
};

struct WinogradTransform {
  int64_t outputs = 2;  ///< m: of a tile, along each axis
  int64_t size = 4;     ///< m + 2: of what is transformed
  Matrix input;         ///< Bᵀ, size × size
  Matrix kernel;        ///< G, size × 3
  Matrix output;        ///< Aᵀ, outputs × size
};

inline constexpr int64_t kWinogradTaps = 3;

/// left · x · leftᵀ for a square x, each sum rounded to T; entries that are 0 take no part.
template <typename T>
std::vector<T> both_sides(const Matrix& left, const std::vector<T>& x) {
  const auto times = [&](const std::vector<T>& square, int64_t columns) {
    std::vector<T> y(static_cast<size_t>(columns * left.rows), 0);  // the product, transposed
    for (int64_t i = 0; i < left.rows; ++i)
      for (int64_t k = 0; k < left.columns; ++k)
        if (const double entry = left.at(i, k); entry != 0)
          for (int64_t j = 0; j < columns; ++j) {
            T& sum = y[j * left.rows + i];
            sum = static_cast<T>(sum + entry * square[k * columns + j]);
          }
    return y;
  };
  return times(times(x, left.columns), left.rows);
}

bool is_winograd_size(int64_t size);  ///< 4 or 6
/// Requires: is_winograd_size(size).
const WinogradTransform& winograd_transform(int64_t size);

}  // namespace keratin
