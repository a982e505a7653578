// Sums of products as an einsum writes them.
#pragma once

#include <string_view>

#include "frontend/expr.h"

namespace keratin {

/// The sum of products of two tensors. Each has a letter for each of its axes, and so has the result; letters that the result does
/// not have are summed over:
///
///     einsum(x, "btc", kernel, "chd", "bthd")
///
/// Dtypes are promoted. It is one `dot`, and a transposition where a dot cannot give the axes in the order of the result. Throws Error(data) if
/// letters and shapes do not fit, Error(unsupported) if a tensor has a letter twice.
Expr einsum(const Expr& a, std::string_view a_axes, const Expr& b, std::string_view b_axes,
            std::string_view result_axes);

/// The product of the matrices on the last two axes, all axes in front being batches that broadcast; a vector is a row on the left, a
/// column on the right.
Expr product_of_matrices(Expr a, Expr b);

}  // namespace keratin
