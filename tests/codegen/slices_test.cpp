// Batches in slices: the same numbers, to the bit, however many samples a call has and whoever computes them.
#include "passes/slices.h"

#include <gtest/gtest.h>

#include <random>

#include "codegen/native.h"
#include "codegen/program_facts.h"
#include "ir/text.h"
#include "ir/text_format.h"
#include "tests/random_graph.h"

namespace keratin::testing {
namespace {

struct Case {
  std::string name, function;  ///< with $ for the batch
};

const std::vector<Case> kCases = {
    {"Convolutions",
     R"(func @f(%x: f32[$,19,17,8]) -> (%y: f32[$,10], %h: f32[$,19,17,40]) {
  %0 = conv %x, @w {dims = "b01f_01io->b01f", stride = [1, 1], pad_low = [1, 1], pad_high = [1, 1], input_dilation = [1, 1], kernel_dilation = [1, 1]} : f32[$,19,17,40]
  %1 = max %0, 0.0 : f32[$,19,17,40]
  %2 = reduce_sum %1 {axes = [1, 2]} : f32[$,40]
  %3 = dot %2, @d {contract = [1]x[0]} : f32[$,10]
  return %3, %1
}
)"},
    {"Attention", R"(func @f(%x: f32[$,33,40]) -> (%y: f32[$,33,32]) {
  %0 = dot %x, @q {contract = [2]x[0]} : f32[$,33,32]
  %1 = dot %0, %0 {batch = [0]x[0], contract = [2]x[2]} : f32[$,33,33]
  %2 = reduce_max %1 {axes = [2]} : f32[$,33]
  %3 = broadcast %2 {dims = [0, 1]} : f32[$,33,33]
  %4 = sub %1, %3 : f32[$,33,33]
  %5 = exp %4 : f32[$,33,33]
  %6 = reduce_sum %5 {axes = [2]} : f32[$,33]
  %7 = broadcast %6 {dims = [0, 1]} : f32[$,33,33]
  %8 = div %5, %7 : f32[$,33,33]
  %9 = dot %8, %0 {batch = [0]x[0], contract = [2]x[1]} : f32[$,33,32]
  return %9
}
)"},
    {"Separable", R"(func @f(%x: f32[$,14,13,40]) -> (%y: f32[$,7,6,1]) {
  %0 = conv %x, @c {dims = "b01f_01io->b01f", groups = 40, stride = [1, 1], pad_low = [1, 1], pad_high = [1, 1], input_dilation = [1, 1], kernel_dilation = [1, 1]} : f32[$,14,13,40]
  %1 = pool_max %0 {size = [1, 2, 2, 1], stride = [1, 2, 2, 1], pad_low = [0, 0, 0, 0], pad_high = [0, 0, 0, 0]} : f32[$,7,6,40]
  %2 = dot %1, @one {contract = [3]x[0]} : f32[$,7,6,1]
  return %2
}
)"},
    {"Layers", R"(func @f(%x: f32[$,40]) -> (%y: f32[$,10]) {
  %0 = dot %x, @q {contract = [1]x[0]} : f32[$,32]
  %1 = tanh %0 : f32[$,32]
  %2 = dot %1, @e {contract = [1]x[0]} : f32[$,10]
  return %2
}
)"},
};

Module module_of(const Case& c, const std::string& batch) {
  std::string function = c.function;
  for (size_t at; (at = function.find('$')) != std::string::npos;) function.replace(at, 1, batch);
  Module module = parse_module(
      cat("module @m {\n  var @w : f32[3,3,8,40]\n  var @d : f32[40,10]\n  var @q : f32[40,32]\n",
          "  var @e : f32[32,10]\n  var @c : f32[3,3,1,40]\n  var @one : f32[40,1]\n", function, "}\n"),
      c.name);
  std::mt19937 random(7);
  for (Variable& variable : module.variables) {
    std::vector<int64_t> shape;
    for (const Dim dim : variable.type.shape) shape.push_back(dim.value());
    auto data = std::make_shared<Tensor>(DType::f32, shape);
    for (int64_t i = 0; i < data->elements(); ++i)
      data->set(i, static_cast<double>(random() % 127) / 512 - 0.125);
    variable.data = std::move(data);
  }
  return module;
}

Tensor input_of(const Module& module, int64_t samples) {
  std::vector<int64_t> shape;
  for (const Dim dim : module.functions[0].params[0]->type().shape)
    shape.push_back(dim.is_static() ? dim.value() : samples);
  Tensor input(DType::f32, shape);
  std::mt19937 random(5);
  for (int64_t i = 0; i < input.elements(); ++i) input.set(i, static_cast<double>(random() % 127) / 64 - 1);
  return input;
}

class SlicedCalls : public ::testing::TestWithParam<Case> {};

TEST_P(SlicedCalls, OfAnySizeGiveTheSameBits) {
  const Module module = module_of(GetParam(), "N");
  const Target target = host_target();
  auto cut = std::make_shared<KernelModule>(compile_kernels(module, target, {.slices = true}));
  ASSERT_GT(cut->programs[0].slices.least, 0);
  cut->programs[0].slices = {1, 2};  // so that few samples are cut as well
  const auto whole = std::make_shared<const KernelModule>(compile_kernels(module, target));
  const auto expected = jit_kernels(whole, target, {}, 1);
  const auto interpreter = make_interpreter();
  for (const int64_t n : {1, 4, 9, 20, 63}) {
    SCOPED_TRACE(n);
    const std::vector<Tensor> inputs{input_of(module, n)};
    const std::vector<Tensor> want = expected->call("f", inputs);
    for (const unsigned threads : {1u, 3u}) {
      EXPECT_EQ(slices_of(cut->programs[0], n, threads) > 1, n > 1);
      EXPECT_TRUE(jit_kernels(cut, target, {}, threads)->call("f", inputs) == want) << threads;
    }
    if (n != 9) continue;
    const std::vector<Tensor> reference = interpreter->compile(module)->call("f", inputs);
    for (size_t i = 0; i < want.size(); ++i) EXPECT_EQ(disagreement(reference[i], want[i]), "");
  }
}

TEST_P(SlicedCalls, OfAFixedBatchAgreeOnAllLevels) {
  const Module module = module_of(GetParam(), "32");
  for (const Target& target : host_levels()) {
    SCOPED_TRACE(target.cpu);
    SlicedModule slices = cut_batches(module, 32);
    const auto kernels =
        std::make_shared<const KernelModule>(compile_kernels(module, target, {.slices = true, .batch = 32}));
    const Program& program = kernels->programs[0];
    if (slices.slices.empty()) {
      EXPECT_EQ(program.slices.least, 0);
      continue;
    }
    EXPECT_EQ(program.buffers[program.inputs[0]].shape[0], Dim(32));
    EXPECT_GE(fixed_slices(program), 8);
    const std::vector<Tensor> inputs{input_of(module, 32)};
    const std::vector<Tensor> interpreted = interpret_kernels(kernels)->call("f", inputs);
    const std::vector<Tensor> reference = make_interpreter()->compile(module)->call("f", inputs);
    for (size_t i = 0; i < reference.size(); ++i) EXPECT_EQ(disagreement(reference[i], interpreted[i]), "");
    for (const unsigned threads : {1u, 3u})
      EXPECT_TRUE(jit_kernels(kernels, target, {}, threads)->call("f", inputs) == interpreted) << threads;
    const KernelModule read = parse_kernels(print(*kernels));
    EXPECT_EQ(read.programs[0].slices, program.slices);
  }
}

INSTANTIATE_TEST_SUITE_P(All, SlicedCalls, ::testing::ValuesIn(kCases),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace keratin::testing
