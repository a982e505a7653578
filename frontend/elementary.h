// Elementary functions that are no primitives, composed of those that are. All take and give floats.
//
// Where a polynomial approximates a function, the derivative is not that of the polynomial: it is exact.
#pragma once

#include "frontend/expr.h"

namespace keratin {

inline constexpr double kPi = 3.14159265358979323846;
inline constexpr double kLn2 = 0.69314718055994530942;

Expr is_nan(const Expr& x);
Expr is_infinite(const Expr& x);  ///< either infinity
Expr is_finite(const Expr& x);
/// The sign bit: true for -0.
Expr is_negative(const Expr& x);
/// The largest finite number of a float dtype.
double greatest_finite(DType dtype);
/// The distance from 1 to the next number of a float dtype.
double epsilon_of(DType dtype);

/// `a / b`, and `otherwise` where b is 0, with gradients that are finite there.
Expr safe_divide(const Expr& a, const Expr& b, double otherwise);

Expr tan(const Expr& x);
Expr arctan2(const Expr& y, const Expr& x);
Expr arctan(const Expr& x);
Expr arcsin(const Expr& x);
Expr arccos(const Expr& x);
Expr sinh(const Expr& x);
Expr cosh(const Expr& x);
Expr arcsinh(const Expr& x);
Expr arccosh(const Expr& x);
Expr arctanh(const Expr& x);
Expr exp2(const Expr& x);
Expr cbrt(const Expr& x);
Expr sinc(const Expr& x);
Expr hypot(const Expr& a, const Expr& b);
Expr log_add_exp(const Expr& a, const Expr& b);
Expr trunc(const Expr& x);
Expr erfc(const Expr& x);
Expr erfinv(const Expr& x);
/// The modified Bessel function of the first kind, of order 0.
Expr bessel_i0(const Expr& x);

}  // namespace keratin
