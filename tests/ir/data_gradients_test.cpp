// Gradients of the ops that move data, sort and accumulate, against finite differences.
#include <gtest/gtest.h>

#include "tests/ir/gradient_check.h"

namespace keratin::testing {
namespace {

Type f64(Shape shape) { return Type(DType::f64, std::move(shape)); }

class DataGradients : public ::testing::Test {
 protected:
  Tensor numbers(std::vector<int64_t> shape) { return random_tensor(random_, std::move(shape)); }
  Random random_{7};
};

TEST_F(DataGradients, Shape) {
  check_gradient({Op::reshape, {numbers({2, 6})}, ShapeAttrs{{3, 4}}});
  check_gradient({Op::reshape, {numbers({2, 6})}, ShapeAttrs{{Dim(3, Symbol("N")), 2}}, {f64({kN, 6})}});
  check_gradient({Op::transpose, {numbers({2, 3, 4})}, TransposeAttrs{{2, 0, 1}}});
  check_gradient({Op::broadcast, {numbers({3})}, BroadcastAttrs{{1}, {2, 3, 2}}});
  check_gradient({Op::broadcast, {numbers({})}, BroadcastAttrs{{}, {2}}});
  check_gradient({Op::reverse, {numbers({2, 3})}, AxesAttrs{{1}}});
  check_gradient({Op::relayout, {numbers({2, 3})}, LayoutAttrs{{1, 2}}});
}

TEST_F(DataGradients, Slice) {
  check_gradient({Op::slice, {numbers({7, 3})}, SliceAttrs{{1, 0}, {6, 3}, {2, 1}}});
  check_gradient({Op::slice, {numbers({8})}, SliceAttrs{{2}, {7}, {3}}});
  check_gradient({Op::slice, {numbers({8})}, SliceAttrs{{2}, {2}, {3}}});
  check_gradient({Op::slice, {numbers({2, 4})}, SliceAttrs{{0, 1}, {kN, 3}, {1, 1}}, {f64({kN, 4})}});
}

TEST_F(DataGradients, Pad) {
  check_gradient({Op::pad, {numbers({3}), numbers({})}, PadAttrs{{1}, {2}, {1}}});
  check_gradient({Op::pad, {numbers({5}), numbers({})}, PadAttrs{{-1}, {-2}, {1}}});
  check_gradient({Op::pad, {numbers({4}), numbers({})}, PadAttrs{{-6}, {5}, {0}}});
  check_gradient({Op::pad, {numbers({0}), numbers({})}, PadAttrs{{1}, {1}, {2}}});
  check_gradient(
      {Op::pad, {numbers({2, 3}), numbers({})}, PadAttrs{{0, 1}, {0, -1}, {0, 2}}, {f64({kN, 3}), f64({})}});
}

TEST_F(DataGradients, Concat) {
  check_gradient({Op::concat, {numbers({2, 1}), numbers({2, 3})}, AxisAttrs{1}});
  check_gradient({Op::concat,
                  {numbers({3, 2}), numbers({6, 2}), numbers({0, 2})},
                  AxisAttrs{0},
                  {f64({kN, 2}), f64({Dim(2, Symbol("N")), 2}), f64({0, 2})}});
}

TEST_F(DataGradients, Gather) {
  check_gradient({Op::gather, {numbers({3, 2}), i32({4}, {2, 0, 2, 9})}, GatherAttrs{0, 0}});
  check_gradient({Op::gather, {numbers({2, 3, 2}), i32({2, 2}, {1, -1, 0, 2})}, GatherAttrs{1, 1}});
  check_gradient({Op::gather, {numbers({2, 2, 3}), i32({2}, {1, 2})}, GatherAttrs{2, 1}});
}

TEST_F(DataGradients, ScatterAdd) {
  check_gradient(
      {Op::scatter_add, {numbers({3, 2}), i32({3}, {2, 0, 2}), numbers({3, 2})}, GatherAttrs{0, 0}});
  check_gradient(
      {Op::scatter_add, {numbers({2, 3}), i32({2, 2}, {1, 1, 7, 0}), numbers({2, 2})}, GatherAttrs{1, 1}});
}

TEST_F(DataGradients, DynamicSlices) {
  for (const double start : {-2, 1, 9}) {
    const Tensor at = i32({}, {start});
    check_gradient({Op::dynamic_slice, {numbers({2, 4}), at}, DynamicSliceAttrs{1, 2}});
    check_gradient({Op::dynamic_update_slice, {numbers({2, 4}), numbers({2, 3}), at}, AxisAttrs{1}});
  }
  const Tensor at = i32({}, {1});
  check_gradient({Op::dynamic_slice, {numbers({2}), at}, DynamicSliceAttrs{0, 3}, {f64({kN}), i32({})}});
  check_gradient({Op::dynamic_update_slice,
                  {numbers({2}), numbers({3}), at},
                  AxisAttrs{0},
                  {f64({kN}), f64({3}), i32({})}});
}

TEST_F(DataGradients, Order) {
  check_gradient({Op::sort, {distinct_tensor(random_, {2, 5})}, SortAttrs{.axis = 1}});
  check_gradient({Op::sort, {distinct_tensor(random_, {4, 2})}, SortAttrs{.axis = 0, .descending = true}});
  check_gradient({Op::sort, {distinct_tensor(random_, {4, 2})}, SortAttrs{.axis = 0}, {f64({kN, 2})}});
  check_gradient({Op::top_k, {distinct_tensor(random_, {2, 5, 2})}, SortAttrs{.axis = 1, .k = 3}});
  check_gradient({Op::top_k, {distinct_tensor(random_, {3})}, SortAttrs{.axis = 0, .k = 0}});
}

TEST_F(DataGradients, CumSum) {
  check_gradient({Op::cumsum, {numbers({2, 4})}, AxisAttrs{1}});
  check_gradient({Op::cumsum, {numbers({4, 2})}, AxisAttrs{0}, {f64({kN, 2})}});
}

TEST_F(DataGradients, CumProdIsExactAtZeros) {
  const auto f64_of = [](std::vector<int64_t> shape, const std::vector<double>& values) {
    return tensor(DType::f64, std::move(shape), values);
  };
  check_gradient({Op::cumprod, {f64_of({2, 4}, {1.5, -2, 0.5, 3, 2, 1, -1, 0.25})}, AxisAttrs{1}});
  check_gradient({Op::cumprod, {f64_of({5}, {2, -3, 0, 0.5, 2})}, AxisAttrs{0}});
  check_gradient({Op::cumprod, {f64_of({5}, {0, 2, 0, 4, 0})}, AxisAttrs{0}});
  check_gradient({Op::cumprod, {f64_of({3, 2}, {0, 2, 3, 0, 4, 5})}, AxisAttrs{0}, {f64({kN, 2})}});
}

}  // namespace
}  // namespace keratin::testing
