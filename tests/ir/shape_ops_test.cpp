// Ops that put the same elements elsewhere: what they mean and what they refuse.
#include <gtest/gtest.h>

#include "tests/ir/run.h"

namespace keratin::testing {
namespace {

using Extents = std::vector<int64_t>;

TEST(Reshape, KeepsRowMajorOrder) {
  const auto y = run({f32({kN, 2, 3})}, {counting({2, 2, 3})}, [](Builder& b, auto& p) {
    return std::vector{b.reshape(p[0], {Dim(2, Symbol("N")), 3})};
  });
  EXPECT_EQ(y[0], counting({4, 3}));
}

TEST(Reshape, ComparesCountsAsPolynomials) {
  EXPECT_EQ(
      error_of({f32({kN, 6})}, [](Builder& b, auto& p) { return std::vector{b.reshape(p[0], {kN, 5})}; }),
      "reshape: operand 0 is f32[N,6]: its 6*N elements do not make [N,5], which has 5*N");
  EXPECT_EQ(
      error_of({f32({kN, kT})}, [](Builder& b, auto& p) { return std::vector{b.reshape(p[0], {kT, kN})}; }),
      "no error");
}

TEST(Transpose, PermutesAxes) {
  const auto y = run({f32({kN, 3, 2})}, {counting({2, 3, 2})},
                     [](Builder& b, auto& p) { return std::vector{b.transpose(p[0], {2, 0, 1})}; });
  EXPECT_EQ(y[0], f32({2, 2, 3}, {0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11}));
}

TEST(Transpose, RefusesWhatIsNoPermutation) {
  EXPECT_EQ(
      error_of({f32({2, 3})}, [](Builder& b, auto& p) { return std::vector{b.transpose(p[0], {0, 0})}; }),
      "transpose: perm has 0 twice");
  EXPECT_EQ(error_of({f32({2, 3})}, [](Builder& b, auto& p) { return std::vector{b.transpose(p[0], {0})}; }),
            "transpose: perm has 1 entries, expected 2");
}

TEST(Broadcast, RepeatsAlongNewAxes) {
  const auto y = run({f32({2, kN})}, {counting({2, 2})},
                     [](Builder& b, auto& p) { return std::vector{b.broadcast(p[0], {0, 2}, {2, 3, kN})}; });
  EXPECT_EQ(y[0], f32({2, 3, 2}, {0, 1, 0, 1, 0, 1, 2, 3, 2, 3, 2, 3}));
}

TEST(Broadcast, DoesNotStretch) {
  EXPECT_EQ(
      error_of({f32({1})}, [](Builder& b, auto& p) { return std::vector{b.broadcast(p[0], {0}, {3})}; }),
      "broadcast: operand 0 is f32[1]: its axis 0 must be as long as axis 0 of the result, 3");
}

TEST(Slice, TakesEveryStrideThElement) {
  const auto y = run({f32({kN, 7})}, {counting({2, 7})},
                     [](Builder& b, auto& p) { return std::vector{b.slice(p[0], {0, 1}, {kN, 6}, {1, 2})}; });
  EXPECT_EQ(y[0], f32({2, 3}, {1, 3, 5, 8, 10, 12}));
}

TEST(Slice, OfFreeAxesEndsCountedFromTheirEnd) {
  const Build build = [](Builder& b, auto& p) {
    return std::vector{b.slice(p[0], {1}, {*sum(kT, -2)}, {2})};
  };
  EXPECT_EQ(to_text(function_of({f32({kT})}, build).results[0].value.type()), "f32[{(T-2)/2}]");
  EXPECT_EQ(run({f32({kT})}, {counting({7})}, build)[0], f32({2}, {1, 3}));
  EXPECT_EQ(run({f32({kT})}, {counting({8})}, build)[0], f32({3}, {1, 3, 5}));
  for (const auto& [limit, text] : {std::pair{*sum(kT, 1), "{T+1}"}, {Dim(3), "3"}, {kN, "N"}})
    EXPECT_EQ(error_of({f32({kT}), f32({kN})},
                       [&](Builder& b, auto& p) { return std::vector{b.slice(p[0], {0}, {limit})}; }),
              cat("slice: operand 0 is f32[T]: start 0 and limit ", text, " are no part of its axis 0"));
}

TEST(Slice, Refuses) {
  EXPECT_EQ(error_of({f32({7})}, [](Builder& b, auto& p) { return std::vector{b.slice(p[0], {3}, {8})}; }),
            "slice: operand 0 is f32[7]: start 3 and limit 8 are no part of its axis 0");
}

Build padded(Ints low, Ints high, Ints interior) {
  return [=](Builder& b, const std::vector<Value>& p) {
    return std::vector{b.pad(p[0], b.constant(DType::f32, 9), low, high, interior)};
  };
}

TEST(Pad, FillsAroundAndBetween) {
  EXPECT_EQ(run({f32({3})}, {counting({3})}, padded({1}, {2}, {1}))[0], f32({8}, {9, 0, 9, 1, 9, 2, 9, 9}));
  EXPECT_EQ(run({f32({kN, 2})}, {counting({2, 2})}, padded({0, 1}, {0, 0}, {0, 0}))[0],
            f32({2, 3}, {9, 0, 1, 9, 2, 3}));
}

TEST(Pad, CutsWhereNegative) {
  EXPECT_EQ(run({f32({4})}, {counting({4})}, padded({-1}, {-2}, {0}))[0], f32({1}, {1}));
  EXPECT_EQ(run({f32({4})}, {counting({4})}, padded({-1}, {-2}, {1}))[0], f32({4}, {9, 1, 9, 2}));
  EXPECT_EQ(run({f32({2})}, {counting({2})}, padded({-5}, {6}, {0}))[0], f32({3}, {9, 9, 9}));
  EXPECT_EQ(run({f32({2})}, {counting({2})}, padded({5}, {-6}, {0}))[0], f32({1}, {9}));
}

TEST(Pad, RefusesLengthsBeyond64Bits) {
  EXPECT_EQ(error_of({f32({int64_t{1} << 40})}, padded({0}, {0}, {INT32_MAX})),
            "pad: a size exceeds 64 bits");
  EXPECT_EQ(error_of({f32({2})}, padded({0}, {int64_t{1} << 40}, {0})),
            "pad: high has 1099511627776, expected at most 2147483647");
}

TEST(Slice, TakesAnyStride) {
  const Build build = [](Builder& b, auto& p) { return std::vector{b.slice(p[0], {1}, {3}, {INT64_MAX})}; };
  EXPECT_EQ(run({f32({3})}, {counting({3})}, build)[0], f32({1}, {1}));
}

TEST(Pad, OfNothingIsFill) {
  EXPECT_EQ(run({f32({0})}, {counting({0})}, padded({1}, {1}, {3}))[0], f32({2}, {9, 9}));
}

TEST(Pad, OfFreeAxes) {
  EXPECT_EQ(to_text(function_of({f32({kN})}, padded({1}, {0}, {1})).results[0].value.type()), "f32[2N]");
  EXPECT_EQ(run({f32({kN})}, {counting({3})}, padded({1}, {-1}, {1}))[0], f32({5}, {9, 0, 9, 1, 9}));
}

TEST(Pad, Refuses) {
  EXPECT_EQ(error_of({f32({3})}, padded({-2}, {-2}, {0})),
            "pad: operand 0 is f32[3]: padding cuts more than there is of its axis 0");
}

TEST(Concat, PutsPartsOneAfterTheOther) {
  const auto y = run({f32({2, 1}), f32({2, 2})}, {counting({2, 1}), counting({2, 2})},
                     [](Builder& b, auto& p) { return std::vector{b.concat({p[0], p[1], p[0]}, 1)}; });
  EXPECT_EQ(y[0], f32({2, 4}, {0, 0, 1, 0, 1, 2, 3, 1}));
}

TEST(Concat, AddsFreeLengths) {
  const Build build = [](Builder& b, auto& p) { return std::vector{b.concat({p[0], p[1]}, 0)}; };
  const Function f = function_of({f32({kN}), f32({Dim(2, Symbol("N"))})}, build);
  EXPECT_EQ(to_text(f.results[0].value.type()), "f32[3N]");
  EXPECT_EQ(error_of({f32({kN}), f32({1})}, build), "no error");
  EXPECT_EQ(error_of({f32({kN}), f32({kT})}, build),
            "concat: axis 0 would be N + T long, which is no dimension");
  EXPECT_EQ(error_of({f32({2, 3}), f32({2, 4})}, build),
            "concat: operand 1 is f32[2,4]: but for axis 0 its shape must be that of operand 0, [2,3]");
}

TEST(Reverse, TurnsAxesRound) {
  const auto y = run({f32({kN, 3})}, {counting({2, 3})}, [](Builder& b, auto& p) {
    return std::vector{b.make(Op::reverse, {p[0]}, AxesAttrs{{0, 1}})};
  });
  EXPECT_EQ(y[0], f32({2, 3}, {5, 4, 3, 2, 1, 0}));
}

TEST(Iota, CountsAlongItsAxis) {
  const auto y = run({f32({kN})}, {counting({3})}, [](Builder& b, auto&) {
    return std::vector{b.make(Op::iota, {}, IotaAttrs{0, DType::i32, {kN, 2}}),
                       b.make(Op::iota, {}, IotaAttrs{1, DType::f32, {1, 3}})};
  });
  EXPECT_EQ(y[0], i32({3, 2}, {0, 0, 1, 1, 2, 2}));
  EXPECT_EQ(y[1], counting({1, 3}));
}

TEST(DimSize, IsTheCallsValue) {
  const auto y = run({f32({kN})}, {counting({3})}, [](Builder& b, auto&) {
    return std::vector{b.make(Op::dim_size, {}, DimAttrs{Dim(2, Symbol("N")), DType::f32})};
  });
  EXPECT_EQ(y[0], f32({}, {6}));
}

TEST(Relayout, ChangesTheTypeOnly) {
  const Build build = [](Builder& b, auto& p) {
    return std::vector{b.make(Op::relayout, {p[0]}, LayoutAttrs{Layout{1, 32}})};
  };
  const Function f = function_of({f32({2, 3})}, build);
  EXPECT_EQ(to_text(f.results[0].value.type()), "f32[2,3]{1:32}");
  EXPECT_EQ(run({f32({2, 3})}, {counting({2, 3})}, build)[0], counting({2, 3}));
  EXPECT_EQ(
      error_of({f32({2, kN})}, build),
      "relayout: operand 0 is f32[2,N]: its axis 1 has the free length N and cannot be cut into panels");
}

TEST(Relayout, IsNeededBeforeOtherOps) {
  EXPECT_EQ(error_of({Type(DType::f32, {2, 3}, Layout{1, 32})},
                     [](Builder& b, auto& p) { return std::vector{b.transpose(p[0], {1, 0})}; }),
            "transpose: operand 0 is f32[2,3]{1:32}: its layout must be row-major");
}

TEST(ShapeOps, MoveNothingOfAnEmptyBatch) {
  const auto y = run({f32({kN, 3})}, {counting({0, 3})}, [](Builder& b, auto& p) {
    return std::vector{b.transpose(p[0], {1, 0}), b.broadcast(p[0], {0, 2}, {kN, 2, 3}),
                       b.concat({p[0], p[0]}, 0), b.make(Op::reverse, {p[0]}, AxesAttrs{{0}})};
  });
  EXPECT_EQ(y[0].shape(), (Extents{3, 0}));
  EXPECT_EQ(y[1].shape(), (Extents{0, 2, 3}));
  EXPECT_EQ(y[2].shape(), (Extents{0, 3}));
  EXPECT_EQ(y[3].shape(), (Extents{0, 3}));
}

TEST(ShapeOps, MoveIntegersExactly) {
  Tensor big(DType::u64, {2});
  big.set_integer(0, -1);
  big.set_integer(1, (int64_t{1} << 60) + 1);
  const auto y = run({Type(DType::u64, {2})}, {big}, [](Builder& b, auto& p) {
    return std::vector{b.make(Op::reverse, {b.make(Op::reverse, {p[0]}, AxesAttrs{{0}})}, AxesAttrs{{0}})};
  });
  EXPECT_EQ(y[0], big);
}

}  // namespace
}  // namespace keratin::testing
