// Discrete Fourier transforms along the last axis. There are no complex dtypes: real and imaginary parts are two tensors.
#pragma once

#include "frontend/expr.h"

namespace keratin {

struct Complex {
  Expr real, imaginary;  ///< no imaginary part: all real
};

/// Σ x[j]·e^(∓2πi·jk/n), the upper sign forwards. Nothing is divided by n. Throws Error(unsupported) if n has a large prime factor.
Complex fourier(const Complex& x, bool inverse);

/// Of real numbers, `length` of them (cut off, or followed by zeros): the frequencies up to length/2.
Complex real_fourier(const Expr& x, int64_t length);
/// Its inverse, divided by the length.
Expr inverse_real_fourier(const Complex& x, int64_t length);

/// `length` elements along the last axis: cut off, or followed by zeros.
Expr of_length(const Expr& x, int64_t length);

}  // namespace keratin
