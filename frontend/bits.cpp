// A float is m · 2^e with 1 ≤ m < 2. The exponent is found by bisection: where a number is 2^64 or more it is divided by that, then by
// 2^32, and so on, which rounds nothing; the other way it is made in the same steps. 16 bits are worked on as f32, which has all their
// numbers.
#include "frontend/bits.h"

#include <cmath>
#include <limits>

#include "frontend/elementary.h"

namespace keratin {
namespace {

struct Format {
  int64_t fraction_bits, exponent_bits;
  DType wide, integer;  ///< what is computed with

  int64_t bias() const { return (int64_t{1} << (exponent_bits - 1)) - 1; }
  int64_t one() const { return int64_t{1} << fraction_bits; }  ///< of the exponent
  int64_t infinity() const { return (2 * bias() + 1) * one(); }
  double least_normal() const { return std::exp2(1 - bias()); }
};

Format format_of(DType dtype) {
  switch (dtype) {
    case DType::f16: return {10, 5, DType::f32, DType::i32};
    case DType::bf16: return {7, 8, DType::f32, DType::i32};
    case DType::f32: return {23, 8, DType::f32, DType::i32};
    default: return {52, 11, DType::f64, DType::i64};
  }
}

Expr whole(const Expr& like, int64_t value) { return number(like, static_cast<double>(value)); }

/// The sign is the greatest bit of a signed integer: what it stands for is the least one.
Expr least_of(const Expr& like, DType dtype) { return number(like, -std::exp2(8 * byte_size(dtype) - 1)); }

}  // namespace

DType integer_of_width(DType dtype, bool is_signed) {
  switch (byte_size(dtype)) {
    case 1: return is_signed ? DType::i8 : DType::u8;
    case 2: return is_signed ? DType::i16 : DType::u16;
    case 4: return is_signed ? DType::i32 : DType::u32;
    default: return is_signed ? DType::i64 : DType::u64;
  }
}

Expr bits_of(const Expr& x) {
  const Format format = format_of(x.dtype());
  const Expr wide = unary(Op::stop_gradient, cast(x, format.wide)), size = unary(Op::abs, wide);
  const Expr is_number = is_finite(size);
  Expr rest = where(is_number, size, number(size, 1)),
       exponent = whole(cast(size, format.integer), format.bias());
  for (int64_t step = (format.bias() + 1) / 2; step > 0; step /= 2) {
    const Expr is_large = greater_equal(rest, std::exp2(step));
    rest = where(is_large, rest * std::exp2(-step), rest);
    exponent = where(is_large, exponent + whole(exponent, step), exponent);
  }
  for (int64_t step = (format.bias() + 1) / 2; step > 0; step /= 2) {
    const Expr is_small = less(rest, std::exp2(1 - step));
    rest = where(is_small, rest * std::exp2(step), rest);
    exponent = where(is_small, exponent - whole(exponent, step), exponent);
  }
  const auto fraction = [&](const Expr& part) {
    return cast(part * static_cast<double>(format.one()), format.integer);
  };
  const Expr normal = exponent * whole(exponent, format.one()) + fraction(rest - 1);
  const Expr finite =
      where(less(size, format.least_normal()), fraction(size * (1 / format.least_normal())), normal);
  const Expr special = where(is_nan(size), whole(finite, format.infinity() + format.one() / 2),
                             whole(finite, format.infinity()));
  const Expr unsigned_bits = where(is_number, finite, special);
  const Expr bits = cast(unsigned_bits, integer_of_width(x.dtype(), true));
  return where(is_negative(wide), bits + least_of(bits, x.dtype()), bits);
}

Expr float_of_bits(const Expr& bits, DType dtype) {
  const Format format = format_of(dtype);
  const Expr given = cast(cast(bits, integer_of_width(dtype, true)), format.integer);
  const auto masked = [](const Expr& x, int64_t mask) { return binary(Op::and_, x, whole(x, mask)); };
  const Expr is_less = less(given, 0), size = where(is_less, given - least_of(given, dtype), given);
  const Expr exponent = binary(Op::shr, size, whole(size, format.fraction_bits));
  const Expr part = cast(masked(size, format.one() - 1), format.wide),
             fraction = part * (1.0 / static_cast<double>(format.one()));
  Expr normal = (fraction + 1) * format.least_normal();
  for (int64_t bit = 0; bit < format.exponent_bits; ++bit) {
    const Expr is_set = not_equal(masked(exponent - whole(exponent, 1), int64_t{1} << bit), 0);
    // 2 to the power of the last bit may be out of range: twice its root.
    const bool is_last = bit + 1 == format.exponent_bits;
    const double factor = std::exp2(int64_t{1} << (is_last ? bit - 1 : bit));
    normal = where(is_set, is_last ? normal * factor * factor : normal * factor, normal);
  }
  const Expr is_special = equal(exponent, whole(exponent, 2 * format.bias() + 1));
  const Expr special = where(not_equal(part, 0), number(part, std::numeric_limits<double>::quiet_NaN()),
                             number(part, std::numeric_limits<double>::infinity()));
  const Expr value =
      where(is_special, special,
            where(equal(exponent, whole(exponent, 0)), fraction * format.least_normal(), normal));
  return cast(where(is_less, -value, value), dtype);
}

}  // namespace keratin
