#include "passes/slices.h"

#include <gtest/gtest.h>

#include "ir/text_format.h"
#include "ir/verify.h"

namespace keratin::testing {
namespace {

SlicedModule cut(const std::string& variables, const std::string& function, int64_t batch = 0) {
  SlicedModule result =
      cut_batches(parse_module("module @m {\n" + variables + function + "}\n", "slices"), batch);
  verify(result.module);
  return result;
}

bool is_cut(const std::string& function) { return cut("", function).slices.contains("f"); }

TEST(Slices, HaveAsManySamplesAsWeightsAndCachesSuggest) {
  // Each weight is used once for a sample; the largest value has 2 KB.
  const std::string dense = R"(func @f(%x: f32[N,784]) -> (%y: f32[N,512]) {
    %0 = dot %x, @w {contract = [1]x[0]} : f32[N,512]
    return %0
  })";
  EXPECT_EQ(cut("var @w : f32[784,512]\n", dense).slices.at("f"), (Slices{64, 256}));
  // For 64 places.
  const std::string places = R"(func @f(%x: f32[N,64,784]) -> (%y: f32[N,64,512]) {
    %0 = dot %x, @w {contract = [2]x[0]} : f32[N,64,512]
    return %0
  })";
  EXPECT_EQ(cut("var @w : f32[784,512]\n", places).slices.at("f"), (Slices{1, 4}));
}

TEST(Slices, AreOfFunctionsWhoseSamplesDoNotKnowOfEachOther) {
  EXPECT_TRUE(is_cut("func @f(%x: f32[N,4]) -> (%y: f32[N,4]) {\n %0 = exp %x : f32[N,4]\n return %0\n}\n"));
  EXPECT_FALSE(is_cut(R"(func @f(%x: f32[N,4]) -> (%y: f32[N,4]) {
    %0 = reduce_sum %x {axes = [0]} : f32[4]
    %1 = broadcast %0 {dims = [1]} : f32[N,4]
    return %1
  })"));
  EXPECT_FALSE(is_cut(R"(func @f(%x: f32[N,4]) -> (%y: f32[N,4]) {
    %0 = reverse %x {axes = [0]} : f32[N,4]
    return %0
  })"));
  EXPECT_FALSE(is_cut(R"(func @f(%x: f32[N,4], %shared: f32[4]) -> (%y: f32[N,4]) {
    %0 = broadcast %shared {dims = [1]} : f32[N,4]
    %1 = add %x, %0 : f32[N,4]
    return %1
  })"));
  EXPECT_FALSE(is_cut(R"(func @f(%x: f32[N,4]) -> (%y: f32[N,4], %mean: f32[]) {
    %0 = reduce_sum %x {axes = [0, 1]} : f32[]
    return %x, %0
  })"));
  // What is sorted in a row is not looked into: of the second result no less than of the first.
  EXPECT_FALSE(is_cut(R"(func @f(%x: f32[N,4]) -> (%y: i32[N,2]) {
    %0, %1 = top_k %x {axis = 1, k = 2} : f32[N,2], i32[N,2]
    return %1
  })"));
  EXPECT_FALSE(is_cut(R"(func @f(%x: f32[N,9,4], %h: f32[N,4]) -> (%y: f32[N,4]) {
    %0 = scan %h, %x {axis = 1, carries = 1, length = 9, sequences = 1} (%h: f32[N,4], %s: f32[N,4]) {
      %0 = add %h, %s : f32[N,4]
      return %0
    } : f32[N,4]
    return %0
  })"));
  EXPECT_FALSE(cut("var @n : f32[] state\n", R"(func @f(%x: f32[N,4]) -> (%y: f32[N,4]) {
    %0 = add @n, 1.0 : f32[]
    return %x updates @n = %0
  })")
                   .slices.contains("f"));
}

TEST(Slices, OfAFixedBatchHaveFunctionsOfTheirOwn) {
  const std::string places = R"(func @f(%x: f32[32,64,784]) -> (%y: f32[32,64,512]) {
    %0 = dot %x, @w {contract = [2]x[0]} : f32[32,64,512]
    return %0
  })";
  const SlicedModule found = cut("var @w : f32[784,512]\n", places, 32);
  EXPECT_EQ(found.slices.at("f"), (Slices{4, 4}));
  EXPECT_EQ(found.module.function("f").params[0]->type().shape, (Shape{4, 64, 784}));
  EXPECT_TRUE(cut("var @w : f32[784,512]\n", places, 0).slices.empty()) << "nobody said that it is a batch";
  EXPECT_TRUE(cut("var @w : f32[784,512]\n", places, 16).slices.empty());
  const std::string few = R"(func @f(%x: f32[32,784]) -> (%y: f32[32,512]) {
    %0 = dot %x, @w {contract = [1]x[0]} : f32[32,512]
    return %0
  })";
  EXPECT_TRUE(cut("var @w : f32[784,512]\n", few, 32).slices.empty());
}

}  // namespace
}  // namespace keratin::testing
