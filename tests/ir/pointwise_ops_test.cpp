// Pointwise ops: values at the edges, what they refuse, their gradients.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/ir/gradient_check.h"

namespace keratin::testing {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

Type vector_of(DType dtype, int64_t size) { return Type(dtype, {size}); }

std::vector<double> apply(Op op, DType dtype, const std::vector<std::vector<double>>& operands,
                          Attrs attrs = NoAttrs{}) {
  const int64_t size = static_cast<int64_t>(operands[0].size());
  std::vector<Type> types;
  std::vector<Tensor> inputs;
  for (const auto& operand : operands) {
    types.push_back(vector_of(dtype, size));
    inputs.push_back(tensor(dtype, {size}, operand));
  }
  return values_of(
      run(types, inputs, [&](Builder& b, auto& p) { return std::vector{b.make(op, p, attrs)}; })[0]);
}

std::vector<int64_t> apply_exactly(Op op, DType dtype, const std::vector<std::vector<int64_t>>& operands) {
  const int64_t size = static_cast<int64_t>(operands[0].size());
  std::vector<Type> types;
  std::vector<Tensor> inputs;
  for (const auto& operand : operands) {
    types.push_back(vector_of(dtype, size));
    inputs.emplace_back(dtype, std::vector<int64_t>{size});
    for (int64_t i = 0; i < size; ++i) inputs.back().set_integer(i, operand[i]);
  }
  const Tensor y = run(types, inputs, [&](Builder& b, auto& p) { return std::vector{b.make(op, p)}; })[0];
  std::vector<int64_t> values;
  for (int64_t i = 0; i < y.elements(); ++i) values.push_back(y.get_integer(i));
  return values;
}

/// Equal as bits, all NaNs being one.
void expect_same(const std::vector<double>& found, const std::vector<double>& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i) {
    if (std::isnan(expected[i])) {
      EXPECT_TRUE(std::isnan(found[i])) << i << ": " << found[i];
    } else {
      EXPECT_EQ(found[i], expected[i]) << i;
      EXPECT_EQ(std::signbit(found[i]), std::signbit(expected[i])) << i;
    }
  }
}

TEST(Max, PropagatesNaNAndPrefersTheFirstOfEqualOperands) {
  const std::vector<double> a = {1, 2, kNaN, 1, 0.0, -0.0, -kInf}, b = {2, 1, 1, kNaN, -0.0, 0.0, kInf};
  expect_same(apply(Op::max, DType::f32, {a, b}), {2, 2, kNaN, kNaN, 0.0, -0.0, kInf});
  expect_same(apply(Op::min, DType::f32, {a, b}), {1, 1, kNaN, kNaN, 0.0, -0.0, -kInf});
}

TEST(Max, OrdersUnsignedNumbersAsUnsigned) {
  EXPECT_EQ(apply_exactly(Op::max, DType::u64, {{-1, 3}, {1, 2}}), (std::vector<int64_t>{-1, 3}));
  EXPECT_EQ(apply_exactly(Op::min, DType::u64, {{-1, 3}, {1, 2}}), (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(apply_exactly(Op::max, DType::i64, {{-1, 3}, {1, 2}}), (std::vector<int64_t>{1, 3}));
}

TEST(Sign, KeepsZerosAndNaN) {
  expect_same(apply(Op::sign, DType::f32, {{-3, 0.0, -0.0, kNaN, kInf}}), {-1, 0.0, -0.0, kNaN, 1});
  EXPECT_EQ(apply(Op::sign, DType::i8, {{-5, 0, 7}}), (std::vector<double>{-1, 0, 1}));
}

TEST(Abs, ClearsTheSign) {
  expect_same(apply(Op::abs, DType::f32, {{-3, -0.0, -kInf, kNaN}}), {3, 0.0, kInf, kNaN});
  EXPECT_EQ(apply(Op::abs, DType::i8, {{-128, -5, 5}}), (std::vector<double>{-128, 5, 5}));
}

TEST(Neg, Wraps) {
  expect_same(apply(Op::neg, DType::f32, {{0.0, -0.0, kInf}}), {-0.0, 0.0, -kInf});
  EXPECT_EQ(apply(Op::neg, DType::i8, {{-128, 5}}), (std::vector<double>{-128, -5}));
}

TEST(Round, TakesTiesToEven) {
  expect_same(apply(Op::round, DType::f32, {{0.5, 1.5, 2.5, -0.5, -1.5, 2.4, kInf}}),
              {0, 2, 2, -0.0, -2, 2, kInf});
  expect_same(apply(Op::floor, DType::f32, {{-0.5, 1.5, -0.0}}), {-1, 1, -0.0});
  expect_same(apply(Op::ceil, DType::f32, {{-0.5, 1.5, -0.0}}), {-0.0, 2, -0.0});
}

TEST(Rem, HasTheSignOfTheDivisor) {
  expect_same(apply(Op::rem, DType::f32, {{5, -5, 5, -5, 1, 1}, {3, 3, -3, -3, 0, kInf}}),
              {2, 1, -1, -2, kNaN, kNaN});
  EXPECT_EQ(apply(Op::rem, DType::i32, {{5, -5, 5, -5, 1, -2147483648.0}, {3, 3, -3, -3, 0, -1}}),
            (std::vector<double>{2, 1, -1, -2, 0, 0}));
  EXPECT_EQ(apply_exactly(Op::rem, DType::u64, {{-1}, {10}}), (std::vector<int64_t>{5}));
  EXPECT_EQ(apply_exactly(Op::rem, DType::i64, {{INT64_MIN}, {-1}}), (std::vector<int64_t>{0}));
}

TEST(Div, OfIntegersTruncatesAndNeverTraps) {
  EXPECT_EQ(apply(Op::div, DType::i32, {{7, -7, 7, 1, -2147483648.0}, {2, 2, -2, 0, -1}}),
            (std::vector<double>{3, -3, -3, 0, -2147483648.0}));
  EXPECT_EQ(apply_exactly(Op::div, DType::i64, {{INT64_MIN}, {-1}}), (std::vector<int64_t>{INT64_MIN}));
  EXPECT_EQ(apply_exactly(Op::div, DType::u64, {{-1}, {2}}), (std::vector<int64_t>{INT64_MAX}));
  expect_same(apply(Op::div, DType::f32, {{1, -1, 0}, {0, 0, 0}}), {kInf, -kInf, kNaN});
}

TEST(Add, WrapsIntegersAndRoundsFloats) {
  EXPECT_EQ(apply(Op::add, DType::u8, {{250}, {10}}), (std::vector<double>{4}));
  EXPECT_EQ(apply(Op::sub, DType::u8, {{3}, {10}}), (std::vector<double>{249}));
  EXPECT_EQ(apply(Op::mul, DType::i8, {{100}, {2}}), (std::vector<double>{-56}));
  EXPECT_EQ(apply_exactly(Op::mul, DType::i64, {{INT64_MAX}, {2}}), (std::vector<int64_t>{-2}));
  EXPECT_EQ(apply(Op::add, DType::f32, {{16777216}, {1}}), (std::vector<double>{16777216}));
  EXPECT_EQ(apply(Op::add, DType::bf16, {{256}, {1}}), (std::vector<double>{256}));
}

TEST(Shift, ByTheWidthOrMoreLeavesOnlyFill) {
  EXPECT_EQ(apply(Op::shl, DType::u8, {{1, 255, 1, 1}, {3, 1, 8, 200}}), (std::vector<double>{8, 254, 0, 0}));
  EXPECT_EQ(apply(Op::shr, DType::u8, {{255, 255}, {3, 8}}), (std::vector<double>{31, 0}));
  EXPECT_EQ(apply(Op::shr, DType::i8, {{-128, -128, 127, -1}, {3, 8, 9, -1}}),
            (std::vector<double>{-16, -1, 0, -1}));
  EXPECT_EQ(apply(Op::shl, DType::i8, {{1, 1}, {7, -1}}), (std::vector<double>{-128, 0}));
  EXPECT_EQ(apply_exactly(Op::shr, DType::u64, {{-1, -1}, {63, 64}}), (std::vector<int64_t>{1, 0}));
}

TEST(Bits, AreLogicalOnBooleans) {
  EXPECT_EQ(apply(Op::not_, DType::boolean, {{0, 1}}), (std::vector<double>{1, 0}));
  EXPECT_EQ(apply(Op::xor_, DType::boolean, {{0, 0, 1, 1}, {0, 1, 0, 1}}), (std::vector<double>{0, 1, 1, 0}));
  EXPECT_EQ(apply(Op::not_, DType::u8, {{1}}), (std::vector<double>{254}));
  EXPECT_EQ(apply(Op::and_, DType::i8, {{-1}, {6}}), (std::vector<double>{6}));
  EXPECT_EQ(apply(Op::or_, DType::i8, {{-8}, {3}}), (std::vector<double>{-5}));
}

TEST(Compare, IsFalseOnNaNExceptNe) {
  const std::vector<double> a = {kNaN, 1, 0.0, 1}, b = {kNaN, kNaN, -0.0, 2};
  EXPECT_EQ(apply(Op::eq, DType::f32, {a, b}), (std::vector<double>{0, 0, 1, 0}));
  EXPECT_EQ(apply(Op::ne, DType::f32, {a, b}), (std::vector<double>{1, 1, 0, 1}));
  EXPECT_EQ(apply(Op::lt, DType::f32, {a, b}), (std::vector<double>{0, 0, 0, 1}));
  EXPECT_EQ(apply(Op::le, DType::f32, {a, b}), (std::vector<double>{0, 0, 1, 1}));
  EXPECT_EQ(apply_exactly(Op::lt, DType::u64, {{1, -1}, {-1, 1}}), (std::vector<int64_t>{1, 0}));
}

TEST(Elementary, KeepTheirMeaningAtTheEnds) {
  expect_same(apply(Op::sigmoid, DType::f32, {{-1e4, 1e4, 0, kNaN, -kInf, kInf}}), {0, 1, 0.5, kNaN, 0, 1});
  expect_same(apply(Op::softplus, DType::f32, {{-1e4, 1e4, kNaN, -kInf, kInf}}), {0, 1e4, kNaN, 0, kInf});
  expect_same(apply(Op::expm1, DType::f64, {{1e-300, -0.0, -kInf}}), {1e-300, -0.0, -1});
  expect_same(apply(Op::log1p, DType::f64, {{1e-300, -0.0, -1, -2}}), {1e-300, -0.0, -kInf, kNaN});
  expect_same(apply(Op::log, DType::f64, {{0.0, 1, -1, kInf}}), {-kInf, 0, kNaN, kInf});
  expect_same(apply(Op::sqrt, DType::f64, {{4, -0.0, -1}}), {2, -0.0, kNaN});
  expect_same(apply(Op::rsqrt, DType::f64, {{4, 0, -1}}), {0.5, kInf, kNaN});
  expect_same(apply(Op::tanh, DType::f64, {{-0.0, kInf, -kInf}}), {-0.0, 1, -1});
  expect_same(apply(Op::erf, DType::f64, {{-0.0, kInf, -kInf}}), {-0.0, 1, -1});
  expect_same(apply(Op::exp, DType::f32, {{89, -kInf, kNaN}}), {kInf, 0, kNaN});
  expect_same(apply(Op::pow, DType::f64, {{0, -2, 0, 2, kNaN}, {0, 3, -1, -1, 0}}), {1, -8, kInf, 0.5, 1});
  expect_same(apply(Op::cos, DType::f64, {{0, kInf}}), {1, kNaN});
  expect_same(apply(Op::sin, DType::f64, {{-0.0, kInf}}), {-0.0, kNaN});
}

TEST(Cast, SaturatesFloatsAndWrapsIntegers) {
  const std::vector<double> wild = {1.9, -1.9, 300, -300, kNaN, kInf, -kInf};
  EXPECT_EQ(apply(Op::cast, DType::f32, {wild}, CastAttrs{DType::i8}),
            (std::vector<double>{1, -1, 127, -128, 0, 127, -128}));
  EXPECT_EQ(apply(Op::cast, DType::f32, {wild}, CastAttrs{DType::u8}),
            (std::vector<double>{1, 0, 255, 0, 0, 255, 0}));
  EXPECT_EQ(apply(Op::cast, DType::f32, {{0.0, -0.0, 0.1, kNaN}}, CastAttrs{DType::boolean}),
            (std::vector<double>{0, 0, 1, 1}));
  EXPECT_EQ(apply(Op::cast, DType::i32, {{300, -1, 256}}, CastAttrs{DType::u8}),
            (std::vector<double>{44, 255, 0}));
  EXPECT_EQ(apply(Op::cast, DType::i32, {{300, 0, 256}}, CastAttrs{DType::boolean}),
            (std::vector<double>{1, 0, 1}));
  EXPECT_EQ(apply(Op::cast, DType::f64, {{1e30, -1e30}}, CastAttrs{DType::i64}),
            (std::vector<double>{0x1p63, -0x1p63}));
  EXPECT_EQ(apply(Op::cast, DType::f64, {{0x1p63, 1e30}}, CastAttrs{DType::u64}),
            (std::vector<double>{0x1p63, 0x1p64}));
  EXPECT_EQ(apply(Op::cast, DType::f64, {{1 + 0x1p-30, 1e300}}, CastAttrs{DType::f32}),
            (std::vector<double>{1, kInf}));
}

TEST(Cast, RoundsLongIntegersOnce) {
  Tensor x(DType::i64, {1});
  x.set_integer(0, (int64_t{1} << 60) + (int64_t{1} << 36) + 1);  // by way of f64 it would be a tie
  const auto y = run({vector_of(DType::i64, 1)}, {x},
                     [](Builder& b, auto& p) { return std::vector{b.cast(p[0], DType::f32)}; });
  EXPECT_EQ(y[0].get(0), 0x1p60 + 0x1p37);
}

TEST(Select, TakesOneOfTwo) {
  const auto y = run({vector_of(DType::boolean, 2), vector_of(DType::i32, 2), vector_of(DType::i32, 2)},
                     {tensor(DType::boolean, {2}, {1, 0}), i32({2}, {1, 2}), i32({2}, {3, 4})},
                     [](Builder& b, auto& p) { return std::vector{b.select(p[0], p[1], p[2])}; });
  EXPECT_EQ(y[0], i32({2}, {1, 4}));
}

TEST(Pointwise, RefusesOtherShapesAndDtypes) {
  auto error = [](const std::vector<Type>& types, Op op) {
    return error_of(types, [op](Builder& b, auto& p) { return std::vector{b.make(op, p)}; });
  };
  EXPECT_EQ(error({f32({kN, 3}), f32({kN, 4})}, Op::add),
            "add: operand 1 is f32[N,4]: its shape must be that of operand 0, [N,3]");
  EXPECT_EQ(error({f32({3}), i32({3})}, Op::mul),
            "mul: operand 1 is i32[3]: its dtype must be that of operand 0, f32");
  EXPECT_EQ(error({i32({3})}, Op::exp), "exp: operand 0 is i32[3]: its elements must be floats");
  EXPECT_EQ(error({Type(DType::u8, {3})}, Op::neg),
            "neg: operand 0 is u8[3]: its elements must be signed numbers");
  EXPECT_EQ(error({Type(DType::boolean, {}), Type(DType::boolean, {})}, Op::max),
            "max: operand 0 is bool[]: its elements must be numbers");
  EXPECT_EQ(error({f32({}), f32({})}, Op::and_),
            "and: operand 0 is f32[]: its elements must be integers or booleans");
  EXPECT_EQ(error({f32({2}), f32({2}), f32({2})}, Op::select),
            "select: operand 0 is f32[2]: its elements must be booleans");
  EXPECT_EQ(error({f32({2})}, Op::add), "add: has 1 operands, expected 2");
  EXPECT_EQ(error({f32({64}), Type(DType::f32, {64}, Layout{0, 32})}, Op::add),
            "add: operand 1 is f32[64]{0:32}: its layout must be that of operand 0, f32[64]");
}

TEST(PointwiseGradient, OfOneOperand) {
  Random random(7);
  for (int round = 0; round < 5; ++round) {
    for (Op op :
         {Op::neg, Op::exp, Op::expm1, Op::sin, Op::cos, Op::tanh, Op::sigmoid, Op::softplus, Op::erf})
      check_gradient({op, {random_tensor(random, {2, 3})}});
    for (Op op : {Op::sqrt, Op::rsqrt, Op::log, Op::log1p})
      check_gradient({op, {random_tensor(random, {2, 3}, 0.2, 3)}});
    for (Op op : {Op::abs, Op::sign, Op::floor, Op::ceil, Op::round})
      check_gradient({op, {distinct_tensor(random, {2, 3})}});
  }
}

TEST(PointwiseGradient, OfTwoOperands) {
  Random random(8);
  for (int round = 0; round < 5; ++round) {
    for (Op op : {Op::add, Op::sub, Op::mul})
      check_gradient({op, {random_tensor(random, {2, 3}), random_tensor(random, {2, 3})}});
    check_gradient({Op::div, {random_tensor(random, {2, 3}), random_tensor(random, {2, 3}, 0.5, 2)}});
    check_gradient({Op::pow, {random_tensor(random, {2, 3}, 0.2, 2), random_tensor(random, {2, 3})}});
    check_gradient({Op::rem, {random_tensor(random, {6}, 2.1, 2.9), random_tensor(random, {6}, 0.95, 1.0)}});
    const Tensor both = distinct_tensor(random, {2, 6});
    Tensor a(DType::f64, {6}), b(DType::f64, {6});
    for (int64_t i = 0; i < 6; ++i) a.set(i, both.get(i)), b.set(i, both.get(6 + i));
    check_gradient({Op::max, {a, b}});
    check_gradient({Op::min, {a, b}});
    check_gradient({Op::select, {tensor(DType::boolean, {6}, {1, 0, 1, 1, 0, 0}), a, b}});
  }
}

/// What the rule gives for operands that are both params, or whose second one is a constant.
std::vector<double> slope(Op op, std::vector<double> a, std::vector<double> b, bool constant_b, size_t of) {
  const int64_t size = static_cast<int64_t>(a.size());
  const Type type(DType::f64, {size});
  auto second = std::make_shared<const Tensor>(tensor(DType::f64, {size}, b));
  return values_of(run({type, type}, {tensor(DType::f64, {size}, a), *second},
                       [&](Builder& builder, const std::vector<Value>& p) {
                         const std::vector<Value> operands = {p[0],
                                                              constant_b ? builder.constant(second) : p[1]};
                         const Node* node = builder.make_node(op, operands);
                         const Value y = node->value(), dy = builder.constant(DType::f64, 1, {Dim(size)});
                         const bool wanted[] = {of == 0, of == 1};
                         Value gradients[2];
                         def_of(op).gradient.fn({builder, *node, operands, std::span(&y, 1),
                                                 std::span(&dy, 1), wanted, gradients});
                         return std::vector{gradients[of]};
                       })[0]);
}

TEST(MaxGradient, SharesTiesButNotWithConstants) {
  EXPECT_EQ(slope(Op::max, {1, 2, 3}, {2, 2, 2}, false, 0), (std::vector<double>{0, 0.5, 1}));
  EXPECT_EQ(slope(Op::max, {1, 2, 3}, {2, 2, 2}, false, 1), (std::vector<double>{1, 0.5, 0}));
  EXPECT_EQ(slope(Op::max, {-1, 0, 1}, {0, 0, 0}, true, 0), (std::vector<double>{0, 0, 1}));
  EXPECT_EQ(slope(Op::min, {1, 2, 3}, {2, 2, 2}, false, 0), (std::vector<double>{1, 0.5, 0}));
  EXPECT_EQ(slope(Op::min, {1, 6, 7}, {6, 6, 6}, true, 0), (std::vector<double>{1, 0, 0}));
}

TEST(PowGradient, HasNoNaNFromWhatIsNotTaken) {
  EXPECT_EQ(slope(Op::pow, {0, 0, 0, -2, -2}, {0, 1, 2, 0, 3}, false, 0),
            (std::vector<double>{0, 1, 0, 0, 12}));
  EXPECT_EQ(slope(Op::pow, {0, 0, 0, -2, 1}, {0, 2, -1, 3, 5}, false, 1), (std::vector<double>(5, 0)));
}

TEST(CastGradient, ExistsBetweenFloatsOnly) {
  Builder builder("f");
  const Value x = builder.param("x", Type(DType::f32, {2}));
  for (auto [to, differentiable] : {std::pair{DType::f64, true}, {DType::i32, false}}) {
    const Node* node = builder.make_node(Op::cast, {x}, CastAttrs{to});
    const Value y = node->value(), dy = builder.constant_like(y, 1);
    const bool wanted[] = {true};
    Value gradient;
    def_of(Op::cast).gradient.fn({builder, *node, std::span(&x, 1), std::span(&y, 1), std::span(&dy, 1),
                                  wanted, std::span(&gradient, 1)});
    EXPECT_EQ(static_cast<bool>(gradient), differentiable);
    if (differentiable) {
      EXPECT_EQ(to_text(gradient.type()), "f32[2]");
    }
  }
}

}  // namespace
}  // namespace keratin::testing
