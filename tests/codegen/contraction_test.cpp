// Products and convolutions with sizes that random graphs do not reach: long sums, several panels and pieces, rows and columns that
// leave a rest. Interpreter against kernels, kernels against machine code.
#include <gtest/gtest.h>

#include <random>

#include "codegen/native.h"
#include "ir/builder.h"
#include "ir/text.h"
#include "passes/pass.h"
#include "tests/codegen/guarded.h"
#include "tests/codegen/schedules.h"
#include "tests/convolutions.h"
#include "tests/random_graph.h"

namespace keratin::testing {
namespace {

struct Case {
  std::string name;
  Shape input, weight;
  Attrs attrs;
  int64_t batch = 0;      ///< the value of N
  bool is_weight = true;  ///< the right operand, which is packed then; otherwise it is an input
};

Attrs product() { return DotAttrs{{{1}, {0}}, {}}; }

Attrs product_with_transposed() { return DotAttrs{{{1}, {1}}, {}}; }

/// Short sums along both operands, for each entry of a batch.
Attrs scores() { return DotAttrs{{{2}, {2}}, {{0}, {0}}}; }

/// [batch, query, head, depth] and [batch, key, head, depth].
Attrs scores_of_heads() { return DotAttrs{{{3}, {3}}, {{0, 2}, {0, 2}}}; }

/// Three axes of space.
Attrs volume() {
  return ConvAttrs{.dims = "b012f_012io->b012f",
                   .stride = {1, 2, 1},
                   .pad_low = {0, 1, 1},
                   .pad_high = {1, 1, 0},
                   .input_dilation = {1, 1, 1},
                   .kernel_dilation = {1, 1, 1}};
}

const Dim kBatch(1, Symbol("N"));

const std::vector<Case> kCases = {
    {"LongSums", {20, 700}, {700, 40}, product()},
    {"LongSumsThatDoNotDivide", {13, 1021}, {1021, 17}, product()},
    {"FreeBatch", {kBatch, 600}, {600, 33}, product(), 15},
    {"FreeBatchOfOne", {kBatch, 600}, {600, 33}, product(), 1},
    {"EmptyBatch", {kBatch, 600}, {600, 33}, product(), 0},
    {"SeveralPieces", {131, 530}, {530, 18}, product()},
    {"OneRow", {1, 700}, {700, 70}, product()},
    {"OneRowOfFewColumns", {1, 709}, {709, 20}, product()},
    {"OneWindow", {1, 3, 3, 30}, {3, 3, 30, 10}, convolution(1, 0)},
    {"OneWindowAtTheBorder", {1, 2, 2, 30}, {3, 3, 30, 10}, convolution(2, 1)},
    {"OneRowOfManyPanels", {1, 70}, {70, 531}, product()},
    {"RowsOfTwoHeights", {32, 50}, {50, 40}, product()},
    {"NoRowsAPageApart", {0, 1024}, {1024, 40}, product()},
    {"Lines", {1, 7, 14, 130}, {3, 3, 130, 20}, convolution(1, 1)},
    {"LinesWithStride", {2, 9, 15, 257}, {3, 3, 257, 16}, convolution(2, 1)},
    {"WindowsWithoutPadding", {1, 6, 9, 300}, {2, 2, 300, 35}, convolution(1, 0)},
    {"WideBorders", {2, 5, 29, 9}, {5, 5, 9, 20}, convolution(1, 2)},
    {"WideBordersWithStride", {1, 8, 30, 5}, {7, 7, 5, 24}, convolution(2, 3)},
    {"SumsOfTwo", {5, 2}, {2, 40}, product()},
    {"SumsOfThree", {9, 3}, {3, 31}, product()},
    {"ThreeChannels", {1, 9, 20, 3}, {3, 3, 3, 20}, convolution(2, 1)},
    {"Transposed", {13, 75}, {42, 75}, product_with_transposed(), 0, false},
    {"TransposedWithOneRow", {1, 64}, {27, 64}, product_with_transposed(), 0, false},
    {"TransposedWithFewColumns", {9, 40}, {3, 40}, product_with_transposed(), 0, false},
    {"TransposedWithFreeBatch", {kBatch, 33}, {18, 33}, product_with_transposed(), 15, false},
    {"TransposedBothFree", {5, 33}, {kBatch, 33}, product_with_transposed(), 7, false},
    {"TransposedShortSums", {5, 3}, {8, 3}, product_with_transposed(), 0, false},
    {"RowsOfTwoTiles", {20, 64}, {64, 40}, product()},
    {"RowsOfThreeTiles", {70, 96}, {96, 16}, product()},
    {"LinesOfManyChannels", {2, 7, 7, 40}, {3, 3, 40, 72}, convolution(1, 1)},
    {"LinesOfWholeSteps", {2, 9, 11, 64}, {3, 3, 64, 40}, convolution(1, 1)},
    {"LinesOfOneTile", {kBatch, 3, 5, 32}, {2, 3, 32, 16}, convolution(1, 1), 2},
    {"LinesOfFewChannels", {kBatch, 19, 23, 3}, {7, 7, 3, 33}, convolution(2, 3), 2},
    {"LinesOfOneChannel", {2, 9, 20, 1}, {3, 3, 1, 32}, convolution(1, 1)},
    {"RowsOfOnePair", {2, 5, 4, 6, 2}, {2, 3, 2, 2, 20}, volume()},
    {"LinesWithStrideOfThree", {1, 17, 19, 12}, {4, 5, 12, 16}, convolution(3, 2)},
    {"ManyRowsOfManySteps", {1, 9, 40, 64}, {1, 1, 64, 50}, convolution(1, 0)},
    {"EveryOtherRow", {3, 21, 40, 32}, {1, 1, 32, 48}, convolution(2, 0)},
    {"Scores", {8, 33, 20}, {8, 37, 20}, scores(), 0, false},
    {"ScoresOfFreeBatch", {kBatch, 70, 9, 16}, {kBatch, 40, 9, 16}, scores_of_heads(), 2, false},
    {"TransposedKernel", {2, 5, 9, 24}, {3, 3, 10, 24}, convolution(1, 1, "b01f_01oi->b01f"), 0, false},
    {"GradientOfKernel",
     {kBatch, 9, 10, 17},
     {kBatch, 9, 10, 37},
     convolution(1, 1, "f01b_i01o->01bf"),
     3,
     false},
    {"GradientOfKernelForNoSample",
     {kBatch, 9, 10, 5},
     {kBatch, 9, 10, 16},
     convolution(1, 1, "f01b_i01o->01bf"),
     0,
     false},
    {"GradientOfKernelFewSums", {6, 3, 4, 31}, {6, 3, 4, 20}, convolution(1, 2, "f01b_i01o->01bf"), 0, false},
    {"WeightsBeyondTheCaches", {9, 600}, {600, 610}, product()},
    {"SmallImages", {17, 4, 5, 19}, {3, 3, 19, 24}, convolution(1, 1)},
    {"SmallImagesWithStride", {14, 5, 9, 7}, {3, 3, 7, 20}, convolution(2, 1)},
    {"WindowsOutsideTheImage", {1, 3, 4, 6}, {3, 3, 6, 16}, convolution(2, 5)},
};

Tensor numbers(const Shape& shape, const Bindings& bindings, int64_t step) {
  std::vector<int64_t> extents;
  for (const Dim dim : shape) extents.push_back(dim.is_static() ? dim.value() : bindings.at(dim.symbol));
  Tensor tensor(DType::f32, extents);
  for (int64_t i = 0; i < tensor.elements(); ++i) tensor.set(i, static_cast<double>(i * step % 31 - 15) / 60);
  return tensor;
}

/// Levels of x86, cooperlake for its dot2, sapphirerapids for its tiles, and this machine.
std::vector<Target> targets() {
  std::vector<Target> targets;
  for (const char* level : {"x86-64", "x86-64-v3", "x86-64-v4", "cooperlake", "sapphirerapids"})
    targets.push_back(make_target(level, "x86_64-unknown-linux-gnu"));
  if (host_target().dot2) targets.push_back(host_target());
  return targets;
}

Bindings bindings_of(const Case& c) { return {{Symbol("N"), c.batch}}; }

Module module_of(const Case& c) {
  Module module;
  module.name = "m";
  if (c.is_weight)
    module.variables.push_back({"w", Type(DType::f32, c.weight), Role::weight, false,
                                std::make_shared<Tensor>(numbers(c.weight, bindings_of(c), 7))});
  Builder builder("f");
  const Value x = builder.param("x", Type(DType::f32, c.input));
  const Op op = std::holds_alternative<DotAttrs>(c.attrs) ? Op::dot : Op::conv;
  const Value right =
      c.is_weight ? builder.var(module.variables[0]) : builder.param("w", Type(DType::f32, c.weight));
  const Value sums = builder.make(op, {x, right}, c.attrs);
  builder.result("y", builder.max(sums, builder.constant_like(sums, 0)));
  module.functions.push_back(builder.finish());
  return module;
}

std::vector<Tensor> inputs_of(const Case& c) {
  std::vector<Tensor> inputs{numbers(c.input, bindings_of(c), 5)};
  if (!c.is_weight) inputs.push_back(numbers(c.weight, bindings_of(c), 7));
  return inputs;
}

void expect_agreement(const Module& module, const std::vector<Tensor>& inputs,
                      const std::vector<Target>& targets) {
  const auto reference = make_interpreter();
  const Tensor expected = reference->compile(module)->call("f", inputs)[0];
  std::vector<Tensor> with_avx512;
  for (const Target& target : targets) {
    SCOPED_TRACE(target.cpu);
    const auto kernels = std::make_shared<const KernelModule>(compile_kernels(module, target));
    const std::vector<Tensor> interpreted = interpret_kernels(kernels)->call("f", inputs);
    EXPECT_EQ(disagreement(expected, interpreted[0]), "");
    // Whether or not the processor multiplies pairs, the bits are the same: there are no denormals. Tiles sum in another order.
    const bool like_avx512 = target.vector_bytes == 64 && !target.tiles;
    if (like_avx512 && with_avx512.empty()) with_avx512 = interpreted;
    EXPECT_TRUE(!like_avx512 || interpreted == with_avx512);
    if (!runs_on_host(target)) continue;
    EXPECT_TRUE(guarded_kernels(kernels, target)->call("f", inputs) == interpreted) << "between guard pages";
    for (const unsigned threads : {1u, 3u})
      EXPECT_TRUE(jit_kernels(kernels, target, {}, threads)->call("f", inputs) == interpreted) << threads;
  }
}

class Contractions : public ::testing::TestWithParam<Case> {};

TEST_P(Contractions, AgreeOnAllLevels) {
  expect_agreement(module_of(GetParam()), inputs_of(GetParam()), targets());
}

TEST_P(Contractions, AgreeWithRoundedOperands) {
  expect_agreement(round_operands(module_of(GetParam())), inputs_of(GetParam()), targets());
}

TEST_P(Contractions, HaveTheSameBitsByAnySchedule) {
  for (const Target& target : {make_target("x86-64-v3", "x86_64-unknown-linux-gnu"), host_target()})
    expect_same_bits_by_schedules(module_of(GetParam()), inputs_of(GetParam()), target);
}

TEST_P(Contractions, HaveTheSameBitsByAnyScheduleWithRoundedOperands) {
  const Target target = make_target("cooperlake", "x86_64-unknown-linux-gnu");
  expect_same_bits_by_schedules(round_operands(module_of(GetParam())), inputs_of(GetParam()), target);
}

INSTANTIATE_TEST_SUITE_P(All, Contractions, ::testing::ValuesIn(kCases),
                         [](const auto& info) { return info.param.name; });

/// A product, or a convolution along one or two axes.
Case random_case(std::mt19937& random) {
  const auto number = [&](int64_t least, int64_t most) {
    return least + static_cast<int64_t>(random()) % (most - least + 1);
  };
  const int64_t depth = number(1, 4) == 1 ? 32 * number(1, 3) : number(1, 70), columns = number(1, 70);
  if (number(1, 3) == 1) return {"", {number(1, 80), depth}, {depth, columns}, product()};
  const int64_t rank = number(1, 2), samples = number(1, 3);
  ConvAttrs attrs{.dims = rank == 1 ? "b0f_0io->b0f" : "b01f_01io->b01f"};
  Shape input{samples}, weight;
  for (int64_t axis = 0; axis < rank; ++axis) {
    weight.push_back(number(1, 4));
    input.push_back(number(7, 20));
    attrs.stride.push_back(number(1, 3));
    attrs.pad_low.push_back(number(0, 2));
    attrs.pad_high.push_back(number(0, 2));
    attrs.input_dilation.push_back(1);
    attrs.kernel_dilation.push_back(number(1, 5) == 1 ? 2 : 1);
  }
  input.push_back(depth);
  weight.push_back(depth);
  weight.push_back(columns);
  return {"", input, weight, attrs};
}

TEST(RandomContractions, AgreeInTiles) {
  std::vector<Target> targets{make_target("sapphirerapids", "x86_64-unknown-linux-gnu")};
  if (host_target().tiles) targets.push_back(host_target());
  for (uint32_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const Case c = random_case(random);
    expect_agreement(round_operands(module_of(c)), inputs_of(c), targets);
    if (HasFailure()) return;
  }
}

TEST(RandomContractions, HaveTheSameBitsByAnySchedule) {
  size_t schedules = 0;
  for (uint32_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const Case c = random_case(random);
    schedules += expect_same_bits_by_schedules(module_of(c), inputs_of(c), host_target());
    if (HasFailure()) return;
  }
  EXPECT_GT(schedules, 100u);
}

/// The text of the kernel that multiplies `rows` rows of numbers by a packed `depth` x `columns` matrix.
std::string kernel_of_product(int64_t rows, int64_t columns, int64_t depth = 64,
                              const std::string& cpu = "x86-64-v3") {
  Module module;
  module.name = "m";
  module.variables.push_back({"w", Type(DType::f32, {depth, columns}), Role::weight, false, nullptr});
  Builder builder("f");
  const Value x = builder.param("x", Type(DType::f32, {rows, depth}));
  builder.result("y", builder.make(Op::dot, {x, builder.var(module.variables[0])}, product()));
  module.functions.push_back(builder.finish());
  return print(compile_kernels(module, make_target(cpu, "x86_64-unknown-linux-gnu")));
}

TEST(Contractions, RowsAreCutIntoTilesOfNearlyEqualHeight) {
  // 32 rows, of which 6 fit the registers: two tiles of 6 and four of 5.
  const std::string text = kernel_of_product(32, 16);
  EXPECT_NE(text.find("f32x8[6,2]"), std::string::npos) << text;
  EXPECT_NE(text.find("f32x8[5,2]"), std::string::npos) << text;
  EXPECT_EQ(text.find("f32x8[2,2]"), std::string::npos) << text;
}

TEST(Contractions, RowsWhoseLinesShareASetAreFew) {
  // Two pages apart each, of a cache with 8 ways.
  const auto text = [](int64_t rows, int64_t depth) {
    return kernel_of_product(rows, 256, depth, "x86-64-v4");
  };
  EXPECT_NE(text(196, 2048).find("f32x16[6,4]"), std::string::npos) << text(196, 2048);
  EXPECT_NE(text(196, 2064).find("f32x16[14,2]"), std::string::npos) << text(196, 2064);
  EXPECT_NE(text(7, 2048).find("f32x16[7,2]"), std::string::npos) << "two tiles of 4 rows would be too low";
}

TEST(Contractions, PiecesOfRowsAreOfAboutOneSize) {
  // Ten tiles of 6 rows, of which the cache has room for six.
  const std::string text = kernel_of_product(60, 512, 784);
  EXPECT_NE(text.find("in 30*rows..30*rows + 30 step 6"), std::string::npos) << text;
}

TEST(Contractions, LargePanelsAreFetchedAhead) {
  // 64 x 8192 numbers are 2 MiB; the results of 130 rows with them 4 MiB. A page is 64 rows of a panel.
  const std::string large = kernel_of_product(130, 8192);
  EXPECT_NE(large.find("prefetch %p1[panel, k_1 + 64, 0]"), std::string::npos) << large;
  EXPECT_NE(large.find("prefetch %r0["), std::string::npos) << large;
  EXPECT_EQ(kernel_of_product(130, 32).find("prefetch"), std::string::npos);
  // The next panel, if an eighth of the second-level cache holds it.
  EXPECT_NE(kernel_of_product(130, 1024, 512).find("k_1 + 512"), std::string::npos);
  EXPECT_NE(kernel_of_product(130, 256, 2048).find("k_1 + 64"), std::string::npos);
}

TEST(Contractions, ShortSumsAreNotFolded) {
  const auto text_of = [](int64_t heads, int64_t depth) {
    Module module;
    module.name = "m";
    Builder builder("f");
    const Value q = builder.param("q", Type(DType::f32, {heads, 64, depth})),
                k = builder.param("k", Type(DType::f32, {heads, 64, depth}));
    builder.result("y", builder.make(Op::dot, {q, k}, scores()));
    module.functions.push_back(builder.finish());
    return print(compile_kernels(module, make_target("x86-64-v3", "x86_64-unknown-linux-gnu")));
  };
  EXPECT_NE(text_of(8, 32).find("tile %columns: f32[8,32,8]"), std::string::npos) << text_of(8, 32);
  EXPECT_NE(text_of(8, 512).find("fold add"), std::string::npos) << "long sums are";
  EXPECT_NE(text_of(1, 32).find("fold add"), std::string::npos) << "too few pieces, with all rows in each";
}

TEST(Contractions, LongSumsOfASingleRowAreShared) {
  EXPECT_NE(kernel_of_product(1, 64, 4096).find("par panel in 0..2"), std::string::npos);
  EXPECT_EQ(kernel_of_product(1, 64, 64).find("par panel"), std::string::npos)
      << "too little work for two threads";
}

TEST(Contractions, FewTilesAreAnEvenNumber) {
  // 15 rows, of which 6 fit the registers: four tiles, of 4 and 3 rows, not three.
  const std::string text = kernel_of_product(15, 16, 4096);
  EXPECT_NE(text.find("par rows in 0..4"), std::string::npos) << text;
  EXPECT_NE(text.find("f32x8[4,2]"), std::string::npos) << text;
}

TEST(Contractions, SingleRowsHaveWideTiles) {
  EXPECT_NE(kernel_of_product(1, 128).find("f32x8[1,8]"), std::string::npos) << kernel_of_product(1, 128);
}

}  // namespace
}  // namespace keratin::testing
