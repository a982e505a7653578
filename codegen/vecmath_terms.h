// What elementary functions are written in: kernel expressions of one float dtype and number of lanes.
//
// Rounding to a whole number is done by adding a large constant: the sum's low bits are the number, so it is at hand as
// float and as integer, and in place for the exponent field.
#pragma once

#include <limits>

#include "codegen/kernel.h"
#include "codegen/vecmath.h"

namespace keratin::vecmath {

/// Expressions of one float dtype and the integers of its size, at one number of lanes.
class Math {
 public:
  Math(DType dtype, int lanes, bool fma) : dtype(dtype), lanes(lanes), fma(fma) {}
  Math(const ExprRef& like, bool fma) : Math(like->dtype, like->lanes, fma) {}

  const DType dtype;
  const int lanes;
  const bool fma;

  bool is_single() const { return dtype == DType::f32; }
  DType bits_dtype() const { return is_single() ? DType::i32 : DType::i64; }
  int mantissa() const { return is_single() ? 23 : 52; }
  int bias() const { return is_single() ? 127 : 1023; }
  Math in_f64() const { return {DType::f64, lanes, fma}; }

  ExprRef num(double value) const { return number(Scalar::of(dtype, value), lanes); }
  ExprRef integer(int64_t value) const { return number(Scalar::of_integer(bits_dtype(), value), lanes); }
  ExprRef infinity() const { return num(std::numeric_limits<double>::infinity()); }
  ExprRef nan() const { return num(std::numeric_limits<double>::quiet_NaN()); }

  ExprRef add(ExprRef a, ExprRef b) const { return apply(Op::add, {a, b}); }
  ExprRef sub(ExprRef a, ExprRef b) const { return apply(Op::sub, {a, b}); }
  ExprRef mul(ExprRef a, ExprRef b) const { return apply(Op::mul, {a, b}); }
  ExprRef div(ExprRef a, ExprRef b) const { return apply(Op::div, {a, b}); }
  ExprRef neg(ExprRef a) const { return apply(Op::neg, {a}); }
  ExprRef abs(ExprRef a) const { return apply(Op::abs, {a}); }
  ExprRef lt(ExprRef a, ExprRef b) const { return apply(Op::lt, {a, b}); }
  ExprRef eq(ExprRef a, ExprRef b) const { return apply(Op::eq, {a, b}); }
  ExprRef both(ExprRef a, ExprRef b) const { return apply(Op::and_, {a, b}); }
  ExprRef either(ExprRef a, ExprRef b) const { return apply(Op::or_, {a, b}); }
  ExprRef differ(ExprRef a, ExprRef b) const { return apply(Op::xor_, {a, b}); }
  ExprRef select(ExprRef p, ExprRef a, ExprRef b) const { return apply(Op::select, {p, a, b}); }
  ExprRef shl(ExprRef a, int by) const { return apply(Op::shl, {a, integer(by)}); }
  ExprRef shr(ExprRef a, int by) const { return apply(Op::shr, {a, integer(by)}); }
  ExprRef bits(ExprRef a) const { return bitcast(bits_dtype(), a); }
  ExprRef from_bits(ExprRef a) const { return bitcast(dtype, a); }
  /// a · b + c
  ExprRef madd(ExprRef a, ExprRef b, ExprRef c) const { return keratin::madd(a, b, c, fma); }
  /// The greater or the lesser of `x` and a number; NaN stays NaN. One instruction on x86, with the number second.
  ExprRef at_least(ExprRef x, double low) const { return apply(Op::max, {x, num(low)}); }
  ExprRef at_most(ExprRef x, double high) const { return apply(Op::min, {x, num(high)}); }
  ExprRef clamp(ExprRef x, double low, double high) const { return at_most(at_least(x, low), high); }
  /// Σ coefficients[i] · x^i
  template <size_t n>
  ExprRef poly(ExprRef x, const double (&coefficients)[n]) const {
    ExprRef sum = num(coefficients[n - 1]);
    for (size_t i = n - 1; i-- > 0;) sum = madd(sum, x, num(coefficients[i]));
    return sum;
  }
  /// `magnitude` (>= 0) with the sign of x.
  ExprRef with_sign_of(ExprRef x, ExprRef magnitude) const {
    const ExprRef sign_bit =
        integer(is_single() ? std::numeric_limits<int32_t>::min() : std::numeric_limits<int64_t>::min());
    return from_bits(either(bits(magnitude), both(bits(x), sign_bit)));
  }
};

/// A whole number as float and in the low bits of an integer.
struct Whole {
  ExprRef value, bits;
};

/// A number so large that a sum with it is rounded to a whole number, whose low bits are in place; they hold `offset` more.
inline ExprRef rounder(const Math& m, int offset) {
  return m.num(1.5 * (m.is_single() ? 0x1p23 : 0x1p52) + offset);
}

/// round(x · scale) in `value`, that + offset in `bits`. Requires: |x · scale| < 2^21 (f64: 2^50).
inline Whole round_scaled(const Math& m, const ExprRef& x, double scale, int offset = 0) {
  const ExprRef large = rounder(m, offset);
  const ExprRef sum = m.madd(x, m.num(scale), large);
  return {m.sub(sum, large), m.bits(sum)};
}

/// x - n · (parts[0] + parts[1] + …), the first product exact.
template <size_t parts>
ExprRef reduce(const Math& m, ExprRef x, const ExprRef& n, const double (&constant)[parts]) {
  for (const double part : constant) x = m.madd(n, m.num(-part), x);
  return x;
}

inline constexpr double kLog2E = 1.4426950408889634;

/// 2 to the whole number that is in `bits` with the bias added (round_scaled's offset).
inline ExprRef power_of_two(const Math& m, const ExprRef& bits) {
  return m.from_bits(m.shl(bits, m.mantissa()));
}

/// `op` of x, right to bf16; null for ops that have no such form. Requires: x is f32.
ExprRef expand_bf16(Op op, const Math& m, const ExprRef& x);

}  // namespace keratin::vecmath
