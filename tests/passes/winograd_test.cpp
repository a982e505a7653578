// What the passes winograd and fast_conv decide by: samples of weights, and errors.
#include <gtest/gtest.h>

#include <random>

#include "ir/builder.h"
#include "ir/executor.h"
#include "passes/pass.h"
#include "passes/weight_sample.h"
#include "passes/winograd_error.h"
#include "tests/convolutions.h"

namespace keratin::testing {
namespace {

Tensor random_tensor(const std::vector<int64_t>& shape) {
  Tensor tensor(DType::f32, shape);
  std::mt19937 random(5);
  std::normal_distribution<double> normal;
  for (int64_t i = 0; i < tensor.elements(); ++i) tensor.set(i, normal(random));
  return tensor;
}

TEST(WeightSample, IsASliceOfTheWhole) {
  Module module;
  for (const auto& [name, shape] : {std::pair{"taps", Shape{3, 3, 10, 4}}, std::pair{"scale", Shape{10}}}) {
    const Type type(DType::f32, shape);
    std::vector<int64_t> extents;
    for (const Dim dim : shape) extents.push_back(dim.value());
    module.variables.push_back(
        {name, type, Role::weight, false, std::make_shared<Tensor>(random_tensor(extents))});
  }
  // Axis 2 is sampled through a product with what is repeated, but not through a sum over it.
  Builder builder("predict");
  const Value taps = builder.var(module.variables[0]), scale = builder.var(module.variables[1]);
  const Value total = builder.reduce(Op::reduce_sum, taps, {2});
  const Value scaled = builder.mul(taps, builder.broadcast(builder.exp(scale), {2}, taps.shape()));
  const Value weight = builder.add(scaled, builder.broadcast(total, {0, 1, 3}, taps.shape()));
  builder.result("w", weight);
  module.functions.push_back(builder.finish());
  const Value value = module.functions[0].results[0].value;

  const Tensor whole = make_interpreter()->compile(module)->call("predict", {})[0];
  const Tensor sample = sample_weight(module, module.functions[0], value, {0, 1, 3, 2}, 3);
  ASSERT_EQ(sample.shape(), (std::vector<int64_t>{3, 3, 4, 3}));
  for (int64_t place = 0; place < 9; ++place)
    for (int64_t i = 0; i < 4; ++i)
      for (int64_t k = 0; k < 3; ++k)
        EXPECT_EQ(sample.get((place * 4 + i) * 3 + k), whole.get((place * 10 + 3 * k) * 4 + i));
}

TEST(WinogradError, IsNearThatOfDirectSums) {
  const Tensor taps = random_tensor({3, 3, 96, 8});
  const double small = winograd_error(taps, winograd_transform(4)),
               large = winograd_error(taps, winograd_transform(6));
  EXPECT_GT(small, 0.3);
  EXPECT_LT(small, 1.5);
  EXPECT_GT(large, small);
  EXPECT_LT(large, 4);
}

/// How many convolutions the pass makes Winograd's, of one with these taps.
int64_t converted(const Tensor& taps, Module (*pass)(const Module&, Decisions*)) {
  Module module;
  module.variables.push_back({"taps", taps.type(), Role::weight, false, std::make_shared<Tensor>(taps)});
  Builder builder("predict");
  const Value x = builder.param("x", Type(DType::f32, {Dim::batch(), 20, 20, taps.shape()[2]}));
  builder.result("y", builder.make(Op::conv, {x, builder.var(module.variables[0])}, convolution(1, 1)));
  module.functions.push_back(builder.finish());
  const Module made = pass(module, nullptr);
  int64_t count = 0;
  for (const auto& node : made.functions[0].nodes) count += node->op == Op::winograd;
  return count;
}

TEST(WinogradPasses, LeaveWhatWouldBeLessExact) {
  const Tensor taps = random_tensor({3, 3, 32, 32});
  EXPECT_EQ(converted(taps, winograd), 1);
  EXPECT_EQ(converted(taps, fast_conv), 1);
  // The direct sums of a convolution that copies its input are exact.
  Tensor copies(DType::f32, {3, 3, 32, 32});
  for (int64_t i = 0; i < 32; ++i) copies.set((4 * 32 + i) * 32 + i, 1);
  EXPECT_EQ(converted(copies, winograd), 0);
  EXPECT_EQ(converted(copies, fast_conv), 0);
}

}  // namespace
}  // namespace keratin::testing
