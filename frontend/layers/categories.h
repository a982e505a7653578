// Categories, which are integers, as rows of numbers.
#pragma once

#include <string_view>

#include "frontend/args.h"
#include "frontend/expr.h"

namespace keratin {

// Sparse tensors are a form of TensorFlow's; what they hold is the same.
inline constexpr Arg kDenseCategoriesArg{"sparse", ArgKind::fixed, "false"};

/// Rows of `depth` numbers. "one_hot": each category [N,…] by itself, as [N,…,depth]; a last axis of extent 1 goes. "multi_hot" and
/// "count": those along the second axis together (without one: along the first), which are there, or how often; with `weights`, the
/// sum of those. What is no number from 0 to depth-1 is left out.
Expr encode_categories(const Expr& categories, int64_t depth, std::string_view mode, DType dtype,
                       const Expr& weights = {});

}  // namespace keratin
