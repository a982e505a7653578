#include "runtime/trainer/convert.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

namespace keratin::trainer {
namespace {

/// How the elements of a dtype are stored, and the type that they are computed with.
template <typename T>
struct Plain {
  using Stored = T;
  static T get(T stored) { return stored; }

  template <typename V>
  static T put(V value) {
    using Limits = std::numeric_limits<T>;
    if constexpr (std::is_floating_point_v<T>) {
      return static_cast<T>(value);
    } else if constexpr (std::is_floating_point_v<V>) {
      if (std::isnan(value)) return 0;
      if (value <= static_cast<V>(Limits::min())) return Limits::min();
      return value >= std::ldexp(V{1}, Limits::digits) ? Limits::max() : static_cast<T>(value);
    } else {
      if (std::in_range<T>(value)) return static_cast<T>(value);
      return std::cmp_less(value, 0) ? Limits::min() : Limits::max();
    }
  }

  template <typename V>
  static bool holds(V value) {
    if constexpr (std::is_floating_point_v<T>) {
      return std::isfinite(static_cast<T>(value));
    } else if constexpr (std::is_floating_point_v<V>) {
      return std::trunc(value) == value && value >= static_cast<V>(std::numeric_limits<T>::min()) &&
             value < std::ldexp(V{1}, std::numeric_limits<T>::digits);
    } else {
      return std::in_range<T>(value);
    }
  }
};

struct Boolean {
  using Stored = uint8_t;
  static uint8_t get(uint8_t stored) { return stored != 0; }
  template <typename V>
  static uint8_t put(V value) {
    return value != V{0};
  }
  template <typename V>
  static bool holds(V value) {
    return value == V{0} || value == V{1};
  }
};

/// A float of 16 bits: a sign, exponents from `kLeast` to -kLeast + 1, and `kFraction` bits of fraction.
template <int kFraction, int kLeast>
struct Short {
  using Stored = uint16_t;
  static constexpr int kMost = 1 - kLeast;

  static float get(uint16_t stored) {
    const uint32_t sign = uint32_t{stored} >> 15 << 31, exponent = (stored & 0x7fffU) >> kFraction;
    const uint32_t fraction = stored & ((1U << kFraction) - 1);
    if (exponent == 0) {
      const float size = static_cast<float>(fraction) * std::ldexp(1.0F, kLeast - kFraction);
      return sign != 0 ? -size : size;
    }
    const bool finite = exponent < kMost - kLeast + 2;
    const uint32_t as_f32 = finite ? exponent + 126 + kLeast : 255;
    return std::bit_cast<float>(sign | as_f32 << 23 | fraction << (23 - kFraction));
  }

  template <typename V>
  static uint16_t put(V value) {
    const auto x = static_cast<double>(value);
    const auto sign = static_cast<uint16_t>(std::signbit(x) ? 0x8000 : 0);
    constexpr uint16_t kInfinity = 0x7fff >> kFraction << kFraction;
    if (std::isnan(x)) return sign | kInfinity | 1 << (kFraction - 1);
    const double size = std::fabs(x);
    if (size >= std::ldexp(2 - std::ldexp(0.5, -kFraction), kMost))
      return sign | kInfinity;  // rounds up to it
    // Counted in units of its last bit, a number of the smallest exponents is its own code; for each exponent more, the
    // code is 2^kFraction higher. Rounding up to a power of two carries into the exponent by itself.
    const int exponent = size == 0 ? kLeast : std::max(std::ilogb(size), kLeast);
    const auto units = static_cast<int>(std::nearbyint(std::ldexp(size, kFraction - exponent)));
    return static_cast<uint16_t>(sign | (units + ((exponent - kLeast) << kFraction)));
  }

  template <typename V>
  static bool holds(V value) {
    return std::isfinite(get(put(value)));
  }
};

/// Calls `visit` with the stand-in for a dtype.
template <typename Visit>
auto with_codec(DType dtype, Visit visit) {
  switch (dtype) {
    case DType::boolean: return visit(Boolean());
    case DType::i8: return visit(Plain<int8_t>());
    case DType::i16: return visit(Plain<int16_t>());
    case DType::i32: return visit(Plain<int32_t>());
    case DType::i64: return visit(Plain<int64_t>());
    case DType::u8: return visit(Plain<uint8_t>());
    case DType::u16: return visit(Plain<uint16_t>());
    case DType::u32: return visit(Plain<uint32_t>());
    case DType::u64: return visit(Plain<uint64_t>());
    case DType::f16: return visit(Short<10, -14>());
    case DType::bf16: return visit(Short<7, -126>());
    case DType::f32: return visit(Plain<float>());
    case DType::f64: break;
  }
  return visit(Plain<double>());
}

template <typename Codec>
auto load(const void* in, int64_t index) {
  typename Codec::Stored stored;
  std::memcpy(&stored, static_cast<const char*>(in) + index * static_cast<int64_t>(sizeof stored),
              sizeof stored);
  return Codec::get(stored);
}

}  // namespace

void convert(DType from, const void* in, DType to, void* out, int64_t n) {
  if (from == to && from != DType::boolean) {
    if (n > 0) std::memcpy(out, in, static_cast<size_t>(n * byte_size(from)));
    return;
  }
  with_codec(from, [&](auto source) {
    with_codec(to, [&](auto target) {
      for (int64_t i = 0; i < n; ++i) {
        const typename decltype(target)::Stored stored = target.put(load<decltype(source)>(in, i));
        std::memcpy(static_cast<char*>(out) + i * static_cast<int64_t>(sizeof stored), &stored,
                    sizeof stored);
      }
    });
  });
}

int64_t first_misfit(DType from, const void* in, DType to, int64_t n) {
  // Blocks without a way out are vectors for the compiler; only one that fails is looked through.
  constexpr int64_t kBlock = 1024;
  return with_codec(from, [&](auto source) {
    return with_codec(to, [&](auto target) {
      const auto fits = [&](int64_t i) { return target.holds(load<decltype(source)>(in, i)); };
      int64_t begin = 0;
      for (unsigned misfits = 0; begin + kBlock <= n; begin += kBlock) {
        for (int64_t i = 0; i < kBlock; ++i) misfits |= fits(begin + i) ? 0U : 1U;
        if (misfits != 0) break;
      }
      for (; begin < n; ++begin)
        if (!fits(begin)) return begin;
      return int64_t{-1};
    });
  });
}

Array converted(const Array& array, DType to) {
  if (array.dtype() == to) return array;
  Array out(to, array.shape());
  convert(array.dtype(), array.data(), to, out.mutable_data(), array.elements());
  return out;
}

}  // namespace keratin::trainer
