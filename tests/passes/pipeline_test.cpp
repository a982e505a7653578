#include "passes/pipeline.h"

#include <gtest/gtest.h>

#include "ir/error.h"
#include "ir/text.h"
#include "ir/text_format.h"
#include "passes/pass.h"
#include "tests/passes/runs.h"

namespace keratin::testing {
namespace {

Module example() {
  Module module = parse_module(R"(
    module @m {
      var @kernel : f32[2,3]
      var @scale : f32[3]
      var @unused : f32[7]
      var @calls : i32[] state
      func @predict(%x: f32[N,2]) -> (%y: f32[N,3]) {
        %0 = dot %x, @kernel {contract = [1]x[0]} : f32[N,3]
        %1 = broadcast @scale {dims = [1]} : f32[N,3]
        %2 = mul %0, %1 : f32[N,3]
        %3 = add @calls, 1:i32 : i32[]
        return %2 updates @calls = %3
      }
    })",
                               "example");
  auto kernel = std::make_shared<Tensor>(DType::f32, std::vector<int64_t>{2, 3});
  auto scale = std::make_shared<Tensor>(DType::f32, std::vector<int64_t>{3});
  for (int64_t i = 0; i < 6; ++i) kernel->set(i, static_cast<double>(i) - 2.5);
  for (int64_t i = 0; i < 3; ++i) scale->set(i, static_cast<double>(1 << i));
  module.variables[0].data = std::move(kernel);
  module.variables[1].data = std::move(scale);
  return module;
}

std::string thrown(const PipelineOptions& options) {
  try {
    optimize(example(), options);
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing";
}

TEST(Pipeline, RunsThePassesInTheirOrder) {
  PipelineOptions options;
  std::vector<std::string> ran;
  options.after = [&](std::string_view pass, const Module&) { ran.emplace_back(pass); };
  optimize(example(), options);
  EXPECT_EQ(
      join(ran, " "),
      "differentiate wide_sums simplify free_windows channels_last matrices hoist sink lookups winograd pack constants prepare fuse stages");
  ran.clear();
  options.convolutions = Convolutions::fast;
  optimize(example(), options);
  EXPECT_EQ(
      join(ran, " "),
      "differentiate wide_sums simplify free_windows channels_last matrices hoist sink lookups fast_conv winograd pack constants prepare fuse stages");
  ran.clear();
  options.convolutions = Convolutions::exact;
  optimize(example(), options);
  EXPECT_EQ(
      join(ran, " "),
      "differentiate wide_sums simplify free_windows channels_last matrices hoist sink lookups pack constants prepare fuse stages");
  ran.clear();
  options.convolutions = Convolutions::winograd;
  options.precision = Precision::bf16;
  optimize(example(), options);
  EXPECT_EQ(
      join(ran, " "),
      "differentiate wide_sums simplify free_windows channels_last matrices hoist sink lookups bf16 pack constants prepare fuse bf16_storage stages");
  ran.clear();
  options.precision = Precision::f32;
  options.skip = {"pack", "simplify"};
  optimize(example(), options);
  EXPECT_EQ(
      join(ran, " "),
      "differentiate wide_sums free_windows channels_last matrices hoist sink lookups winograd constants prepare fuse stages");
}

TEST(Pipeline, RefusesToSkipWhatItCannotDoWithout) {
  EXPECT_NE(thrown({.skip = {"fuse"}}).find("fuse cannot be skipped"), std::string::npos);
  EXPECT_NE(thrown({.skip = {"differentiate"}}).find("differentiate cannot be skipped"), std::string::npos);
  EXPECT_NE(thrown({.skip = {"packs"}}).find("no pass is called 'packs'"), std::string::npos);
}

TEST(Pipeline, KeepsTheMeaning) {
  const Module before = example();
  EXPECT_EQ(difference(before, optimize(before), Closeness::rounding, Numbers::plain), "");
}

TEST(Bake, ComputesWhatDependsOnWeightsAndDropsTheRest) {
  const auto interpreter = make_interpreter();
  const Module before = example(), baked = bake(optimize(before), *interpreter);
  EXPECT_EQ(baked.find_function("prepare"), nullptr);
  std::vector<std::string> names;
  for (const Variable& variable : baked.variables) {
    names.push_back(variable.name);
    EXPECT_NE(variable.role, Role::prepared);
  }
  EXPECT_EQ(join(names, " "), "calls kernel.prepared");

  // Data is in logical order, whatever the variable's layout.
  const Variable& prepared = baked.variables[1];
  EXPECT_FALSE(prepared.type.layout.is_row_major());
  ASSERT_NE(prepared.data, nullptr);
  for (int64_t i = 0; i < 6; ++i)
    EXPECT_EQ(prepared.data->get(i), (static_cast<double>(i) - 2.5) * static_cast<double>(1 << (i % 3)));
  EXPECT_EQ(difference(before, baked, Closeness::rounding, Numbers::plain), "");
}

TEST(Bake, LeavesAModuleWithoutPreparationAsItIs) {
  const auto interpreter = make_interpreter();
  const Module before = example();
  EXPECT_TRUE(equal(before, bake(before, *interpreter)));
}

}  // namespace
}  // namespace keratin::testing
