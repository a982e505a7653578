// Padding with copies of what an axis has: its outermost elements, or the axis turned round or over again.
#pragma once

#include <string_view>

#include "frontend/expr.h"

namespace keratin {

/// `mode` is one of "edge", "reflect", "symmetric" and "wrap", as numpy.pad means them. Requires: the axis is not empty.
Expr pad_with_copies(const Expr& x, int64_t axis, int64_t low, int64_t high, std::string_view mode);

}  // namespace keratin
