// --exact and --fast-conv: which convolutions become Winograd's.
#include <gtest/gtest.h>

#include "tests/tools/cli.h"

namespace keratin::testing {
namespace {

/// A model of one convolution, with weights that are zeros.
constexpr const char* kModel = R"(module @conv {
  var @k : f32[3,3,16,32]
  func @predict(%x: f32[N,16,16,16]) -> (%y: f32[N,16,16,32]) {
    %0 = conv %x, @k {dims = "b01f_01io->b01f", input_dilation = [1, 1], kernel_dilation = [1, 1], pad_high = [1, 1], pad_low = [1, 1], stride = [1, 1]} : f32[N,16,16,32]
    return %0
  }
}
)";

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(ConvolutionOptions, ChooseTheConvolutions) {
  const Shell shell;
  shell.write("conv.kir", kModel);
  const auto dumped = [&](const std::string& options) {
    const Outcome outcome = shell.run("$keratin dump conv.kir " + options);
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    return outcome.out;
  };
  EXPECT_TRUE(contains(dumped("--after fuse --func predict"), "= winograd %p0, %p1"));
  EXPECT_TRUE(contains(dumped("--after fuse --func predict"), "f32[4,4,16,32]"));
  EXPECT_TRUE(contains(dumped("--after fuse --func predict --exact"), "= conv %p0, %p1"));
  EXPECT_TRUE(contains(dumped("--after fuse --func predict --fast-conv"), "f32[6,6,16,32]"));
  EXPECT_TRUE(contains(dumped("--stage loops"), "tile %v: f32[4,4,"));
  EXPECT_FALSE(contains(dumped("--stage loops --exact"), "tile %v"));
  EXPECT_TRUE(contains(dumped("--stage loops --fast-conv"), "tile %v: f32[6,6,"));
}

TEST(ConvolutionOptions, AreTakenWhereCodeIsMade) {
  const Shell shell;
  shell.write("conv.kir", kModel);
  for (const std::string option : {"--exact", "--fast-conv"}) {
    const Outcome compiled = shell.run("$keratin compile conv.kir -o conv.so " + option);
    EXPECT_EQ(compiled.status, 0) << compiled.err;
    const Outcome measured = shell.run("$keratin bench conv.kir --seconds 0.01 " + option);
    EXPECT_EQ(measured.status, 0) << measured.err;
  }
}

TEST(ConvolutionOptions, WrongUsesAreRefused) {
  const Shell shell;
  shell.write("conv.kir", kModel);
  const auto error = [&](const std::string& command) {
    const Outcome outcome = shell.run("$keratin " + command);
    EXPECT_NE(outcome.status, 0);
    return outcome.err;
  };
  EXPECT_TRUE(contains(error("compile conv.kir -o conv.so --exact --fast-conv"),
                       "--exact and --fast-conv exclude each other"));
  EXPECT_TRUE(contains(error("dump conv.kir --after fast_conv"), "the pass fast_conv does not run"));
  EXPECT_TRUE(contains(error("dump conv.kir --after winograd --exact"), "the pass winograd does not run"));
}

}  // namespace
}  // namespace keratin::testing
