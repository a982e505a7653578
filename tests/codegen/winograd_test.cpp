// Winograd's convolutions with shapes that leave a rest everywhere: interpreter against kernels, kernels against machine code; and what
// they cost in exactness.
#include "ir/winograd.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "codegen/native.h"
#include "ir/builder.h"
#include "ir/text.h"
#include "tests/codegen/schedules.h"
#include "tests/convolutions.h"
#include "tests/random_graph.h"

namespace keratin::testing {
namespace {

struct Case {
  std::string name;
  Shape input;
  int64_t size, features;  ///< 4 or 6; of the result
  WinogradAttrs attrs;
  int64_t batch = 0;  ///< the value of N
  DType dtype = DType::f32;
  bool is_weight = true;  ///< the kernel, which is packed then; otherwise it is an input
};

const WinogradAttrs kSame{{1, 1}, {1, 1}}, kValid{{0, 0}, {0, 0}};
const Dim kBatch(1, Symbol("N"));

const std::vector<Case> kCases = {
    {"WholeTiles", {1, 8, 12, 32}, 4, 32, kSame},
    {"OddImage", {2, 7, 9, 16}, 4, 48, kSame},
    {"OddImageWithoutPadding", {1, 9, 6, 24}, 4, 17, kValid},
    {"FewChannelsAndColumns", {3, 5, 5, 3}, 4, 5, kSame},
    {"ChannelsAndColumnsThatLeaveARest", {1, 6, 7, 45}, 4, 75, kSame},
    {"SeveralPiecesAndGroups", {1, 20, 22, 130}, 4, 256, kSame},
    {"GroupsOfFewTiles", {1, 5, 7, 40}, 4, 128, kSame},
    {"FreeBatch", {kBatch, 7, 7, 40}, 4, 33, kSame, 5},
    {"FreeBatchOfOne", {kBatch, 7, 7, 40}, 4, 33, kSame, 1},
    {"EmptyBatch", {kBatch, 7, 7, 40}, 4, 33, kSame, 0},
    {"FreeBatchOfManyImages", {Dim(2, Symbol("N")), 9, 5, 70}, 4, 64, kSame, 13},
    {"PaddingThatCuts", {1, 12, 9, 8}, 4, 16, {{-2, 1}, {0, -3}}},
    {"WidePadding", {1, 3, 4, 20}, 4, 16, {{4, 0}, {5, 7}}},
    {"OneResult", {1, 3, 3, 20}, 4, 20, kValid},
    {"NoResult", {1, 2, 3, 20}, 4, 20, kValid},
    {"NoResultOfManyColumns", {0, 5, 7, 40}, 4, 128, kSame},
    {"Doubles", {1, 6, 5, 12}, 4, 20, kSame, 0, DType::f64},
    {"Halves", {1, 6, 5, 12}, 4, 20, kSame, 0, DType::f16},
    {"KernelThatIsAnInput", {2, 5, 6, 7}, 4, 37, kSame, 0, DType::f32, false},
    {"LargeWholeTiles", {1, 8, 12, 32}, 6, 32, kSame},
    {"LargeOddImage", {2, 7, 9, 16}, 6, 48, kSame},
    {"LargeWithoutPadding", {1, 9, 13, 24}, 6, 17, kValid},
    {"LargeRests", {1, 6, 7, 45}, 6, 75, kSame},
    {"LargeSeveralPieces", {1, 33, 30, 130}, 6, 128, kSame},
    {"LargeFreeBatch", {kBatch, 7, 7, 40}, 6, 33, kSame, 5},
};

/// Small numbers without a pattern.
Tensor numbers(const Type& type, const Bindings& bindings, uint32_t seed) {
  std::vector<int64_t> extents;
  for (const Dim dim : type.shape) extents.push_back(dim.value(bindings));
  Tensor tensor(type.dtype, extents);
  std::mt19937 random(seed);
  for (int64_t i = 0; i < tensor.elements(); ++i) tensor.set(i, static_cast<double>(random() % 127) / 64 - 1);
  return tensor;
}

Bindings bindings_of(const Case& c) { return {{Symbol("N"), c.batch}}; }

Type kernel_of(const Case& c) { return Type(c.dtype, {c.size, c.size, c.input.back(), c.features}); }

Type result_of(const Case& c) {
  Builder types;
  return types
      .make(Op::winograd, {types.param("x", Type(c.dtype, c.input)), types.var("w", kernel_of(c))}, c.attrs)
      .type();
}

/// The convolution, a bias, a residual and a relu.
Module module_of(const Case& c) {
  const Type input(c.dtype, c.input), kernel = kernel_of(c), result = result_of(c);
  Module module;
  module.name = "m";
  if (c.is_weight)
    module.variables.push_back(
        {"w", kernel, Role::weight, false, std::make_shared<Tensor>(numbers(kernel, {}, 7))});
  Builder builder("f");
  const Value x = builder.param("x", input), residual = builder.param("residual", result);
  const Value bias = builder.param("bias", Type(c.dtype, {c.features}));
  const Value w = c.is_weight ? builder.var(module.variables[0]) : builder.param("w", kernel);
  const Value sums = builder.make(Op::winograd, {x, w}, c.attrs);
  const Value biased = builder.add(sums, builder.broadcast(bias, {3}, result.shape));
  builder.result("y", builder.max(builder.add(biased, residual), builder.constant_like(sums, 0)));
  module.functions.push_back(builder.finish());
  return module;
}

std::vector<Tensor> inputs_of(const Case& c) {
  const Bindings bindings = bindings_of(c);
  std::vector<Tensor> inputs{numbers(Type(c.dtype, c.input), bindings, 5), numbers(result_of(c), bindings, 6),
                             numbers(Type(c.dtype, {c.features}), {}, 8)};
  if (!c.is_weight) inputs.push_back(numbers(kernel_of(c), {}, 7));
  return inputs;
}

class Winograd : public ::testing::TestWithParam<Case> {};

TEST_P(Winograd, AgreesOnAllLevels) {
  const Module module = module_of(GetParam());
  const std::vector<Tensor> inputs = inputs_of(GetParam());
  const Tensor expected = make_interpreter()->compile(module)->call("f", inputs)[0];
  for (const char* level : {"x86-64", "x86-64-v3", "x86-64-v4"}) {
    SCOPED_TRACE(level);
    const Target target = make_target(level, "x86_64-unknown-linux-gnu");
    const auto kernels = std::make_shared<const KernelModule>(compile_kernels(module, target));
    const std::vector<Tensor> interpreted = interpret_kernels(kernels)->call("f", inputs);
    EXPECT_EQ(disagreement(expected, interpreted[0]), "");
    if (!runs_on_host(target)) continue;
    for (const unsigned threads : {1u, 3u})
      EXPECT_TRUE(jit_kernels(kernels, target, {}, threads)->call("f", inputs) == interpreted) << threads;
  }
}

TEST_P(Winograd, HasTheSameBitsByAnySchedule) {
  for (const Target& target : {make_target("x86-64-v3", "x86_64-unknown-linux-gnu"), host_target()})
    expect_same_bits_by_schedules(module_of(GetParam()), inputs_of(GetParam()), target);
}

INSTANTIATE_TEST_SUITE_P(All, Winograd, ::testing::ValuesIn(kCases),
                         [](const auto& info) { return info.param.name; });

/// The root of the mean square of the differences.
double error(const Tensor& exact, const Tensor& found) {
  double sum = 0;
  for (int64_t i = 0; i < exact.elements(); ++i) sum += std::pow(exact.get(i) - found.get(i), 2);
  return std::sqrt(sum / static_cast<double>(exact.elements()));
}

TEST(Winograd, ErrorsAreWithinTheirBounds) {
  for (const int64_t channels : {32, 64, 192}) {
    SCOPED_TRACE(channels);
    const Type image(DType::f32, {1, 24, 21, channels}), kernel(DType::f32, {3, 3, channels, 64});
    std::mt19937 random(3);
    std::normal_distribution<double> normal;
    Tensor x(DType::f32, {1, 24, 21, channels}), w(DType::f32, {3, 3, channels, 64});
    for (Tensor* tensor : {&x, &w})
      for (int64_t i = 0; i < tensor->elements(); ++i) tensor->set(i, normal(random));
    Module module;
    module.name = "m";
    module.variables.push_back({"w", kernel, Role::weight, false, std::make_shared<Tensor>(w)});
    Builder builder("predict");
    builder.result("y", builder.make(Op::conv, {builder.param("x", image), builder.var(module.variables[0])},
                                     convolution(1, 1)));
    module.functions.push_back(builder.finish());
    const std::vector<Tensor> inputs{x};
    // Numbers of f32, so sums in f64 are as good as exact.
    Module doubles = clone(module);
    Builder in_doubles("predict");
    const Value wide = in_doubles.cast(in_doubles.param("x", image), DType::f64);
    in_doubles.result(
        "y",
        in_doubles.make(Op::conv, {wide, in_doubles.cast(in_doubles.var(module.variables[0]), DType::f64)},
                        module.functions[0].results[0].value.node->attrs));
    doubles.functions[0] = in_doubles.finish();
    const Tensor exact = make_interpreter()->compile(doubles)->call("predict", inputs)[0];
    const auto error_of = [&](Convolutions convolutions) {
      PipelineOptions options;
      options.convolutions = convolutions;
      const auto kernels =
          std::make_shared<const KernelModule>(compile_kernels(module, host_target(), options));
      return error(exact, jit_kernels(kernels, host_target(), {}, 1)->call("predict", inputs)[0]);
    };
    const double direct = error_of(Convolutions::exact), small = error_of(Convolutions::winograd),
                 large = error_of(Convolutions::fast);
    EXPECT_NE(small, direct);
    EXPECT_NE(large, small);
    EXPECT_LT(small, 4 * direct);
    EXPECT_LT(large, 16 * direct);
  }
}

}  // namespace
}  // namespace keratin::testing
