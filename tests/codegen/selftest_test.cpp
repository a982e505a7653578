// The tolerance of a self-test: rounding in another order passes, a wrong kernel does not.
#include <gtest/gtest.h>

#include "codegen/artefact.h"
#include "ir/text_format.h"

namespace keratin::testing {
namespace {

SelfTest selftest_of(const std::string& body) {
  const Module module = parse_module(
      "module @m {\n  func @predict(%x: f32[N,64]) -> (%y: f32[N]) {\n" + body + "    return %y\n  }\n}\n",
      "test");
  return make_selftest(module, "predict");
}

TEST(SelfTest, AllowsRoundingOfTheResultsSize) {
  const SelfTest test = selftest_of("    %y = reduce_sum %x {axes = [1]} : f32[N]\n");
  EXPECT_GT(test.atol, 1e-5);
  EXPECT_LT(test.atol, 2e-3);
}

// The sum is of the order of 1e9, its last bit 64 or more: no digit of the sine is the same in another order.
TEST(SelfTest, AllowsWhatAFunctionMakesOfRounding) {
  const SelfTest test = selftest_of(
      "    %large = mul %x, 3e8 : f32[N,64]\n"
      "    %sum = reduce_sum %large {axes = [1]} : f32[N]\n"
      "    %y = sin %sum : f32[N]\n");
  EXPECT_GT(test.atol, 0.1);
}

}  // namespace
}  // namespace keratin::testing
