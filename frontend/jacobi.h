// Eigenvalues and singular values of the matrices on the last two axes, by Jacobi's rotations.
//
// Results of constant accuracy need no test for convergence, so they are what a fixed number of steps gives. Vectors are
// determined up to their sign (and, where values are equal, up to a rotation): here the component of the greatest magnitude is
// positive. Gradients are those of the results, not of the iteration; where values are equal, what would be a division by zero is
// left out.
#pragma once

#include "frontend/expr.h"

namespace keratin {

/// Of (a + aᵀ) / 2.
struct Eigen {
  Expr values;   ///< ascending
  Expr vectors;  ///< columns
};
Eigen eigen(const Expr& a);

/// a = u · diag(values) · vᵀ.
struct SingularValues {
  Expr values;  ///< descending, as many as the shorter side has elements
  Expr u, v;    ///< columns; both orthonormal, also where values are 0
};
/// `complete`: both are square; else they have as many columns as there are values.
SingularValues singular_values_and_vectors(const Expr& a, bool complete);
Expr singular_values(const Expr& a);

/// The pseudoinverse (Moore and Penrose) of the part of `a` whose singular values exceed `cutoff` times the greatest.
Expr pseudoinverse(const Expr& a, double cutoff);

}  // namespace keratin
