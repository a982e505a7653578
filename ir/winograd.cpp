#include "ir/winograd.h"

namespace keratin {

namespace {

using Points = std::vector<double>;

/// The coefficients of the product of (x - p) over all points but one; -1: but none. Lowest first.
std::vector<double> product(const Points& points, int64_t but) {
  std::vector<double> coefficients{1};
  for (size_t i = 0; i < points.size(); ++i) {
    if (static_cast<int64_t>(i) == but) continue;
    coefficients.insert(coefficients.begin(), 0);
    for (size_t k = 0; k + 1 < coefficients.size(); ++k) coefficients[k] -= points[i] * coefficients[k + 1];
  }
  return coefficients;
}

Matrix zeros(int64_t rows, int64_t columns) {
  return {rows, columns, std::vector<double>(static_cast<size_t>(rows * columns), 0)};
}

/// The method of Toom and Cook for these points and infinity, which stands last.
WinogradTransform make_transform(const Points& points) {
  const int64_t count = static_cast<int64_t>(points.size()), size = count + 1,
                outputs = size + 1 - kWinogradTaps;
  WinogradTransform made{outputs, size, zeros(size, size), zeros(size, kWinogradTaps), zeros(outputs, size)};
  const auto set = [](Matrix& matrix, int64_t row, int64_t column, double entry) {
    matrix.entries[row * matrix.columns + column] = entry;
  };
  for (int64_t i = 0; i < size; ++i) {
    const std::vector<double> row = product(points, i < count ? i : -1);
    for (size_t k = 0; k < row.size(); ++k) set(made.input, i, static_cast<int64_t>(k), row[k]);
  }
  for (int64_t i = 0; i < count; ++i) {
    double scale = 1, power = 1;
    for (int64_t k = 0; k < count; ++k)
      if (k != i) scale *= points[i] - points[k];
    for (int64_t k = 0; k < size; ++k, power *= points[i]) {
      if (k < kWinogradTaps) set(made.kernel, i, k, power == 0 ? 0 : power / scale);
      if (k < outputs) set(made.output, k, i, power);
    }
  }
  set(made.kernel, count, kWinogradTaps - 1, 1);
  set(made.output, outputs - 1, count, 1);
  return made;
}

}  // namespace

bool is_winograd_size(int64_t size) { return size == 4 || size == 6; }

const WinogradTransform& winograd_transform(int64_t size) {
  static const WinogradTransform two = make_transform({0, 1, -1});
  static const WinogradTransform four = make_transform({0, 0.625, -0.625, 1.5, -1.5});
  return size == 4 ? two : four;
}

}  // namespace keratin
