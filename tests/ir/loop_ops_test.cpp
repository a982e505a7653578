// scan and fusion: a body run step by step, and once.
#include <gtest/gtest.h>

#include <cmath>

#include "ir/op.h"
#include "tests/ir/run.h"

namespace keratin::testing {
namespace {

/// h' = h + x_t, out_t = h'
std::shared_ptr<const Function> running_sum(Shape step = {}) {
  return body_of({f32(step), f32(step)}, [](Builder& b, auto& p) {
    const Value next = b.add(p[0], p[1]);
    return std::vector{next, next};
  });
}

Build scan(ScanAttrs attrs, std::shared_ptr<const Function> body) {
  return [=](Builder& b, const std::vector<Value>& p) {
    const Node* node = b.make_node(Op::scan, p, attrs, body);
    std::vector<Value> values;
    for (uint32_t i = 0; i < node->types.size(); ++i) values.push_back(node->value(i));
    return values;
  };
}

ScanAttrs steps(Dim length, bool reverse = false, int64_t axis = 0) {
  return {.axis = axis, .carries = 1, .sequences = 1, .length = length, .reverse = reverse};
}

TEST(Scan, CarriesAndStacks) {
  const auto y = run({f32({}), f32({4})}, {f32({}, {10}), counting({4})}, scan(steps(4), running_sum()));
  EXPECT_EQ(y[0], f32({}, {16}));
  EXPECT_EQ(y[1], f32({4}, {10, 11, 13, 16}));
}

TEST(Scan, ReverseKeepsOutputsAtTheirSteps) {
  const auto y =
      run({f32({}), f32({4})}, {f32({}, {10}), counting({4})}, scan(steps(4, true), running_sum()));
  EXPECT_EQ(y[0], f32({}, {16}));
  EXPECT_EQ(y[1], f32({4}, {16, 16, 15, 13}));
}

TEST(Scan, StepsAlongAnInnerAxisOfFreeLength) {
  const auto y = run({f32({kN}), f32({kN, kT})}, {f32({2}, {0, 100}), counting({2, 3})},
                     scan(steps(kT, false, 1), running_sum({kN})));
  EXPECT_EQ(y[0], f32({2}, {3, 112}));
  EXPECT_EQ(y[1], f32({2, 3}, {0, 1, 3, 103, 107, 112}));
}

TEST(Scan, WithoutStepsPassesTheStateThrough) {
  const auto y = run({f32({}), f32({kT})}, {f32({}, {10}), counting({0})}, scan(steps(kT), running_sum()));
  EXPECT_EQ(y[0], f32({}, {10}));
  EXPECT_EQ(y[1].elements(), 0);
}

TEST(Scan, RunsARecurrentLayer) {
  // h' = tanh(x_t W + h U), W and U the same in each step.
  const auto body = body_of({f32({kN, 2}), f32({kN, 1}), f32({1, 2}), f32({2, 2})}, [](Builder& b, auto& p) {
    const DotAttrs product{.contract = {{1}, {0}}, .batch = {}};
    const Value sum = b.add(b.make(Op::dot, {p[1], p[2]}, product), b.make(Op::dot, {p[0], p[3]}, product));
    const Value next = b.make(Op::tanh, {sum});
    return std::vector{next, next};
  });
  const Tensor w = f32({1, 2}, {0.5, -1}), u = f32({2, 2}, {0.1, 0.2, 0.3, 0.4}), x = f32({1, 2, 1}, {1, -2});
  const auto y = run({f32({kN, 2}), f32({kN, kT, 1}), f32({1, 2}), f32({2, 2})},
                     {f32({1, 2}, {0, 0}), x, w, u}, scan(steps(kT, false, 1), body));
  const double a0 = std::tanh(0.5), a1 = std::tanh(-1.0);
  const double b0 = std::tanh(-1 + 0.1 * a0 + 0.3 * a1), b1 = std::tanh(2 + 0.2 * a0 + 0.4 * a1);
  for (const auto& [i, expected] : {std::pair{0, a0}, {1, a1}, {2, b0}, {3, b1}})
    EXPECT_NEAR(y[1].get(i), expected, 1e-6);
  EXPECT_EQ(y[0].get(1), y[1].get(3));
}

TEST(Scan, NeedsNoSequenceAndNoOutput) {
  const auto doubling =
      body_of({f32({})}, [](Builder& b, auto& p) { return std::vector{b.add(p[0], p[0])}; });
  const auto y =
      run({f32({})}, {f32({}, {1})}, scan({.axis = 0, .carries = 1, .sequences = 0, .length = 10}, doubling));
  EXPECT_EQ(y[0], f32({}, {1024}));
}

TEST(Scan, RefusesABodyThatDoesNotFit) {
  EXPECT_EQ(error_of({f32({}), f32({4})}, scan(steps(5), running_sum())),
            "scan: operand 1 is f32[4]: its axis 0 must be as long as there are steps, 5");
  EXPECT_EQ(error_of({f32({2}), f32({4})}, scan(steps(4), running_sum())),
            "scan: param 0 of the body is f32[], expected f32[2]");
  EXPECT_EQ(error_of({f32({})}, scan(steps(4), running_sum())), "scan: has 1 operands, expected at least 2");
  EXPECT_EQ(error_of({f32({}), f32({4})}, scan(steps(4), nullptr)), "scan: it has no body");
  const auto widening = body_of({f32({}), f32({})},
                                [](Builder& b, auto& p) { return std::vector{b.broadcast(p[0], {}, {2})}; });
  EXPECT_EQ(error_of({f32({}), f32({4})}, scan(steps(4), widening)),
            "scan: result 0 of the body is f32[2], expected the type of carry 0, f32[]");
}

TEST(Fusion, MeansItsBody) {
  const auto body = body_of({f32({kN}), f32({kN})}, [](Builder& b, auto& p) {
    return std::vector{b.add(p[0], p[1]), b.mul(p[0], p[1])};
  });
  const auto y = run({f32({kN})}, {f32({2}, {2, 3})}, [&](Builder& b, auto& p) {
    const Node* node = b.make_node(Op::fusion, {p[0], p[0]}, NoAttrs{}, body);
    return std::vector{node->value(0), node->value(1)};
  });
  EXPECT_EQ(y[0], f32({2}, {4, 6}));
  EXPECT_EQ(y[1], f32({2}, {4, 9}));
  EXPECT_EQ(error_of({f32({3})},
                     [&](Builder& b, auto& p) {
                       return std::vector{b.make_node(Op::fusion, {p[0], p[0]}, NoAttrs{}, body)->value()};
                     }),
            "fusion: operand 0 is f32[3]: the body's param is f32[N]");
}

}  // namespace
}  // namespace keratin::testing
