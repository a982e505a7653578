// The guard pages themselves: kernels that go one element too far are found out, whatever they do there.
#include "tests/codegen/guarded.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "ir/text.h"

namespace keratin::testing {
namespace {

/// y = x, but read at `from` and written at `to` of every place i.
std::string run_copy(const std::string& from, const std::string& to) {
  const std::string text = cat(
      "kernels @m\n\nkernel @k(%x: in f32[N], %y: out f32[N]) par i in 0..N {\n  store %y[", to,
      "] = load %x[", from,
      "]\n}\n\nprogram @f(%x) -> (%y) memory 0 {\n  input %x: f32[N]\n  output %y: f32[N]\n  launch @k(%x, %y)\n}\n");
  const auto module = std::make_shared<const KernelModule>(parse_kernels(text));
  Tensor x(DType::f32, {5});
  for (int64_t i = 0; i < 5; ++i) x.set(i, static_cast<double>(i + 1));
  try {
    return guarded_kernels(module, make_target("x86-64"))->call("f", std::vector{x})[0] == x ? "equal"
                                                                                             : "different";
  } catch (const std::runtime_error& error) {
    return error.what();
  }
}

TEST(Guarded, AccessesBesideABufferAreFound) {
  EXPECT_EQ(run_copy("i", "i"), "equal");
  EXPECT_EQ(run_copy("i + 1", "i"), "touches byte 20 of an input");
  EXPECT_EQ(run_copy("i - 1", "i"), "touches byte -4 of an input");
  EXPECT_EQ(run_copy("i", "i + 1"), "touches byte 20 of an output");
  EXPECT_EQ(run_copy("i", "i - 1"), "writes beside an output");
}

}  // namespace
}  // namespace keratin::testing
