#include "frontend/fourier.h"

#include <algorithm>
#include <cmath>

#include "frontend/elementary.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {
namespace {

constexpr int64_t kDirect = 32;  // up to here, a product with a matrix
constexpr int64_t kMostPrime = 1024;

/// cos(angle·i·j) and sin(angle·i·j).
Complex waves(const Expr& like, int64_t count, int64_t others, double angle, int64_t period) {
  auto cosines = std::make_shared<Tensor>(like.dtype(), std::vector<int64_t>{count, others});
  auto sines = std::make_shared<Tensor>(like.dtype(), std::vector<int64_t>{count, others});
  for (int64_t i = 0; i < count; ++i)
    for (int64_t j = 0; j < others; ++j) {
      const double phase = angle * static_cast<double>(i * j % period);
      cosines->set(i * others + j, std::cos(phase));
      sines->set(i * others + j, std::sin(phase));
    }
  Builder& b = like.builder();
  return {Expr(b, b.constant(std::move(cosines))), Expr(b, b.constant(std::move(sines)))};
}

template <typename Product>
Complex multiply(const Complex& x, const Complex& y, Product product) {
  const Expr real = product(x.real, y.real), cross = product(x.real, y.imaginary);
  if (!x.imaginary) return {real, cross};
  return {real - product(x.imaginary, y.imaginary), cross + product(x.imaginary, y.real)};
}

template <typename Function>
Complex both(const Complex& x, Function function) {
  return {function(x.real), x.imaginary ? function(x.imaginary) : Expr()};
}

/// A factor that leaves another one: as large as a direct transform may be, else the smallest. n itself if it is a prime.
int64_t factor_of(int64_t n) {
  for (int64_t factor = std::min(kDirect, n / 2); factor > 1; --factor)
    if (n % factor == 0) return factor;
  for (int64_t factor = kDirect + 1; factor * factor <= n; ++factor)
    if (n % factor == 0) return factor;
  return n;
}

}  // namespace

/// With n = n1·n2: transforms of n1 elements that lie n2 apart, a turn of each result, transforms of n2.
Complex fourier(const Complex& x, bool inverse) {
  const int64_t n = x.real.extent(-1), n1 = n <= kDirect ? n : factor_of(n), n2 = n / n1;
  const double turn = (inverse ? 2 : -2) * kPi;
  if (n < 1) throw Error(ErrorKind::data, "there is no Fourier transform of nothing");
  if (n1 == n) {
    if (n > kMostPrime)
      throw Error(ErrorKind::unsupported,
                  cat("a Fourier transform of ", n, " elements is not supported: that has no small factors"));
    return multiply(x, waves(x.real, n, n, turn / static_cast<double>(n), n), matmul);
  }
  const auto swapped = [](const Expr& part) {
    Ints perm = axes_from(part, 0);
    std::swap(perm[perm.size() - 1], perm[perm.size() - 2]);
    return transpose(part, perm);
  };
  Shape split = x.real.shape();
  split.back() = n1;
  split.push_back(n2);
  const Complex columns = both(x, [&](const Expr& part) { return swapped(reshape(part, split)); });
  const Complex turned =
      multiply(fourier(columns, inverse), waves(x.real, n2, n1, turn / static_cast<double>(n), n),
               [](const Expr& a, const Expr& b) { return a * b; });
  const Complex rows = both(turned, swapped);
  return both(fourier(rows, inverse),
              [&](const Expr& part) { return reshape(swapped(part), x.real.shape()); });
}

Expr of_length(const Expr& x, int64_t length) {
  const Dim extent = x.dim(-1);
  if (least_difference(extent, length) >= 0) return slice(x, -1, 0, length);
  Ints low(x.rank(), 0), high(x.rank(), 0);
  high.back() = extent.is_static() ? length - extent.value() : length;
  return slice(pad(x, low, high), -1, 0, length);
}

Complex real_fourier(const Expr& x, int64_t length) {
  const Complex all = fourier({of_length(x, length), {}}, false);
  return both(all, [&](const Expr& part) { return slice(part, -1, 0, length / 2 + 1); });
}

/// The frequencies that are missing are the conjugates of those that are there.
Expr inverse_real_fourier(const Complex& x, int64_t length) {
  const int64_t known = length / 2 + 1, missing = length - known;
  const auto whole = [&](const Expr& part, double sign) {
    const Expr front = of_length(part, known);
    return missing == 0 ? front : concat({front, reverse(slice(front, -1, 1, missing + 1), -1) * sign}, -1);
  };
  return fourier({whole(x.real, 1), whole(x.imaginary, -1)}, true).real / static_cast<double>(length);
}

}  // namespace keratin
