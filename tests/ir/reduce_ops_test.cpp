// Reductions: values at the edges, what they refuse, their gradients.
#include <gtest/gtest.h>

#include <limits>

#include "tests/ir/gradient_check.h"

namespace keratin::testing {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

Tensor reduce(Op op, const Tensor& x, Ints axes) {
  return run({x.type()}, {x},
             [&](Builder& b, auto& p) { return std::vector{b.make(op, {p[0]}, AxesAttrs{axes})}; })[0];
}

TEST(Reduce, DropsTheAxes) {
  const Tensor x = counting({2, 3, 2});
  EXPECT_EQ(reduce(Op::reduce_sum, x, {1}), f32({2, 2}, {6, 9, 24, 27}));
  EXPECT_EQ(reduce(Op::reduce_sum, x, {0, 2}), f32({3}, {14, 22, 30}));
  EXPECT_EQ(reduce(Op::reduce_sum, x, {0, 1, 2}), f32({}, {66}));
  EXPECT_EQ(reduce(Op::reduce_sum, x, {}), x);
  EXPECT_EQ(reduce(Op::reduce_max, x, {1, 2}), f32({2}, {5, 11}));
  EXPECT_EQ(reduce(Op::reduce_min, x, {0}), f32({3, 2}, {0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(reduce(Op::reduce_prod, f32({2, 2}, {1, 2, 3, 4}), {1}), f32({2}, {2, 12}));
}

TEST(Reduce, KeepsSymbols) {
  const auto y = run({f32({kN, 3, kT})}, {counting({2, 3, 2})},
                     [](Builder& b, auto& p) { return std::vector{b.reduce(Op::reduce_sum, p[0], {2})}; });
  EXPECT_EQ(y[0], f32({2, 3}, {1, 5, 9, 13, 17, 21}));
}

TEST(Reduce, AccumulatesFloatsInDoubleAndRoundsOnce) {
  EXPECT_EQ(reduce(Op::reduce_sum, f32({4}, {0x1p24, 1, 1, 1}), {0}), f32({}, {0x1p24 + 4}));
  EXPECT_EQ(reduce(Op::reduce_sum, tensor(DType::bf16, {5}, {256, 1, 1, 1, 1}), {0}),
            tensor(DType::bf16, {}, {260}));
  EXPECT_EQ(reduce(Op::reduce_sum, tensor(DType::u8, {2}, {200, 100}), {0}), tensor(DType::u8, {}, {44}));
}

TEST(Reduce, OfNothingIsNeutral) {
  const Tensor none(DType::f32, {2, 0}), no_bytes(DType::i8, {0}), no_flags(DType::boolean, {0});
  EXPECT_EQ(reduce(Op::reduce_sum, none, {1}), f32({2}, {0, 0}));
  EXPECT_EQ(reduce(Op::reduce_prod, none, {1}), f32({2}, {1, 1}));
  EXPECT_EQ(reduce(Op::reduce_max, none, {1}), f32({2}, {-kInf, -kInf}));
  EXPECT_EQ(reduce(Op::reduce_min, none, {1}), f32({2}, {kInf, kInf}));
  EXPECT_EQ(reduce(Op::reduce_max, no_bytes, {0}).get(0), -128);
  EXPECT_EQ(reduce(Op::reduce_min, no_bytes, {0}).get(0), 127);
  EXPECT_EQ(reduce(Op::reduce_max, Tensor(DType::u16, {0}), {0}).get(0), 0);
  EXPECT_EQ(reduce(Op::reduce_min, Tensor(DType::u16, {0}), {0}).get(0), 65535);
  EXPECT_EQ(reduce(Op::reduce_min, Tensor(DType::u64, {0}), {0}).get_integer(0), -1);
  EXPECT_EQ(reduce(Op::reduce_max, Tensor(DType::i64, {0}), {0}).get_integer(0), INT64_MIN);
  EXPECT_EQ(reduce(Op::reduce_and, no_flags, {0}).get(0), 1);
  EXPECT_EQ(reduce(Op::reduce_or, no_flags, {0}).get(0), 0);
  EXPECT_EQ(reduce(Op::argmax, none, {1}), i32({2}, {0, 0}));
}

TEST(Reduce, PropagatesNaN) {
  const Tensor x = f32({3, 2}, {1, kNaN, kNaN, 1, -kInf, -kInf});
  for (Op op : {Op::reduce_max, Op::reduce_min}) {
    const Tensor y = reduce(op, x, {1});
    EXPECT_TRUE(std::isnan(y.get(0)));
    EXPECT_TRUE(std::isnan(y.get(1)));
    EXPECT_EQ(y.get(2), -kInf);
  }
}

TEST(Reduce, OfBits) {
  const Tensor flags = tensor(DType::boolean, {2, 2}, {1, 1, 0, 1});
  EXPECT_EQ(reduce(Op::reduce_and, flags, {1}), tensor(DType::boolean, {2}, {1, 0}));
  EXPECT_EQ(reduce(Op::reduce_or, flags, {0}), tensor(DType::boolean, {2}, {1, 1}));
  EXPECT_EQ(reduce(Op::reduce_and, tensor(DType::u8, {2}, {6, 3}), {0}), tensor(DType::u8, {}, {2}));
  EXPECT_EQ(reduce(Op::reduce_or, tensor(DType::u8, {2}, {6, 3}), {0}), tensor(DType::u8, {}, {7}));
}

TEST(Argmax, FindsTheFirstExtremumAndNaN) {
  EXPECT_EQ(reduce(Op::argmax, f32({2, 3}, {1, 3, 3, 2, 2, 1}), {1}), i32({2}, {1, 0}));
  EXPECT_EQ(reduce(Op::argmin, f32({2, 3}, {1, 3, 1, 2, 2, 1}), {1}), i32({2}, {0, 2}));
  EXPECT_EQ(reduce(Op::argmax, f32({4, 1}, {1, kNaN, 5, kNaN}), {0}), i32({1}, {1}));
  EXPECT_EQ(reduce(Op::argmin, f32({4}, {kNaN, 1, kNaN, 0}), {0}), i32({}, {0}));
  EXPECT_EQ(reduce(Op::argmax, f32({2}, {-kInf, -kInf}), {0}), i32({}, {0}));
}

TEST(Reduce, RefusesWhatIsNoSetOfAxes) {
  auto error = [](const Type& type, Op op, Ints axes) {
    return error_of({type},
                    [&](Builder& b, auto& p) { return std::vector{b.make(op, {p[0]}, AxesAttrs{axes})}; });
  };
  EXPECT_EQ(error(f32({kN, 3}), Op::reduce_sum, {2}), "reduce_sum: axes has 2, which is no axis of rank 2");
  EXPECT_EQ(error(f32({kN, 3}), Op::reduce_sum, {1, 0}),
            "reduce_sum: axes is [1,0]: axes must be in increasing order");
  EXPECT_EQ(error(f32({kN, 3}), Op::reduce_sum, {0, 0}),
            "reduce_sum: axes is [0,0]: axes must be in increasing order");
  EXPECT_EQ(error(f32({kN, 3}), Op::argmax, {0, 1}), "argmax: axes has 2 entries, expected 1");
  EXPECT_EQ(error(f32({kN, 3}), Op::reduce_and, {0}),
            "reduce_and: operand 0 is f32[N,3]: its elements must be integers or booleans");
}

TEST(ReduceGradient, OverAnyAxes) {
  Random random(3);
  for (const Ints& axes : {Ints{0}, Ints{1}, Ints{2}, Ints{0, 2}, Ints{0, 1, 2}})
    for (Op op : {Op::reduce_sum, Op::reduce_prod, Op::reduce_max, Op::reduce_min})
      check_gradient({op, {distinct_tensor(random, {2, 3, 4})}, AxesAttrs{axes}});
  check_gradient({Op::reduce_max,
                  {distinct_tensor(random, {2, 3, 4})},
                  AxesAttrs{{1}},
                  {Type(DType::f64, {kN, 3, kT})}});
}

TEST(ReduceGradient, OfAProductWithZeros) {
  check_gradient(
      {Op::reduce_prod, {tensor(DType::f64, {4, 3}, {1, 2, 3, 4, 0, 6, 0, 0, 7, 0, 0, 0})}, AxesAttrs{{1}}});
}

TEST(ReduceGradient, IsSharedByEqualExtrema) {
  const auto y =
      run({Type(DType::f64, {2, 3})}, {tensor(DType::f64, {2, 3}, {1, 4, 4, 5, 5, 5})},
          [](Builder& b, const std::vector<Value>& p) {
            const Node* node = b.make_node(Op::reduce_max, {p[0]}, AxesAttrs{{1}});
            const Value y = node->value(), dy = b.constant(DType::f64, 6, {2});
            const bool wanted[] = {true};
            Value dx;
            def_of(Op::reduce_max)
                .gradient.fn({b, *node, p, std::span(&y, 1), std::span(&dy, 1), wanted, std::span(&dx, 1)});
            return std::vector{dx};
          });
  EXPECT_EQ(values_of(y[0]), (std::vector<double>{0, 3, 3, 2, 2, 2}));
}

}  // namespace
}  // namespace keratin::testing
