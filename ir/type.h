// Types of tensors: element type, shape, layout.
//
// A dimension is c·s: a positive (or zero) number times a symbol that is known only when the artefact runs.
// The symbol may be absent (a plain number). N is the batch. A symbol may be computed from another one, as what a window that
// slides along a free axis leaves of it: min(floor((a·s + b) / c), d). What neither expresses, such as N+T, has no type and is refused
// where it would arise.
//
//     f32[N,28,28,1]      a batch of images          i32[2N]      twice as many numbers as samples
//     f32[]               a scalar                   f32[784,32]{1:32}   in panels of 32 along axis 1
//     f32[N,{T-2},8]      two steps less             f32[N,{(T+1)/2},8]  half as many steps, rounded up
//     f32[N,{min(T,5)},8] the first five steps, or all
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace keratin {

enum class DType : uint8_t { boolean, i8, i16, i32, i64, u8, u16, u32, u64, f16, bf16, f32, f64 };
inline constexpr int kDTypeCount = 13;

int64_t byte_size(DType dtype);  ///< bytes of one element
bool is_float(DType dtype);
bool is_integer(DType dtype);           ///< i8…u64; boolean is not an integer
bool is_signed(DType dtype);            ///< i8…i64 and the floats
std::string_view to_text(DType dtype);  ///< "f32", "bool", …
std::optional<DType> parse_dtype(std::string_view text);

struct Dim;
struct Quotient;

/// A free dimension: its name, up to seven characters [A-Za-z0-9_], no digit first; the empty one stands for 1. Or a number
/// that is computed from such a one. Where a function runs, all but the batch are at least 1.
class Symbol {
 public:
  constexpr Symbol() = default;
  explicit Symbol(std::string_view name);  ///< Requires: is_valid(name).
  static bool is_valid(std::string_view name);
  bool empty() const { return bits_ == 0; }
  std::string name() const;  ///< "T", "{T-2}", "{(2T+1)/3}", "{min(T,5)}"
  /// What it is computed from; null: it is free.
  const Quotient* quotient() const;
  /// The free symbol that it is, or is computed from.
  Symbol root() const;
  bool operator==(const Symbol&) const = default;
  std::strong_ordering operator<=>(const Symbol& other) const;

 private:
  friend Dim quotient(Dim dim, int64_t plus, int64_t over);
  friend Dim at_most(Dim dim, int64_t most);
  explicit constexpr Symbol(uint64_t bits) : bits_(bits) {}
  static Symbol computed(const Quotient& quotient);

  // The characters, first one in the highest byte: order is that of the names. The lowest byte is 1 if the symbol is computed: then
  // the others are its place among all of those.
  uint64_t bits_ = 0;
};

/// min(floor((times · of + plus) / over), most), with no factor common to the first three that could be taken out.
struct Quotient {
  static constexpr int64_t kNoMost = INT64_MAX;
  Symbol of;
  int64_t times = 1, plus = 0, over = 1, most = kNoMost;
  auto operator<=>(const Quotient&) const = default;
};

/// Values of free symbols, as known when a function is called.
using Bindings = std::map<Symbol, int64_t>;

/// One dimension: coef · symbol.
struct Dim {
  int64_t coef = 1;
  Symbol symbol;

  Dim() = default;
  Dim(int64_t number) : coef(number) {}  // NOLINT: numbers are dimensions
  Dim(int64_t coefficient, Symbol s) : coef(coefficient), symbol(coefficient == 0 ? Symbol() : s) {}
  static Dim batch() { return Dim(1, Symbol("N")); }

  bool is_static() const { return symbol.empty(); }
  bool is(int64_t number) const { return is_static() && coef == number; }
  int64_t value() const;  ///< Requires: is_static().
  int64_t value(const Bindings& bindings) const;
  auto operator<=>(const Dim&) const = default;
};
std::string to_text(Dim dim);  ///< "32", "N", "4N", "3{T-2}"
/// floor((dim + plus) / over). A number may become negative. Requires: over > 0.
Dim quotient(Dim dim, int64_t plus, int64_t over);
/// min(dim, most).
Dim at_most(Dim dim, int64_t most);
/// The sum as one dimension, if there is such a one.
std::optional<Dim> sum(Dim a, Dim b);
/// A number that a - b is never below where a function runs, as large as can be told; none if there is no such number.
std::optional<int64_t> least_difference(Dim a, Dim b);
/// Whether `bindings` tell the dimension's value.
bool is_known(Dim dim, const Bindings& bindings);
/// Adds what an axis that is `length` long tells of its dimension's symbol.
void learn(Bindings& bindings, Dim dim, int64_t length);
/// Throws Error(data) if a length is 0 that is not the batch.
void expect_lengths(const Bindings& bindings, const std::string& where);
/// The value of a symbol. Requires: is_known().
int64_t value_of(Symbol symbol, const Bindings& bindings);

using Shape = std::vector<Dim>;
std::string to_text(const Shape& shape);  ///< "[N,28,28,1]"

/// A polynomial in the symbols with integer coefficients: element counts, byte offsets, loop bounds. Computing one, or
/// its value, throws Error(data) if a number does not fit 64 bits.
class Size {
 public:
  Size() = default;
  Size(int64_t number);                     // NOLINT: numbers are sizes
  Size(Dim dim);                            // NOLINT: and so are dimensions
  static Size product(const Shape& shape);  ///< number of elements

  /// The terms: the symbols of a monomial, sorted (none for the constant term), with its coefficient, never 0.
  const std::map<std::vector<Symbol>, int64_t>& terms() const { return terms_; }

  bool is_static() const;
  int64_t value() const;  ///< Requires: is_static().
  int64_t value(const Bindings& bindings) const;

  Size& operator+=(const Size& other);
  Size& operator*=(const Size& other);
  friend Size operator+(Size a, const Size& b) { return a += b; }
  friend Size operator*(Size a, const Size& b) { return a *= b; }
  bool operator==(const Size&) const = default;
  auto operator<=>(const Size&) const = default;

 private:
  std::map<std::vector<Symbol>, int64_t> terms_;
};
std::string to_text(const Size& size);        ///< "784", "N", "128*N + 64", "N*T"
std::optional<Dim> as_dim(const Size& size);  ///< the size as one dimension, if it has a single term

/// How the elements of a logical shape lie in memory. Row-major unless `width` is set: then axis `axis` is cut into
/// panels of `width` elements; the panel number is the slowest index, the place within it the fastest, and the last
/// panel is filled up with zeros. f32[784,32]{1:32} lies as [32/32][784][32].
///
/// With `pair_axis`, another axis, neighbours along that one lie side by side, a pair after each element of the panel, the last
/// pair filled up with a zero: bf16[784,32]{1:16,0:2} lies as [32/16][784/2][16·2], as instructions take pairs of products.
struct Layout {
  int64_t axis = 0;
  int64_t width = 0;
  int64_t pair_axis = -1;  ///< -1: no pairs

  bool is_row_major() const { return width == 0; }
  bool has_pairs() const { return pair_axis >= 0; }
  /// Whether axes of such a shape can be cut so: they are there, differ, and have a static length.
  bool fits(const Shape& shape) const;
  auto operator<=>(const Layout&) const = default;
};

std::string to_text(const Layout& layout);  ///< "{1:32}", "{1:16,0:2}"; "{}" if row-major

struct Type {
  DType dtype = DType::f32;
  Shape shape;
  Layout layout;

  Type() = default;
  Type(DType d, Shape s, Layout l = {}) : dtype(d), shape(std::move(s)), layout(l) {}
  int64_t rank() const { return static_cast<int64_t>(shape.size()); }
  bool is_static() const;
  Size elements() const { return Size::product(shape); }
  Shape physical_shape() const;  ///< the row-major shape of the memory: `shape` itself, or the panels
  Size bytes() const;            ///< of the memory, filling included
  bool operator==(const Type&) const = default;
};
std::string to_text(const Type& type);  ///< "f32[N,32]"

}  // namespace keratin
