// Linear algebra on the matrices of the last two axes.
#include "frontend/linalg.h"

#include <algorithm>
#include <cmath>

#include "frontend/einsum.h"
#include "frontend/elementary.h"
#include "frontend/jacobi.h"
#include "frontend/operations/tables.h"
#include "ir/text.h"

namespace keratin {
namespace {

constexpr Arg kUpperParams[] = {{"upper", ArgKind::boolean, "false"}};
constexpr Arg kLowerParams[] = {{"lower", ArgKind::boolean, "false"}};

/// Of a matrix that is not quite symmetric, the mean with its transpose.
Expr symmetric_root(const Expr& a) { return cholesky((a + transposed(a)) * 0.5); }

Outputs cholesky_operation(OperationCall& call) {
  const Expr root = symmetric_root(call.real(0));
  return call.args().boolean("upper") ? transposed(root) : root;
}

/// The inverse of what the operand is the root of.
Outputs cholesky_inverse(OperationCall& call) {
  const Expr root = call.args().boolean("upper") ? transposed(call.real(0)) : call.real(0);
  const Expr inverse = solve_triangular(root, identity_like(root), true);  // aᵀ of it times it
  return sum(expand_dims(inverse, -1) * expand_dims(inverse, -2), {-3});
}

/// The sign of the determinant and the elements whose product it is.
struct Factors {
  Expr sign, diagonal;
};

Factors factors_of(OperationCall& call) {
  const Expr a = call.real(0);
  if (a.rank() < 2 || a.dim(-1) != a.dim(-2))
    call.fail(cat("the matrices of ", to_text(a.shape()), " are not square"), ErrorKind::data);
  const Elimination elimination = eliminate(a);
  Factors factors{{}, diagonal(elimination.packed)};
  for (const Expr& pivot : elimination.pivots) {
    const Expr sign = where(equal(pivot, number(pivot, 0)), number(cast(pivot, a.dtype()), 1),
                            number(cast(pivot, a.dtype()), -1));
    factors.sign = factors.sign ? factors.sign * sign : sign;
  }
  return factors;
}

Outputs det(OperationCall& call) {
  const Factors factors = factors_of(call);
  return factors.sign * reduce(Op::reduce_prod, factors.diagonal, {-1});
}

Outputs slogdet(OperationCall& call) {
  const Factors factors = factors_of(call);
  const Expr signs = reduce(Op::reduce_prod, unary(Op::sign, factors.diagonal), {-1});
  return {factors.sign * signs, sum(unary(Op::log, unary(Op::abs, factors.diagonal)), {-1})};
}

/// Of a matrix that is symmetric and positive definite.
Outputs logdet(OperationCall& call) {
  return 2.0 * sum(unary(Op::log, diagonal(symmetric_root(call.real(0)))), {-1});
}

Outputs inv(OperationCall& call) {
  const Expr a = call.real(0);
  return solve(a, identity_like(a));
}

/// The right side may be one vector for each matrix.
template <Expr (*function)(OperationCall&, const Expr&, const Expr&)>
Outputs solving(OperationCall& call) {
  const auto [a, b] = call.real_pair();
  const bool is_vector = b.rank() == a.rank() - 1;
  const Expr x = function(call, a, is_vector ? expand_dims(b, -1) : b);
  return is_vector ? squeeze(x, {-1}) : x;
}

Expr solve_any(OperationCall&, const Expr& a, const Expr& b) { return solve(a, b); }
Expr solve_triangle(OperationCall& call, const Expr& a, const Expr& b) {
  return solve_triangular(a, b, call.args().boolean("lower"));
}

/// The packed triangles, and for each row the one that it changed places with.
Outputs lu_factor(OperationCall& call) {
  const Expr a = call.real(0);
  if (a.rank() < 2 || a.extent(-2) > a.extent(-1))
    call.fail("matrices with more rows than columns are not supported");
  const Elimination elimination = eliminate(a);
  std::vector<Expr> pivots;
  for (const Expr& pivot : elimination.pivots)
    pivots.push_back(expand_dims(pivot + static_cast<double>(pivots.size()), -1));
  return {elimination.packed, concat(pivots, -1)};
}

constexpr Arg kQrParams[] = {{"mode", ArgKind::choice, "reduced", "reduced|complete"}};

Outputs qr_operation(OperationCall& call) {
  const Expr a = call.real(0);
  Qr parts = qr(a);
  const int64_t rank = std::min(a.extent(-1), a.extent(-2));
  if (call.args().choice("mode") == "reduced")
    parts = {slice(parts.q, -1, 0, rank), slice(parts.r, -2, 0, rank)};
  return {parts.q, parts.r};
}

// --- norms ---

constexpr Arg kNormParams[] = {
    {"ord", ArgKind::any, "null"},
    {"axis", ArgKind::any, "null"},
    {"keepdims", ArgKind::boolean, "false"},
};

Expr vector_norm(const Expr& x, const Ints& axes, double order, bool keep) {
  const Expr size = unary(Op::abs, x);
  if (std::isinf(order)) return reduce(order > 0 ? Op::reduce_max : Op::reduce_min, size, axes, keep);
  if (order == 0) return sum(cast(as_boolean(x), x.dtype()), axes, keep);
  if (order == 1) return sum(size, axes, keep);
  if (order == 2) return unary(Op::sqrt, sum(x * x, axes, keep));
  const Expr total = sum(binary(Op::pow, size, number(x, order)), axes, keep);
  return binary(Op::pow, total, number(total, 1 / order));
}

Expr of_singular_values(const Expr& x, int64_t rows, int64_t columns, Op reduction, bool keep) {
  Ints order = axes_from(x, 0);
  order.erase(order.begin() + std::max(rows, columns));
  order.erase(order.begin() + std::min(rows, columns));
  order.push_back(rows);
  order.push_back(columns);
  const Expr found = reduce(reduction, singular_values(transpose(x, order)), {-1});
  if (!keep) return found;
  return expand_dims(expand_dims(found, std::min(rows, columns)), std::max(rows, columns));
}

/// 1: the greatest sum of a column; inf: of a row; 2: the greatest singular value; negative: the least.
Expr matrix_norm(OperationCall& call, const Expr& x, const Ints& axes, double order, bool keep) {
  const int64_t rows = x.axis(axes[0]), columns = x.axis(axes[1]);
  const Op extreme = order > 0 ? Op::reduce_max : Op::reduce_min;
  if (std::abs(order) == 2) return of_singular_values(x, rows, columns, extreme, keep);
  if (std::abs(order) != 1 && !std::isinf(order))
    call.args().reject("ord", "matrices have no such norm", {}, ErrorKind::data);
  const Expr sums = sum(unary(Op::abs, x), {std::isinf(order) ? columns : rows}, true);
  const Expr found = reduce(extreme, sums, {std::isinf(order) ? rows : columns}, true);
  return keep ? found : squeeze(found, {rows, columns});
}

Outputs norm(OperationCall& call) {
  const Expr x = call.real(0);
  const Json& order = call.args().json("ord");
  const Json& axis = call.args().json("axis");
  const bool keep = call.args().boolean("keepdims");
  const Ints axes = axis.is_null() ? axes_from(x, 0) : to_ints(axis);
  if (order.is_null() || (order.is_string() && order.as_string() == "fro" && axes.size() == 2))
    return vector_norm(x, axes, 2, keep);  // also of matrices
  if (order.is_string()) {
    if (order.as_string() != "nuc" || axes.size() != 2)
      call.args().reject("ord", "there is no such norm", {}, ErrorKind::data);
    return of_singular_values(x, x.axis(axes[0]), x.axis(axes[1]), Op::reduce_sum, keep);
  }
  if (axes.size() == 1) return vector_norm(x, axes, order.as_double(), keep);
  if (axes.size() != 2) call.args().reject("axis", "expected one axis or two", {}, ErrorKind::data);
  return matrix_norm(call, x, axes, order.as_double(), keep);
}

// --- eigenvalues and singular values ---

Outputs eigh(OperationCall& call) {
  const Eigen found = eigen(call.real(0));
  return {found.values, found.vectors};
}

constexpr Arg kSvdParams[] = {{"full_matrices", ArgKind::boolean, "true"},
                              {"compute_uv", ArgKind::boolean, "true"}};

Outputs svd(OperationCall& call) {
  if (!call.args().boolean("compute_uv")) return singular_values(call.real(0));
  const SingularValues found =
      singular_values_and_vectors(call.real(0), call.args().boolean("full_matrices"));
  return {found.u, found.values, transposed(found.v)};
}

double longer_side(const Expr& a) { return static_cast<double>(std::max(a.extent(-1), a.extent(-2))); }

constexpr Arg kRankParams[] = {{"tol", ArgKind::any, "null"}};

Outputs matrix_rank(OperationCall& call) {
  const Expr a = call.real(0), values = singular_values(a);
  const Json& given = call.args().json("tol");
  const Expr tolerance = given.is_null() ? slice(values, -1, 0, 1) * (longer_side(a) * epsilon_of(a.dtype()))
                                         : number(slice(values, -1, 0, 1), given.as_double());
  return sum(cast(less(tolerance, values), DType::i32), {-1});
}

constexpr Arg kCutoffParams[] = {{"rcond", ArgKind::any, "null"}};

Outputs pinv(OperationCall& call) {
  const Expr a = call.real(0);
  const Json& given = call.args().json("rcond");
  return pseudoinverse(a, given.is_null() ? 10 * longer_side(a) * epsilon_of(a.dtype()) : given.as_double());
}

/// The shortest of the solutions that come nearest.
Outputs lstsq(OperationCall& call) {
  const auto [a, b] = call.real_pair();
  if (a.rank() != 2 || (b.rank() != 1 && b.rank() != 2) || a.dim(0) != b.dim(0))
    call.fail(
        cat("a matrix ", to_text(a.shape()), " and right sides ", to_text(b.shape()), " do not go together"),
        ErrorKind::data);
  const Json& given = call.args().json("rcond");
  const double epsilon = epsilon_of(a.dtype());
  const double cutoff = given.is_null()         ? longer_side(a) * epsilon
                        : given.as_double() < 0 ? epsilon
                                                : given.as_double();
  return product_of_matrices(pseudoinverse(a, cutoff), b);
}

constexpr OperationDef kRows[] = {
    {"Cholesky", "x", cholesky_operation, kUpperParams},
    {"CholeskyInverse", "x", cholesky_inverse, kUpperParams},
    {"Det", "x", det},
    {"Slogdet", "x", slogdet},
    {"Logdet", "x", logdet},
    {"Inv", "x", inv},
    {"Solve", "a b", solving<solve_any>},
    {"SolveTriangular", "a b", solving<solve_triangle>, kLowerParams},
    {"LuFactor", "x", lu_factor},
    {"Qr", "x", qr_operation, kQrParams},
    {"Norm", "x", norm, kNormParams},
    {"Eigh", "x", eigh},
    {"SVD", "x", svd, kSvdParams},
    {"MatrixRank", "x", matrix_rank, kRankParams},
    {"Pinv", "x", pinv, kCutoffParams},
    {"Lstsq", "a b", lstsq, kCutoffParams},
    refused("Eig", "its results are complex numbers"),
};

}  // namespace

std::span<const OperationDef> linalg_operations() { return kRows; }

}  // namespace keratin
