// random_bits: the published answers of Philox, and which word stands where.
#include <gtest/gtest.h>

#include "ir/ops/philox.h"
#include "tests/ir/run.h"

namespace keratin::testing {
namespace {

using Words = std::array<uint32_t, 4>;

TEST(Philox, GivesThePublishedAnswers) {
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox4x32({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

Tensor u32(std::vector<int64_t> shape, const std::vector<double>& values) {
  return tensor(DType::u32, std::move(shape), values);
}

Tensor bits(Shape shape, int64_t n, int64_t stream) {
  return run({Type(DType::u32, {2}), Type(DType::u32, {}), f32({kN})},
             {u32({2}, {5, 4294967295.0}), u32({}, {7}), f32({n}, std::vector<double>(n))},
             [&](Builder& b, auto& p) {
               return std::vector{b.make(Op::random_bits, {p[0], p[1]}, RandomAttrs{shape, stream})};
             })[0];
}

TEST(RandomBits, CountsElementsWithinTheRow) {
  const Tensor y = bits({kN, 3, 2}, 2, 9);
  for (uint32_t row = 0; row < 2; ++row)
    for (uint32_t element = 0; element < 6; ++element)
      EXPECT_EQ(y.as<uint32_t>()[row * 6 + element],
                philox4x32({element / 4, row, 7, 9}, {5, 0xffffffff})[element % 4]);
}

TEST(RandomBits, OfARowDoNotDependOnTheOthers) {
  const Tensor few = bits({kN, 5}, 2, 1), many = bits({kN, 5}, 3, 1);
  for (int64_t i = 0; i < few.elements(); ++i) EXPECT_EQ(few.get(i), many.get(i));
}

TEST(RandomBits, OfLaterRowsAreThoseOfAll) {
  const Tensor all = bits({kN, 5}, 3, 1);
  const Tensor later = run(
      {Type(DType::u32, {2}), Type(DType::u32, {}), Type(DType::u32, {}), f32({kN})},
      {u32({2}, {5, 4294967295.0}), u32({}, {7}), u32({}, {1}), f32({2}, {0, 0})}, [&](Builder& b, auto& p) {
        return std::vector{b.make(Op::random_bits, {p[0], p[1], p[2]}, RandomAttrs{{kN, 5}, 1})};
      })[0];
  for (int64_t i = 0; i < later.elements(); ++i) EXPECT_EQ(later.get(i), all.get(5 + i));
}

TEST(RandomBits, OfAScalarAreTheFirstWord) {
  EXPECT_EQ(bits({}, 0, 3).as<uint32_t>()[0], philox4x32({0, 0, 7, 3}, {5, 0xffffffff})[0]);
  EXPECT_EQ(bits({kN, 4}, 0, 3).elements(), 0);
}

TEST(RandomBits, RefusesOtherKeys) {
  const Build build = [](Builder& b, auto& p) {
    return std::vector{b.make(Op::random_bits, {p[0], p[1]}, RandomAttrs{{4}, 0})};
  };
  EXPECT_EQ(error_of({Type(DType::u32, {1}), Type(DType::u32, {})}, build),
            "random_bits: operand 0 is u32[1]: the key must be u32[2]");
  EXPECT_EQ(error_of({Type(DType::u32, {2}), i32({})}, build),
            "random_bits: operand 1 is i32[]: the counter must be u32[]");
}

}  // namespace
}  // namespace keratin::testing
