// Elementary functions. The largest errors found by tests/codegen/vecmath_test.cpp, in units in the last place; where bf16 is right
// enough (vecmath_bf16.cpp), relative to the result:
//
//                 f32    f64    for bf16    method in f32 and f64
//     exp         1.0    1.0    2^-13.6     x = n·ln 2 + r; e^r by a polynomial, times 2^n in two halves: nothing overflows early or is
//                                           flushed
//     expm1       1.6    1.9    2^-15.6     the same reduction; 2·(2^(n-1)·(e^r - 1) + (2^(n-1) - ½))
//     log         0.8    0.8                x = 2^k·(1 + f), 1 + f in [√½, √2]; 2·atanh(f / (2 + f))
//     log1p       1.3    1.3                the same with f = 2^-k·x + (2^-k - 1), rounded once
//     sin, cos    0.6    2.0                x = n·π/2 + r, π/2 in three parts; f32 in f64. |x| <= 1e5 (f32: 1e6); beyond, the
//                                           results stay in [-1, 1] but mean less and less
//     tanh        1.4    2.4    2^-13.1     f32: t / (2 - t), t = 1 - e^-2|x|; f64: t / (t + 2), t = expm1 2|x|
//     sigmoid     1.5    1.5    2^-13.6     e^-|x| or 1, over 1 + e^-|x|
//     softplus    1.6    1.6    2^-12.9     max(x, 0) + log1p(e^-|x|)
//     erf         1.2    1.1    2^-11.1     x + x·p(x²) below 1, 1 - e^-p above
//     pow         0.6    1.1                e^(y·log x); f32 in f64, f64 with a logarithm in two parts
//     rsqrt       1.5    1.5                1 / √x, each rounded
//
// Special values are put in by selects at the end.
#include "codegen/vecmath.h"

#include "codegen/vecmath_tables.h"
#include "codegen/vecmath_terms.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {
namespace {

using namespace vecmath;

enum class Precision { full, medium };  // medium: enough for an f32 result computed in f64

/// e^x = 2^n · (1 + expm1)
struct Reduced {
  Whole n;
  ExprRef expm1;
};

/// `extra` (may be null) is added to r: what x lost when it was rounded. `offset` as in round_scaled.
Reduced reduce_exp(const Math& m, const ExprRef& x, Precision precision, int offset,
                   const ExprRef& extra = nullptr) {
  const Whole n = round_scaled(m, x, kLog2E, offset);
  ExprRef r = m.is_single() ? reduce(m, x, n.value, kLn2F32) : reduce(m, x, n.value, kLn2F64);
  if (extra) r = m.add(r, extra);
  ExprRef tail;
  if (precision == Precision::medium)
    tail = m.poly(r, kExpMedium);
  else
    tail = m.is_single() ? m.poly(r, kExpF32) : m.poly(r, kExpF64);
  return {n, m.madd(m.mul(r, r), tail, r)};
}

/// e^(x + extra). Requires: x clamped to where e^x is not yet 0 or inf for sure.
ExprRef exp_clamped(const Math& m, const ExprRef& x, const ExprRef& extra = nullptr) {
  // 2^n may be out of range where e^x is not, or e^x be a denormal: two halves of n multiply.
  const Reduced reduced = reduce_exp(m, x, Precision::full, 2 * m.bias(), extra);
  const ExprRef half = m.shr(reduced.n.bits, 1), rest = m.sub(reduced.n.bits, half);
  const ExprRef scale = power_of_two(m, half);
  return m.mul(m.madd(scale, reduced.expm1, scale), power_of_two(m, rest));
}

/// e^x. Requires: x so far from both ends of the range that 2^n is a normal number.
ExprRef exp_normal(const Math& m, const ExprRef& x) {
  const Reduced reduced = reduce_exp(m, x, Precision::full, m.bias());
  const ExprRef scale = power_of_two(m, reduced.n.bits);
  return m.madd(scale, reduced.expm1, scale);
}

ExprRef exp_of(const Math& m, const ExprRef& x) {
  return exp_clamped(m, m.is_single() ? m.clamp(x, -104.5, 89.5) : m.clamp(x, -746, 710.5));
}

/// Right for x above -20 (f64: -40), below which the result is -1.
ExprRef expm1_of(const Math& m, const ExprRef& x) {
  const ExprRef bounded = m.is_single() ? m.clamp(x, -20, 88.9) : m.clamp(x, -40, 709.9);
  const Reduced reduced = reduce_exp(m, bounded, Precision::full, m.bias() - 1);
  const ExprRef scale = power_of_two(m, reduced.n.bits);  // 2^(n-1)
  const ExprRef half = m.madd(scale, reduced.expm1, m.sub(scale, m.num(0.5)));
  // Near 0 the result is x; halving it would lose a denormal's last bit and the sign of -0.
  const ExprRef is_tiny = m.lt(m.abs(x), m.num(m.is_single() ? 0x1p-25 : 0x1p-54));
  return m.select(is_tiny, x, m.add(half, half));
}

/// x = 2^k · fraction, fraction in [√½, √2). Requires: x normal, positive.
struct Split {
  ExprRef k;  // integer
  ExprRef fraction;
};

Split split(const Math& m, const ExprRef& x) {
  const int64_t root_half = m.is_single() ? 0x3f3504f3 : 0x3fe6a09e667f3bcd;
  const ExprRef shifted = m.sub(m.bits(x), m.integer(root_half));
  const ExprRef low_bits = m.both(shifted, m.integer((int64_t{1} << m.mantissa()) - 1));
  return {m.shr(shifted, m.mantissa()), m.from_bits(m.add(low_bits, m.integer(root_half)))};
}

/// The same for every positive x: denormals are scaled first.
Split split_any(const Math& m, const ExprRef& x) {
  const ExprRef is_small = m.lt(x, m.num(m.is_single() ? 0x1p-126 : 0x1p-1022));
  const ExprRef scaled = m.mul(x, m.num(m.is_single() ? 0x1p23 : 0x1p52));
  Split parts = split(m, m.select(is_small, scaled, x));
  parts.k = m.sub(parts.k, m.select(is_small, m.integer(m.mantissa()), m.integer(0)));
  return parts;
}

/// k · ln 2 + log(1 + f)
ExprRef log_of_parts(const Math& m, const ExprRef& k, const ExprRef& f,
                     Precision precision = Precision::full) {
  const ExprRef s = m.div(f, m.add(f, m.num(2)));
  const ExprRef z = m.mul(s, s);
  ExprRef tail;
  if (precision == Precision::medium)
    tail = m.poly(z, kLogMedium);
  else
    tail = m.is_single() ? m.poly(z, kLogF32) : m.poly(z, kLogF64);
  // log(1 + f) = f - (h - s·(h + z·q(z))), h = f²/2: f itself is exact.
  const double(&ln2)[2] = m.is_single() ? kLn2F32 : kLn2F64;
  const ExprRef h = m.mul(m.mul(f, m.num(0.5)), f);
  const ExprRef whole = cast(m.dtype, k);
  const ExprRef correction = m.madd(whole, m.num(ln2[1]), m.mul(s, m.madd(z, tail, h)));
  return m.madd(whole, m.num(ln2[0]), m.sub(f, m.sub(h, correction)));
}

/// `result`, a logarithm of x, where 0 < x < inf; elsewhere what log says: -inf, inf, NaN.
ExprRef log_special(const Math& m, const ExprRef& x, const ExprRef& result) {
  const ExprRef upper = m.select(m.lt(x, m.infinity()), result, x);
  const ExprRef lower = m.select(m.eq(x, m.num(0)), m.neg(m.infinity()), m.nan());
  return m.select(m.lt(m.num(0), x), upper, lower);
}

ExprRef log_of(const Math& m, const ExprRef& x) {
  const Split parts = split_any(m, x);
  return log_special(m, x, log_of_parts(m, parts.k, m.sub(parts.fraction, m.num(1))));
}

/// log(1 + x) for x > -1, not inf; `sum` is 1 + x.
ExprRef log1p_finite(const Math& m, const ExprRef& x, const ExprRef& sum) {
  const Split parts = split(m, sum);
  // 2^(2-k) and a quarter of x: at the largest x, 2^-k alone would be a denormal.
  const ExprRef scale = m.from_bits(m.shl(m.sub(m.integer(m.bias() + 2), parts.k), m.mantissa()));
  const ExprRef quarter = m.num(0.25);
  const ExprRef f = m.madd(m.mul(x, quarter), scale, m.madd(scale, quarter, m.num(-1)));
  const ExprRef is_tiny = m.lt(m.abs(x), m.num(m.is_single() ? 0x1p-25 : 0x1p-54));
  return m.select(is_tiny, x, log_of_parts(m, parts.k, f));
}

ExprRef log1p_of(const Math& m, const ExprRef& x) {
  const ExprRef sum = m.add(x, m.num(1));
  return log_special(m, sum, log1p_finite(m, x, sum));
}

/// sin(x), or cos(x) = sin(x + π/2), in f64.
ExprRef sine(const Math& m, const ExprRef& x, bool is_cosine, Precision precision) {
  const Whole n = round_scaled(m, x, 0.63661977236758134);
  const ExprRef r = m.clamp(reduce(m, x, n.value, kHalfPi), -0.7855, 0.7855);
  const ExprRef z = m.mul(r, r);
  const bool full = precision == Precision::full;
  const ExprRef sin_tail = full ? m.poly(z, kSinF64) : m.poly(z, kSinMedium);
  const ExprRef cos_tail = full ? m.poly(z, kCosF64) : m.poly(z, kCosMedium);
  const ExprRef sin_r = m.madd(m.mul(r, z), sin_tail, r);
  const ExprRef cos_r = m.madd(m.mul(z, z), cos_tail, m.madd(z, m.num(-0.5), m.num(1)));
  const ExprRef quadrant = is_cosine ? m.add(n.bits, m.integer(1)) : n.bits;
  const ExprRef is_even = m.eq(m.both(quadrant, m.integer(1)), m.integer(0));
  const ExprRef value = m.select(is_even, sin_r, cos_r);
  const ExprRef sign = m.shl(m.both(quadrant, m.integer(2)), 62);
  const ExprRef result = m.from_bits(m.differ(m.bits(value), sign));
  return is_cosine ? result : m.select(m.eq(x, m.num(0)), x, result);  // keeps -0
}

ExprRef sine_of(const Math& m, const ExprRef& x, bool is_cosine) {
  if (!m.is_single()) return sine(m, x, is_cosine, Precision::full);
  return cast(DType::f32, sine(m.in_f64(), cast(DType::f64, x), is_cosine, Precision::medium));
}

/// a / b = first + rest · inverse: `rest` is what the first quotient leaves of a, `inverse` about 1 / b.
struct Quotient {
  ExprRef first, rest, inverse;
};

/// 1 / b for b in [1, 2]. In f32 without a division, which takes as long as thirty multiply-adds, but not right to the last bit: from a
/// parabola (the error is 1/99) and a step of Newton's method.
ExprRef inverse_of(const Math& m, const ExprRef& b) {
  if (!m.is_single() || !m.fma) return m.div(m.num(1), b);
  const ExprRef guess = m.madd(m.madd(m.num(32.0 / 99), b, m.num(-16.0 / 11)), b, m.num(70.0 / 33));
  return m.madd(m.madd(m.neg(b), guess, m.num(1)), guess, guess);
}

/// a / b for b = whole + z in [1, 2], whole 1 or 2. Requires: the quotient is between a / (2 · whole) and 2 · a / whole.
Quotient quotient(const Math& m, const ExprRef& a, int whole, const ExprRef& z) {
  const ExprRef inverse = inverse_of(m, m.add(z, m.num(whole))), first = m.mul(a, inverse);
  // a - whole · first is exact; b, which was rounded, is not used.
  const ExprRef twice = whole == 1 ? first : m.add(first, first);
  return {first, m.madd(m.neg(z), first, m.sub(a, twice)), inverse};
}

/// In f32 t / (2 - t), t = 1 - e^-2|x|: right near 0 as well as further out.
ExprRef tanh_of(const Math& m, const ExprRef& x) {
  const ExprRef size = m.abs(x);
  if (!m.is_single()) {
    const ExprRef t = expm1_of(m, m.at_most(m.add(size, size), 50));
    const ExprRef is_tiny = m.lt(size, m.num(0x1p-28));
    return m.select(is_tiny, x, m.with_sign_of(x, m.div(t, m.add(t, m.num(2)))));
  }
  const ExprRef minus = m.neg(size), twice = m.at_least(m.add(minus, minus), -40);
  const Reduced reduced = reduce_exp(m, twice, Precision::full, m.bias());
  const ExprRef minus_scale = m.neg(power_of_two(m, reduced.n.bits)), whole = m.add(m.num(1), minus_scale);
  const ExprRef t = m.madd(minus_scale, reduced.expm1, whole);
  const ExprRef lost = m.madd(minus_scale, reduced.expm1, m.sub(whole, t));
  // What rounding t loses matters where t has passed 1/2 and the result has not: the rest is larger by lost · (1 + result), about 1.4.
  const Quotient result = quotient(m, t, 2, m.neg(t));
  return m.with_sign_of(x, m.madd(m.madd(lost, m.num(1.4), result.rest), result.inverse, result.first));
}

/// e^-|x|. A power of two that is no denormal yet, nor inf for x = 0, is scaled down last.
ExprRef decay(const Math& m, const ExprRef& x) {
  const ExprRef bounded = m.at_least(m.neg(m.abs(x)), m.is_single() ? -104.5 : -746);
  const Reduced reduced = reduce_exp(m, bounded, Precision::full, m.bias() + 64);
  const ExprRef scale = power_of_two(m, reduced.n.bits);
  return m.mul(m.madd(scale, reduced.expm1, scale), m.num(0x1p-64));
}

ExprRef sigmoid_of(const Math& m, const ExprRef& x) {
  const ExprRef z = decay(m, x);
  const Quotient result = quotient(m, m.select(m.lt(x, m.num(0)), z, m.num(1)), 1, z);
  return m.madd(result.rest, result.inverse, result.first);
}

ExprRef softplus_of(const Math& m, const ExprRef& x) {
  const ExprRef z = decay(m, x);
  return m.add(m.at_least(x, 0), log1p_finite(m, z, m.add(z, m.num(1))));
}

ExprRef erf_of(const Math& m, const ExprRef& x) {
  const ExprRef size = m.abs(x), z = m.mul(x, x);
  const ExprRef near = m.is_single() ? m.madd(m.poly(z, kErfF32), x, x) : m.madd(m.poly(z, kErfF64), x, x);
  ExprRef rest;  // 1 - erf |x|
  if (m.is_single()) {
    rest = exp_normal(m, m.neg(m.poly(m.at_most(size, 4), kErfTailF32)));
  } else {
    const ExprRef bounded = m.clamp(size, 1, 6);
    const ExprRef t = m.div(m.sub(bounded, m.num(3)), m.add(bounded, m.num(3)));
    rest = m.mul(exp_normal(m, m.neg(m.mul(bounded, bounded))), m.poly(t, kErfTailF64));
  }
  const ExprRef far = m.with_sign_of(x, m.sub(m.num(1), rest));
  return m.select(m.lt(size, m.num(1)), near, far);
}

/// An unevaluated sum: `low` is what rounding `high` lost.
struct Double {
  ExprRef high, low;
};

Double two_sum(const Math& m, const ExprRef& a, const ExprRef& b) {
  const ExprRef sum = m.add(a, b), b_part = m.sub(sum, a);
  return {sum, m.add(m.sub(a, m.sub(sum, b_part)), m.sub(b, b_part))};
}

/// Requires: |a| >= |b|, or a = 0.
Double quick_two_sum(const Math& m, const ExprRef& a, const ExprRef& b) {
  const ExprRef sum = m.add(a, b);
  return {sum, m.sub(b, m.sub(sum, a))};
}

/// f64 as two halves of at most 26 bits.
Double halves(const Math& m, const ExprRef& a) {
  const ExprRef high = m.from_bits(m.both(m.bits(a), m.integer(~((int64_t{1} << 27) - 1))));
  return {high, m.sub(a, high)};
}

Double two_product(const Math& m, const ExprRef& a, const ExprRef& b) {
  const ExprRef product = m.mul(a, b);
  if (m.fma) return {product, fma(a, b, m.neg(product))};
  const Double x = halves(m, a), y = halves(m, b);
  const ExprRef high = m.sub(m.mul(x.high, y.high), product);
  const ExprRef middle = m.add(m.add(high, m.mul(x.high, y.low)), m.mul(x.low, y.high));
  return {product, m.add(middle, m.mul(x.low, y.low))};
}

Double product(const Math& m, const Double& a, const Double& b) {
  const Double high = two_product(m, a.high, b.high);
  return quick_two_sum(m, high.high, m.add(high.low, m.madd(a.high, b.low, m.mul(a.low, b.high))));
}

/// log x for normal or denormal x > 0 as a sum of two f64, right to about 2^-66 relative.
Double log_double(const Math& m, const ExprRef& x) {
  const Split parts = split_any(m, x);
  const ExprRef f = m.sub(parts.fraction, m.num(1)), below = m.add(f, m.num(2));
  // s = f / (2 + f): one step of long division after the first quotient. 2 + f loses its last bit: below + lost.
  const ExprRef lost = m.sub(f, m.sub(below, m.num(2)));
  const ExprRef s_high = m.div(f, below);
  const Double back = two_product(m, s_high, below);
  const ExprRef rest = m.sub(m.sub(m.sub(f, back.high), back.low), m.mul(s_high, lost));
  const Double s{s_high, m.div(rest, below)};
  const Double z = product(m, s, s);
  // 2/3 + z·q(z), 2/3 in two parts.
  constexpr double kThirds = 2.0 / 3, kThirdsRest = 3.7007434154171886e-17;
  const ExprRef upper = m.poly(z.high, kLogDouble);
  const Double inner = quick_two_sum(m, m.num(kThirds), m.madd(upper, z.high, m.num(kThirdsRest)));
  const Double tail = product(m, product(m, s, z), inner);
  // k·ln 2 + 2·s + tail, the largest first.
  const ExprRef k = cast(m.dtype, parts.k);
  const Double whole = two_sum(m, m.mul(k, m.num(kLn2F64[0])), m.add(s.high, s.high));
  const Double sum = two_sum(m, whole.high, tail.high);
  const ExprRef low =
      m.madd(k, m.num(kLn2F64[1]), m.add(m.add(s.low, s.low), m.add(whole.low, m.add(sum.low, tail.low))));
  return quick_two_sum(m, sum.high, low);
}

/// |x|^y for 0 < |x| < inf, finite y.
ExprRef power_of_size(const Math& m, const ExprRef& size, const ExprRef& y) {
  if (m.is_single()) {
    const Math wide = m.in_f64();
    const Split parts = split(wide, cast(DType::f64, size));  // no f32 is an f64 denormal
    const ExprRef log = log_of_parts(wide, parts.k, wide.sub(parts.fraction, wide.num(1)), Precision::medium);
    const ExprRef exponent = wide.clamp(wide.mul(log, cast(DType::f64, y)), -110, 95);
    const Reduced reduced = reduce_exp(wide, exponent, Precision::medium, wide.bias());
    const ExprRef power = wide.add(reduced.expm1, wide.num(1));
    return cast(DType::f32, wide.mul(power, power_of_two(wide, reduced.n.bits)));
  }
  const Double log = log_double(m, size);
  const Double high = two_product(m, log.high, y);
  const ExprRef low = m.madd(log.low, y, high.low);
  // Where y·log x overflows, `low` may be NaN; there it does not matter.
  const ExprRef bounded = m.clamp(high.high, -746, 710.5);
  const ExprRef extra = m.select(m.eq(bounded, high.high), low, m.num(0));
  return exp_clamped(m, bounded, extra);
}

ExprRef pow_of(const Math& m, const ExprRef& x, const ExprRef& y) {
  const ExprRef zero = m.num(0), one = m.num(1), infinity = m.infinity();
  const ExprRef x_size = m.abs(x), y_size = m.abs(y);
  // Whole numbers survive being added to 2^mantissa; from there on all are whole, from twice that on all are even.
  const ExprRef large = m.num(m.is_single() ? 0x1p23 : 0x1p52);
  const auto is_whole = [&](const ExprRef& size) {
    return m.either(m.eq(m.sub(m.add(size, large), large), size), m.lt(large, size));
  };
  const ExprRef is_odd = apply(Op::not_, {is_whole(m.mul(y_size, m.num(0.5)))});
  const ExprRef whole = is_whole(y_size);
  const ExprRef is_negative = m.lt(m.bits(x), m.integer(0));

  // 0 and inf, of x or y: the result is 0 or inf, depending on whether x is above 1 and y above 0 both or neither.
  const ExprRef extreme =
      m.either(m.either(m.eq(x_size, zero), m.eq(x_size, infinity)), m.eq(y_size, infinity));
  const ExprRef grows = m.eq(m.lt(one, x_size), m.lt(zero, y));
  const ExprRef regular = power_of_size(m, x_size, y);
  ExprRef size = m.select(extreme, m.select(grows, infinity, zero), regular);
  size = m.select(m.eq(x_size, one), one, size);
  const ExprRef flip = m.both(is_negative, m.both(whole, is_odd));
  ExprRef result = m.select(flip, m.neg(size), size);
  const ExprRef undefined = m.both(m.both(m.lt(x, zero), apply(Op::not_, {whole})), m.lt(x_size, infinity));
  result = m.select(undefined, m.nan(), result);
  const ExprRef is_nan = m.either(apply(Op::ne, {x, x}), apply(Op::ne, {y, y}));
  result = m.select(is_nan, m.nan(), result);
  return m.select(m.either(m.eq(y, zero), m.eq(x, one)), one, result);
}

ExprRef sign_of(const ExprRef& x) {
  const auto num = [&](int64_t value) { return number(Scalar::of_integer(x->dtype, value), x->lanes); };
  const ExprRef negative = apply(Op::select, {apply(Op::lt, {x, num(0)}), num(-1), x});
  return apply(Op::select, {apply(Op::lt, {num(0), x}), num(1), negative});
}

}  // namespace

ExprRef madd(ExprRef a, ExprRef b, ExprRef c, bool fma_available) {
  return fma_available ? fma(a, b, c) : apply(Op::add, {apply(Op::mul, {a, b}), c});
}

bool is_expanded_op(Op op) {
  switch (op) {
    case Op::exp:
    case Op::expm1:
    case Op::log:
    case Op::log1p:
    case Op::sin:
    case Op::cos:
    case Op::tanh:
    case Op::sigmoid:
    case Op::softplus:
    case Op::erf:
    case Op::pow:
    case Op::rsqrt:
    case Op::sign: return true;
    default: return false;
  }
}

ExprRef expand(Op op, std::vector<ExprRef> args, bool fma_available, Accuracy accuracy) {
  KERATIN_CHECK(is_expanded_op(op) && args.size() == (op == Op::pow ? 2u : 1u),
                cat("expansion of ", to_text(op)));
  const ExprRef& x = args[0];
  if (op == Op::sign) return sign_of(x);
  KERATIN_CHECK(x->dtype == DType::f32 || x->dtype == DType::f64, cat(to_text(op), " of ", x->dtype));
  const Math m(x, fma_available);
  if (m.is_single() && accuracy == Accuracy::bf16)
    if (ExprRef result = expand_bf16(op, m, x)) return result;
  switch (op) {
    case Op::exp: return exp_of(m, x);
    case Op::expm1: return expm1_of(m, x);
    case Op::log: return log_of(m, x);
    case Op::log1p: return log1p_of(m, x);
    case Op::sin: return sine_of(m, x, false);
    case Op::cos: return sine_of(m, x, true);
    case Op::tanh: return tanh_of(m, x);
    case Op::sigmoid: return sigmoid_of(m, x);
    case Op::softplus: return softplus_of(m, x);
    case Op::erf: return erf_of(m, x);
    case Op::pow: return pow_of(m, x, args[1]);
    default: return m.div(m.num(1), apply(Op::sqrt, {x}));  // rsqrt
  }
}

}  // namespace keratin
