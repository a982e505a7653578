// A network with its channels first, as it is computed with channels last: reference interpreter against kernels, kernels against
// machine code, and the gradients of a training step as well.
#include <gtest/gtest.h>

#include <random>

#include "codegen/native.h"
#include "ir/text.h"
#include "ir/text_format.h"
#include "tests/random_graph.h"

namespace keratin::testing {
namespace {

// Two convolutions, the second of which may be Winograd's; a depthwise one; a scale per channel; a window that overlaps.
const char* const kNetwork = R"(module @m {
  func @f(%x: f32[N,18,9,11], %a: f32[3,3,18,32], %s: f32[32], %d: f32[3,3,1,32], %b: f32[3,3,32,24]) -> (%y: f32[N,24,4,5], %z: f32[N,32], %g: f32[3,3,18,32]) {
    %0 = conv %x, %a {dims = "bf01_01io->bf01", input_dilation = [1, 1], kernel_dilation = [1, 1], pad_high = [1, 1], pad_low = [1, 1], stride = [1, 1]} : f32[N,32,9,11]
    %1 = broadcast %s {dims = [1]} : f32[N,32,9,11]
    %2 = mul %0, %1 : f32[N,32,9,11]
    %3 = max %2, 0.0 : f32[N,32,9,11]
    %4 = conv %3, %d {dims = "bf01_01io->bf01", groups = 32, input_dilation = [1, 1], kernel_dilation = [1, 1], pad_high = [1, 1], pad_low = [1, 1], stride = [1, 1]} : f32[N,32,9,11]
    %5 = reduce_sum %4 {axes = [2, 3]} : f32[N,32]
    %6 = conv %4, %b {dims = "bf01_01io->bf01", input_dilation = [1, 1], kernel_dilation = [1, 1], pad_high = [1, 1], pad_low = [1, 1], stride = [1, 1]} : f32[N,24,9,11]
    %7 = pool_max %6 {pad_high = [0, 0, 0, 0], pad_low = [0, 0, 0, 0], size = [1, 1, 3, 3], stride = [1, 1, 2, 2]} : f32[N,24,4,5]
    %8 = conv %x, %2 {dims = "fb01_io01->01bf", input_dilation = [1, 1], kernel_dilation = [1, 1], pad_high = [1, 1], pad_low = [1, 1], stride = [1, 1]} : f32[3,3,18,32]
    return %7, %5, %8
  }
}
)";

std::vector<Tensor> inputs_of(const Function& function, int64_t batch) {
  std::vector<Tensor> inputs;
  std::mt19937 random(5);
  for (const Node* param : function.params) {
    std::vector<int64_t> extents;
    for (const Dim dim : param->type().shape) extents.push_back(dim.value({{Symbol("N"), batch}}));
    Tensor& tensor = inputs.emplace_back(param->type().dtype, extents);
    for (int64_t i = 0; i < tensor.elements(); ++i)
      tensor.set(i, static_cast<double>(random() % 127) / 64 - 1);
  }
  return inputs;
}

TEST(ChannelsLast, AgreesOnAllLevels) {
  const Module module = parse_module(kNetwork, "f");
  for (const char* level : {"x86-64", "x86-64-v3", "x86-64-v4"}) {
    SCOPED_TRACE(level);
    const Target target = make_target(level, "x86_64-unknown-linux-gnu");
    const auto kernels = std::make_shared<const KernelModule>(compile_kernels(module, target));
    for (const int64_t batch : {0, 1, 3}) {
      const std::vector<Tensor> inputs = inputs_of(module.functions[0], batch);
      const std::vector<Tensor> expected = make_interpreter()->compile(module)->call("f", inputs);
      const std::vector<Tensor> interpreted = interpret_kernels(kernels)->call("f", inputs);
      for (size_t i = 0; i < expected.size(); ++i) EXPECT_EQ(disagreement(expected[i], interpreted[i]), "");
      if (!runs_on_host(target)) continue;
      for (const unsigned threads : {1u, 3u})
        EXPECT_TRUE(jit_kernels(kernels, target, {}, threads)->call("f", inputs) == interpreted) << threads;
    }
  }
}

}  // namespace
}  // namespace keratin::testing
