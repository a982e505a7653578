// Index expressions: the integers that loops and accesses are made of, always in one canonical form.
//
//     constant + Σ coefficient · atom        atom: a variable | floor(index / c) | index mod c
//
// The constant is a Size (a polynomial in N and friends); coefficients and divisors are numbers. Terms are sorted and never
// zero, so equal indices compare equal, and "simplifying" is arithmetic. A division is resolved when it is made, from the
// ranges that the variables are known to have: with j in [0,32), floor((32·b + j) / 32) is b.
#pragma once

#include <compare>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ir/type.h"

namespace keratin {

/// A loop variable or a let-bound integer; the number is unique within its kernel.
using VarId = uint32_t;

/// What is known of the value of an index: both ends inclusive; absent: not known (symbolic).
struct Interval {
  std::optional<int64_t> low, high;
  auto operator<=>(const Interval&) const = default;
};
/// Ranges of variables in scope.
using Ranges = std::map<VarId, Interval>;

class Index {
 public:
  struct Atom {
    enum class Kind : uint8_t { variable, div, mod };
    Kind kind = Kind::variable;
    VarId variable = 0;                  ///< kind variable
    std::shared_ptr<const Index> inner;  ///< kinds div, mod
    int64_t by = 1;                      ///< divisor, > 1
    std::strong_ordering operator<=>(const Atom& other) const;
    bool operator==(const Atom& other) const { return (*this <=> other) == 0; }
  };

  Index() = default;
  Index(int64_t number) : constant_(number) {}      // NOLINT: numbers are indices
  Index(int number) : constant_(number) {}          // NOLINT
  Index(Size size) : constant_(std::move(size)) {}  // NOLINT: sizes are indices
  static Index variable(VarId id);
  static Index of(Atom atom);  ///< The atom as it is: its division is not resolved.

  const std::map<Atom, int64_t>& terms() const { return terms_; }
  const Size& constant() const { return constant_; }
  bool is_constant() const { return terms_.empty() && constant_.is_static(); }
  int64_t value() const;  ///< Requires: is_constant().

  Index& operator+=(const Index& other);
  Index& operator*=(int64_t factor);
  friend Index operator+(Index a, const Index& b) { return a += b; }
  friend Index operator-(Index a, Index b) { return a += (b *= -1); }
  friend Index operator*(Index a, int64_t factor) { return a *= factor; }
  std::strong_ordering operator<=>(const Index& other) const;
  bool operator==(const Index& other) const { return (*this <=> other) == 0; }

  /// floor(a / by) and a - by·floor(a / by), resolved as far as `ranges` allow. Requires: by > 0.
  friend Index floor_div(const Index& a, int64_t by, const Ranges& ranges);
  friend Index modulo(const Index& a, int64_t by, const Ranges& ranges);

  /// The interval of the values, from those of the variables.
  Interval interval(const Ranges& ranges) const;
  /// The factor by which the index grows per unit of `id`; absent if it is not linear in it.
  std::optional<int64_t> slope(VarId id) const;
  bool uses(VarId id) const;
  Index substitute(VarId id, const Index& by, const Ranges& ranges) const;
  /// The number, given everything.
  int64_t evaluate(const std::function<int64_t(VarId)>& variables, const Bindings& bindings) const;

 private:
  Index& add_term(const Atom& atom, int64_t coefficient);
  bool recombine();

  std::map<Atom, int64_t> terms_;
  Size constant_;
};

inline Index ceil_div(const Index& a, int64_t by, const Ranges& ranges = {}) {
  return floor_div(a + Index(by - 1), by, ranges);
}

/// "4*i + j + 3", "(N + 11) div 12"; `name` gives the text of a variable.
std::string to_text(const Index& index, const std::function<std::string(VarId)>& name);

}  // namespace keratin
