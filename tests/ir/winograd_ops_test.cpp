// winograd: values against the convolution that it stands for, what it refuses.
#include <gtest/gtest.h>

#include "ir/winograd.h"
#include "tests/ir/gradient_check.h"

namespace keratin::testing {
namespace {

Tensor matrix(const Matrix& matrix) {
  Tensor tensor(DType::f64, {matrix.rows, matrix.columns});
  for (int64_t i = 0; i < tensor.elements(); ++i) tensor.set(i, matrix.entries[i]);
  return tensor;
}

TEST(WinogradOp, IsAConvolutionOfThreeByThreeTaps) {
  Random random(31);
  for (const int64_t size : {4, 6})
    for (const WinogradAttrs& attrs :
         {WinogradAttrs{{1, 1}, {1, 1}}, WinogradAttrs{{0, 2}, {3, 0}}, WinogradAttrs{{-1, 0}, {0, -2}}}) {
      const Tensor x = random_tensor(random, {2, 7, 8, 3}), w = random_tensor(random, {3, 3, 3, 5}),
                   g = matrix(winograd_transform(size).kernel);
      const auto results = run({x.type(), w.type(), g.type()}, {x, w, g}, [&](Builder& builder, auto& p) {
        const auto transformed = [&](Value kernel) {
          return builder.make(Op::dot, {p[2], kernel}, DotAttrs{{{1}, {1}}, {}});
        };
        return std::vector{builder.make(Op::winograd, {p[0], transformed(transformed(p[1]))}, attrs),
                           builder.make(Op::conv, {p[0], p[1]},
                                        ConvAttrs{.dims = "b01f_01io->b01f",
                                                  .stride = {1, 1},
                                                  .pad_low = attrs.pad_low,
                                                  .pad_high = attrs.pad_high,
                                                  .input_dilation = {1, 1},
                                                  .kernel_dilation = {1, 1}})};
      });
      ASSERT_EQ(results[0].shape(), results[1].shape());
      for (int64_t i = 0; i < results[0].elements(); ++i)
        ASSERT_NEAR(results[0].get(i), results[1].get(i), 1e-12) << size;
    }
}

std::string error(const Type& x, const Type& w, const WinogradAttrs& attrs) {
  return error_of(
      {x, w}, [&](Builder& builder, auto& p) { return std::vector{builder.make(Op::winograd, p, attrs)}; });
}

TEST(WinogradOp, Refuses) {
  const WinogradAttrs same{{1, 1}, {1, 1}};
  const Type x = f32({kN, 5, 6, 3});
  EXPECT_EQ(error(x, f32({4, 4, 3, 2}), same), "no error");
  EXPECT_EQ(error(x, f32({3, 3, 3, 2}), same),
            "winograd: operand 1 is f32[3,3,3,2]: its first two dimensions must be 4 (tiles of 2 x 2) or 6 "
            "(tiles of 4 x 4)");
  EXPECT_EQ(error(x, f32({6, 4, 3, 2}), same),
            "winograd: operand 1 is f32[6,4,3,2]: its first two dimensions must be 4 (tiles of 2 x 2) or 6 "
            "(tiles of 4 x 4)");
  EXPECT_EQ(error(x, f32({4, 4, 2, 2}), same),
            "winograd: operand 1 is f32[4,4,2,2]: its input features are 2, those of the input 3");
  EXPECT_EQ(error(f32({2, 5, 6, kN}), f32({4, 4, kN, 2}), same),
            "winograd: operand 1 is f32[4,4,N,2]: its features must have fixed sizes");
  EXPECT_EQ(error(x, f32({4, 4, 3}), same), "winograd: operand 1 is f32[4,4,3]: its rank must be 4");
  EXPECT_EQ(error(f32({2, kN, 6, 3}), f32({4, 4, 3, 2}), same),
            "winograd: operand 0 is f32[2,N,6,3]: space axis 1 must have a fixed size");
  EXPECT_EQ(error(x, f32({4, 4, 3, 2}), {{1}, {1, 1}}), "winograd: pad_low has 1 entries, expected 2");
}

}  // namespace
}  // namespace keratin::testing
