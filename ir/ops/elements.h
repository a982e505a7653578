// What the eval rules of several families share: orders of elements, and walks over index spaces.
//
// Elements are doubles or 64-bit integers (ir/array.h); u64 is held as the same bits, so whatever depends on
// the sign takes the dtype.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "ir/type.h"

namespace keratin::elements {

inline bool less(double a, double b, DType) { return a < b; }
inline bool less(int64_t a, int64_t b, DType dtype) {
  return dtype == DType::u64 ? static_cast<uint64_t>(a) < static_cast<uint64_t>(b) : a < b;
}

inline bool is_nan(double v) { return std::isnan(v); }
inline bool is_nan(int64_t) { return false; }

/// max: b if b > a or b is NaN, else a. min: b if b < a or b is NaN, else a.
template <typename T>
T max_of(T a, T b, DType dtype) {
  return less(a, b, dtype) || is_nan(b) ? b : a;
}
template <typename T>
T min_of(T a, T b, DType dtype) {
  return less(b, a, dtype) || is_nan(b) ? b : a;
}

/// The smallest and the greatest number of a dtype: the neutral elements of max and min.
inline double lowest(double, DType) { return -std::numeric_limits<double>::infinity(); }
inline double highest(double, DType) { return std::numeric_limits<double>::infinity(); }
inline int64_t highest(int64_t, DType dtype) {
  const int64_t bits = 8 * byte_size(dtype);
  if (is_signed(dtype)) return static_cast<int64_t>(~uint64_t{0} >> (65 - bits));
  return static_cast<int64_t>(~uint64_t{0} >> (64 - bits));
}
inline int64_t lowest(int64_t, DType dtype) { return is_signed(dtype) ? -highest(int64_t{0}, dtype) - 1 : 0; }

/// Arithmetic that wraps.
inline double plus(double a, double b) { return a + b; }
inline double times(double a, double b) { return a * b; }
inline int64_t plus(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}
inline int64_t minus(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}
inline int64_t times(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
}

/// A reduction: what it starts from, and how one more element is taken in.
struct Sum {
  template <typename T>
  static T start(DType) {
    return 0;
  }
  template <typename T>
  static T take(T sum, T v, DType) {
    return plus(sum, v);
  }
};
struct Greatest {
  template <typename T>
  static T start(DType dtype) {
    return lowest(T{}, dtype);
  }
  template <typename T>
  static T take(T best, T v, DType dtype) {
    return max_of(best, v, dtype);
  }
};

/// Elements between neighbours along each axis of a dense row-major array.
inline std::vector<int64_t> row_major_strides(const std::vector<int64_t>& shape) {
  std::vector<int64_t> strides(shape.size(), 1);
  for (size_t axis = shape.size(); axis-- > 1;) strides[axis - 1] = strides[axis] * shape[axis];
  return strides;
}

inline int64_t offset_of(const std::vector<int64_t>& index, const std::vector<int64_t>& strides) {
  int64_t offset = 0;
  for (size_t axis = 0; axis < index.size(); ++axis) offset += index[axis] * strides[axis];
  return offset;
}

/// Calls fn(index) for every index of `shape`, the last axis running fastest.
template <typename Fn>
void for_each_index(const std::vector<int64_t>& shape, Fn fn) {
  for (int64_t extent : shape)
    if (extent <= 0) return;
  std::vector<int64_t> index(shape.size(), 0);
  while (true) {
    fn(static_cast<const std::vector<int64_t>&>(index));
    size_t axis = shape.size();
    while (axis > 0 && ++index[axis - 1] == shape[axis - 1]) index[--axis] = 0;
    if (axis == 0) return;
  }
}

}  // namespace keratin::elements
