// Pooling over windows: what layers and operations share.
#pragma once

#include "frontend/args.h"
#include "frontend/expr.h"
#include "frontend/window.h"

namespace keratin {

inline constexpr Arg kStridesArg{"strides", ArgKind::any, "null"};
inline constexpr Arg kPaddingArg{"padding", ArgKind::choice, "valid", "valid|same"};

/// The greatest element, or the mean, of each window that the arguments pool_size, strides (none: the windows' own size), padding and
/// data_format describe. Padding does not count.
Expr max_pool(const Args& args, const Expr& x);
Expr average_pool(const Args& args, const Expr& x);

/// The same with as many windows as output_size says along each space axis, all of nearly the same size.
Expr adaptive_max_pool(const Args& args, const Expr& x);
Expr adaptive_average_pool(const Args& args, const Expr& x);

}  // namespace keratin
