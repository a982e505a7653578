// Index arithmetic. Everything that divides goes through one function, divide(), which gives quotient and
// remainder together; so by·quotient + remainder is the dividend by construction, and recombine() can undo a
// division whose parts meet again, as they do when a tensor is flattened and cut anew.
//
// divide(a, by):
//   1. Multiples of `by` leave:              (32·b + j) / 32          =  b + j / 32
//   2. What is left may lie in one period:   j / 32 with j in [0,32)  =  0
//   3. Or hide in a common factor g:         (8·i + j) / 32           =  i / 4        with j in [0,8)
//   4. Divisions nest:                       (x / 4) / 8              =  x / 32
//      and so do remainders:                 (x mod 32) / 4           =  (x / 4) mod 8
//   5. Otherwise an atom is made.
//
// A number that does not fit 64 bits is an Error: only a model of absurd size has one.
#include "codegen/index.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "ir/error.h"
#include "ir/text.h"

namespace keratin {
namespace {

[[noreturn]] void overflow() {
  throw Error(ErrorKind::unsupported, "an index does not fit 64 bits", {}, "smaller shapes");
}

int64_t checked_add(int64_t a, int64_t b) {
  int64_t sum;
  if (__builtin_add_overflow(a, b, &sum)) overflow();
  return sum;
}

int64_t checked_mul(int64_t a, int64_t b) {
  int64_t product;
  if (__builtin_mul_overflow(a, b, &product)) overflow();
  return product;
}

std::optional<int64_t> try_add(std::optional<int64_t> a, std::optional<int64_t> b) {
  int64_t sum;
  if (!a || !b || __builtin_add_overflow(*a, *b, &sum)) return std::nullopt;
  return sum;
}

std::optional<int64_t> try_mul(std::optional<int64_t> a, int64_t b) {
  int64_t product;
  if (!a || __builtin_mul_overflow(*a, b, &product)) return std::nullopt;
  return product;
}

/// `by` > 0.
int64_t floor_div(int64_t a, int64_t by) { return a / by - (a % by < 0 ? 1 : 0); }
int64_t floor_mod(int64_t a, int64_t by) { return a % by + (a % by < 0 ? by : 0); }

Interval operator+(const Interval& a, const Interval& b) {
  return {try_add(a.low, b.low), try_add(a.high, b.high)};
}

Interval scaled(const Interval& a, int64_t factor) {
  Interval result{try_mul(a.low, factor), try_mul(a.high, factor)};
  if (factor < 0) std::swap(result.low, result.high);
  return result;
}

/// Symbols are numbers >= 0.
Interval interval_of(const Size& size) {
  Interval result{0, 0};
  for (const auto& [symbols, coef] : size.terms()) {
    if (symbols.empty())
      result = result + Interval{coef, coef};
    else if (coef > 0)
      result.high.reset();
    else
      result.low.reset();
  }
  return result;
}

Size monomial(const std::vector<Symbol>& symbols) {
  Size size(1);
  for (const Symbol& symbol : symbols) size *= Size(Dim(1, symbol));
  return size;
}

/// One term of an index, atoms and symbols alike: coef · unit.
struct Term {
  Index unit;
  int64_t coef;
};

Index atom_index(Index::Atom::Kind kind, const Index& inner, int64_t by) {
  return Index::of({.kind = kind, .inner = std::make_shared<const Index>(inner), .by = by});
}

/// All terms but the number, which is returned apart.
std::pair<std::vector<Term>, int64_t> terms_of(const Index& index) {
  std::vector<Term> terms;
  int64_t number = 0;
  for (const auto& [atom, coef] : index.terms()) terms.push_back({Index::of(atom), coef});
  for (const auto& [symbols, coef] : index.constant().terms()) {
    if (symbols.empty())
      number = coef;
    else
      terms.push_back({monomial(symbols), coef});
  }
  return {std::move(terms), number};
}

struct Division {
  Index quotient, remainder;
};

Division divide(const Index& a, int64_t by, const Ranges& ranges);

/// Whether `index` is in [k·by, k·by + by) for some k: that k.
std::optional<int64_t> single_period(const Index& index, int64_t by, const Ranges& ranges) {
  const Interval range = index.interval(ranges);
  if (!range.low || !range.high) return std::nullopt;
  const int64_t period = floor_div(*range.low, by);
  if (period != floor_div(*range.high, by)) return std::nullopt;
  return period;
}

/// The atom that `index` is, if it is nothing but one atom and a constant.
const Index::Atom* lone_atom(const Index& index) {
  if (index.terms().size() != 1 || index.terms().begin()->second != 1) return nullptr;
  return &index.terms().begin()->first;
}

/// Step 3: splits `rest` into g·x + y with y in one period of g.
std::optional<Division> divide_by_factor(const Index& rest, int64_t by, const Ranges& ranges) {
  const auto [terms, number] = terms_of(rest);
  std::set<int64_t, std::greater<>> factors;
  for (const Term& term : terms) factors.insert(std::gcd(term.coef, by));
  factors.erase(1);
  factors.erase(by);
  for (const int64_t factor : factors) {
    Index x(floor_div(number, factor)), y(floor_mod(number, factor));
    for (const Term& term : terms) {
      if (term.coef % factor == 0)
        x += term.unit * (term.coef / factor);
      else
        y += term.unit * term.coef;
    }
    const std::optional<int64_t> period = single_period(y, factor, ranges);
    if (!period) continue;
    Division inner = divide(x + Index(*period), by / factor, ranges);
    return Division{std::move(inner.quotient),
                    inner.remainder * factor + y - Index(checked_mul(*period, factor))};
  }
  return std::nullopt;
}

/// Step 4.
std::optional<Division> divide_nested(const Index& rest, int64_t by, const Ranges& ranges) {
  const Index::Atom* atom = lone_atom(rest);
  int64_t product;
  if (atom == nullptr) return std::nullopt;
  if (atom->kind == Index::Atom::Kind::div && !__builtin_mul_overflow(atom->by, by, &product)) {
    const Index dividend = *atom->inner + Index(rest.constant()) * atom->by;
    return Division{floor_div(dividend, product, ranges), atom_index(Index::Atom::Kind::mod, rest, by)};
  }
  if (atom->kind == Index::Atom::Kind::mod && atom->by % by == 0 && rest.constant() == Size()) {
    const Division inner = divide(*atom->inner, by, ranges);
    return Division{modulo(inner.quotient, atom->by / by, ranges), inner.remainder};
  }
  return std::nullopt;
}

Division divide(const Index& a, int64_t by, const Ranges& ranges) {
  KERATIN_CHECK(by > 0, cat("division of an index by ", by));
  if (by == 1) return {a, Index()};
  const auto [terms, number] = terms_of(a);
  Index whole(floor_div(number, by)), rest(floor_mod(number, by));
  for (const Term& term : terms) {
    if (term.coef % by == 0)
      whole += term.unit * (term.coef / by);
    else
      rest += term.unit * term.coef;
  }
  if (const std::optional<int64_t> period = single_period(rest, by, ranges)) {
    return {whole + Index(*period), rest - Index(checked_mul(*period, by))};
  }
  std::optional<Division> split = divide_by_factor(rest, by, ranges);
  if (!split) split = divide_nested(rest, by, ranges);
  if (split) return {whole + split->quotient, std::move(split->remainder)};
  return {whole + atom_index(Index::Atom::Kind::div, rest, by), atom_index(Index::Atom::Kind::mod, rest, by)};
}

}  // namespace

std::strong_ordering Index::Atom::operator<=>(const Atom& other) const {
  if (const auto order = kind <=> other.kind; order != 0) return order;
  if (kind == Kind::variable) return variable <=> other.variable;
  if (const auto order = by <=> other.by; order != 0) return order;
  return inner == other.inner ? std::strong_ordering::equal : *inner <=> *other.inner;
}

std::strong_ordering Index::operator<=>(const Index& other) const {
  if (const auto order = terms_ <=> other.terms_; order != 0) return order;
  return constant_ <=> other.constant_;
}

Index Index::variable(VarId id) { return of({.kind = Atom::Kind::variable, .variable = id}); }

Index Index::of(Atom atom) {
  Index index;
  index.terms_.emplace(std::move(atom), 1);
  return index;
}

int64_t Index::value() const {
  KERATIN_CHECK(is_constant(), "value of an index that is not constant");
  return constant_.value();
}

Index& Index::add_term(const Atom& atom, int64_t coefficient) {
  const auto [place, is_new] = terms_.emplace(atom, coefficient);
  if (!is_new) place->second = checked_add(place->second, coefficient);
  if (place->second == 0) terms_.erase(place);
  return *this;
}

Index& Index::operator+=(const Index& other) {
  if (this == &other) return *this *= 2;
  for (const auto& [atom, coef] : other.terms_) add_term(atom, coef);
  constant_ += other.constant_;
  while (recombine()) {}
  return *this;
}

Index& Index::operator*=(int64_t factor) {
  if (factor == 0) return *this = Index();
  for (auto& [atom, coef] : terms_) coef = checked_mul(coef, factor);
  constant_ *= Size(factor);
  return *this;
}

/// by·(x / by) + x mod by is x, and by·((x / by) mod c) + x mod by is x mod (by·c): undoes one such division;
/// false if there is none.
bool Index::recombine() {
  for (const auto& [atom, coef] : terms_) {
    int64_t whole_coef, product = 0;
    if (atom.kind != Atom::Kind::mod || __builtin_mul_overflow(coef, atom.by, &whole_coef)) continue;
    const Index quotient = floor_div(*atom.inner, atom.by, {});
    for (const auto& [other, other_coef] : terms_) {
      if (other_coef != whole_coef) continue;
      const bool is_quotient = Index::of(other) == quotient;
      const bool is_cut = other.kind == Atom::Kind::mod && *other.inner == quotient &&
                          !__builtin_mul_overflow(atom.by, other.by, &product);
      if (!is_quotient && !is_cut) continue;
      const Index joined = (is_quotient ? *atom.inner : modulo(*atom.inner, product, {})) * coef;
      const Atom first = atom, second = other;  // copies: erasing ends the references' lives
      terms_.erase(first);
      terms_.erase(second);
      *this += joined;
      return true;
    }
  }
  return false;
}

Index floor_div(const Index& a, int64_t by, const Ranges& ranges) { return divide(a, by, ranges).quotient; }

Index modulo(const Index& a, int64_t by, const Ranges& ranges) { return divide(a, by, ranges).remainder; }

Interval Index::interval(const Ranges& ranges) const {
  Interval result = interval_of(constant_);
  for (const auto& [atom, coef] : terms_) {
    Interval values;
    switch (atom.kind) {
      case Atom::Kind::variable:
        if (const auto known = ranges.find(atom.variable); known != ranges.end()) values = known->second;
        break;
      case Atom::Kind::div:
        values = atom.inner->interval(ranges);
        if (values.low) values.low = floor_div(*values.low, atom.by);
        if (values.high) values.high = floor_div(*values.high, atom.by);
        break;
      case Atom::Kind::mod:
        values = {0, atom.by - 1};
        if (const auto period = single_period(*atom.inner, atom.by, ranges)) {
          values = atom.inner->interval(ranges) + Interval{-*period * atom.by, -*period * atom.by};
        }
        break;
    }
    result = result + scaled(values, coef);
  }
  return result;
}

std::optional<int64_t> Index::slope(VarId id) const {
  int64_t slope = 0;
  for (const auto& [atom, coef] : terms_) {
    if (atom.kind == Atom::Kind::variable) {
      if (atom.variable == id) slope = coef;
    } else if (atom.inner->uses(id)) {
      return std::nullopt;
    }
  }
  return slope;
}

bool Index::uses(VarId id) const {
  return std::any_of(terms_.begin(), terms_.end(), [id](const auto& term) {
    const Atom& atom = term.first;
    return atom.kind == Atom::Kind::variable ? atom.variable == id : atom.inner->uses(id);
  });
}

Index Index::substitute(VarId id, const Index& by, const Ranges& ranges) const {
  if (!uses(id)) return *this;
  Index result(constant_);
  for (const auto& [atom, coef] : terms_) {
    switch (atom.kind) {
      case Atom::Kind::variable: result += (atom.variable == id ? by : variable(atom.variable)) * coef; break;
      case Atom::Kind::div:
        result += floor_div(atom.inner->substitute(id, by, ranges), atom.by, ranges) * coef;
        break;
      case Atom::Kind::mod:
        result += modulo(atom.inner->substitute(id, by, ranges), atom.by, ranges) * coef;
        break;
    }
  }
  return result;
}

int64_t Index::evaluate(const std::function<int64_t(VarId)>& variables, const Bindings& bindings) const {
  int64_t result = constant_.value(bindings);
  for (const auto& [atom, coef] : terms_) {
    switch (atom.kind) {
      case Atom::Kind::variable: result += coef * variables(atom.variable); break;
      case Atom::Kind::div:
        result += coef * floor_div(atom.inner->evaluate(variables, bindings), atom.by);
        break;
      case Atom::Kind::mod:
        result += coef * floor_mod(atom.inner->evaluate(variables, bindings), atom.by);
        break;
    }
  }
  return result;
}

namespace {

/// "a + 2*b - c": appends one more summand.
void append_term(std::string& text, int64_t coef, const std::string& unit) {
  const bool negative = coef < 0;
  text += text.empty() ? (negative ? "-" : "") : (negative ? " - " : " + ");
  const uint64_t size = negative ? 0 - static_cast<uint64_t>(coef) : static_cast<uint64_t>(coef);
  if (unit.empty())
    text += to_text(size);
  else if (size == 1)
    text += unit;
  else
    text += cat(size, "*", unit);
}

std::string unit_text(const Index::Atom& atom, int64_t coef, const std::function<std::string(VarId)>& name) {
  if (atom.kind == Index::Atom::Kind::variable) return name(atom.variable);
  std::string inner = to_text(*atom.inner, name);
  if (inner.find_first_of(" *-") != std::string::npos) inner = cat("(", inner, ")");
  const std::string text = cat(inner, atom.kind == Index::Atom::Kind::div ? " div " : " mod ", atom.by);
  return coef == 1 || coef == -1 ? text : cat("(", text, ")");
}

}  // namespace

std::string to_text(const Index& index, const std::function<std::string(VarId)>& name) {
  std::string text;
  int64_t number = 0;
  for (auto term = index.constant().terms().rbegin(); term != index.constant().terms().rend(); ++term) {
    if (term->first.empty())
      number = term->second;
    else
      append_term(text, term->second, to_text(monomial(term->first)));
  }
  // Sorted by size and text, not by number of the variable: the text does not depend on how variables are numbered.
  std::vector<std::pair<int64_t, std::string>> terms;
  for (const auto& [atom, coef] : index.terms()) terms.emplace_back(coef, unit_text(atom, coef, name));
  std::sort(terms.begin(), terms.end(), [](const auto& a, const auto& b) {
    const auto size = [](int64_t coef) { return coef < 0 ? coef : -coef; };
    return std::pair(size(a.first), a.second) < std::pair(size(b.first), b.second);
  });
  for (const auto& [coef, unit] : terms) append_term(text, coef, unit);
  if (number > 0 && text.starts_with('-')) return cat(number, " - ", text.substr(1));
  if (number != 0 || text.empty()) append_term(text, number, "");
  return text;
}

}  // namespace keratin
