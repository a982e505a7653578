#include "frontend/elementary.h"

#include <array>
#include <cmath>
#include <limits>
#include <span>

namespace keratin {
namespace {

Expr abs(const Expr& x) { return unary(Op::abs, x); }
Expr exp(const Expr& x) { return unary(Op::exp, x); }
Expr log(const Expr& x) { return unary(Op::log, x); }
Expr log1p(const Expr& x) { return unary(Op::log1p, x); }
Expr sqrt(const Expr& x) { return unary(Op::sqrt, x); }
Expr sin(const Expr& x) { return unary(Op::sin, x); }
Expr cos(const Expr& x) { return unary(Op::cos, x); }
Expr constant_of(const Expr& x) { return unary(Op::stop_gradient, x); }

/// Coefficients from the highest power down.
Expr polynomial(const Expr& x, std::span<const double> coefficients) {
  Expr sum = number(x, coefficients[0]);
  for (double coefficient : coefficients.subspan(1)) sum = sum * x + coefficient;
  return sum;
}

/// `value` with the derivative of `like`, which is finite where `value` is.
Expr with_derivative_of(const Expr& value, const Expr& like) {
  return constant_of(value) + (like - constant_of(like));
}

/// The magnitude of `x` with the sign bit of `y`.
Expr copy_sign(const Expr& x, const Expr& y) { return where(is_negative(y), -abs(x), abs(x)); }

/// For |z| ≤ 1. An estimate of 1e-5 (Abramowitz & Stegun 4.4.47) and one step of Newton's method on the tangent, which makes its
/// square of it, and has the derivative of the arc tangent, too.
Expr arctan_of_ratio(const Expr& z) {
  constexpr std::array kOdd = {0.0208351, -0.0851330, 0.1801410, -0.3302995, 0.9998660};
  const Expr estimate = constant_of(z * polynomial(z * z, kOdd));
  const Expr c = cos(estimate), s = sin(estimate);
  return estimate + (z * c - s) / (c + z * s);
}

}  // namespace

Expr is_nan(const Expr& x) { return not_equal(x, x); }
Expr is_infinite(const Expr& x) { return equal(abs(x), number(x, std::numeric_limits<double>::infinity())); }
Expr is_finite(const Expr& x) { return less(abs(x), std::numeric_limits<double>::infinity()); }

Expr is_negative(const Expr& x) {
  const Expr is_zero = equal(x, number(x, 0));
  return logical_or(less(x, 0), logical_and(is_zero, less(1.0 / x, 0)));
}

double greatest_finite(DType dtype) {
  switch (dtype) {
    case DType::f16: return 65504;
    case DType::bf16: return 0x1.fep127;
    case DType::f64: return std::numeric_limits<double>::max();
    default: return std::numeric_limits<float>::max();
  }
}

double epsilon_of(DType dtype) {
  switch (dtype) {
    case DType::f16: return 0x1p-10;
    case DType::bf16: return 0x1p-7;
    case DType::f64: return 0x1p-52;
    default: return 0x1p-23;
  }
}

Expr safe_divide(const Expr& a, const Expr& b, double otherwise) {
  const Expr is_zero = equal(b, number(b, 0));
  const Expr ratio = a / where(is_zero, number(b, 1), b);
  return where(is_zero, number(ratio, otherwise), ratio);
}

Expr tan(const Expr& x) { return sin(x) / cos(x); }

/// The smaller magnitude through the larger: at most 1, and 1 where both are infinite. The sign of a zero counts.
Expr arctan2(const Expr& y, const Expr& x) {
  const Expr is_steep = less(abs(x), abs(y));
  const Expr small = where(is_steep, x, y), large = where(is_steep, y, x);
  const Expr both_infinite = logical_and(is_infinite(small), is_infinite(large));
  const Expr signs = where(equal(is_negative(x), is_negative(y)), number(x, 1), number(x, -1));
  const Expr ratio = where(both_infinite, signs, safe_divide(where(both_infinite, signs, small), large, 0));
  const Expr angle = arctan_of_ratio(ratio);
  const Expr steep = copy_sign(number(y, kPi / 2), y) - angle;
  const Expr turned = angle + copy_sign(number(y, kPi), y);
  return where(is_steep, steep, where(is_negative(x), turned, angle));
}

Expr arctan(const Expr& x) { return arctan2(x, number(x, 1)); }
Expr arcsin(const Expr& x) { return arctan2(x, sqrt((1.0 - x) * (1.0 + x))); }
/// Of half the angle, which loses nothing near 1.
Expr arccos(const Expr& x) { return 2.0 * arctan2(sqrt(1.0 - x), sqrt(1.0 + x)); }

/// With t = e^|x| - 1: (t + t / (t + 1)) / 2; where t could overflow, e^(|x|/2) squared and halved.
Expr sinh(const Expr& x) {
  constexpr double kFar = 40;
  const Expr size = abs(x), root = exp(size * 0.5);
  const Expr t = unary(Op::expm1, minimum(size, kFar));
  const Expr near = 0.5 * (t + t / (t + 1)), far = 0.5 * root * root;
  return copy_sign(number(x, 1), x) * where(less(size, kFar), near, far);
}

Expr cosh(const Expr& x) {
  const Expr root = exp(abs(x) * 0.5);
  return 0.5 * root * root + 0.5 / (root * root);
}

/// sign(x) · log(|x| + √(x² + 1)), without the loss of digits near 0; far out, where x² overflows, log(2|x|).
Expr arcsinh(const Expr& x) {
  constexpr double kFar = 1e4;
  const Expr size = abs(x), near = minimum(size, kFar), square = near * near;
  const Expr value = log1p(near + square / (1.0 + sqrt(square + 1)));
  return copy_sign(number(x, 1), x) * where(less(size, kFar), value, log(maximum(size, 1)) + kLn2);
}

Expr arccosh(const Expr& x) {
  constexpr double kFar = 1e4;
  const Expr t = minimum(x, kFar) - 1;
  return where(less(x, kFar), log1p(t + sqrt(t * (t + 2))), log(maximum(x, 1)) + kLn2);
}

Expr arctanh(const Expr& x) { return 0.5 * (log1p(x) - log1p(-x)); }

Expr exp2(const Expr& x) { return binary(Op::pow, number(x, 2), x); }

Expr cbrt(const Expr& x) { return unary(Op::sign, x) * binary(Op::pow, abs(x), number(x, 1.0 / 3)); }

Expr sinc(const Expr& x) {
  const Expr angle = x * kPi;
  return safe_divide(sin(angle), angle, 1);
}

/// The larger size is taken out, so that squares do not overflow.
Expr hypot(const Expr& a, const Expr& b) {
  const Expr large = maximum(abs(a), abs(b)), small = minimum(abs(a), abs(b));
  const Expr is_regular = logical_and(greater(large, 0), is_finite(large));
  const Expr ratio = where(is_regular, small, number(small, 0)) / where(is_regular, large, number(large, 1));
  return large * sqrt(ratio * ratio + 1);
}

Expr log_add_exp(const Expr& a, const Expr& b) {
  const Expr distance = abs(a - b);
  const Expr same = is_nan(distance);  // also of equal infinities
  return where(same, a + b, maximum(a, b) + unary(Op::softplus, -where(same, number(a, 0), distance)));
}

Expr trunc(const Expr& x) { return where(less(x, 0), unary(Op::ceil, x), unary(Op::floor, x)); }

/// W. Press et al., Numerical Recipes, erfcc: t·exp(-x² + P(t)), t = 1 / (1 + |x| / 2). Where 1 - erf(x) loses nothing, that.
Expr erfc(const Expr& x) {
  constexpr std::array kTail = {0.17087277,  -0.82215223, 1.48851587, -1.13520398, 0.27886807,
                                -0.18628806, 0.09678418,  0.37409196, 1.00002368,  -1.26551223};
  const Expr size = abs(x), t = 1.0 / (1.0 + size * 0.5);
  const Expr tail = t * exp(polynomial(t, kTail) - size * size);
  const Expr near = 1.0 - unary(Op::erf, x);
  return with_derivative_of(where(less(x, 0.5), near, tail), -unary(Op::erf, x));
}

/// M. Giles, Approximating the erfinv function, 2010: two polynomials in w = -log(1 - x²), times x.
Expr erfinv(const Expr& x) {
  constexpr std::array kCentre = {2.81022636e-08,  3.43273939e-07, -3.5233877e-06,
                                  -4.39150654e-06, 0.00021858087,  -0.00125372503,
                                  -0.00417768164,  0.246640727,    1.50140941};
  constexpr std::array kTail = {-0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773,
                                -0.0076224613,   0.00943887047,  1.00167406,    2.83297682};
  const Expr is_inside = less(abs(x), 1);
  const Expr inside = where(is_inside, x, number(x, 0));
  const Expr w = -log((1.0 - inside) * (1.0 + inside));
  const Expr root = sqrt(maximum(w, 5));
  const Expr value = inside * where(less(w, 5), polynomial(w - 2.5, kCentre), polynomial(root - 3, kTail));
  const Expr slope = constant_of(exp(value * value)) * (std::sqrt(kPi) / 2);
  // Infinite at ±1, NaN further out.
  const Expr outside =
      x * where(equal(abs(x), number(x, 1)), number(x, std::numeric_limits<double>::infinity()),
                number(x, std::numeric_limits<double>::quiet_NaN()));
  return where(is_inside, constant_of(value) + (inside - constant_of(inside)) * slope, constant_of(outside));
}

/// Abramowitz & Stegun 9.8.1 and 9.8.2.
Expr bessel_i0(const Expr& x) {
  constexpr double kBorder = 3.75;
  constexpr std::array kNear = {0.0045813, 0.0360768, 0.2659732, 1.2067492, 3.0899424, 3.5156229, 1.0};
  constexpr std::array kFar = {0.00392377,  -0.01647633, 0.02635537, -0.02057706, 0.00916281,
                               -0.00157565, 0.00225319,  0.01328592, 0.39894228};
  const Expr size = abs(x), inner = minimum(size, kBorder) / kBorder, outer = maximum(size, kBorder);
  const Expr near = polynomial(inner * inner, kNear);
  const Expr far = exp(outer) * unary(Op::rsqrt, outer) * polynomial(kBorder / outer, kFar);
  return where(less(size, kBorder), near, far);
}

}  // namespace keratin
