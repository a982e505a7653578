// Categories, which are integers, as rows of numbers.
#pragma once

#include <string_view>

#include "frontend/args.h"
#include "frontend/expr.h"
#include "frontend/layer.h"

namespace keratin {

// Sparse tensors are a form of TensorFlow's; what they hold is the same.
inline constexpr Arg kDenseCategoriesArg{"sparse", ArgKind::fixed, "false"};

/// Rows of `depth` numbers. "one_hot": each category [N,…] by itself, as [N,…,depth]; a last axis of extent 1 goes. "multi_hot" and
/// "count": those along the second axis together (without one: along the first), which are there, or how often; with `weights`, the
/// sum of those. What is no number from 0 to depth-1 is left out.
Expr encode_categories(const Expr& categories, int64_t depth, std::string_view mode, DType dtype,
                       const Expr& weights = {});

/// The dtype of the rows, and with mode "int" of the categories: the one in which the layer would store variables.
DType category_dtype(const Call& call, std::string_view mode);

}  // namespace keratin
