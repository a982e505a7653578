#include "ir/type.h"

#include <algorithm>
#include <array>
#include <deque>
#include <mutex>
#include <numeric>

#include "ir/error.h"
#include "ir/text.h"

namespace keratin {

// Element types.

namespace {

enum class Kind : uint8_t { boolean, integer, unsigned_integer, real };

struct DTypeInfo {
  std::string_view name;
  int64_t bytes;
  Kind kind;
};

constexpr std::array<DTypeInfo, kDTypeCount> kDTypes{{{"bool", 1, Kind::boolean},
                                                      {"i8", 1, Kind::integer},
                                                      {"i16", 2, Kind::integer},
                                                      {"i32", 4, Kind::integer},
                                                      {"i64", 8, Kind::integer},
                                                      {"u8", 1, Kind::unsigned_integer},
                                                      {"u16", 2, Kind::unsigned_integer},
                                                      {"u32", 4, Kind::unsigned_integer},
                                                      {"u64", 8, Kind::unsigned_integer},
                                                      {"f16", 2, Kind::real},
                                                      {"bf16", 2, Kind::real},
                                                      {"f32", 4, Kind::real},
                                                      {"f64", 8, Kind::real}}};

const DTypeInfo& info(DType dtype) { return kDTypes[static_cast<size_t>(dtype)]; }

int64_t checked_multiply(int64_t a, int64_t b) {
  int64_t product;
  if (__builtin_mul_overflow(a, b, &product)) throw Error(ErrorKind::data, "a size exceeds 64 bits");
  return product;
}

int64_t checked_add(int64_t a, int64_t b) {
  int64_t sum;
  if (__builtin_add_overflow(a, b, &sum)) throw Error(ErrorKind::data, "a size exceeds 64 bits");
  return sum;
}

int64_t floor_of(int64_t a, int64_t by) { return a / by - (a % by < 0 ? 1 : 0); }

/// Computed symbols, each once. They are few: a model has some for every layer at most.
class ComputedSymbols {
 public:
  uint64_t place_of(const Quotient& quotient) {
    const std::lock_guard lock(mutex_);
    const auto [entry, is_new] = places_.try_emplace(quotient, all_.size());
    if (is_new) all_.push_back(quotient);
    return entry->second;
  }
  /// Stays where it is.
  const Quotient& at(uint64_t place) {
    const std::lock_guard lock(mutex_);
    return all_[place];
  }

 private:
  std::recursive_mutex mutex_;  // what is looked up compares symbols that may be computed, too
  std::map<Quotient, uint64_t> places_;
  std::deque<Quotient> all_;
};

ComputedSymbols& computed_symbols() {
  static ComputedSymbols symbols;
  return symbols;
}

}  // namespace

int64_t byte_size(DType dtype) { return info(dtype).bytes; }
bool is_float(DType dtype) { return info(dtype).kind == Kind::real; }
bool is_integer(DType dtype) {
  return info(dtype).kind == Kind::integer || info(dtype).kind == Kind::unsigned_integer;
}
bool is_signed(DType dtype) { return info(dtype).kind == Kind::integer || is_float(dtype); }
std::string_view to_text(DType dtype) { return info(dtype).name; }

std::optional<DType> parse_dtype(std::string_view text) {
  for (size_t i = 0; i < kDTypes.size(); ++i) {
    if (kDTypes[i].name == text) return static_cast<DType>(i);
  }
  return std::nullopt;
}

// Symbols and dimensions.

Symbol::Symbol(std::string_view name) {
  KERATIN_CHECK(is_valid(name), cat("symbol ", quoted(name)));
  for (size_t i = 0; i < name.size(); ++i) {
    bits_ |= static_cast<uint64_t>(static_cast<unsigned char>(name[i])) << (56 - 8 * i);
  }
}

bool Symbol::is_valid(std::string_view name) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  return !name.empty() && name.size() <= 7 && letter(name[0]) &&
         std::all_of(name.begin(), name.end(), [&](char c) { return letter(c) || digit(c); });
}

Symbol Symbol::computed(const Quotient& quotient) {
  return Symbol(computed_symbols().place_of(quotient) << 8 | 1);
}

const Quotient* Symbol::quotient() const {
  return (bits_ & 0xff) == 0 ? nullptr : &computed_symbols().at(bits_ >> 8);
}

Symbol Symbol::root() const {
  Symbol symbol = *this;
  while (const Quotient* quotient = symbol.quotient()) symbol = quotient->of;
  return symbol;
}

std::strong_ordering Symbol::operator<=>(const Symbol& other) const {
  const Quotient *own = quotient(), *others = other.quotient();
  if (own != nullptr && others != nullptr) return *own <=> *others;
  if (own != nullptr || others != nullptr) return (own != nullptr) <=> (others != nullptr);
  return bits_ <=> other.bits_;
}

std::string Symbol::name() const {
  if (const Quotient* q = quotient()) {
    std::string text =
        cat(Dim(q->times, q->of), q->plus > 0 ? "+" : "", q->plus != 0 ? to_text(q->plus) : "");
    if (q->over > 1) text = cat(q->plus != 0 ? cat("(", text, ")") : text, "/", q->over);
    return q->most == Quotient::kNoMost ? cat("{", text, "}") : cat("{min(", text, ",", q->most, ")}");
  }
  std::string out;
  for (uint64_t rest = bits_; rest != 0; rest <<= 8) out += static_cast<char>(rest >> 56);
  return out;
}

int64_t Dim::value() const {
  KERATIN_CHECK(is_static(), cat("dimension ", to_text(*this), " is not a number"));
  return coef;
}

int64_t Dim::value(const Bindings& bindings) const {
  return is_static() ? coef : checked_multiply(coef, value_of(symbol, bindings));
}

Dim quotient(Dim dim, int64_t plus, int64_t over) {
  KERATIN_CHECK(over > 0, "a quotient's divisor is not positive");
  if (dim.is_static()) return Dim(floor_of(checked_add(dim.coef, plus), over));
  Quotient q{dim.symbol, dim.coef, plus, over};
  while (true) {
    // floor((g·a·s + b) / (g·c)) is floor((a·s + floor(b / g)) / c).
    const int64_t common = std::gcd(q.times, q.over);
    q = {q.of, q.times / common, floor_of(q.plus, common), q.over / common};
    const Quotient* inner = q.of.quotient();
    if (inner == nullptr || inner->most != Quotient::kNoMost) break;
    if (q.times == 1)
      q = {inner->of, inner->times, checked_add(inner->plus, checked_multiply(q.plus, inner->over)),
           checked_multiply(inner->over, q.over)};
    else if (inner->over == 1)
      q = {inner->of, checked_multiply(q.times, inner->times),
           checked_add(checked_multiply(q.times, inner->plus), q.plus), q.over};
    else
      break;
  }
  if (q.over > 1) return Dim(1, Symbol::computed(q));
  if (q.plus == 0) return Dim(q.times, q.of);
  const int64_t common = std::gcd(q.times, q.plus);
  return Dim(common, Symbol::computed({q.of, q.times / common, q.plus / common, 1}));
}

Dim at_most(Dim dim, int64_t most) {
  if (most == Quotient::kNoMost) return dim;
  if (least_difference(dim, most) >= 0) return Dim(most);
  if (least_difference(most, dim) >= 0) return dim;
  Quotient q{dim.symbol, dim.coef};
  if (const Quotient* inner = dim.symbol.quotient(); inner != nullptr && dim.coef == 1) q = *inner;
  q.most = most;
  return Dim(1, Symbol::computed(q));
}

std::optional<Dim> sum(Dim a, Dim b) {
  if (b.is_static()) return quotient(a, b.coef, 1);
  if (a.is_static()) return quotient(b, a.coef, 1);
  if (a.symbol == b.symbol) return Dim(checked_add(a.coef, b.coef), a.symbol);
  // Both as a multiple of a symbol and a number.
  const auto linear = [](Dim dim) {
    const Quotient* q = dim.symbol.quotient();
    if (q == nullptr || q->over > 1 || q->most != Quotient::kNoMost)
      return Quotient{dim.symbol, dim.coef, 0, 1};
    return Quotient{q->of, checked_multiply(dim.coef, q->times), checked_multiply(dim.coef, q->plus), 1};
  };
  const Quotient left = linear(a), right = linear(b);
  if (left.of != right.of) return {};
  return quotient(Dim(checked_add(left.times, right.times), left.of), checked_add(left.plus, right.plus), 1);
}

namespace {

/// slope · symbol + offset, in fractions of `of`.
struct Line {
  Symbol symbol;
  int64_t slope, offset, of;
};

Line constant_line(int64_t number) { return {Symbol(), 0, number, 1}; }

/// The line's value where its symbol is least; none if it falls, or if how little a computed symbol may be would matter.
std::optional<int64_t> start_of(const Line& line) {
  if (line.slope < 0 || (line.slope > 0 && line.symbol.quotient() != nullptr)) return {};
  const bool may_be_empty =
      line.symbol.empty() || line.symbol == Dim::batch().symbol;  // only the batch can be
  return floor_of(checked_add(line.offset, may_be_empty ? 0 : line.slope), line.of);
}

/// Lines that a dimension is never below, or never above: a quotient by c is rounded down by up to (c - 1) / c.
std::vector<Line> bounds(Dim dim, bool from_below) {
  if (dim.is_static()) return {constant_line(dim.coef)};
  std::vector<Line> lines{{dim.symbol, dim.coef, 0, 1}};
  const Quotient* q = dim.symbol.quotient();
  if (q == nullptr) return lines;
  const bool has_most = q->most != Quotient::kNoMost;
  const int64_t rounding = from_below ? q->over - 1 : 0;
  for (const Line& inner : bounds(Dim(q->times, q->of), from_below)) {
    const int64_t sum = checked_add(inner.offset, checked_multiply(q->plus - rounding, inner.of));
    const Line line{inner.symbol, checked_multiply(dim.coef, inner.slope), checked_multiply(dim.coef, sum),
                    checked_multiply(inner.of, q->over)};
    if (!from_below || !has_most)
      lines.push_back(line);
    else if (const std::optional<int64_t> start = start_of(line))
      lines.push_back(constant_line(std::min(*start, checked_multiply(dim.coef, q->most))));
  }
  if (!from_below && has_most) lines.push_back(constant_line(checked_multiply(dim.coef, q->most)));
  return lines;
}

/// A number that low - high is never below, if there is one.
std::optional<int64_t> least_difference(const Line& low, const Line& high) {
  if (low.symbol != high.symbol && !high.symbol.empty()) return {};
  const int64_t rise =
      checked_add(checked_multiply(low.slope, high.of), -checked_multiply(high.slope, low.of));
  const int64_t offset =
      checked_add(checked_multiply(low.offset, high.of), -checked_multiply(high.offset, low.of));
  return start_of({low.symbol, rise, offset, checked_multiply(low.of, high.of)});
}

/// What a minimum is never above.
Dim without_most(Dim dim) {
  const Quotient* q = dim.symbol.quotient();
  if (q == nullptr || q->most == Quotient::kNoMost) return dim;
  const Dim whole = quotient(Dim(q->times, q->of), q->plus, q->over);
  return Dim(checked_multiply(dim.coef, whole.coef), whole.symbol);
}

}  // namespace

std::optional<int64_t> least_difference(Dim a, Dim b) {
  if (a == b || a == without_most(b)) return 0;
  std::optional<int64_t> least;
  if (a.symbol == b.symbol && a.coef >= b.coef) least = 0;
  for (const Line& low : bounds(a, true))
    for (const Line& high : bounds(b, false)) least = std::max(least, least_difference(low, high));
  return least;
}

bool is_known(Dim dim, const Bindings& bindings) {
  return dim.is_static() || bindings.contains(dim.symbol.root());
}

void learn(Bindings& bindings, Dim dim, int64_t length) {
  if (!dim.is_static() && dim.symbol.quotient() == nullptr && length % dim.coef == 0)
    bindings.emplace(dim.symbol, length / dim.coef);
}

void expect_lengths(const Bindings& bindings, const std::string& where) {
  for (const auto& [symbol, length] : bindings)
    if (length < 1 && symbol != Dim::batch().symbol)
      throw Error(ErrorKind::data, cat("the length ", symbol.name(), " is ", length, ", expected at least 1"),
                  where);
}

int64_t value_of(Symbol symbol, const Bindings& bindings) {
  if (const Quotient* q = symbol.quotient()) {
    const int64_t sum = checked_add(checked_multiply(q->times, value_of(q->of, bindings)), q->plus);
    return std::min(floor_of(sum, q->over), q->most);
  }
  const auto found = bindings.find(symbol);
  KERATIN_CHECK(found != bindings.end(), cat("dimension ", symbol.name(), " has no value"));
  return found->second;
}

std::string to_text(Dim dim) {
  if (dim.is_static()) return to_text(dim.coef);
  return dim.coef == 1 ? dim.symbol.name() : cat(dim.coef, dim.symbol.name());
}

std::string to_text(const Shape& shape) { return cat("[", join(shape, ","), "]"); }

// Sizes.

Size::Size(int64_t number) {
  if (number != 0) terms_[{}] = number;
}

Size::Size(Dim dim) {
  if (dim.coef == 0) return;
  terms_[dim.is_static() ? std::vector<Symbol>{} : std::vector<Symbol>{dim.symbol}] = dim.coef;
}

Size Size::product(const Shape& shape) {
  Size size = 1;
  for (const Dim& dim : shape) size *= dim;
  return size;
}

bool Size::is_static() const {
  return terms_.empty() || (terms_.size() == 1 && terms_.begin()->first.empty());
}

int64_t Size::value() const {
  KERATIN_CHECK(is_static(), cat("size ", to_text(*this), " is not a number"));
  return terms_.empty() ? 0 : terms_.begin()->second;
}

int64_t Size::value(const Bindings& bindings) const {
  int64_t sum = 0;
  for (const auto& [symbols, coefficient] : terms_) {
    int64_t product = coefficient;
    for (const Symbol symbol : symbols) product = checked_multiply(product, value_of(symbol, bindings));
    sum = checked_add(sum, product);
  }
  return sum;
}

Size& Size::operator+=(const Size& other) {
  const Size addend = other;  // `other` may be *this
  for (const auto& [symbols, coefficient] : addend.terms_) {
    int64_t& sum = terms_[symbols];
    sum = checked_add(sum, coefficient);
    if (sum == 0) terms_.erase(symbols);
  }
  return *this;
}

Size& Size::operator*=(const Size& other) {
  Size product;
  for (const auto& [left, a] : terms_) {
    for (const auto& [right, b] : other.terms_) {
      std::vector<Symbol> symbols;
      std::merge(left.begin(), left.end(), right.begin(), right.end(), std::back_inserter(symbols));
      Size term;
      term.terms_[std::move(symbols)] = checked_multiply(a, b);
      product += term;
    }
  }
  return *this = std::move(product);
}

std::string to_text(const Size& size) {
  if (size.terms().empty()) return "0";
  std::string out;
  // Backwards: the constant term, whose symbols are none, comes last.
  for (auto term = size.terms().rbegin(); term != size.terms().rend(); ++term) {
    const auto& [symbols, coefficient] = *term;
    const bool negative = coefficient < 0;
    out += out.empty() ? (negative ? "-" : "") : (negative ? " - " : " + ");
    const uint64_t magnitude =
        negative ? -static_cast<uint64_t>(coefficient) : static_cast<uint64_t>(coefficient);
    std::vector<std::string> factors;
    if (magnitude != 1 || symbols.empty()) factors.push_back(to_text(magnitude));
    for (const Symbol symbol : symbols) factors.push_back(symbol.name());
    out += join(factors, "*");
  }
  return out;
}

std::optional<Dim> as_dim(const Size& size) {
  if (size.terms().empty()) return Dim(0);
  if (size.terms().size() > 1) return std::nullopt;
  const auto& [symbols, coefficient] = *size.terms().begin();
  if (symbols.size() > 1 || coefficient < 0) return std::nullopt;
  return Dim(coefficient, symbols.empty() ? Symbol() : symbols[0]);
}

// Types.

bool Layout::fits(const Shape& shape) const {
  const auto can_be_cut = [&](int64_t along) {
    return along >= 0 && along < static_cast<int64_t>(shape.size()) &&
           shape[static_cast<size_t>(along)].is_static();
  };
  return width > 0 && can_be_cut(axis) && (!has_pairs() || (can_be_cut(pair_axis) && pair_axis != axis));
}

bool Type::is_static() const {
  return std::all_of(shape.begin(), shape.end(), [](Dim dim) { return dim.is_static(); });
}

Shape Type::physical_shape() const {
  if (layout.is_row_major()) return shape;
  KERATIN_CHECK(layout.fits(shape), cat("layout of ", to_text(*this)));
  const auto parts = [&](int64_t axis, int64_t of) {
    const int64_t length = shape[static_cast<size_t>(axis)].coef;
    return Dim(length / of + (length % of != 0));
  };
  Shape physical{parts(layout.axis, layout.width)};
  for (int64_t i = 0; i < rank(); ++i) {
    if (i != layout.axis)
      physical.push_back(i == layout.pair_axis ? parts(i, 2) : shape[static_cast<size_t>(i)]);
  }
  physical.push_back(Dim(layout.has_pairs() ? 2 * layout.width : layout.width));
  return physical;
}

Size Type::bytes() const { return Size::product(physical_shape()) * byte_size(dtype); }

std::string to_text(const Layout& layout) {
  if (layout.is_row_major()) return "{}";
  return cat("{", layout.axis, ":", layout.width, layout.has_pairs() ? cat(",", layout.pair_axis, ":2") : "",
             "}");
}

std::string to_text(const Type& type) {
  return cat(type.dtype, type.shape, type.layout.is_row_major() ? std::string() : to_text(type.layout));
}

}  // namespace keratin
