// Kernels whose pieces go through several fusions: attention, two layers, lookups and their products, a convolution and what pools it. Reference interpreter
// against kernels, kernels against machine code, where blocks and registers leave a rest.
#include "passes/stages.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "codegen/native.h"
#include "codegen/tile_layout.h"
#include "ir/text.h"
#include "ir/text_format.h"
#include "ir/verify.h"
#include "tests/random_graph.h"

namespace keratin::testing {
namespace {

struct Case {
  std::string name, function;  ///< @f
  size_t kernels;              ///< that it becomes; in bf16 inputs are rounded first
  int64_t batch = 0;           ///< the value of N
  Precision precision = Precision::f32;
};

/// Softmax of q kᵀ over `keys` keys, times v; `queries` by `heads` by `width`.
std::string attention(const std::string& batch, int64_t heads, int64_t queries, int64_t keys, int64_t width) {
  const std::string q = cat("f32[", batch, ",", queries, ",", heads, ",", width, "]"),
                    k = cat("f32[", batch, ",", keys, ",", heads, ",", width, "]"),
                    scores = cat("f32[", batch, ",", heads, ",", queries, ",", keys, "]"),
                    rows = cat("f32[", batch, ",", heads, ",", queries, "]"),
                    result = cat("f32[", batch, ",", heads, ",", queries, ",", width, "]");
  return cat("func @f(%q: ", q, ", %k: ", k, ", %v: ", k, ") -> (%y: ", result, ") {\n",
             "  %0 = dot %q, %k {batch = [0, 2]x[0, 2], contract = [3]x[3]} : ", scores, "\n",
             "  %1 = reduce_max %0 {axes = [3]} : ", rows, "\n",
             "  %2 = broadcast %1 {dims = [0, 1, 2]} : ", scores, "\n", "  %3 = sub %0, %2 : ", scores, "\n",
             "  %4 = exp %3 : ", scores, "\n", "  %5 = reduce_sum %4 {axes = [3]} : ", rows, "\n",
             "  %6 = broadcast %5 {dims = [0, 1, 2]} : ", scores, "\n", "  %7 = div %4, %6 : ", scores, "\n",
             "  %8 = dot %7, %v {batch = [0, 1]x[0, 2], contract = [3]x[1]} : ", result,
             "\n  return %8\n}\n");
}

const char* const kLayers =
    R"(func @f(%x: f32[16,64,24], %a: f32[24,512], %b: f32[512,40]) -> (%y: f32[16,64,40], %h: f32[16,64,512]) {
  %0 = dot %x, %a {contract = [2]x[0]} : f32[16,64,512]
  %1 = max %0, 0.0 : f32[16,64,512]
  %2 = dot %1, %b {contract = [2]x[0]} : f32[16,64,40]
  %3 = reduce_sum %2 {axes = [2]} : f32[16,64]
  %4 = broadcast %3 {dims = [0, 1]} : f32[16,64,40]
  %5 = sub %2, %4 : f32[16,64,40]
  return %5, %1
}
)";

const char* const kLookup =
    R"(func @f(%x: i32[12,90], %t: f32[120,80], %w: f32[80,72]) -> (%y: f32[12,90,72]) {
  %0 = gather %t, %x : f32[12,90,80]
  %1 = dot %0, %w {contract = [2]x[0]} : f32[12,90,72]
  return %1
}
)";

const char* const kPooled = R"(func @f(%x: f32[16,19,19,5], %w: f32[3,3,5,40]) -> (%y: f32[16,8,8,40]) {
  %0 = conv %x, %w {dims = "b01f_01io->b01f", stride = [1, 1], pad_low = [0, 0], pad_high = [0, 0], input_dilation = [1, 1], kernel_dilation = [1, 1]} : f32[16,17,17,40]
  %1 = pool_max %0 {size = [1, 2, 2, 1], stride = [1, 2, 2, 1], pad_low = [0, 0, 0, 0], pad_high = [0, 0, 0, 0]} : f32[16,8,8,40]
  return %1
}
)";

struct Separable {
  std::string batch = "1";
  int64_t lines = 48, columns = 29, channels = 64, results = 24;
  int64_t window = 3, stride = 1, pad = 1, multiplier = 1;
  bool adds_input = false;  ///< at the end
};

/// A depthwise convolution, relu, and one of windows of 1.
std::string separable(const Separable& s) {
  const auto image = [&](int64_t lines, int64_t columns, int64_t channels) {
    return cat("f32[", s.batch, ",", lines, ",", columns, ",", channels, "]");
  };
  const auto conv = [](int64_t stride, int64_t pad, int64_t groups) {
    return cat("{dims = \"b01f_01io->b01f\", groups = ", groups,
               ", input_dilation = [1, 1], kernel_dilation = [1, 1], ", "pad_high = [", pad, ", ", pad,
               "], pad_low = [", pad, ", ", pad, "], stride = [", stride, ", ", stride, "]}");
  };
  const auto places = [&](int64_t extent) { return (extent + 2 * s.pad - s.window) / s.stride + 1; };
  const int64_t lines = places(s.lines), columns = places(s.columns), inner = s.channels * s.multiplier;
  const std::string x = image(s.lines, s.columns, s.channels), h = image(lines, columns, inner),
                    y = image(lines, columns, s.results);
  return cat("func @f(%x: ", x, ", %d: f32[", s.window, ",", s.window, ",1,", inner, "], %w: f32[1,1,", inner,
             ",", s.results, "]) -> (%y: ", y, ") {\n", "  %0 = conv %x, %d ",
             conv(s.stride, s.pad, s.channels), " : ", h, "\n  %1 = max %0, 0.0 : ", h,
             "\n  %2 = conv %1, %w ", conv(1, 0, 1), " : ", y,
             s.adds_input ? cat("\n  %3 = add %2, %x : ", y, "\n  return %3\n}\n") : "\n  return %2\n}\n");
}

const std::vector<Case> kCases = {
    {"Attention", attention("2", 8, 64, 80, 32), 1},
    {"AttentionWithRests", attention("3", 8, 57, 71, 19), 1},
    {"AttentionOfFewTerms", attention("4", 8, 64, 64, 5), 1},
    {"AttentionOfBatches", attention("N", 8, 40, 52, 16), 1, 3},
    {"AttentionOfSeveralSamplesAtATime", attention("16N", 2, 40, 52, 16), 1, 2},
    {"AttentionOfNothing", attention("N", 8, 40, 52, 16), 1, 0},
    {"LayersAndWhatLiesBetween", kLayers, 2},
    {"PooledConvolution", kPooled, 1},
    {"LookupsAndTheirProducts", kLookup, 1},
    {"Separable", separable({}), 1},
    {"SeparableOfBatches", separable({.batch = "N", .lines = 16, .columns = 13}), 1, 3},
    {"SeparableWithStrides",
     separable({.batch = "2", .lines = 49, .columns = 31, .channels = 96, .stride = 2, .pad = 0}), 1},
    {"SeparableWithSeveralResultsPerChannel", separable({.channels = 40, .multiplier = 2}), 1},
    {"SeparableAddedToItsInput",
     separable({.lines = 24,
                .columns = 31,
                .channels = 96,
                .results = 96,
                .window = 7,
                .pad = 3,
                .adds_input = true}),
     1},
};

const std::vector<Case> kCasesInBf16 = {
    {"AttentionInBf16", attention("4", 8, 64, 80, 32), 4, 0, Precision::bf16},
    {"AttentionWithRestsInBf16", attention("5", 8, 57, 71, 19), 4, 0, Precision::bf16},
    {"LayersInBf16", kLayers, 5, 0, Precision::bf16},
};

std::vector<Tensor> inputs_of(const Function& function, const Bindings& bindings) {
  std::vector<Tensor> inputs;
  std::mt19937 random(5);
  for (const Node* param : function.params) {
    std::vector<int64_t> extents;
    for (const Dim dim : param->type().shape) extents.push_back(dim.value(bindings));
    Tensor& tensor = inputs.emplace_back(param->type().dtype, extents);
    for (int64_t i = 0; i < tensor.elements(); ++i)
      tensor.set(i, is_integer(tensor.dtype()) ? static_cast<double>(random() % 127)
                                               : static_cast<double>(random() % 127) / 64 - 1);
  }
  return inputs;
}

class Stages : public ::testing::TestWithParam<Case> {};

TEST_P(Stages, AgreeOnAllLevels) {
  const Case& c = GetParam();
  const Module module = parse_module(cat("module @m {\n", c.function, "}\n"), "f");
  const std::vector<Tensor> inputs = inputs_of(module.functions[0], {{Symbol("N"), c.batch}});
  const std::vector<Tensor> expected = make_interpreter()->compile(module)->call("f", inputs);
  for (const char* level : {"x86-64", "x86-64-v3", "x86-64-v4"}) {
    SCOPED_TRACE(level);
    const Target target = make_target(level, "x86_64-unknown-linux-gnu");
    const auto kernels =
        std::make_shared<const KernelModule>(compile_kernels(module, target, {.precision = c.precision}));
    EXPECT_EQ(kernels->kernels.size(), c.kernels);
    const std::vector<Tensor> interpreted = interpret_kernels(kernels)->call("f", inputs);
    for (size_t i = 0; i < expected.size() && c.precision == Precision::f32; ++i)
      EXPECT_EQ(disagreement(expected[i], interpreted[i]), "");
    if (!runs_on_host(target)) continue;
    for (const unsigned threads : {1u, 3u})
      EXPECT_TRUE(jit_kernels(kernels, target, {}, threads)->call("f", inputs) == interpreted) << threads;
  }
}

double largest_difference(const Tensor& a, const Tensor& b) {
  double largest = 0;
  for (int64_t i = 0; i < a.elements(); ++i) largest = std::max(largest, std::abs(a.get(i) - b.get(i)));
  return largest;
}

// With tiles of rows, which may lie in memory as parts of longer ones.
class StagesInTiles : public ::testing::TestWithParam<Case> {};

TEST_P(StagesInTiles, AgreeWithTheirKernelsApart) {
  const Case& c = GetParam();
  const Module module = parse_module(cat("module @m {\n", c.function, "}\n"), "f");
  const std::vector<Tensor> inputs = inputs_of(module.functions[0], {});
  const Target target = make_target("sapphirerapids", "x86_64-unknown-linux-gnu");
  const auto results = [&](std::vector<std::string> skip) {
    const auto kernels = std::make_shared<const KernelModule>(
        compile_kernels(module, target, {.precision = c.precision, .skip = std::move(skip)}));
    verify(*kernels);
    EXPECT_TRUE(std::any_of(kernels->kernels.begin(), kernels->kernels.end(), uses_tiles));
    return interpret_kernels(kernels)->call("f", inputs);
  };
  const std::vector<Tensor> joined = results({}), apart = results({"stages"});
  for (size_t i = 0; i < joined.size(); ++i) EXPECT_LT(largest_difference(joined[i], apart[i]), 0.01);
}

const auto kNameOfCase = [](const auto& info) { return info.param.name; };
INSTANTIATE_TEST_SUITE_P(All, Stages, ::testing::ValuesIn(kCases), kNameOfCase);
INSTANTIATE_TEST_SUITE_P(InBf16, Stages, ::testing::ValuesIn(kCasesInBf16), kNameOfCase);
INSTANTIATE_TEST_SUITE_P(All, StagesInTiles, ::testing::ValuesIn(kCasesInBf16), kNameOfCase);

// %0 and %3 are stages of one kernel; %1 and %2 would be of another, and each would wait for the other.
TEST(StageJoiner, NoTwoKernelsWaitForEachOther) {
  const Module module = parse_module(R"(module @m {
  func @f(%x: f32[4,8,8]) -> (%y: f32[4,8,8], %z: f32[4,8,8]) {
    %0 = fusion %x (%p0: f32[4,8,8]) {
      %0 = neg %p0 : f32[4,8,8]
      return %0
    } : f32[4,8,8]
    %1 = fusion %x (%p0: f32[4,8,8]) {
      %0 = exp %p0 : f32[4,8,8]
      return %0
    } : f32[4,8,8]
    %2 = fusion %1, %0 (%p0: f32[4,8,8], %p1: f32[4,8,8]) {
      %0 = reduce_sum %p1 {axes = [0, 1]} : f32[8]
      %1 = broadcast %0 {dims = [2]} : f32[4,8,8]
      %2 = add %p0, %1 : f32[4,8,8]
      return %2
    } : f32[4,8,8]
    %3 = fusion %0, %1 (%p0: f32[4,8,8], %p1: f32[4,8,8]) {
      %0 = mul %p0, %p1 : f32[4,8,8]
      return %0
    } : f32[4,8,8]
    return %2, %3
  }
}
)",
                                     "f");
  const Module joined = join_stages(
      module, {.least_value = 1, .least_pieces = 2, .free_read = 1 << 20, .operations_per_byte = 0});
  verify(joined);
  const std::vector<Tensor> inputs = inputs_of(module.functions[0], {});
  EXPECT_TRUE(make_interpreter()->compile(joined)->call("f", inputs) ==
              make_interpreter()->compile(module)->call("f", inputs));
}

TEST(StageBlocks, AreAsLargeAsTheCacheAllows) {
  const Module module = parse_module(R"(module @m {
  func @f(%x: f32[32,128,64], %w: f32[64,1024]) -> (%y: f32[32,128,1024]) {
    %0 = fusion %x, %w (%p0: f32[32,128,64], %p1: f32[64,1024]) {
      %0 = dot %p0, %p1 {contract = [2]x[0]} : f32[32,128,1024]
      return %0
    } : f32[32,128,1024]
    return %0
  }
}
)",
                                     "f");
  const auto blocks = stage_blocks(module.functions[0], {.most_bytes = 300 << 10});
  ASSERT_TRUE(blocks);
  // All of a sample is 512 KB, half of it 256.
  EXPECT_EQ(blocks->bytes, 256 << 10);
  EXPECT_EQ(blocks->pieces, 64);
  EXPECT_EQ(blocks->read_again, 64 * 1024 * 4);
}

TEST(TileLayout, StatementsThatFollowEachOtherShareMemory) {
  const KernelModule module = parse_kernels(R"(kernels @m
kernel @k(%x: in f32[64], %y: out f32[64]) {
  tile %a: f32[64]
  tile %b: f32[64]
  tile %c: f32[64]
  tile %unused: f32[64]
  for i in 0..64 { store %a[i] = load %x[i] }
  for i_1 in 0..64 { store %b[i_1] = load %a[i_1] }
  for i_2 in 0..64 { store %c[i_2] = load %b[i_2] }
  for i_3 in 0..64 { store %y[i_3] = load %c[i_3] }
}
)");
  const TileLayout layout = tile_layout(module.kernels[0]);
  EXPECT_EQ(layout.bytes, 2 * 256);
  EXPECT_TRUE(layout.are_apart(2, 3));
  EXPECT_TRUE(layout.are_apart(3, 4));
  EXPECT_FALSE(layout.are_apart(2, 4));
}

}  // namespace
}  // namespace keratin::testing
