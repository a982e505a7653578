// Factorisations of matrices on the last two axes, step by step, one per column.
#pragma once

#include <vector>

#include "frontend/expr.h"

namespace keratin {

/// The rows of `a`, n × w with n ≤ w, after Gaussian elimination of its first n columns, each by the row with the greatest element
/// there: a = P·L·`rows`, L having ones on its diagonal.
struct Elimination {
  Expr packed;               ///< the rows; below their diagonal, L
  std::vector<Expr> pivots;  ///< for each column the row, counted from its own, that changed places with it
};
Elimination eliminate(const Expr& a);

/// L with L·Lᵀ = a, for a symmetric matrix that is positive definite; else NaN.
Expr cholesky(const Expr& a);

/// x with a·x = b, `a` being a lower or upper triangle; what is in the other one does not count.
Expr solve_triangular(const Expr& a, const Expr& b, bool lower);
Expr solve(const Expr& a, const Expr& b);

/// By Householder's reflections: q·r = a, q m × m, r m × n with zeros below its diagonal.
struct Qr {
  Expr q, r;
};
Qr qr(const Expr& a);

/// Ones on the diagonal, in the shape of `like`.
Expr identity_like(const Expr& like);
/// With the last two axes swapped.
Expr transposed(const Expr& a);
/// The diagonals of square matrices.
Expr diagonal(const Expr& a);

}  // namespace keratin
