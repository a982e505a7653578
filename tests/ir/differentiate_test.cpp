// Gradients of whole functions: through several ops, through scans, of random graphs, of gradients.
#include "ir/differentiate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <optional>

#include "ir/text_format.h"
#include "tests/ir/gradient_check.h"
#include "tests/random_graph.h"

namespace keratin::testing {
namespace {

/// Checks the gradients that the function "f" gives for its inputs, which are its results from the second on; the first one is
/// the loss. Each gradient is compared with central differences, element by element.
void check_function(const std::string& text, std::vector<Tensor> inputs, double tolerance = 1e-6) {
  const Module module = parse_module(text, "test");
  const auto executable = make_interpreter()->compile(module);
  const std::vector<Tensor> found = executable->call("f", inputs);
  const Function& function = module.function("f");
  for (size_t result = 1; result < found.size(); ++result) {
    const auto param = std::ranges::find_if(function.params, [&](const Node* node) {
      return node->as<NameAttrs>().name == function.results[result].name.substr(1);
    });
    ASSERT_NE(param, function.params.end()) << function.results[result].name;
    Tensor& input = inputs[param - function.params.begin()];
    for (int64_t i = 0; i < input.elements(); ++i) {
      const double x = input.get(i), h = 1e-5 * std::max(1.0, std::fabs(x));
      input.set(i, x + h);
      const double above = executable->call("f", inputs)[0].get(0);
      input.set(i, x - h);
      const double below = executable->call("f", inputs)[0].get(0);
      input.set(i, x);
      const double slope = (above - below) / (2 * h);
      ASSERT_NEAR(found[result].get(i), slope, tolerance * std::max(1.0, std::fabs(slope)))
          << function.results[result].name << ", element " << i;
    }
  }
}

class Differentiate : public ::testing::Test {
 protected:
  Tensor numbers(std::vector<int64_t> shape) { return random_tensor(random_, std::move(shape), -1, 1); }
  Random random_{11};
};

TEST_F(Differentiate, AllPathsAdd) {
  check_function(R"(module @m {
  func @f(%x: f64[N,3], %w: f64[3,4]) -> (%loss: f64[], %dx: f64[N,3], %dw: f64[3,4]) {
    %a = dot %x, %w {contract = [1]x[0]} : f64[N,4]
    %b = tanh %a : f64[N,4]
    %c = mul %b, %a : f64[N,4]
    %d = dot %c, %w {contract = [1]x[1]} : f64[N,3]
    %e = add %d, %x : f64[N,3]
    %s = mul %e, %e : f64[N,3]
    %loss = reduce_sum %s {axes = [0, 1]} : f64[]
    %dx, %dw = gradient %loss, %x, %w : f64[N,3], f64[3,4]
    return %loss, %dx, %dw
  }
})",
                 {numbers({2, 3}), numbers({3, 4})});
}

TEST_F(Differentiate, NothingArrives) {
  const Module module = parse_module(R"(module @m {
  func @f(%x: f64[2], %y: f64[2]) -> (%dx: f64[2], %dy: f64[2]) {
    %stopped = stop_gradient %x : f64[2]
    %a = mul %stopped, %y : f64[2]
    %loss = reduce_sum %a {axes = [0]} : f64[]
    %dx, %dy = gradient %loss, %x, %y : f64[2], f64[2]
    return %dx, %dy
  }
})",
                                     "test");
  const std::vector<Tensor> found =
      make_interpreter()->compile(module)->call("f", {{numbers({2}), numbers({2})}});
  EXPECT_EQ(found[0].get(0), 0);
  EXPECT_EQ(found[0].get(1), 0);
  EXPECT_NE(found[1].get(0), 0);
}

// What is not on a path from an x to the loss is not visited: a frozen first layer has no gradient nodes at all.
TEST_F(Differentiate, WhatIsFrozenCostsNothing) {
  const auto nodes = [](const std::string& of) {
    const Module module = parse_module(R"(module @m {
  var @frozen : f64[3,3]
  var @trained : f64[3,3]
  func @f(%x: f64[N,3]) -> (%dw: f64[3,3]) {
    %a = dot %x, @frozen {contract = [1]x[0]} : f64[N,3]
    %b = tanh %a : f64[N,3]
    %c = dot %b, @trained {contract = [1]x[0]} : f64[N,3]
    %loss = reduce_sum %c {axes = [0, 1]} : f64[]
    %dw = gradient %loss, @)" + of + R"( : f64[3,3]
    return %dw
  }
})",
                                       "test");
    return differentiate(module).functions[0].nodes.size();
  };
  EXPECT_LT(nodes("trained") + 4, nodes("frozen"));
}

TEST_F(Differentiate, GradientsOfGradients) {
  check_function(R"(module @m {
  func @f(%x: f64[3]) -> (%loss: f64[], %dx: f64[3]) {
    %e = exp %x : f64[3]
    %s = sin %e : f64[3]
    %inner = reduce_sum %s {axes = [0]} : f64[]
    %g = gradient %inner, %x : f64[3]
    %g2 = mul %g, %g : f64[3]
    %loss = reduce_sum %g2 {axes = [0]} : f64[]
    %dx = gradient %loss, %x : f64[3]
    return %loss, %dx
  }
})",
                 {numbers({3})});
}

// A recurrent layer: carry, sequence, captured weights, outputs of each step and the last state.
constexpr std::string_view kRecurrent = R"(module @m {
  func @f(%x: f64[N,T,2], %w: f64[2,3], %u: f64[3,3], %h: f64[N,3]) -> (
      %loss: f64[], %dx: f64[N,T,2], %dw: f64[2,3], %du: f64[3,3], %dh: f64[N,3]) {
    %last, %all = scan %h, %x, %w, %u {axis = 1, carries = 1, length = T, reverse = REVERSE, sequences = 1} (
        %h: f64[N,3], %x: f64[N,2], %w: f64[2,3], %u: f64[3,3]) {
      %a = dot %x, %w {contract = [1]x[0]} : f64[N,3]
      %b = dot %h, %u {contract = [1]x[0]} : f64[N,3]
      %z = add %a, %b : f64[N,3]
      %next = tanh %z : f64[N,3]
      %out = mul %next, %h : f64[N,3]
      return %next, %out
    } : f64[N,3], f64[N,T,3]
    %squares = mul %all, %all : f64[N,T,3]
    %s = reduce_sum %squares {axes = [0, 1, 2]} : f64[]
    %t = reduce_sum %last {axes = [0, 1]} : f64[]
    %loss = add %s, %t : f64[]
    %dx, %dw, %du, %dh = gradient %loss, %x, %w, %u, %h : f64[N,T,2], f64[2,3], f64[3,3], f64[N,3]
    return %loss, %dx, %dw, %du, %dh
  }
})";

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

TEST_F(Differentiate, Scan) {
  for (const std::string reverse : {"true", "false"})
    for (const int64_t steps : {0, 1, 4})
      check_function(replaced(std::string(kRecurrent), "REVERSE", reverse),
                     {numbers({2, steps, 2}), numbers({2, 3}), numbers({3, 3}), numbers({2, 3})});
}

// A counter that has no gradient, a scalar that is kept along axis 1, a carry that nothing reads.
TEST_F(Differentiate, ScanOverAxisOneKeepsScalars) {
  check_function(R"(module @m {
  func @f(%x: f64[2,3], %s: f64[]) -> (%loss: f64[], %dx: f64[2,3], %ds: f64[]) {
    %zero = iota {axis = 0, shape = [1]} : i32[1]
    %i0 = reshape %zero {shape = []} : i32[]
    %last, %count, %unread = scan %s, %i0, %s, %x {axis = 1, carries = 3, length = 3, sequences = 1} (
        %a: f64[], %i: i32[], %c: f64[], %x: f64[2]) {
      %e = exp %a : f64[]
      %x2 = mul %x, %x : f64[2]
      %sum = reduce_sum %x2 {axes = [0]} : f64[]
      %p = mul %e, %sum : f64[]
      %next = sin %p : f64[]
      %j = add %i, 1:i32 : i32[]
      %d = mul %c, %a : f64[]
      return %next, %j, %d
    } : f64[], i32[], f64[]
    %loss = mul %last, %last : f64[]
    %dx, %ds = gradient %loss, %x, %s : f64[2,3], f64[]
    return %loss, %dx, %ds
  }
})",
                 {numbers({2, 3}), numbers({})});
}

TEST_F(Differentiate, ScanInScan) {
  check_function(R"(module @m {
  func @f(%x: f64[3,2,2], %w: f64[2]) -> (%loss: f64[], %dx: f64[3,2,2], %dw: f64[2]) {
    %start = mul %w, %w : f64[2]
    %last = scan %start, %x, %w {carries = 1, length = 3, sequences = 1} (
        %h: f64[2], %x: f64[2,2], %w: f64[2]) {
      %inner = scan %h, %x, %w {carries = 1, length = 2, sequences = 1} (%g: f64[2], %x: f64[2], %w: f64[2]) {
        %a = mul %g, %x : f64[2]
        %b = add %a, %w : f64[2]
        %next = tanh %b : f64[2]
        return %next
      } : f64[2]
      return %inner
    } : f64[2]
    %loss = reduce_sum %last {axes = [0]} : f64[]
    %dx, %dw = gradient %loss, %x, %w : f64[3,2,2], f64[2]
    return %loss, %dx, %dw
  }
})",
                 {numbers({3, 2, 2}), numbers({2})});
}

TEST_F(Differentiate, GradientInScanAndSecondOrderThroughScan) {
  check_function(R"(module @m {
  func @f(%x: f64[4]) -> (%loss: f64[], %dx: f64[4]) {
    %one = broadcast 1.0:f64 {shape = [2]} : f64[2]
    %last = scan %one, %x {carries = 1, length = 4, sequences = 1} (%h: f64[2], %x: f64[]) {
      %wide = broadcast %x {shape = [2]} : f64[2]
      %a = mul %h, %wide : f64[2]
      %s = sin %a : f64[2]
      %inner = reduce_sum %s {axes = [0]} : f64[]
      %g = gradient %inner, %h : f64[2]
      %next = add %g, %h : f64[2]
      return %next
    } : f64[2]
    %first = reduce_sum %last {axes = [0]} : f64[]
    %g = gradient %first, %x : f64[4]
    %g2 = mul %g, %g : f64[4]
    %loss = reduce_sum %g2 {axes = [0]} : f64[]
    %dx = gradient %loss, %x : f64[4]
    return %loss, %dx
  }
})",
                 {numbers({4})});
}

TEST_F(Differentiate, FusionsAreOpened) {
  check_function(R"(module @m {
  func @f(%x: f64[3]) -> (%loss: f64[], %dx: f64[3]) {
    %a, %b = fusion %x (%x: f64[3]) {
      %e = exp %x : f64[3]
      %s = sin %e : f64[3]
      return %e, %s
    } : f64[3], f64[3]
    %c = mul %a, %b : f64[3]
    %loss = reduce_sum %c {axes = [0]} : f64[]
    %dx = gradient %loss, %x : f64[3]
    return %loss, %dx
  }
})",
                 {numbers({3})});
}

/// How fast result `loss` of "f" changes along `direction`; none where the inputs are at a kink or jump.
std::optional<double> slope(const Module& module, const std::vector<Tensor>& inputs,
                            const std::vector<Tensor>& direction, size_t loss) {
  auto at = [&](double distance) {
    std::vector<Tensor> moved = inputs;
    for (size_t i = 0; i < moved.size(); ++i)
      for (int64_t j = 0; moved[i].dtype() == DType::f64 && j < moved[i].elements(); ++j)
        moved[i].set(j, moved[i].get(j) + distance * direction[i].get(j));
    return make_interpreter()->compile(module)->call("f", moved)[loss].get(
        0);  // anew: calls update variables
  };
  const double h = 1e-6, here = at(0), above = at(h), below = at(-h);
  const double left = (here - below) / h, right = (above - here) / h;
  if (std::fabs(above - here) > 1e-3 * std::max(1.0, std::fabs(here))) return std::nullopt;
  if (!(std::fabs(right - left) < 1e-4 * std::max(1.0, std::fabs(right)))) return std::nullopt;
  return (above - below) / (2 * h);
}

// Along a random direction, the gradient must say what central differences say.
TEST_F(Differentiate, RandomGraphs) {
  int compared = 0;
  OpCoverage coverage;
  for (uint64_t seed = 0; seed < 800; ++seed) {
    const RandomGraph graph =
        random_graph({.seed = seed,
                      .without = {Op::stop_gradient, Op::cast, Op::pool_max_grad, Op::winograd},
                      .dtypes = {DType::f64, DType::f64, DType::f64, DType::i32},
                      .fewest_nodes = 1 + static_cast<int64_t>(seed % 12)});
    const Module module = with_gradients(graph.module);
    const size_t loss = graph.module.functions[0].results.size();
    const std::vector<Tensor> found = make_interpreter()->compile(module)->call("f", graph.inputs);
    std::vector<Tensor> direction;
    double given = 0;
    size_t next = loss + 1;
    for (const Tensor& input : graph.inputs) {
      direction.push_back(numbers(input.shape()));
      if (!is_float(input.dtype())) continue;
      const Tensor& gradient = found[next++];
      for (int64_t i = 0; input.dtype() == DType::f64 && i < input.elements(); ++i)
        given += gradient.get(i) * direction.back().get(i);
    }
    const std::optional<double> expected = slope(module, graph.inputs, direction, loss);
    if (!expected) continue;
    const double scale = std::max({1.0, std::fabs(*expected), std::fabs(found[loss].get(0))});
    EXPECT_NEAR(given, *expected, 1e-6 * scale) << "seed " << seed << "\n" << print(graph.module);
    coverage.add(graph.module);
    compared += given != 0;
  }
  EXPECT_GT(compared, 300) << coverage.report();
  for (int i = 0; i < kOpCount; ++i) {
    const Op op = static_cast<Op>(i);
    const bool is_drawn =
        op != Op::cast && op != Op::pool_max_grad && op != Op::winograd && family_of(op) != Family::calculus;
    if (!is_drawn || def_of(op).gradient.fn == not_differentiable) continue;
    EXPECT_GE(coverage.count(op), 20) << to_text(op) << "\n" << coverage.report();
  }
}

}  // namespace
}  // namespace keratin::testing
