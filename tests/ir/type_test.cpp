#include "ir/type.h"

#include <gtest/gtest.h>

#include <limits>

#include "ir/error.h"
#include "ir/text.h"
#include "ir/unequal_dims.h"

namespace keratin {
namespace {

const Dim N = Dim::batch();
const Dim T(1, Symbol("T"));

TEST(Type, DTypesHaveNames) {
  for (int i = 0; i < kDTypeCount; ++i) {
    const auto dtype = static_cast<DType>(i);
    EXPECT_EQ(parse_dtype(to_text(dtype)), dtype);
    EXPECT_EQ(is_float(dtype) + is_integer(dtype) + (dtype == DType::boolean), 1);
  }
  EXPECT_FALSE(parse_dtype("float32"));
  EXPECT_FALSE(is_signed(DType::u8));
  EXPECT_FALSE(is_signed(DType::boolean));
  EXPECT_TRUE(is_signed(DType::bf16));
  EXPECT_EQ(byte_size(DType::bf16), 2);
}

TEST(Type, Symbols) {
  EXPECT_EQ(Symbol("seq_len").name(), "seq_len");
  EXPECT_TRUE(Symbol().empty());
  EXPECT_LT(Symbol("A"), Symbol("AB"));
  EXPECT_LT(Symbol("AB"), Symbol("B"));
  for (const char* bad : {"", "2N", "too_long", "a-b", "ä"}) EXPECT_FALSE(Symbol::is_valid(bad)) << bad;
}

TEST(Type, Dims) {
  EXPECT_EQ(to_text(Dim(4, Symbol("N"))), "4N");
  EXPECT_EQ(to_text(N), "N");
  EXPECT_EQ(to_text(Dim(32)), "32");
  EXPECT_EQ(Dim(0, Symbol("N")), Dim(0));
  EXPECT_EQ(Dim(4, Symbol("N")).value({{Symbol("N"), 3}}), 12);
  EXPECT_TRUE(Dim(1).is(1));
  EXPECT_FALSE(N.is(1));
}

TEST(Type, SizesArePolynomials) {
  const Size size = Size::product({N, 28, Dim(2, Symbol("T"))}) + Size(64);
  EXPECT_EQ(to_text(size), "56*N*T + 64");
  EXPECT_EQ(size.value({{Symbol("N"), 2}, {Symbol("T"), 3}}), 56 * 6 + 64);
  EXPECT_EQ((Size(N) + 1) * (Size(N) + -1), Size(N) * N + -1);
  EXPECT_EQ(to_text(Size(N) * N + -1), "N*N - 1");
  EXPECT_EQ(to_text(Size(N) * -1 + 5), "-N + 5");
  EXPECT_EQ(Size(N) + Size(N) * -1, Size(0));
  EXPECT_EQ(to_text(Size(0)), "0");
  EXPECT_TRUE(Size(0).is_static());
  EXPECT_EQ(Size(7).value(), 7);
  EXPECT_EQ(Size::product({}), Size(1));
  EXPECT_EQ(Size::product({N, 0}), Size(0));
  EXPECT_EQ(Size(N) * T, Size(T) * N);
  Size doubled = N;
  doubled += doubled;
  EXPECT_EQ(doubled, Size(Dim(2, Symbol("N"))));
}

TEST(Type, SizesAsDims) {
  EXPECT_EQ(as_dim(Size(N) * 4), Dim(4, Symbol("N")));
  EXPECT_EQ(as_dim(Size(4)), Dim(4));
  EXPECT_EQ(as_dim(Size(0)), Dim(0));
  EXPECT_FALSE(as_dim(Size(N) * T));
  EXPECT_FALSE(as_dim(Size(N) + 1));
  EXPECT_FALSE(as_dim(Size(-1)));
}

TEST(Type, SizesDoNotWrap) {
  const int64_t most = std::numeric_limits<int64_t>::max();
  EXPECT_THROW(Size(most) + 1, Error);
  EXPECT_THROW(Size(most) * 2, Error);
  EXPECT_THROW((Size(N) * N).value({{Symbol("N"), int64_t{1} << 32}}), Error);
  EXPECT_THROW(Dim(most, Symbol("N")).value({{Symbol("N"), 2}}), Error);
}

TEST(Type, Layouts) {
  const Type panels(DType::f32, {784, 40}, {1, 32});
  EXPECT_EQ(to_text(panels), "f32[784,40]{1:32}");
  EXPECT_EQ(panels.physical_shape(), (Shape{2, 784, 32}));
  EXPECT_EQ(panels.bytes(), Size(2 * 784 * 32 * 4));
  EXPECT_EQ(panels.elements(), Size(784 * 40));
  const Type pairs(DType::bf16, {785, 40}, {1, 16, 0});
  EXPECT_EQ(to_text(pairs), "bf16[785,40]{1:16,0:2}");
  EXPECT_EQ(pairs.physical_shape(), (Shape{3, 393, 32}));
  EXPECT_EQ(pairs.bytes(), Size(3 * 393 * 32 * 2));
  EXPECT_FALSE(Layout({1, 16, 1}).fits({785, 40}));
  EXPECT_FALSE(Layout({1, 16, 0}).fits({N, 40}));
  const Type plain(DType::f16, {N, 3});
  EXPECT_EQ(plain.physical_shape(), plain.shape);
  EXPECT_EQ(plain.bytes(), Size(Dim(6, Symbol("N"))));
  EXPECT_EQ(to_text(Type(DType::boolean, {})), "bool[]");
  EXPECT_FALSE(plain.is_static());
  EXPECT_TRUE(panels.is_static());
}

TEST(Text, NumbersReadBack) {
  EXPECT_EQ(to_text(0.1), "0.1");
  EXPECT_EQ(to_text(0.1f), "0.1");
  EXPECT_EQ(to_text(static_cast<double>(0.1f)), "0.10000000149011612");
  EXPECT_EQ(to_text(-std::numeric_limits<double>::quiet_NaN()), "nan");
  EXPECT_EQ(to_text(-std::numeric_limits<double>::infinity()), "-inf");
  EXPECT_EQ(to_text(-0.0), "-0");
  EXPECT_EQ(cat("dim ", 3, " of ", std::string("x"), ", ", 1.5, ", ", true), "dim 3 of x, 1.5, true");
  EXPECT_EQ(join(std::vector<int64_t>{1, 2, 3}, ", "), "1, 2, 3");
}

TEST(Text, QuotesReadBack) {
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  for (const std::string& text : {std::string(), std::string("a\"b\\c\n\t"), all}) {
    EXPECT_EQ(parse_quoted(keratin::quoted(text)), text);
  }
  EXPECT_EQ(quoted("a\"b\x01"), "\"a\\\"b\\x01\"");
  for (const char* bad : {"", "\"", "\"\\\"", "\"a\"b\"", "\"\\q\"", "\"\\x1\"", "\"\\x", "abc"}) {
    EXPECT_FALSE(parse_quoted(bad)) << bad;
  }
}

TEST(Error, SaysWhatWhereAndHow) {
  const Error error(ErrorKind::data, "found 3", "layer dense", "use 4");
  EXPECT_STREQ(error.what(), "layer dense: found 3\nhint: use 4");
  EXPECT_STREQ(error.within("m.keras").what(), "m.keras: layer dense: found 3\nhint: use 4");
  EXPECT_STREQ(Error(ErrorKind::io, "broken").within("").what(), "broken");
}

TEST(Quotient, IsOneDimensionWhateverTheWayToIt) {
  const Dim t = T;
  EXPECT_EQ(to_text(quotient(t, -2, 1)), "{T-2}");
  EXPECT_EQ(to_text(quotient(Dim(6, t.symbol), 3, 1)), "3{2T+1}");
  EXPECT_EQ(to_text(quotient(t, 1, 2)), "{(T+1)/2}");
  EXPECT_EQ(quotient(Dim(4, t.symbol), 3, 2), quotient(Dim(2, t.symbol), 1, 1));
  EXPECT_EQ(quotient(Dim(4, t.symbol), 1, 4), t);
  EXPECT_EQ(quotient(quotient(t, 1, 2), 1, 2), quotient(t, 3, 4));
  EXPECT_EQ(quotient(quotient(t, -2, 1), 2, 1), t);
  EXPECT_EQ(to_text(quotient(Dim(2, quotient(t, 0, 2).symbol), 1, 1)), "{2{T/2}+1}");
  EXPECT_EQ(quotient(Dim(7), 1, 3), Dim(2));
  EXPECT_EQ(quotient(Dim(-7), 0, 3), Dim(-3));
}

TEST(Quotient, HasTheValueOfItsFormula) {
  const Dim t = T;
  for (int64_t length = 1; length < 20; ++length) {
    const Bindings bindings{{t.symbol, length}};
    for (int64_t coef = 1; coef < 5; ++coef)
      for (int64_t plus = -3; plus < 4; ++plus)
        for (int64_t over = 1; over < 5; ++over) {
          const auto floor_of = [](int64_t a, int64_t by) { return a / by - (a % by < 0); };
          const int64_t inner = floor_of(coef * length + plus, over);
          const Dim dim = quotient(Dim(coef, t.symbol), plus, over);
          EXPECT_EQ(dim.value(bindings), inner);
          const Dim outer = quotient(Dim(3 * dim.coef, dim.symbol), 1, 2);
          EXPECT_EQ(outer.value(bindings), floor_of(3 * inner + 1, 2));
          EXPECT_EQ(sum(dim, dim)->value(bindings), 2 * inner);
          const int64_t difference = outer.value(bindings) - inner;
          EXPECT_LE(least_difference(outer, dim).value_or(difference), difference) << to_text(outer);
        }
  }
}

TEST(Quotient, TellsHowMuchIsLeftAtLeast) {
  const Dim t = T, half = quotient(t, 1, 2);
  EXPECT_EQ(least_difference(t, quotient(t, -2, 1)), 2);
  EXPECT_EQ(least_difference(Dim(2, half.symbol), t), 0);
  EXPECT_EQ(least_difference(Dim(2, half.symbol), half), 0);
  EXPECT_EQ(least_difference(t, Dim(2, half.symbol)), -1);
  EXPECT_EQ(least_difference(t, N), std::nullopt);
  EXPECT_EQ(least_difference(t, Dim(2, t.symbol)), std::nullopt);
  EXPECT_EQ(least_difference(t, 1), 0);
  EXPECT_EQ(least_difference(N, 1), -1);
  EXPECT_EQ(sum(t, N), std::nullopt);
  EXPECT_EQ(sum(quotient(t, -2, 1), quotient(t, 3, 1)), quotient(Dim(2, t.symbol), 1, 1));
}

TEST(Quotient, MayHaveAMost) {
  const Dim t = T, half = quotient(t, 1, 2), five = at_most(t, 5);
  EXPECT_EQ(to_text(five), "{min(T,5)}");
  EXPECT_EQ(to_text(at_most(half, 5)), "{min((T+1)/2,5)}");
  EXPECT_EQ(to_text(quotient(five, -2, 1)), "{{min(T,5)}-2}");
  EXPECT_EQ(at_most(five, 7), five);
  EXPECT_EQ(at_most(five, 3), at_most(t, 3));
  EXPECT_EQ(at_most(t, 1), Dim(1));
  EXPECT_EQ(at_most(Dim(4), 7), Dim(4));
  EXPECT_EQ(at_most(Dim(9), 7), Dim(7));
  EXPECT_EQ(five.symbol.root(), t.symbol);
  for (const Dim dim :
       {t, half, Dim(3, t.symbol), quotient(t, -4, 1), quotient(five, -2, 1), quotient(five, 1, 2)}) {
    const Dim least = at_most(dim, 3), twice(2 * least.coef, least.symbol);
    EXPECT_GE(least_difference(dim, least), 0) << to_text(dim);
    EXPECT_GE(least_difference(3, least), 0) << to_text(dim);
    for (int64_t length = 1; length < 12; ++length) {
      const Bindings bindings{{t.symbol, length}};
      EXPECT_EQ(least.value(bindings), std::min<int64_t>(dim.value(bindings), 3));
      if (dim.value(bindings) < 1) continue;  // no function runs with a length that leaves nothing
      for (const Dim other : {t, half, least, Dim(2)}) {
        EXPECT_LE(least_difference(twice, other).value_or(-99),
                  twice.value(bindings) - other.value(bindings));
        EXPECT_LE(least_difference(other, twice).value_or(-99),
                  other.value(bindings) - twice.value(bindings));
      }
    }
  }
}

TEST(Error, IsOfTheSameClassElsewhere) {
  try {
    try {
      throw_unequal(Error(ErrorKind::data, "differs", "op"), {N, T}, {N, 5});
    } catch (Error& error) {
      error.move_within("layer");
      throw;
    }
  } catch (const UnequalDimsError& error) {
    EXPECT_STREQ(error.what(), "layer: op: differs");
    EXPECT_EQ(error.dims().a, T);
    EXPECT_EQ(error.dims().b, Dim(5));
  }
  EXPECT_THROW(throw_unequal(Error(ErrorKind::data, "ranks"), {N}, {N, T}), Error);
}

}  // namespace
}  // namespace keratin
