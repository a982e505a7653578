// Scans, cut into blocks of rows and whole: interpreter against kernels, kernels against machine code with several threads. What
// is stored in place is put where that could go wrong.
#include <gtest/gtest.h>

#include "codegen/native.h"
#include "codegen/scan_rows.h"
#include "ir/text.h"
#include "ir/text_format.h"
#include "passes/pass.h"
#include "tests/random_graph.h"

namespace keratin::testing {
namespace {

struct Case {
  std::string name, operands, attrs, body, results;
  bool in_blocks = true;
};

/// A scan of 5 steps over %x with two carries, [N,4] each, and a weight; `batch` is written in place of N.
std::string text_of(const Case& c, const std::string& batch) {
  std::string text =
      cat(R"(module @m {
  var @w : f32[4,4]
  func @f(%x: f32[N,5,4], %p: f32[N,4], %q: f32[N,4]) -> (%a: f32[N,4], %b: f32[N,4], %all: f32[N,5,4]) {
    %0 = constant 0.25 : f32[N,4]
    %1, %2, %3 = scan )",
          c.operands, ", %x, @w, %0 {axis = 1, carries = 2, length = 5, sequences = 1", c.attrs,
          "} (%a: f32[N,4], %b: f32[N,4], %x: f32[N,4], %w: f32[4,4], %k: f32[N,4]) {\n", c.body, "return ",
          c.results,
          R"( } : f32[N,4], f32[N,4], f32[N,5,4]
    return %1, %2, %3
  }
}
)");
  for (size_t place = text.find('N'); place != std::string::npos;
       place = text.find('N', place + batch.size()))
    text.replace(place, 1, batch);
  return text;
}

const char* const kCell = R"(
  %0 = dot %a, %w {contract = [1]x[0]} : f32[N,4]
  %1 = add %0, %x : f32[N,4]
  %2 = sigmoid %1 : f32[N,4]
  %3 = mul %2, %b : f32[N,4]
  %4 = add %3, %k : f32[N,4]
  %5 = tanh %4 : f32[N,4]
)";

const std::vector<Case> kCases = {
    {"Cell", "%p, %q", "", kCell, "%5, %4, %5"},
    {"Backwards", "%p, %q", ", reverse = true", kCell, "%5, %4, %5"},
    {"OldCarriesArePutOut", "%p, %q", "", kCell, "%5, %4, %a"},
    {"FromOneState", "%p, %p", "", kCell, "%5, %4, %3"},
    {"FromConstants", "%0, %0", "", kCell, "%5, %4, %3"},
    {"OneValueForBothCarries", "%p, %q", "", kCell, "%5, %5, %b"},
    {"CarriesChangePlaces", "%p, %q", "", kCell, "%b, %a, %5"},
    {"CarryMovesOn", "%p, %q", "", kCell, "%5, %a, %b"},
    {"CarryStays", "%p, %q", "", kCell, "%a, %4, %5"},
    {"CarryBecomesInput", "%p, %q", "", kCell, "%x, %k, %5"},
    {"NewCarryBeforeTheOldIsRead", "%p, %q", "", R"(
  %0 = dot %b, %w {contract = [1]x[0]} : f32[N,4]
  %1 = add %0, %x : f32[N,4]
  %2 = dot %1, %w {contract = [1]x[0]} : f32[N,4]
  %3 = dot %a, %w {contract = [1]x[1]} : f32[N,4]
  %4 = sub %3, %2 : f32[N,4]
)",
     "%1, %4, %2"},
    {"CarryTurnedAround", "%p, %q", "", R"(
  %0 = reverse %a {axes = [1]} : f32[N,4]
  %1 = add %0, %x : f32[N,4]
  %2 = mul %b, %k : f32[N,4]
)",
     "%1, %2, %2"},
    {"SumsOfRows", "%p, %q", "", R"(
  %0 = reduce_sum %a {axes = [1]} : f32[N]
  %1 = broadcast %0 {dims = [0]} : f32[N,4]
  %2 = mul %1, %x : f32[N,4]
  %3 = tanh %2 : f32[N,4]
)",
     "%3, %2, %1"},
    {"SumsOverRows", "%p, %q", "", R"(
  %0 = reduce_sum %a {axes = [0]} : f32[4]
  %1 = broadcast %0 {dims = [1]} : f32[N,4]
  %2 = mul %1, %x : f32[N,4]
  %3 = tanh %2 : f32[N,4]
)",
     "%3, %b, %3", false},
    {"RowsTurnedAround", "%p, %q", "", R"(
  %0 = reverse %a {axes = [0]} : f32[N,4]
  %1 = add %0, %x : f32[N,4]
)",
     "%1, %b, %1", false},
    {"ProductsOfRows", "%p, %q", "", R"(
  %0 = dot %a, %b {contract = [1]x[1]} : f32[N,N]
  %1 = reduce_max %0 {axes = [1]} : f32[N]
  %2 = broadcast %1 {dims = [0]} : f32[N,4]
)",
     "%2, %x, %2", false},
    {"NumberOfTheRow", "%p, %q", "", R"(
  %0 = iota {axis = 0, dtype = f32, shape = [N,4]} : f32[N,4]
  %1 = add %a, %0 : f32[N,4]
)",
     "%1, %x, %1", false},
};

Tensor numbers(const Type& type, int64_t batch, int64_t step) {
  std::vector<int64_t> extents;
  for (const Dim dim : type.shape) extents.push_back(dim.value({{Symbol("N"), batch}}));
  Tensor tensor(DType::f32, extents);
  for (int64_t i = 0; i < tensor.elements(); ++i) tensor.set(i, static_cast<double>(i * step % 31 - 15) / 32);
  return tensor;
}

Module module_of(const Case& c, const std::string& batch = "N") {
  Module module = parse_module(text_of(c, batch), c.name);
  module.variables[0].data = std::make_shared<Tensor>(numbers(module.variables[0].type, 0, 7));
  return module;
}

std::vector<Tensor> inputs_of(const Module& module, int64_t batch) {
  std::vector<Tensor> inputs;
  for (const Node* param : module.function("f").params)
    inputs.push_back(numbers(param->type(), batch, 3 + 2 * static_cast<int64_t>(param->index)));
  return inputs;
}

class Scans : public ::testing::TestWithParam<Case> {
 protected:
  void expect_agreement(const Module& module, std::initializer_list<int64_t> batches) {
    for (const auto& node : module.function("f").nodes) {
      if (node->op != Op::scan) continue;
      EXPECT_EQ(independent_rows(*node).has_value(), GetParam().in_blocks);
    }
    const Target target = host_target();
    const auto kernels = std::make_shared<const KernelModule>(compile_kernels(module, target));
    const auto reference = make_interpreter()->compile(module);
    const auto interpreter = interpret_kernels(kernels), alone = jit_kernels(kernels, target, {}, 1),
               together = jit_kernels(kernels, target, {}, 3);
    for (const int64_t batch : batches) {
      SCOPED_TRACE(batch);
      const std::vector<Tensor> inputs = inputs_of(module, batch);
      const std::vector<Tensor> expected = reference->call("f", inputs),
                                interpreted = interpreter->call("f", inputs);
      for (size_t i = 0; i < expected.size(); ++i)
        EXPECT_EQ(disagreement(expected[i], interpreted[i]), "") << i;
      EXPECT_TRUE(alone->call("f", inputs) == interpreted);
      EXPECT_TRUE(together->call("f", inputs) == interpreted);
    }
  }
};

TEST_P(Scans, AgreeOnAllLevels) { expect_agreement(module_of(GetParam()), {0, 1, 3, 8, 29}); }

TEST_P(Scans, AgreeOnAllLevelsWithAFixedBatch) { expect_agreement(module_of(GetParam(), "21"), {21}); }

// A batch of as many rows as there are units: which axis is which is said by what is done with it.
TEST_P(Scans, AgreeOnAllLevelsWithASquareBatch) { expect_agreement(module_of(GetParam(), "4"), {4}); }

TEST_P(Scans, AgreeWithRoundedOperands) {
  expect_agreement(round_operands(module_of(GetParam())), {0, 1, 3, 8, 29});
}

INSTANTIATE_TEST_SUITE_P(All, Scans, ::testing::ValuesIn(kCases),
                         [](const auto& info) { return info.param.name; });

/// Two rows of so many units that each step is worth sharing.
Module wide_module_of(const Case& c) {
  std::string text = text_of(c, "2");
  for (const auto& [narrow, wide] :
       {std::pair<std::string, std::string>(",4]", ",256]"), {"[4,", "[256,"}, {"[4]", "[256]"}})
    for (size_t place = text.find(narrow); place != std::string::npos;
         place = text.find(narrow, place + wide.size()))
      text.replace(place, narrow.size(), wide);
  Module module = parse_module(text, c.name);
  Tensor weight = numbers(module.variables[0].type, 0, 7);
  for (int64_t i = 0; i < weight.elements(); ++i) weight.set(i, weight.get(i) / 64);
  module.variables[0].data = std::make_shared<Tensor>(std::move(weight));
  return module;
}

TEST_P(Scans, AgreeOnAllLevelsWithLongSteps) { expect_agreement(wide_module_of(GetParam()), {2}); }

TEST_P(Scans, AgreeWithLongStepsAndRoundedOperands) {
  expect_agreement(round_operands(wide_module_of(GetParam())), {2});
}

TEST(Scans, LongStepsAreRounds) {
  const std::string text = print(compile_kernels(wide_module_of(kCases[0]), host_levels().back()));
  EXPECT_NE(text.find("par rounds round in 0..11, piece in 0.."), std::string::npos) << text;
}

// Threads wait for each other between rounds of the outer scan only.
TEST(Scans, LongStepsThatAreScansHaveNoRounds) {
  const Module module = parse_module(R"(module @m {
  func @f(%h: f32[8,256], %x: f32[3,8,256], %w: f32[256,256]) -> (%y: f32[8,256]) {
    %0 = scan %h, %x, %w {carries = 1, length = 3, sequences = 1} (%h: f32[8,256], %x: f32[8,256], %w: f32[256,256]) {
      %0 = broadcast %x {dims = [1, 2]} : f32[5,8,256]
      %1 = scan %h, %0, %w {carries = 1, length = 5, sequences = 1} (%h: f32[8,256], %x: f32[8,256], %w: f32[256,256]) {
        %0 = reduce_sum %h {axes = [0]} : f32[256]
        %1 = broadcast %0 {dims = [1]} : f32[8,256]
        %2 = dot %h, %w {contract = [1]x[0]} : f32[8,256]
        %3 = add %1, %2 : f32[8,256]
        %4 = add %3, %x : f32[8,256]
        %5 = tanh %4 : f32[8,256]
        return %5
      } : f32[8,256]
      return %1
    } : f32[8,256]
    return %0
  }
}
)",
                                     "f");
  const Target target = host_levels().back();
  const auto kernels = std::make_shared<const KernelModule>(compile_kernels(module, target));
  for (const Kernel& kernel : kernels->kernels) {
    if (!kernel.in_rounds) continue;
    EXPECT_LT(kernel.par[1].extent.value(), 11) << "the inner scan's rounds are pieces\n" << print(*kernels);
  }
  const std::vector<Tensor> inputs = inputs_of(module, 0);
  EXPECT_TRUE(jit_kernels(kernels, target, {}, 3)->call("f", inputs) ==
              interpret_kernels(kernels)->call("f", inputs));
}

TEST(Scans, BlocksOfRowsArePieces) {
  for (const auto& [batch, pieces] :
       {std::pair("N", "par rows in 0..(N + 7) div 8"), {"32", "par rows in 0..4"}}) {
    const std::string text = print(compile_kernels(module_of(kCases[0], batch), host_levels().back()));
    EXPECT_NE(text.find(pieces), std::string::npos) << text;
  }
}

TEST(Scans, ARowHasTheSameBitsWhereverItStands) {
  const Module module = module_of(kCases[0]);
  const Target target = host_levels().back();
  const auto kernels = std::make_shared<const KernelModule>(compile_kernels(module, target));
  const auto compiled = jit_kernels(kernels, target, {}, 2);
  constexpr int64_t kBatch = 11;
  const std::vector<Tensor> inputs = inputs_of(module, kBatch);
  const std::vector<Tensor> all = compiled->call("f", inputs);
  for (int64_t row = 0; row < kBatch; ++row) {
    std::vector<Tensor> of_row;
    for (const Tensor& input : inputs) {
      std::vector<int64_t> shape = input.shape();
      shape[0] = 1;
      Tensor one(DType::f32, shape);
      for (int64_t i = 0; i < one.elements(); ++i) one.set(i, input.get(row * one.elements() + i));
      of_row.push_back(std::move(one));
    }
    const std::vector<Tensor> alone = compiled->call("f", of_row);
    for (size_t r = 0; r < all.size(); ++r)
      for (int64_t i = 0; i < alone[r].elements(); ++i)
        EXPECT_EQ(alone[r].get(i), all[r].get(row * alone[r].elements() + i)) << r;
  }
}

}  // namespace
}  // namespace keratin::testing
