// A rotation of two columns makes them orthogonal (M. Hestenes, Inversion of matrices by biorthogonalization, 1958). When that has been
// done to each pair several times, all columns are orthogonal.
//
// Pairs that share no column are rotated together: in each step column i of the left half and column i of the right. Then the
// columns move on like the players of a tournament, of whom the first keeps the seat (R. Brent and F. Luk, The solution of
// singular-value and symmetric eigenvalue problems on multiprocessor arrays, 1985):
//
//     0 1 2 3 | 4 5 6 7      becomes      0 4 1 2 | 5 6 7 3
//
// After n - 1 steps, a sweep, each has met each, and all are back in their seats. An odd number gets a column of zeros beside it,
// which nothing turns.
#include "frontend/jacobi.h"

#include "frontend/einsum.h"
#include "frontend/elementary.h"
#include "frontend/linalg.h"
#include "frontend/scan.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {
namespace {

// Of 128 columns, random matrices need 7 sweeps in f32 until nothing changes, those with half of their values equal or zero 11;
// the number grows with the logarithm.
constexpr int64_t kSweeps = 12;
constexpr int64_t kMostColumns = 256;

Expr constant_of(const Expr& x) { return unary(Op::stop_gradient, x); }
/// Zero, with the derivative of `x`.
Expr change_of(const Expr& x) { return x - constant_of(x); }

Expr rows(const Expr& a, int64_t first, int64_t limit) { return slice(a, -2, first, limit); }
Expr columns(const Expr& a, int64_t first, int64_t limit) { return slice(a, -1, first, limit); }
/// One number per column, as a row; one per row, as a column.
Expr as_row(const Expr& x) { return expand_dims(x, -2); }
Expr as_column(const Expr& x) { return expand_dims(x, -1); }

int64_t steps(int64_t columns) { return kSweeps * (columns - 1); }

// --- rotations ---

/// One for each pair.
struct Rotations {
  Expr cosine, sine;
};

/// Those that make `crossed` zero, in symmetric matrices (first, crossed; crossed, second), by less than a right angle.
Rotations rotations(const Expr& first, const Expr& second, const Expr& crossed) {
  const Expr ratio = safe_divide(second - first, crossed * 2.0, 0);
  const Expr size = 1.0 / (unary(Op::abs, ratio) + unary(Op::sqrt, ratio * ratio + 1));
  const Expr tangent =
      where(equal(crossed, number(crossed, 0)), number(size, 0), where(less(ratio, 0), -size, size));
  const Expr cosine = unary(Op::rsqrt, tangent * tangent + 1);
  return {cosine, tangent * cosine};
}

/// Both halves of the columns turned, and each column in its next seat.
Expr turned(const Expr& x, const Rotations& by) {
  const int64_t half = x.extent(-1) / 2;
  const Expr cosine = as_row(by.cosine), sine = as_row(by.sine);
  const Expr first = columns(x, 0, half), second = columns(x, half, 2 * half);
  const Expr left = cosine * first - sine * second, right = sine * first + cosine * second;
  if (half == 1) return concat({left, right}, -1);
  std::vector<Expr> seats = {columns(left, 0, 1), columns(right, 0, 1)};
  if (half > 2) seats.push_back(columns(left, 1, half - 1));
  seats.push_back(columns(right, 1, half));
  seats.push_back(columns(left, half - 1, half));
  return concat(seats, -1);
}

/// `a` above the identity, with as many columns, an even number.
Expr above_identity(const Expr& a) {
  const int64_t n = a.extent(-1), even = n + n % 2;
  const Ints low(a.rank(), 0);
  Ints high = low;
  high[a.rank() - 1] = even - n;
  const Expr padded = pad(a, low, high);
  Shape square = padded.shape();
  square[a.rank() - 2] = even;
  return concat({padded, identity_like(broadcast_to(number(columns(rows(a, 0, 1), 0, 1), 0), square))}, -2);
}

void check_size(const Expr& a) {
  if (a.rank() < 2) throw Error(ErrorKind::data, cat("a tensor ", to_text(a.shape()), " has no matrices"));
  const int64_t n = std::min(a.extent(-1), a.extent(-2));
  if (n > kMostColumns)
    throw Error(ErrorKind::unsupported,
                cat("the matrices of ", to_text(a.shape()), " are too large: of the shorter side at most ",
                    kMostColumns, " elements are supported"));
  if (n < 1) throw Error(ErrorKind::data, cat("the matrices of ", to_text(a.shape()), " are empty"));
}

/// The roundings of so many rotations add up: one step of Newton's method towards columns of length 1 and at right angles (Å. Björck and
/// C. Bowie, An iterative algorithm for computing the best estimate of an orthogonal matrix, 1971).
Expr orthonormal(const Expr& v) {
  return v * 1.5 - product_of_matrices(v, product_of_matrices(transposed(v), v)) * 0.5;
}

/// The columns by which a matrix that is not wide gets orthogonal columns.
Expr orthogonalizing(const Expr& a) {
  const int64_t m = a.extent(-2), n = a.extent(-1), even = n + n % 2;
  ScanBuilder scan;
  const Expr both = scan.add("matrix_and_vectors", above_identity(a));
  const Expr left = columns(rows(both, 0, m), 0, even / 2), right = columns(rows(both, 0, m), even / 2, even);
  const Rotations by = rotations(sum(left * left, {-2}), sum(right * right, {-2}), sum(left * right, {-2}));
  scan.result("matrix_and_vectors", turned(both, by));
  const Expr done = scan.finish(a.builder(), {.carries = 1, .length = steps(even)})[0];
  return orthonormal(columns(rows(done, m, m + n), 0, n));
}

/// The greatest magnitude in each matrix, or 1 of one that is zero: what is divided by it can be squared.
Expr magnitude(const Expr& a) {
  const Expr size = reduce(Op::reduce_max, unary(Op::abs, a), {-2, -1}, true);
  return where(equal(size, number(size, 0)), number(size, 1), size);
}

/// The columns that make a symmetric matrix diagonal: those by which its columns get orthogonal, if no value of it is the negative of
/// another. None is if they all are made positive, by as much of the identity as they may be large.
Expr diagonalizing(const Expr& symmetric) {
  const Expr unit = symmetric / magnitude(symmetric);
  const Expr bound = reduce(Op::reduce_max, sum(unary(Op::abs, unit), {-2}, true), {-1}, true);
  return orthogonalizing(unit + identity_like(unit) * bound);
}

// --- their results in order ---

struct Sorted {
  Expr values, order;
};

Sorted sorted(const Expr& x, bool descending) {
  const Node* node =
      x.builder().make_node(Op::sort, {x.value()}, SortAttrs{.axis = x.rank() - 1, .descending = descending});
  return {{x.builder(), node->value(0)}, {x.builder(), node->value(1)}};
}

Expr columns_in_order(const Expr& a, const Expr& order) {
  return {a.builder(), a.builder().make(Op::gather, {a.value(), order.value()},
                                        GatherAttrs{.axis = a.rank() - 1, .batch_dims = a.rank() - 2})};
}

/// For each column 1, or -1 if the component of the greatest magnitude is negative.
Expr signs_of(const Expr& vectors) {
  const Expr greatest = reduce(Op::reduce_max, vectors, {-2}, true),
             least = reduce(Op::reduce_min, vectors, {-2}, true);
  return where(less(greatest, -least), number(greatest, -1), number(greatest, 1));
}

// --- singular values of matrices that are not wide ---

struct Columns {
  Expr scale;   ///< what has been taken out of the matrix, so that squares neither overflow nor vanish
  Expr matrix;  ///< the rest
  Expr values;  ///< descending, of the rest; the derivative is theirs
  Expr v;       ///< constant
};

Columns singular_columns(const Expr& a) {
  const Expr scale = magnitude(constant_of(a)), matrix = a / scale,
             v = constant_of(orthogonalizing(constant_of(matrix)));
  const Expr images = product_of_matrices(matrix, v), squares = sum(images * images, {-2});
  const Expr is_zero = equal(squares, number(squares, 0));
  const Expr lengths = where(is_zero, squares, unary(Op::sqrt, where(is_zero, number(squares, 1), squares)));
  const auto [values, order] = sorted(lengths, true);
  return {scale, matrix, values, columns_in_order(v, order)};
}

struct Decomposition {
  Columns columns;
  Expr q;     ///< square; its first columns are those of u, up to signs
  Expr u, v;  ///< as many columns as there are values; constants
};

/// The columns of a·v are orthogonal, so that in a·v = q·r only the signs on the diagonal of r tell q from u.
Decomposition decomposed(const Expr& a) {
  const int64_t n = a.extent(-1);
  const Columns found = singular_columns(a);
  const Qr parts = qr(constant_of(product_of_matrices(found.matrix, found.v)));
  const Expr corner = diagonal(rows(parts.r, 0, n));
  const Expr u =
      columns(parts.q, 0, n) * as_row(where(less(corner, 0), number(corner, -1), number(corner, 1)));
  const Expr signs = signs_of(u);
  return {found, parts.q, u * signs, found.v * signs};
}

SingularValues tall_decomposition(const Expr& a, bool complete) {
  const int64_t m = a.extent(-2), n = a.extent(-1);
  const auto [found, q, u, v] = decomposed(a);

  // With Ω = uᵀ·du and Ψ = vᵀ·dv, which are antisymmetric, uᵀ·da·v = Ω·s + ds - s·Ψ.
  const Expr pulled = product_of_matrices(change_of(found.matrix), v), s = constant_of(found.values);
  const Expr pull = product_of_matrices(transposed(u), pulled), across = transposed(pull);
  const Expr of_column = as_row(s), of_row = as_column(s);
  const Expr distance = (of_column - of_row) * (of_column + of_row);
  const auto moved = [&](const Expr& x, const Expr& by) {
    return x + product_of_matrices(x, safe_divide(by, distance, 0));
  };
  const Expr new_v = moved(v, of_row * pull + across * of_column);
  Expr new_u = moved(u, pull * of_column + of_row * across);
  if (m > n) {  // out of the space of the columns
    const Expr outwards = safe_divide(pulled - product_of_matrices(u, pull), of_column, 0);
    new_u = new_u + outwards;
    if (complete) {
      const Expr rest = columns(q, n, m);
      const Expr inwards = product_of_matrices(transposed(outwards), rest);
      new_u = concat({new_u, rest - product_of_matrices(u, inwards)}, -1);
    }
  }
  return {found.values * squeeze(found.scale, {-1}), new_u, new_v};
}

/// u · g(s) · vᵀ, g being the inverse of what is kept, and its derivative: that of all such functions of matrices (Ju. Daleckii and
/// S. Krein, Integration and differentiation of functions of hermitian operators, 1965), by the slopes of g between two values for the
/// symmetric part of uᵀ·da·v, between one and the other's negative for the antisymmetric part. Nothing is divided by the distance of
/// two values that are both kept.
Expr tall_pseudoinverse(const Expr& a, double cutoff) {
  const auto [found, q, u, v] = decomposed(a);
  const Expr s = constant_of(found.values),
             is_kept = logical_and(greater(s, 0), less(slice(s, -1, 0, 1) * cutoff, s));
  const Expr inverse = where(is_kept, 1.0 / where(is_kept, s, number(s, 1)), number(s, 0));
  const Expr at_column = as_row(inverse), at_row = as_column(inverse), of_column = as_row(s),
             of_row = as_column(s);
  const Expr slope = where(logical_and(as_row(is_kept), as_column(is_kept)), -(at_row * at_column),
                           safe_divide(at_row - at_column, of_row - of_column, 0));
  const Expr mirrored = safe_divide(at_row + at_column, of_row + of_column, 0);

  const Expr pulled = product_of_matrices(change_of(found.matrix), v);
  const Expr pull = product_of_matrices(transposed(u), pulled), across = transposed(pull);
  const Expr inside = (slope * (pull + across) + mirrored * (pull - across)) * 0.5;
  Expr left = u * at_column + product_of_matrices(u, inside);
  if (a.extent(-2) > a.extent(-1))
    left = left + (pulled - product_of_matrices(u, pull)) * (at_column * at_column);
  return product_of_matrices(v, transposed(left)) / found.scale;
}

bool is_wide(const Expr& a) { return a.extent(-1) > a.extent(-2); }

}  // namespace

Eigen eigen(const Expr& a) {
  check_size(a);
  if (a.extent(-1) != a.extent(-2))
    throw Error(ErrorKind::data, cat("the matrices of ", to_text(a.shape()), " are not square"));
  const Expr x = at_least_f32(a), symmetric = (x + transposed(x)) * 0.5;
  const Expr found = constant_of(diagonalizing(constant_of(symmetric)));
  const auto [values, order] = sorted(sum(found * product_of_matrices(symmetric, found), {-2}), false);
  const Expr in_order = columns_in_order(found, order), v = in_order * signs_of(in_order);
  const Expr pull = product_of_matrices(transposed(v), product_of_matrices(change_of(symmetric), v));
  const Expr moved =
      product_of_matrices(v, safe_divide(pull, constant_of(as_row(values) - as_column(values)), 0));
  return {cast(values, a.dtype()), cast(v + moved, a.dtype())};
}

SingularValues singular_values_and_vectors(const Expr& a, bool complete) {
  check_size(a);
  const Expr x = at_least_f32(a);
  SingularValues found = tall_decomposition(is_wide(x) ? transposed(x) : x, complete);
  if (is_wide(x)) std::swap(found.u, found.v);
  return {cast(found.values, a.dtype()), cast(found.u, a.dtype()), cast(found.v, a.dtype())};
}

Expr singular_values(const Expr& a) {
  check_size(a);
  const Expr x = at_least_f32(a);
  const Columns found = singular_columns(is_wide(x) ? transposed(x) : x);
  return cast(found.values * squeeze(found.scale, {-1}), a.dtype());
}

Expr pseudoinverse(const Expr& a, double cutoff) {
  check_size(a);
  const Expr x = at_least_f32(a);
  const Expr inverse = tall_pseudoinverse(is_wide(x) ? transposed(x) : x, cutoff);
  return cast(is_wide(x) ? transposed(inverse) : inverse, a.dtype());
}

}  // namespace keratin
