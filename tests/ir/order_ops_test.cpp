// Sorting and running sums and products.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/ir/run.h"

namespace keratin::testing {
namespace {

const double kNaN = std::numeric_limits<double>::quiet_NaN();

Build order(Op op, SortAttrs attrs) {
  return [=](Builder& b, const std::vector<Value>& p) {
    const Node* node = b.make_node(op, {p[0]}, attrs);
    return std::vector{node->value(0), node->value(1)};
  };
}
Build running(Op op, int64_t axis) {
  return [=](Builder& b, const std::vector<Value>& p) {
    return std::vector{b.make(op, {p[0]}, AxisAttrs{axis})};
  };
}

TEST(Sort, IsStable) {
  const auto y = run({f32({5})}, {f32({5}, {2, 1, 2, 0, 1})}, order(Op::sort, {}));
  EXPECT_EQ(y[0], f32({5}, {0, 1, 1, 2, 2}));
  EXPECT_EQ(y[1], i32({5}, {3, 1, 4, 0, 2}));
  const auto down = run({f32({5})}, {f32({5}, {2, 1, 2, 0, 1})}, order(Op::sort, {.descending = true}));
  EXPECT_EQ(down[0], f32({5}, {2, 2, 1, 1, 0}));
  EXPECT_EQ(down[1], i32({5}, {0, 2, 1, 4, 3}));
}

TEST(Sort, SortsLinesOfAnyAxis) {
  const auto y = run({f32({kN, 2})}, {f32({3, 2}, {3, 1, 1, 2, 2, 0})}, order(Op::sort, {.axis = 0}));
  EXPECT_EQ(y[0], f32({3, 2}, {1, 0, 2, 1, 3, 2}));
  EXPECT_EQ(y[1], i32({3, 2}, {1, 2, 2, 0, 0, 1}));
}

TEST(Sort, PutsNaNLast) {
  for (const bool descending : {false, true}) {
    const auto y = run({f32({3})}, {f32({3}, {kNaN, 1, 2})}, order(Op::sort, {.descending = descending}));
    EXPECT_TRUE(std::isnan(y[0].get(2)));
    EXPECT_EQ(y[1].get(2), 0);
  }
}

TEST(Sort, KnowsThatU64HasNoSign) {
  Tensor x(DType::u64, {2});
  x.set_integer(0, -1);
  x.set_integer(1, 1);
  const auto y = run({Type(DType::u64, {2})}, {x}, order(Op::sort, {}));
  EXPECT_EQ(y[1], i32({2}, {1, 0}));
}

TEST(TopK, TakesTheLargestAndOfEqualOnesTheFirst) {
  const auto y = run({f32({kN, 4})}, {f32({2, 4}, {1, 3, 3, 2, kNaN, -1, -2, -3})},
                     order(Op::top_k, {.axis = 1, .k = 2}));
  EXPECT_EQ(y[0], f32({2, 2}, {3, 3, -1, -2}));
  EXPECT_EQ(y[1], i32({2, 2}, {1, 2, 1, 2}));
}

TEST(TopK, NeedsEnoughElements) {
  EXPECT_EQ(error_of({f32({3})}, order(Op::top_k, {.k = 4})),
            "top_k: operand 0 is f32[3]: k is 4, expected 0 to the length of its axis 0");
  EXPECT_EQ(error_of({f32({kN})}, order(Op::top_k, {.k = 1})),
            "top_k: operand 0 is f32[N]: its axis 0 has the free length N, which may be less than k");
}

TEST(CumSum, RunsAlongItsAxis) {
  EXPECT_EQ(run({f32({kN, 3})}, {counting({2, 3})}, running(Op::cumsum, 1))[0],
            f32({2, 3}, {0, 1, 3, 3, 7, 12}));
  EXPECT_EQ(run({f32({kN, 3})}, {counting({2, 3})}, running(Op::cumsum, 0))[0],
            f32({2, 3}, {0, 1, 2, 3, 5, 7}));
  EXPECT_EQ(run({f32({kN})}, {counting({0})}, running(Op::cumsum, 0))[0].elements(), 0);
}

TEST(CumProd, RunsAlongItsAxis) {
  EXPECT_EQ(run({f32({4})}, {f32({4}, {2, 3, 0, 5})}, running(Op::cumprod, 0))[0], f32({4}, {2, 6, 0, 0}));
  EXPECT_EQ(run({i32({2})}, {i32({2}, {65536, 65537})}, running(Op::cumprod, 0))[0],
            i32({2}, {65536, 65536}));
  EXPECT_EQ(error_of({Type(DType::boolean, {2})}, running(Op::cumprod, 0)),
            "cumprod: operand 0 is bool[2]: its elements must be numbers");
}

}  // namespace
}  // namespace keratin::testing
