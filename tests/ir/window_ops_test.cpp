// Pooling: values at the edges, what it refuses, gradients.
#include <gtest/gtest.h>

#include <limits>

#include "tests/ir/gradient_check.h"

namespace keratin::testing {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

Tensor pool(Op op, const std::vector<Tensor>& inputs, const WindowAttrs& window) {
  std::vector<Type> types;
  for (const Tensor& input : inputs) types.push_back(input.type());
  return run(types, inputs, [&](Builder& b, auto& p) { return std::vector{b.make(op, p, window)}; })[0];
}

TEST(Pool, SlidesAlongEveryAxis) {
  const Tensor x = counting({3, 4});
  EXPECT_EQ(pool(Op::pool_max, {x}, {{2, 2}, {1, 2}, {0, 0}, {0, 0}}), f32({2, 2}, {5, 7, 9, 11}));
  EXPECT_EQ(pool(Op::pool_sum, {x}, {{2, 2}, {1, 2}, {0, 0}, {0, 0}}), f32({2, 2}, {10, 18, 26, 34}));
  EXPECT_EQ(pool(Op::pool_sum, {counting({5})}, {{2}, {2}, {0}, {0}}), f32({2}, {1, 5}));  // 4 is left over
  EXPECT_EQ(pool(Op::pool_sum, {counting({2})}, {{3}, {1}, {0}, {0}}), f32({0}, {}));
}

TEST(Pool, CountsPaddingAsNeutral) {
  EXPECT_EQ(pool(Op::pool_max, {f32({3}, {-1, -2, -3})}, {{2}, {1}, {1}, {1}}), f32({4}, {-1, -1, -2, -3}));
  EXPECT_EQ(pool(Op::pool_sum, {f32({3}, {-1, -2, -3})}, {{2}, {1}, {1}, {1}}), f32({4}, {-1, -3, -5, -3}));
  EXPECT_EQ(pool(Op::pool_max, {f32({1}, {5})}, {{1}, {1}, {1}, {1}}), f32({3}, {-kInf, 5, -kInf}));
  EXPECT_EQ(pool(Op::pool_max, {tensor(DType::i8, {1}, {5})}, {{1}, {1}, {1}, {0}}),
            tensor(DType::i8, {2}, {-128, 5}));
}

TEST(Pool, PropagatesNaN) {
  const Tensor y = pool(Op::pool_max, {f32({4}, {1, kNaN, 2, 3})}, {{2}, {1}, {0}, {0}});
  EXPECT_TRUE(std::isnan(y.get(0)) && std::isnan(y.get(1)));
  EXPECT_EQ(y.get(2), 3);
}

TEST(PoolMaxGrad, GoesToTheFirstMaximum) {
  const WindowAttrs window{{3}, {1}, {1}, {1}};
  EXPECT_EQ(pool(Op::pool_max_grad, {f32({4}, {2, 2, 1, 3}), f32({4}, {1, 10, 100, 1000})}, window),
            f32({4}, {11, 0, 0, 1100}));
  EXPECT_EQ(pool(Op::pool_max_grad, {f32({4}, {2, kNaN, kNaN, 3}), f32({4}, {1, 10, 100, 1000})}, window),
            f32({4}, {0, 111, 1000, 0}));
  EXPECT_EQ(pool(Op::pool_max_grad, {f32({1}, {-kInf}), f32({3}, {1, 10, 100})}, {{1}, {1}, {1}, {1}}),
            f32({1}, {10}));
}

TEST(Pool, Refuses) {
  auto error = [](const std::vector<Type>& types, Op op, const WindowAttrs& window) {
    return error_of(types, [&](Builder& b, auto& p) { return std::vector{b.make(op, p, window)}; });
  };
  EXPECT_EQ(error({f32({kN, 4})}, Op::pool_max, {{2}, {1, 1}, {0, 0}, {0, 0}}),
            "pool_max: size has 1 entries, expected 2");
  EXPECT_EQ(error({f32({4})}, Op::pool_sum, {{2}, {0}, {0}, {0}}),
            "pool_sum: stride has 0, expected at least 1");
  EXPECT_EQ(error({f32({4})}, Op::pool_sum, {{2}, {1}, {-1}, {0}}),
            "pool_sum: pad_low has -1, expected at least 0");
  EXPECT_EQ(error({f32({4}), f32({4})}, Op::pool_max_grad, {{2}, {1}, {0}, {0}}),
            "pool_max_grad: operand 1 is f32[4]: its shape must be that of the pooled operand 0, [3]");
}

TEST(PoolGradient, OfManyWindows) {
  Random random(5);
  for (const WindowAttrs& window : {WindowAttrs{{1, 2, 2, 1}, {1, 2, 2, 1}, {0, 0, 0, 0}, {0, 0, 0, 0}},
                                    WindowAttrs{{1, 3, 2, 1}, {1, 1, 3, 1}, {0, 1, 0, 0}, {0, 1, 1, 0}},
                                    WindowAttrs{{1, 2, 3, 1}, {1, 3, 2, 1}, {0, 0, 2, 0}, {0, 0, 0, 0}},
                                    WindowAttrs{{1, 5, 1, 1}, {1, 1, 1, 1}, {0, 0, 0, 0}, {0, 0, 0, 0}},
                                    WindowAttrs{{1, 3, 2, 2}, {1, 2, 1, 1}, {0, 2, 0, 0}, {0, 2, 0, 1}}})
    for (Op op : {Op::pool_max, Op::pool_sum})
      check_gradient(
          {op, {distinct_tensor(random, {2, 5, 4, 2})}, window, {Type(DType::f64, {kN, 5, 4, 2})}});
}

TEST(PoolGradient, OfMaxPoolingsGradientIsRefused) {
  EXPECT_THROW(check_gradient({Op::pool_max_grad,
                               {tensor(DType::f64, {2}, {1, 2}), tensor(DType::f64, {1}, {1})},
                               WindowAttrs{{2}, {2}, {0}, {0}}}),
               Error);
}

}  // namespace
}  // namespace keratin::testing
