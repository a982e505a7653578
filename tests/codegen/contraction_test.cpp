// Products and convolutions with sizes that random graphs do not reach: long sums, several panels and pieces, rows and columns that
// leave a rest. Interpreter against kernels, kernels against machine code.
#include <gtest/gtest.h>

#include "codegen/native.h"
#include "ir/builder.h"
#include "ir/text.h"
#include "tests/random_graph.h"

namespace keratin::testing {
namespace {

struct Case {
  std::string name;
  Shape input, weight;
  Attrs attrs;
  int64_t batch = 0;  ///< the value of N
};

Attrs product() { return DotAttrs{{{1}, {0}}, {}}; }

Attrs convolution(int64_t stride, int64_t pad) {
  ConvAttrs attrs;
  attrs.dims = "b01f_01io->b01f";
  attrs.stride = {stride, stride};
  attrs.input_dilation = attrs.kernel_dilation = {1, 1};
  attrs.pad_low = attrs.pad_high = {pad, pad};
  return attrs;
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
    {"Lines", {1, 7, 14, 130}, {3, 3, 130, 20}, convolution(1, 1)},
    {"LinesWithStride", {2, 9, 15, 257}, {3, 3, 257, 16}, convolution(2, 1)},
    {"WindowsWithoutPadding", {1, 6, 9, 300}, {2, 2, 300, 35}, convolution(1, 0)},
};

Tensor numbers(const Shape& shape, const Bindings& bindings, int64_t step) {
  std::vector<int64_t> extents;
  for (const Dim dim : shape) extents.push_back(dim.is_static() ? dim.value() : bindings.at(dim.symbol));
  Tensor tensor(DType::f32, extents);
  for (int64_t i = 0; i < tensor.elements(); ++i) tensor.set(i, static_cast<double>(i * step % 31 - 15) / 64);
  return tensor;
}

class Contractions : public ::testing::TestWithParam<Case> {};

TEST_P(Contractions, AgreeOnAllLevels) {
  const Case& c = GetParam();
  const Bindings bindings{{Symbol("N"), c.batch}};
  Module module;
  module.name = "m";
  module.variables.push_back({"w", Type(DType::f32, c.weight), Role::weight, false,
                              std::make_shared<Tensor>(numbers(c.weight, {}, 7))});
  Builder builder("f");
  const Value x = builder.param("x", Type(DType::f32, c.input));
  const Op op = std::holds_alternative<DotAttrs>(c.attrs) ? Op::dot : Op::conv;
  const Value sums = builder.make(op, {x, builder.var(module.variables[0])}, c.attrs);
  builder.result("y", builder.max(sums, builder.constant_like(sums, 0)));
  module.functions.push_back(builder.finish());
  const std::vector<Tensor> inputs{numbers(c.input, bindings, 5)};

  const auto reference = make_interpreter();
  const Tensor expected = reference->compile(module)->call("f", inputs)[0];
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

INSTANTIATE_TEST_SUITE_P(All, Contractions, ::testing::ValuesIn(kCases),
                         [](const auto& info) { return info.param.name; });

TEST(Contractions, LongSumsAreMadeInStretches) {
  Module module;
  module.name = "m";
  module.variables.push_back({"w", Type(DType::f32, {1024, 32}), Role::weight, false, nullptr});
  Builder builder("f");
  const Value x = builder.param("x", Type(DType::f32, {64, 1024}));
  builder.result("y", builder.make(Op::dot, {x, builder.var(module.variables[0])}, product()));
  module.functions.push_back(builder.finish());
  const std::string text =
      print(compile_kernels(module, make_target("x86-64-v3", "x86_64-unknown-linux-gnu")));
  EXPECT_NE(text.find("for k in 0..1024 step 256"), std::string::npos) << text;
}

}  // namespace
}  // namespace keratin::testing
