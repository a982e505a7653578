// What verify() refuses, by the first line of what it says.
#include <gtest/gtest.h>

#include <string>

#include "codegen/kernel.h"
#include "kernel_texts.h"

namespace keratin {
namespace {

std::string problem_of(const KernelModule& module) {
  const std::string problem = find_problem(module);
  return problem.substr(0, problem.find('\n'));
}

std::string problem_in_kernel(const std::string& body) {
  return problem_of(parse_kernels("kernels @m\nkernel @k(%x: in f32[N,4], %y: out f32[8]) par i in 0..N {\n" +
                                  body + "\n}"));
}

TEST(KernelVerify, AcceptsWhatIsRight) {
  EXPECT_EQ(problem_of(parse_kernels(kGemm)), "");
  EXPECT_EQ(problem_of(parse_kernels(kEverything)), "");
}

TEST(KernelVerify, AccumulatorsAreIndexedByConstants) {
  const std::string what = "kernel @k: an index of a is not constant";
  EXPECT_EQ(problem_in_kernel("acc a: f32[4] = 0.0 for k in 0..4 { set a[k] = 1.0 }"), what);
  EXPECT_EQ(problem_in_kernel("acc a: f32[4] = 0.0 set a[N] = 1.0"), what);
  EXPECT_EQ(problem_in_kernel("acc a: f32[4] = 0.0 unroll k in 0..2 { set a[2*k + 1] = a[k mod 2] }"), "");
  EXPECT_EQ(problem_in_kernel("acc a: f32[4] = 0.0 unroll k in 0..5 { set a[k] = 1.0 }"),
            "kernel @k: an index of a leaves its shape [4]");
}

TEST(KernelVerify, UnrolledLoopsHaveConstantBounds) {
  EXPECT_EQ(problem_in_kernel("unroll k in 0..N { }"), "kernel @k: an unrolled loop without constant bounds");
}

TEST(KernelVerify, CertainViolationsAreFound) {
  EXPECT_EQ(problem_in_kernel("store %y[8] = 0.0"), "kernel @k: axis 0 of %y is left");
  EXPECT_EQ(problem_in_kernel("store %y[-1] = 0.0"), "kernel @k: axis 0 of %y is left");
  EXPECT_EQ(problem_in_kernel("store %y[1 : 8] = 0.0"), "kernel @k: axis 0 of %y is left");
  EXPECT_EQ(problem_in_kernel("for k in 5..9 { store %y[k + 3] = load %x[i, 0] }"),
            "kernel @k: axis 0 of %y is left");
}

TEST(KernelVerify, PrefetchesMayLeaveTheirBuffer) {
  EXPECT_EQ(problem_in_kernel("prefetch %x[i, 4096] prefetch %y[-1]"), "");
}

TEST(KernelVerify, TilesAreSummedInTiles) {
  const auto problem = [](const std::string& body) {
    return problem_of(parse_kernels(
        "kernels @m\nkernel @k(%a: in bf16[32,64], %b: in bf16[2,32,32], %y: out f32[32,32]) {\n" + body +
        "\n}"));
  };
  const std::string mma = "mma %a[0, 0] along 0, %b[0, 0, 0] along 0";
  EXPECT_EQ(problem("tiles %y[0, 0] 2 x 2 { for k in 0..2 { " + mma + " } }"), "");
  EXPECT_EQ(problem(mma), "kernel @k: mma outside of tiles");
  EXPECT_EQ(problem("tiles %y[0, 0] 1 x 1 { tiles %y[0, 0] 1 x 1 { } }"), "kernel @k: tiles within tiles");
  EXPECT_EQ(problem("tiles %y[0, 0] 1 x 1 { mma %a[0, 0] along 0, %b[2, 0, 0] along 0 }"),
            "kernel @k: axis 0 of %b is left");
}

TEST(KernelVerify, PossibleViolationsAreNot) {
  for (const char* body : {"store %y[i] = 0.0", "store %y[i - 1] = 0.0", "store %y[8] = 0.0 if i - 3",
                           "store %y[4 : 8] = 0.0", "store %y[1 : 8] = 0.0 only ..7",
                           "for k in 9..9 { store %y[k] = 0.0 }", "if i - 3 { store %y[8] = 0.0 }"}) {
    const bool fits = std::string_view(body) != "store %y[4 : 8] = 0.0";
    EXPECT_EQ(problem_in_kernel(body).empty(), fits) << body;
  }
}

TEST(KernelVerify, ScopesOfWhatMakersMade) {
  KernelModule module;
  Kernel& kernel = module.kernels.emplace_back();
  kernel.name = "k";
  const BufferId y = add_buffer(kernel, {"y", DType::f32, {Dim(4)}, Mode::out});
  const VarId i = add_variable(kernel, "i");
  kernel.body.push_back(store_stmt({.buffer = y, .at = {Index::variable(i)}}, number(0.0f)));
  EXPECT_EQ(problem_of(module), "kernel @k: i is used outside its scope");
  kernel.body = {for_stmt(i, 0, 4, 1, LoopKind::serial, {for_stmt(i, 0, 4, 1, LoopKind::serial, {})})};
  EXPECT_EQ(problem_of(module), "kernel @k: i is bound within its own scope");
  kernel.body.clear();
  kernel.variables.push_back({"b", DType::i64, 1});
  kernel.buffers[0].shape = {Dim(1, Symbol("b"))};
  EXPECT_EQ(problem_of(module), "kernel @k: variable b is named like a symbol");
}

std::string problem_in_program(const std::string& body) {
  return problem_of(
      parse_kernels("kernels @m\nvar @v: f32[4,8]\nkernel @k(%x: in f32[N], %y: out f32[N]) { }\n" + body));
}

TEST(KernelVerify, Programs) {
  const std::string x = "input %x: f32[N] ", y = "output %y: f32[N] ";
  EXPECT_EQ(problem_in_program("program @p(%x) -> (%y) memory 0 {" + x + y + "launch @k(%x, %y) }"), "");
  EXPECT_EQ(problem_in_program("program @p(%x) -> (%y) memory 0 {" + x + y + "launch @k(%x) }"),
            "program @p: @k takes 2 buffers, not 1");
  EXPECT_EQ(problem_in_program("program @p(%x) -> (%y) memory 0 {" + x + y + "launch @k(%y, %x) }"),
            "program @p: @k writes the input %x");
  EXPECT_EQ(problem_in_program("program @p() -> (%y) memory 0 {" + x + y + "}"),
            "program @p: %x is no input");
  EXPECT_EQ(problem_in_program("program @p() -> (%y) memory 0 {" + y + "}"),
            "program @p: no input has the dimension N");
  EXPECT_EQ(problem_in_program("program @p(%x) -> () memory 0 {" + x + "variable @v: f32[8,4] }"),
            "program @p: @v is not f32[8,4]");
  EXPECT_EQ(problem_in_program("program @p(%x) -> () memory 64*N {" + x +
                               "workspace %t: f32[2N] at 0 launch @k(%x, %t) }"),
            "program @p: @k takes f32[N] as %y, not f32[2N]");
  EXPECT_EQ(problem_in_program("program @p(%x) -> () memory 64*N {" + x + "workspace %t: f32[N] at 32*N }"),
            "program @p: %t is not aligned");
}

using KernelVerifyDeathTest = testing::Test;

TEST(KernelVerifyDeathTest, AbortsWithTheKernel) {
  const KernelModule module = parse_kernels("kernels @m kernel @k(%y: out f32[8]) { store %y[8] = 0.0 }");
  EXPECT_DEATH(verify(module), "axis 0 of %y is left");
}

}  // namespace
}  // namespace keratin
