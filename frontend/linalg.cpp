#include "frontend/linalg.h"

#include <algorithm>

#include "frontend/elementary.h"
#include "frontend/scan.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {
namespace {

constexpr int64_t kMostColumns = 128;  // steps are written out, and each is some nodes

Expr rows(const Expr& a, int64_t first, int64_t limit) { return slice(a, -2, first, limit); }
Expr columns(const Expr& a, int64_t first, int64_t limit) { return slice(a, -1, first, limit); }
Expr row(const Expr& a, int64_t i) { return rows(a, i, i + 1); }
Expr column(const Expr& a, int64_t i) { return columns(a, i, i + 1); }

int64_t steps(const Expr& a, int64_t count) {
  if (a.rank() < 2) throw Error(ErrorKind::data, cat("a tensor ", to_text(a.shape()), " has no matrices"));
  if (count > kMostColumns)
    throw Error(ErrorKind::unsupported,
                cat("matrices of ", count, " columns are too large: ", kMostColumns, " at most"));
  return count;
}

int64_t square_extent(const Expr& a) {
  if (a.rank() < 2 || a.extent(-1) != a.extent(-2))
    throw Error(ErrorKind::data, cat("the matrices of ", to_text(a.shape()), " are not square"));
  return steps(a, a.extent(-1));
}

/// A column times a row, or a row times a matrix: sums are short, so they are products of elements.
Expr weighted_sum_of_rows(const Expr& weights, const Expr& matrix) {
  return sum(weights * matrix, {-2}, true);
}

/// 0 … count - 1 as the steps of a scan.
Expr numbers(Builder& b, int64_t count) {
  return {b, b.make(Op::iota, {}, IotaAttrs{1, DType::i32, {1, count}})};
}

/// What is not empty, one after the other.
Expr joined(const std::vector<Expr>& parts, int64_t axis) {
  std::vector<Expr> kept;
  for (const Expr& part : parts)
    if (!part.dim(axis).is(0)) kept.push_back(part);
  return kept.size() == 1 ? kept[0] : concat(kept, axis);
}

}  // namespace

Expr identity_like(const Expr& like) { return cast(equal(places(like, -1), places(like, -2)), like.dtype()); }

Expr transposed(const Expr& a) {
  Ints perm = axes_from(a, 0);
  std::swap(perm[perm.size() - 1], perm[perm.size() - 2]);
  return transpose(a, perm);
}

Expr diagonal(const Expr& a) { return sum(a * identity_like(a), {-1}); }

Elimination eliminate(const Expr& a) {
  const int64_t n = steps(a, a.extent(-2)), width = a.extent(-1);
  Elimination out{a, {}};
  for (int64_t j = 0; j < n; ++j) {
    const Expr below = rows(out.packed, j, n);
    const Expr sizes = squeeze(unary(Op::abs, column(below, j)), {-1});
    const Expr pivot = expand_dims(reduce(Op::argmax, sizes, {-1}), -1);
    const Expr place = cast(places(sizes, -1), DType::i32);
    const Expr order =
        where(equal(place, number(place, 0)), pivot, where(equal(place, pivot), number(place, 0), place));
    const Expr swapped(a.builder(),
                       a.builder().make(Op::gather, {below.value(), order.value()},
                                        GatherAttrs{.axis = a.rank() - 2, .batch_dims = a.rank() - 2}));
    const Expr first = row(swapped, 0), rest = rows(swapped, 1, n - j);
    out.pivots.push_back(squeeze(pivot, {-1}));
    if (j + 1 == n) {
      out.packed = joined({rows(out.packed, 0, j), first}, -2);
      break;
    }
    const Expr factors = column(rest, j) / column(first, j);
    const Expr trailing = columns(rest, j + 1, width) - factors * columns(first, j + 1, width);
    out.packed =
        joined({rows(out.packed, 0, j), first, joined({columns(rest, 0, j), factors, trailing}, -1)}, -2);
  }
  return out;
}

Expr cholesky(const Expr& a) {
  const int64_t n = square_extent(a);
  Expr result;  // the columns that are known
  for (int64_t j = 0; j < n; ++j) {
    Expr part = rows(column(a, j), j, n);
    if (j > 0) part = part - sum(rows(result, j, n) * row(result, j), {-1}, true);
    part = part * unary(Op::rsqrt, row(part, 0));
    Ints low(a.rank(), 0), high(a.rank(), 0);
    low[a.rank() - 2] = j;
    part = pad(part, low, high);
    result = result ? concat({result, part}, -1) : part;
  }
  return result;
}

Expr solve_triangular(const Expr& a, const Expr& b, bool lower) {
  const int64_t n = square_extent(a);
  Expr known;  // rows of the result, at the top if `lower`
  for (int64_t step = 0; step < n; ++step) {
    const int64_t i = lower ? step : n - 1 - step;
    Expr right = row(b, i);
    if (known) {
      const Expr factors = lower ? columns(row(a, i), 0, i) : columns(row(a, i), i + 1, n);
      right = right - weighted_sum_of_rows(transposed(factors), known);
    }
    const Expr found = right / column(row(a, i), i);
    known = !known ? found : lower ? concat({known, found}, -2) : concat({found, known}, -2);
  }
  return known;
}

Expr solve(const Expr& a, const Expr& b) {
  const int64_t n = square_extent(a);
  const Expr packed = eliminate(concat({a, b}, -1)).packed;
  return solve_triangular(columns(packed, 0, n), columns(packed, n, packed.extent(-1)), false);
}

Qr qr(const Expr& a) {
  if (a.rank() < 2) throw Error(ErrorKind::data, cat("a tensor ", to_text(a.shape()), " has no matrices"));
  const int64_t m = a.extent(-2), n = a.extent(-1), count = std::min(m - 1, n);
  Shape square = a.shape();
  square.back() = m;
  const Expr identity = identity_like(broadcast_to(number(column(a, 0), 0), square));
  ScanBuilder scan;
  const Expr r = scan.add("r", a), q = scan.add("q", identity),
             j = scan.add("j", numbers(a.builder(), count), true);
  const Expr place = places(column(r, 0), -2);
  const Expr of_column = where(equal(places(r, -1), j), r, number(r, 0));
  const Expr all = sum(of_column, {-1}, true), x = where(less(place, j), number(all, 0), all);
  const Expr is_first = equal(place, j), first = sum(where(is_first, x, number(x, 0)), {-2}, true);
  const Expr size = unary(Op::sqrt, sum(x * x, {-2}, true));
  const Expr v = x + where(is_first, where(less(first, 0), -size, size), number(x, 0));
  const Expr twice = safe_divide(number(first, 2), sum(v * v, {-2}, true), 0), across = transposed(v);
  scan.result("r", r - v * twice * weighted_sum_of_rows(v, r));
  scan.result("q", q - sum(q * across, {-1}, true) * twice * across);
  const std::vector<Expr> done = scan.finish(a.builder(), {.carries = 2, .sequences = 1, .length = count});
  const Expr is_upper = less_equal(places(done[0], -2), places(done[0], -1));
  return {done[1], where(is_upper, done[0], number(done[0], 0))};
}

}  // namespace keratin
