// What regions have to do: counted by hand.
#include "codegen/work.h"

#include <gtest/gtest.h>

#include "ir/text.h"
#include "ir/text_format.h"

namespace keratin::testing {
namespace {

/// Of the function @f in a module that has nothing else.
Work work_of_text(const std::string& function) {
  const Module module = parse_module(cat("module @m {\n", function, "}\n"), "test");
  return work_of(module.function("f"));
}

TEST(Work, OfADotGrowsWithTheBatch) {
  const Work work = work_of_text(R"(  func @f(%x: f32[N,784], %w: f32[784,32]) -> (%y: f32[N,32]) {
    %0 = dot %x, %w {contract = [1]x[0]} : f32[N,32]
    %1 = max %0, 0.0 : f32[N,32]
    return %1
  }
)");
  EXPECT_EQ(to_text(work.multiply_adds), "25088*N");
  ASSERT_EQ(work.bytes.size(), 3u);
  EXPECT_EQ(to_text(work.bytes[0]), "3136*N");
  EXPECT_EQ(to_text(work.bytes[1]), "100352");
  EXPECT_EQ(to_text(work.bytes[2]), "128*N");
}

TEST(Work, WhatIsWidenedIsNarrow) {
  const Work work = work_of_text(R"(  func @f(%x: bf16[N,784], %w: bf16[784,32]) -> (%y: f32[N,32]) {
    %0 = cast %x : f32[N,784]
    %1 = cast %w : f32[784,32]
    %2 = dot %0, %1 {contract = [1]x[0]} : f32[N,32]
    return %2
  }
)");
  EXPECT_EQ(to_text(work.multiply_adds), "25088*N");
  EXPECT_EQ(to_text(work.of_bf16), "25088*N");
  EXPECT_EQ(to_text(work.bytes[1]), "50176");
}

TEST(Work, TapsInThePaddingAreNone) {
  const Work work = work_of_text(R"(  func @f(%x: f32[N,4,4,2], %w: f32[3,3,2,5]) -> (%y: f32[N,4,4,5]) {
    %0 = conv %x, %w {dims = "b01f_01io->b01f", input_dilation = [1, 1], kernel_dilation = [1, 1], pad_high = [1, 1], pad_low = [1, 1], stride = [1, 1]} : f32[N,4,4,5]
    return %0
  }
)");
  // Along each axis 2 + 3 + 3 + 2 taps are inside.
  EXPECT_EQ(to_text(work.multiply_adds), "1000*N");
}

TEST(Work, ZerosBetweenElementsAreNone) {
  const Work work = work_of_text(R"(  func @f(%x: f32[1,3,1], %w: f32[2,1,1]) -> (%y: f32[1,4,1]) {
    %0 = conv %x, %w {dims = "b0f_0io->b0f", input_dilation = [2], kernel_dilation = [1], pad_high = [0], pad_low = [0], stride = [1]} : f32[1,4,1]
    return %0
  }
)");
  EXPECT_EQ(to_text(work.multiply_adds), "4");  // x 0 x 0 x: each window of two has one element
}

TEST(Work, AScanDoesItsBodyInEveryStep) {
  const Work work = work_of_text(R"(  func @f(%h: f32[N,8], %w: f32[8,8]) -> (%y: f32[N,8]) {
    %0 = scan %h, %w {axis = 1, carries = 1, length = 10} (%h: f32[N,8], %w: f32[8,8]) {
      %0 = fusion %h, %w (%p0: f32[N,8], %p1: f32[8,8]) {
        %0 = dot %p0, %p1 {contract = [1]x[0]} : f32[N,8]
        return %0
      } : f32[N,8]
      return %0
    } : f32[N,8]
    return %0
  }
)");
  EXPECT_EQ(to_text(work.multiply_adds), "640*N");
  EXPECT_EQ(to_text(work.bytes[0]), "32*N");
  EXPECT_EQ(to_text(work.bytes[1]), "2560") << "the weights are read in every step";
}

TEST(Work, OfATableTheRowsAreReadThatAreGathered) {
  const Work work = work_of_text(R"(  func @f(%table: f32[1000,4], %word: i32[N]) -> (%y: f32[N,4]) {
    %0 = gather %table, %word {axis = 0} : f32[N,4]
    return %0
  }
)");
  EXPECT_EQ(to_text(work.bytes[0]), "16*N");
}

}  // namespace
}  // namespace keratin::testing
