// Ops whose places depend on data: selection, clamping, sums where indices meet.
#include <gtest/gtest.h>

#include "tests/ir/run.h"

namespace keratin::testing {
namespace {

Build gather(int64_t axis, int64_t batch_dims) {
  return [=](Builder& b, const std::vector<Value>& p) {
    return std::vector{b.make(Op::gather, {p[0], p[1]}, GatherAttrs{axis, batch_dims})};
  };
}
Build scatter_add(int64_t axis, int64_t batch_dims) {
  return [=](Builder& b, const std::vector<Value>& p) {
    return std::vector{b.make(Op::scatter_add, {p[0], p[1], p[2]}, GatherAttrs{axis, batch_dims})};
  };
}

TEST(Gather, SelectsRows) {
  const auto y = run({f32({3, 2}), i32({kN, 2})}, {counting({3, 2}), i32({1, 2}, {2, 0})}, gather(0, 0));
  EXPECT_EQ(y[0], f32({1, 2, 2}, {4, 5, 0, 1}));
}

TEST(Gather, SelectsWithinAnAxis) {
  const auto y = run({f32({2, 3, 2}), i32({2})}, {counting({2, 3, 2}), i32({2}, {1, 1})}, gather(1, 0));
  EXPECT_EQ(y[0], f32({2, 2, 2}, {2, 3, 2, 3, 8, 9, 8, 9}));
}

TEST(Gather, SharesBatchAxes) {
  const auto y =
      run({f32({kN, 3}), i32({kN, 2})}, {counting({2, 3}), i32({2, 2}, {0, 2, 1, 1})}, gather(1, 1));
  EXPECT_EQ(y[0], f32({2, 2}, {0, 2, 4, 4}));
  const auto scalar_per_row =
      run({f32({kN, 2, 3}), i32({kN})}, {counting({2, 2, 3}), i32({2}, {0, 2})}, gather(2, 1));
  EXPECT_EQ(scalar_per_row[0], f32({2, 2}, {0, 3, 8, 11}));
}

TEST(Gather, ClampsIndices) {
  const auto y = run({f32({3}), i32({3})}, {counting({3}), i32({3}, {-7, 99, 1})}, gather(0, 0));
  EXPECT_EQ(y[0], f32({3}, {0, 2, 1}));
  Tensor huge(DType::u64, {1});
  huge.set_integer(0, -1);
  EXPECT_EQ(run({f32({3}), Type(DType::u64, {1})}, {counting({3}), huge}, gather(0, 0))[0], f32({1}, {2}));
}

TEST(Gather, ReadsZeroFromAnEmptyAxis) {
  EXPECT_EQ(run({f32({kN}), i32({2})}, {counting({0}), i32({2}, {0, 1})}, gather(0, 0))[0], f32({2}, {0, 0}));
  EXPECT_EQ(error_of({f32({0}), i32({2})}, gather(0, 0)),
            "gather: operand 0 is f32[0]: its axis 0 is empty: there is nothing to select");
}

TEST(Gather, RefusesWhatDoesNotFit) {
  EXPECT_EQ(error_of({f32({3}), f32({2})}, gather(0, 0)),
            "gather: operand 1 is f32[2]: its elements must be integers");
  EXPECT_EQ(error_of({f32({3, 4}), i32({2, 2})}, gather(1, 1)),
            "gather: operand 1 is i32[2,2]: its batch axis 0 must be that of operand 0, 3");
  EXPECT_EQ(error_of({f32({3, 4}), i32({3, 2})}, gather(0, 1)),
            "gather: batch_dims has 1, expected at most axis (0) and the rank of operand 1");
}

TEST(ScatterAdd, AddsWhereGatherReads) {
  const auto y =
      run({f32({3}), i32({4}), f32({4})},
          {f32({3}, {10, 20, 30}), i32({4}, {2, 0, 2, -5}), f32({4}, {1, 2, 3, 4})}, scatter_add(0, 0));
  EXPECT_EQ(y[0], f32({3}, {16, 20, 34}));
}

TEST(ScatterAdd, RoundsTheSumOnce) {
  // In f32, 2^24 + 1 + 1 would be 2^24.
  const auto y = run({f32({1}), i32({2}), f32({2})},
                     {f32({1}, {16777216}), i32({2}, {0, 0}), f32({2}, {1, 1})}, scatter_add(0, 0));
  EXPECT_EQ(y[0].get(0), 16777218);
}

TEST(ScatterAdd, WrapsIntegers) {
  const Type u8(DType::u8, {1});
  const auto y =
      run({u8, i32({1}), u8}, {tensor(DType::u8, {1}, {250}), i32({1}, {0}), tensor(DType::u8, {1}, {10})},
          scatter_add(0, 0));
  EXPECT_EQ(y[0].get(0), 4);
}

TEST(ScatterAdd, SharesBatchAxes) {
  const auto y = run({f32({kN, 3}), i32({kN, 2}), f32({kN, 2})},
                     {f32({2, 3}, {0, 0, 0, 0, 0, 0}), i32({2, 2}, {0, 2, 1, 1}), f32({2, 2}, {1, 2, 3, 4})},
                     scatter_add(1, 1));
  EXPECT_EQ(y[0], f32({2, 3}, {1, 0, 2, 0, 7, 0}));
}

TEST(ScatterAdd, ExpectsWhatGatherReads) {
  EXPECT_EQ(error_of({f32({3, 5}), i32({2}), f32({2})}, scatter_add(0, 0)),
            "scatter_add: operand 2 is f32[2]: its shape must be that of what gather would read, [2,5]");
}

Build dynamic_slice(int64_t axis, int64_t size) {
  return [=](Builder& b, const std::vector<Value>& p) {
    return std::vector{b.make(Op::dynamic_slice, {p[0], p[1]}, DynamicSliceAttrs{axis, size})};
  };
}
Build dynamic_update(int64_t axis) {
  return [=](Builder& b, const std::vector<Value>& p) {
    return std::vector{b.make(Op::dynamic_update_slice, {p[0], p[1], p[2]}, AxisAttrs{axis})};
  };
}

TEST(DynamicSlice, StartsWhereThePieceFits) {
  const auto at = [](double start) {
    return run({f32({kN, 4}), i32({})}, {counting({2, 4}), i32({}, {start})}, dynamic_slice(1, 2))[0];
  };
  EXPECT_EQ(at(1), f32({2, 2}, {1, 2, 5, 6}));
  EXPECT_EQ(at(-3), f32({2, 2}, {0, 1, 4, 5}));
  EXPECT_EQ(at(9), f32({2, 2}, {2, 3, 6, 7}));
}

TEST(DynamicSlice, ReadsZeroBeyondAShortFreeAxis) {
  EXPECT_EQ(run({f32({kN}), i32({})}, {f32({1}, {7}), i32({}, {1})}, dynamic_slice(0, 3))[0],
            f32({3}, {7, 0, 0}));
  EXPECT_EQ(error_of({f32({2}), i32({})}, dynamic_slice(0, 3)),
            "dynamic_slice: operand 0 is f32[2]: a piece of 3 does not fit into its axis 0");
}

TEST(DynamicUpdateSlice, ReplacesAPiece) {
  const auto at = [](double start) {
    return run({f32({2, 3}), f32({2, 2}), i32({})},
               {counting({2, 3}), f32({2, 2}, {10, 11, 12, 13}), i32({}, {start})}, dynamic_update(1))[0];
  };
  EXPECT_EQ(at(0), f32({2, 3}, {10, 11, 2, 12, 13, 5}));
  EXPECT_EQ(at(5), f32({2, 3}, {0, 10, 11, 3, 12, 13}));
}

TEST(DynamicUpdateSlice, WritesNothingBeyondAShortFreeAxis) {
  const auto y = run({f32({kN}), f32({3}), i32({})}, {f32({1}, {7}), f32({3}, {1, 2, 3}), i32({}, {0})},
                     dynamic_update(0));
  EXPECT_EQ(y[0], f32({1}, {1}));
}

TEST(DynamicUpdateSlice, RefusesWhatDoesNotFit) {
  EXPECT_EQ(error_of({f32({2, 3}), f32({1, 2}), i32({})}, dynamic_update(1)),
            "dynamic_update_slice: operand 1 is f32[1,2]: but for axis 1 its shape must be that of operand "
            "0, [2,2]");
  EXPECT_EQ(error_of({f32({2, 3}), f32({2, 2}), f32({})}, dynamic_update(1)),
            "dynamic_update_slice: operand 2 is f32[]: its elements must be integers");
}

}  // namespace
}  // namespace keratin::testing
