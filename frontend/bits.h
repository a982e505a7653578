// Floats as the integers of their bits, IEEE's, and back; composed of arithmetic that is exact. No gradient.
#pragma once

#include "frontend/expr.h"

namespace keratin {

/// The integer dtype that is as wide as `dtype`.
DType integer_of_width(DType dtype, bool is_signed);

/// As signed integers of the same width. All NaNs give the bits of one.
Expr bits_of(const Expr& x);
/// The floats whose bits integers of the same width are.
Expr float_of_bits(const Expr& bits, DType dtype);

}  // namespace keratin
