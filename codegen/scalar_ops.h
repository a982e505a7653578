// The meaning of kernel ops on one element, in C++: what the interpreter does and machine code must equal, bit for bit.
//
// It is that of ir/ops/pointwise.cpp, computed in the dtype itself. Booleans are bool. Compiled without contraction
// (codegen/CMakeLists.txt): a product and a sum are two roundings.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "ir/graph.h"

namespace keratin::scalar_ops {

template <typename T>
constexpr bool is_bits = std::is_integral_v<T>;
template <typename T>
constexpr bool is_arithmetic = !std::is_same_v<T, bool>;

/// Integers of every width wrap.
template <typename T>
T wrap(uint64_t value) {
  return static_cast<T>(value);
}

template <typename T>
bool is_nan(T value) {
  if constexpr (std::is_floating_point_v<T>) return std::isnan(value);
  return false;
}

template <typename T>
T neg(T a) {
  if constexpr (is_bits<T>)
    return wrap<T>(0 - static_cast<uint64_t>(a));
  else
    return -a;
}

template <typename T>
T abs(T a) {
  if constexpr (std::is_floating_point_v<T>)
    return std::fabs(a);
  else
    return a < T(0) ? neg(a) : a;
}

template <typename T>
T add(T a, T b) {
  if constexpr (is_bits<T>)
    return wrap<T>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
  else
    return a + b;
}

template <typename T>
T sub(T a, T b) {
  if constexpr (is_bits<T>)
    return wrap<T>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
  else
    return a - b;
}

template <typename T>
T mul(T a, T b) {
  if constexpr (is_bits<T>)
    return wrap<T>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
  else
    return a * b;
}

/// Integers: truncated; by zero 0; the smallest by -1 is itself.
template <typename T>
T div(T a, T b) {
  if constexpr (is_bits<T>) {
    if (b == 0) return 0;
    if (std::is_signed_v<T> && b == static_cast<T>(-1)) return neg(a);
    return static_cast<T>(a / b);
  } else {
    return a / b;
  }
}

/// Integers only: floored, so of the sign of b; by zero 0.
template <typename T>
T rem(T a, T b) {
  if (b == 0 || (std::is_signed_v<T> && b == static_cast<T>(-1))) return 0;
  const T rest = static_cast<T>(a % b);
  return rest != 0 && (rest < 0) != (b < 0) ? static_cast<T>(rest + b) : rest;
}

template <typename T>
T sqrt(T a) {
  return std::sqrt(a);
}
template <typename T>
T floor(T a) {
  return std::floor(a);
}
template <typename T>
T ceil(T a) {
  return std::ceil(a);
}
/// Ties to even.
template <typename T>
T round(T a) {
  return std::nearbyint(a);
}

template <typename T>
bool eq(T a, T b) {
  return a == b;
}
template <typename T>
bool ne(T a, T b) {
  return a != b;
}
template <typename T>
bool lt(T a, T b) {
  return a < b;
}
template <typename T>
bool le(T a, T b) {
  return a <= b;
}

template <typename T>
T max(T a, T b) {
  return b > a || is_nan(b) ? b : a;
}
template <typename T>
T min(T a, T b) {
  return b < a || is_nan(b) ? b : a;
}

template <typename T>
T and_(T a, T b) {
  return static_cast<T>(a & b);
}
template <typename T>
T or_(T a, T b) {
  return static_cast<T>(a | b);
}
template <typename T>
T xor_(T a, T b) {
  return static_cast<T>(a ^ b);
}
template <typename T>
T not_(T a) {
  if constexpr (std::is_same_v<T, bool>)
    return !a;
  else
    return static_cast<T>(~a);
}

template <typename T>
bool exceeds_width(T amount) {
  return amount < T(0) || static_cast<uint64_t>(amount) >= 8 * sizeof(T);
}

template <typename T>
T shl(T a, T b) {
  return exceeds_width(b) ? T(0) : wrap<T>(static_cast<uint64_t>(a) << b);
}

template <typename T>
T shr(T a, T b) {
  if (exceeds_width(b)) return a < T(0) ? static_cast<T>(-1) : T(0);
  return static_cast<T>(a >> b);
}

/// float → integer truncates and saturates, NaN is 0; to boolean: x != 0; integers wrap.
template <typename To, typename From>
To cast(From a) {
  if constexpr (std::is_same_v<To, bool>) {
    return a != From(0);
  } else if constexpr (std::is_floating_point_v<From> && is_bits<To>) {
    // The first number that is too large: a power of two, so exact in any float.
    constexpr From kAbove = From(2) * static_cast<From>(std::numeric_limits<To>::max() / 2 + 1);
    constexpr From kLowest = static_cast<From>(std::numeric_limits<To>::min());
    if (std::isnan(a)) return 0;
    if (a >= kAbove) return std::numeric_limits<To>::max();
    if (a <= kLowest) return std::numeric_limits<To>::min();
    return static_cast<To>(a);
  } else {
    return static_cast<To>(a);
  }
}

/// A denormal as a zero of its sign.
inline float without_denormals(float value) {
  return std::fpclassify(value) == FP_SUBNORMAL ? std::copysign(0.0f, value) : value;
}

/// a · b + c, rounded once, as processors do it that know no denormals: operands count as zeros, and so does a result that, rounded to
/// 24 bits, is below the least normal number.
inline float fma_without_denormals(float a, float b, float c) {
  a = without_denormals(a);
  b = without_denormals(b);
  c = without_denormals(c);
  const float result = std::fma(a, b, c);
  constexpr float kLeast = std::numeric_limits<float>::min();
  if (std::fabs(result) != kLeast) return without_denormals(result);
  // Was it rounded up to that? With factors of 8 bits a sum in f64 tells.
  const double exact = std::fma(static_cast<double>(a), static_cast<double>(b), static_cast<double>(c));
  return std::fabs(exact) < kLeast * (1 - 0x1p-25) ? std::copysign(0.0f, result) : result;
}

/// c + the products of the bf16 in the upper halves, then + those in the lower halves: what AVX512-BF16 computes.
inline float dot2(uint32_t a, uint32_t b, float c) {
  const auto upper = [](uint32_t pair) { return std::bit_cast<float>(pair & 0xffff0000u); };
  const auto lower = [](uint32_t pair) { return std::bit_cast<float>(pair << 16); };
  return fma_without_denormals(lower(a), lower(b), fma_without_denormals(upper(a), upper(b), c));
}

/// The nearest bf16, to even; a denormal gives a zero of its sign, NaN a quiet NaN: what AVX512-BF16 computes.
inline uint16_t narrow(float value) {
  const auto bits = std::bit_cast<uint32_t>(without_denormals(value));
  if (std::isnan(value)) return static_cast<uint16_t>(bits >> 16 | 0x40);
  return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/// sum + the products of the bf16 pairs at left[0], left[1] … and right[0], right[stride] …, n of them: what AMX-BF16 computes. The
/// products of the lower halves are summed by themselves, those of the upper halves too.
inline float mma(const uint32_t* left, const uint32_t* right, int64_t stride, int64_t n, float sum) {
  const auto upper = [](uint32_t pair) { return std::bit_cast<float>(pair & 0xffff0000u); };
  const auto lower = [](uint32_t pair) { return std::bit_cast<float>(pair << 16); };
  float low = 0, high = 0;
  for (int64_t i = 0; i < n; ++i) {
    low = fma_without_denormals(lower(left[i]), lower(right[i * stride]), low);
    high = fma_without_denormals(upper(left[i]), upper(right[i * stride]), high);
  }
  return without_denormals(without_denormals(sum) + without_denormals(low + high));
}

}  // namespace keratin::scalar_ops
