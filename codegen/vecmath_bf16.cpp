// Elementary functions in f32 whose results end as bf16: right to 11 bits or more, for half of the operations.
//
// Short polynomials, one constant for ln 2, no divisions, and one form for the whole range: what vecmath.cpp chooses between near 0
// and further out is here e^r - 1 = r·q(r), or a quotient of polynomials. Special values are IEEE's here too, and tanh, sigmoid and
// erf do not go beyond 1. Results below 2^-125, all but denormals, may be 0.
#include "codegen/vecmath_tables.h"
#include "codegen/vecmath_terms.h"

namespace keratin::vecmath {
namespace {

// Where 2^(n-1) and 2^(n+1), n = round(x / ln 2), are 0 in the exponent field: so are the products with them.
constexpr double kNoHalf = -87.3, kNoDouble = -88.7;

/// e^x. Requires: x is clamped from above.
ExprRef exp_below(const Math& m, const ExprRef& x) {
  const ExprRef bounded = m.at_least(x, kNoHalf);
  const Whole n = round_scaled(m, bounded, kLog2E, m.bias() - 1);
  const ExprRef doubled = m.poly(reduce(m, bounded, n.value, kLn2Bf16), kExpBf16);  // 2^n may be out of range
  return m.mul(power_of_two(m, n.bits), doubled);
}

ExprRef exp_of(const Math& m, const ExprRef& x) { return exp_below(m, m.at_most(x, 89.5)); }

ExprRef expm1_of(const Math& m, const ExprRef& x) {
  const ExprRef bounded = m.clamp(x, -20, 88.9);
  const Whole n = round_scaled(m, bounded, kLog2E, m.bias() - 1);
  const ExprRef r = reduce(m, bounded, n.value, kLn2Bf16), scale = power_of_two(m, n.bits);
  const ExprRef half = m.madd(scale, m.mul(r, m.poly(r, kExpm1Bf16)), m.sub(scale, m.num(0.5)));
  return m.with_sign_of(x, m.add(half, half));  // -0
}

/// a / w, not above it but by a rounding, for 2^-125 <= w <= 2^125. The bits of 1 / w are a constant minus those of w, but for 1/19; e is
/// that error, and (1 - e)·(1 + e)·(1 + e²) = 1 - e⁴.
ExprRef over(const Math& m, const ExprRef& a, const ExprRef& w) {
  const ExprRef first = m.from_bits(m.sub(m.integer(0x7ef311c7), m.bits(w)));
  const ExprRef error = m.madd(m.neg(w), first, m.num(1));
  const ExprRef quotient = m.mul(a, m.madd(first, error, first));
  return m.madd(quotient, m.mul(error, error), quotient);
}

/// Beyond 5 it stays what it is there, less than 2^-13 short of 1.
ExprRef tanh_of(const Math& m, const ExprRef& x) {
  const ExprRef bounded = m.clamp(x, -5, 5), z = m.mul(bounded, bounded);
  return over(m, m.mul(bounded, m.poly(z, kTanhAboveBf16)), m.poly(z, kTanhBelowBf16));
}

/// With x = n·ln 2 + r: 2^n / (2^n + e^-r), above and below twice that.
ExprRef sigmoid_of(const Math& m, const ExprRef& x) {
  const ExprRef bounded = m.clamp(x, kNoDouble, 40);
  const Whole n = round_scaled(m, bounded, kLog2E, m.bias() + 1);
  const ExprRef scale = power_of_two(m, n.bits);
  const ExprRef minus_r = m.madd(n.value, m.num(kLn2Bf16[0]), m.neg(bounded));
  return over(m, scale, m.add(scale, m.poly(minus_r, kExpBf16)));
}

/// max(x, 0) + log(1 + e^-|x|)
ExprRef softplus_of(const Math& m, const ExprRef& x) {
  const ExprRef z = exp_below(m, m.neg(m.abs(x)));
  return m.madd(z, m.poly(z, kLog1pBf16), m.at_least(x, 0));
}

/// 1 - e^q = (1 - 2^n) - 2^n·(e^r - 1); near 0 n is 0, and nothing cancels.
ExprRef erf_of(const Math& m, const ExprRef& x) {
  const ExprRef size = m.at_most(m.abs(x), 4), q = m.mul(size, m.poly(size, kErfcBf16));
  const Whole n = round_scaled(m, q, kLog2E, m.bias());
  const ExprRef r = reduce(m, q, n.value, kLn2Bf16), scale = power_of_two(m, n.bits);
  const ExprRef expm1 = m.mul(r, m.poly(r, kExpm1ShortBf16));
  return m.with_sign_of(x, m.madd(m.neg(scale), expm1, m.sub(m.num(1), scale)));
}

}  // namespace

ExprRef expand_bf16(Op op, const Math& m, const ExprRef& x) {
  switch (op) {
    case Op::exp: return exp_of(m, x);
    case Op::expm1: return expm1_of(m, x);
    case Op::tanh: return tanh_of(m, x);
    case Op::sigmoid: return sigmoid_of(m, x);
    case Op::softplus: return softplus_of(m, x);
    case Op::erf: return erf_of(m, x);
    default: return nullptr;
  }
}

}  // namespace keratin::vecmath
