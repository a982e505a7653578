#include "ir/type.h"

#include <algorithm>
#include <array>

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

int64_t lookup(Symbol symbol, const Bindings& bindings) {
  const auto found = bindings.find(symbol);
  KERATIN_CHECK(found != bindings.end(), cat("dimension ", symbol.name(), " has no value"));
  return found->second;
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

std::string Symbol::name() const {
  std::string out;
  for (uint64_t rest = bits_; rest != 0; rest <<= 8) out += static_cast<char>(rest >> 56);
  return out;
}

int64_t Dim::value() const {
  KERATIN_CHECK(is_static(), cat("dimension ", to_text(*this), " is not a number"));
  return coef;
}

int64_t Dim::value(const Bindings& bindings) const {
  return is_static() ? coef : checked_multiply(coef, lookup(symbol, bindings));
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
    for (const Symbol symbol : symbols) product = checked_multiply(product, lookup(symbol, bindings));
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
