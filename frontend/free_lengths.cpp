#include "frontend/free_lengths.h"

#include <algorithm>
#include <numeric>

#include "ir/text.h"

namespace keratin {
namespace {

Dim multiple_of(Dim dim, int64_t by) { return Dim(dim.coef * by, dim.symbol); }

/// `dim` if `symbol` were `length`.
Dim with(Dim dim, Symbol symbol, Dim length) {
  if (dim.symbol == symbol) return multiple_of(length, dim.coef);
  const Quotient* q = dim.symbol.quotient();
  if (q == nullptr) return dim;
  const Dim computed = quotient(with(Dim(q->times, q->of), symbol, length), q->plus, q->over);
  return multiple_of(at_most(computed, q->most), dim.coef);
}

bool is_plain(Dim dim) { return !dim.is_static() && dim.symbol.quotient() == nullptr; }

}  // namespace

Dim FreeLengths::next(int64_t rank, size_t axis) {
  constexpr std::string_view kNames[] = {"", "T", "TF", "HWC", "DHWC"};
  const std::string_view names = kNames[std::min<int64_t>(rank - 1, std::size(kNames) - 1)];
  const std::string letter(axis <= names.size() ? names.substr(axis - 1, 1) : std::string_view("L"));
  std::string name = letter;
  for (int copy = 2; !used_.insert(name).second; ++copy) name = cat(letter, copy);
  const Symbol symbol(name);
  return lengths_.try_emplace(symbol, Dim(1, symbol)).first->second;
}

bool FreeLengths::has(Symbol symbol) const {
  return std::any_of(lengths_.begin(), lengths_.end(),
                     [&](const auto& length) { return length.second.symbol == symbol; });
}

bool FreeLengths::put(Symbol symbol, Dim dim) {
  if (dim == Dim(1, symbol)) return true;
  if (!has(symbol)) return false;
  for (auto& [name, length] : lengths_)
    if (length.symbol == symbol) length = multiple_of(dim, length.coef);
  return true;
}

bool FreeLengths::make_static(Dim dim, int64_t length) {
  return is_plain(dim) && length > 0 && length % dim.coef == 0 && put(dim.symbol, length / dim.coef);
}

/// Whether the dimensions are equal, or are made so by one name or in proportion, if the symbols of `left` and `right` are these lengths.
bool FreeLengths::make_multiples(UnequalDims dims, Dim left, Dim right) {
  const auto known = [&](Dim dim) {
    return left.symbol == right.symbol ? with(dim, left.symbol, left)
                                       : with(with(dim, left.symbol, left), right.symbol, right);
  };
  const Dim a = known(dims.a), b = known(dims.b);
  if (left.symbol == right.symbol) return a == b && put(left.symbol, left);
  if (with(a, right.symbol, Dim(1, left.symbol)) == with(b, right.symbol, Dim(1, left.symbol)))
    return put(left.symbol, left) && put(right.symbol, Dim(right.coef, left.symbol));
  if (!is_plain(a) || !is_plain(b)) return false;
  const int64_t common = std::gcd(a.coef, b.coef);
  return put(left.symbol, multiple_of(left, b.coef / common)) &&
         put(right.symbol, Dim(right.coef * (a.coef / common), left.symbol));
}

bool FreeLengths::unite(UnequalDims dims) {
  if (dims.a.is_static()) std::swap(dims.a, dims.b);
  if (dims.a.is_static()) return false;
  if (dims.b.is_static()) return make_static(dims.a, dims.b.coef);
  // On the left is what cannot be changed, or was given out first.
  if (has(dims.a.symbol.root()) && dims.b.symbol.root() < dims.a.symbol.root()) std::swap(dims.a, dims.b);
  if (!has(dims.b.symbol.root())) std::swap(dims.a, dims.b);
  const Dim left(1, dims.a.symbol.root()), right(1, dims.b.symbol.root());
  if (!has(right.symbol) || left == Dim::batch()) return false;
  constexpr int64_t kMost = 256;
  for (int64_t multiple = 1; multiple <= kMost; ++multiple) {
    const Dim more = multiple_of(left, multiple), more_right = multiple_of(right, multiple);
    if (left == right ? make_multiples(dims, more, more)
                      : make_multiples(dims, more, right) || make_multiples(dims, left, more_right) ||
                            make_multiples(dims, more, more_right))
      return true;
  }
  return left != right && put(right.symbol, left);
}

}  // namespace keratin
