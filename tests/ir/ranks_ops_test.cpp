// all_reduce: what it takes; of one rank it is what that has. What several make of it: tests/passes/partition_test.cpp.
#include <gtest/gtest.h>

#include "ir/text.h"
#include "ir/text_format.h"
#include "tests/ir/run.h"

namespace keratin::testing {
namespace {

Build reduced(const std::string& by) {
  return
      [by](Builder& b, auto& p) { return std::vector{b.make(Op::all_reduce, {p[0]}, AllReduceAttrs{by})}; };
}

TEST(AllReduce, OfOneRankIsWhatItHas) {
  EXPECT_EQ(run({f32({2})}, {f32({2}, {1.5, -2})}, reduced("sum"))[0], f32({2}, {1.5, -2}));
  EXPECT_EQ(run({Type(DType::boolean, {2})}, {tensor(DType::boolean, {2}, {0, 1})}, reduced("max"))[0],
            tensor(DType::boolean, {2}, {0, 1}));
}

TEST(AllReduce, RefusesWhatRanksCannotJoin) {
  EXPECT_EQ(error_of({f32({2})}, reduced("mean")),
            "all_reduce: by has \"mean\", expected sum, prod, max or min");
  EXPECT_EQ(error_of({Type(DType::bf16, {2})}, reduced("sum")),
            "all_reduce: operand 0 is bf16[2]: floats are reduced with at least 32 bits");
  EXPECT_EQ(error_of({Type(DType::boolean, {2})}, reduced("sum")),
            "all_reduce: operand 0 is bool[2]: booleans have no sum");
}

// Kernels of one scan run on one machine.
TEST(AllReduce, StandsInNoBodyOfAScan) {
  const auto parse = [] {
    return parse_module(R"(module @m {
  func @f(%h: f32[2]) -> (%y: f32[2]) {
    %0 = scan %h {carries = 1, length = 3} (%h: f32[2]) {
      %0 = all_reduce %h : f32[2]
      return %0
    } : f32[2]
    return %0
  }
}
)",
                        "test");
  };
  try {
    parse();
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_NE(error.message().find("the body waits for other ranks"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace keratin::testing
