// The order of instructions in machine code: long chains side by side, memory as the kernel says.
#include <gtest/gtest.h>

#include <cstring>

#include "codegen/emit.h"
#include "ir/text.h"

namespace keratin {
namespace {

/// A value after twenty additions, each of which waits for the one before.
std::string chain(std::string value) {
  for (int i = 0; i < 20; ++i) value = cat("add(abs(", value, "), splat(-", i + 1, ".0))");
  return value;
}

std::shared_ptr<const KernelModule> module_of(const std::string& body) {
  return std::make_shared<const KernelModule>(
      parse_kernels(cat("kernels @m\nkernel @k(%x: in f32[64], %y: out f32[64]) {\n", body,
                        "}\nprogram @f(%x) -> (%y) memory 0 {\n input %x: f32[64]\n output %y: f32[64]\n"
                        " launch @k(%x, %y)\n}\n")));
}

TEST(Chains, AreWrittenSideBySide) {
  const auto module = module_of(cat("store %y[0 : 16] = ", chain("load %x[0 : 16]"),
                                    "\nstore %y[16 : 16] = ", chain("load %x[16 : 16]"), "\n"));
  const std::string text = llvm_text(*module, make_target("x86-64-v4", "x86_64-unknown-linux-gnu"), {});
  const size_t kernel = text.find("= load <16 x float>");
  ASSERT_NE(kernel, std::string::npos);
  EXPECT_LT(text.find("= load <16 x float>", kernel + 1), text.find("store <16 x float>")) << text;
}

TEST(Chains, LeaveTheOrderOfAccessesToOnePlace) {
  const auto module = module_of(cat("for j in 0..64 step 8 { store %y[j : 8] = load %x[j : 8] }\n",
                                    "store %y[0 : 8] = ", chain("load %y[8 : 8]"), "\n",  //
                                    "store %y[4 : 8] = ", chain("load %y[2 : 8]"), "\n",  // what was stored
                                    "store %y[6 : 8] = load %x[40 : 8]\n",  // what was read, and over it
                                    "store %y[24 : 8] = ", chain("load %y[5 : 8]"), "\n"));
  Tensor x(DType::f32, {64});
  for (int64_t i = 0; i < 64; ++i) x.set(i, static_cast<double>(i * i % 37) + 0.25);
  const Target target = host_target();
  const Tensor expected = interpret_kernels(module)->call("f", std::vector<Tensor>{x})[0],
               got = jit_kernels(module, target, {}, 1)->call("f", std::vector<Tensor>{x})[0];
  EXPECT_EQ(std::memcmp(got.data(), expected.data(), static_cast<size_t>(x.bytes())), 0);
}

}  // namespace
}  // namespace keratin
