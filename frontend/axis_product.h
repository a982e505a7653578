// A matrix product along one axis.
#pragma once

#include "frontend/expr.h"

namespace keratin {

/// `x` with the axis, which is as long as the matrix is high, replaced by one that is as long as it is wide.
Expr multiply_along(const Expr& x, int64_t axis, const Expr& matrix);

}  // namespace keratin
