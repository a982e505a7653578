// What kernels hand on in memory, and the reasons for it: of small graphs as text, of random graphs that there are some.
#include "codegen/crossings.h"

#include <gtest/gtest.h>

#include <map>

#include "codegen/native.h"
#include "ir/text.h"
#include "ir/text_format.h"
#include "tests/random_graph.h"

namespace keratin::testing {
namespace {

struct Compiled {
  Decisions decisions;
  KernelModule kernels;

  explicit Compiled(const Module& module) {
    PipelineOptions options;
    options.decisions = &decisions;
    kernels = compile_kernels(module, make_target("x86-64-v3", "x86_64-unknown-linux-gnu"), options);
  }
};

/// "f32[N,8] 0 -> 1: why\n…" for the function f of a module.
std::string crossings(const std::string& function) {
  const Compiled compiled(parse_module(cat("module @m {\n", function, "}\n"), "test"));
  const Program& program = compiled.kernels.programs[0];
  std::string text;
  for (const Crossing& crossing : find_crossings(compiled.kernels, program, compiled.decisions)) {
    const ProgramBuffer& buffer = program.buffers[crossing.buffer];
    text += cat(to_text(Type(buffer.dtype, buffer.shape)), " ", crossing.writer, " -> ", crossing.reader,
                ": ", crossing.why, "\n");
  }
  return text;
}

TEST(Crossings, AreNoneWithinOneKernel) {
  EXPECT_EQ(crossings(R"(  func @f(%x: f32[N,8]) -> (%y: f32[N,8]) {
    %0 = exp %x : f32[N,8]
    %1 = reduce_sum %0 {axes = [1]} : f32[N]
    %2 = broadcast %1 {dims = [0]} : f32[N,8]
    %3 = div %0, %2 : f32[N,8]
    return %3
  }
)"),
            "");
}

TEST(Crossings, FactorsAreReadByStrides) {
  EXPECT_EQ(crossings(R"(  func @f(%x: f32[N,8], %w: f32[8,8]) -> (%y: f32[N,8]) {
    %0 = exp %x : f32[N,8]
    %1 = dot %0, %w {contract = [1]x[0]} : f32[N,8]
    %2 = dot %1, %w {contract = [1]x[0]} : f32[N,8]
    return %2
  }
)"),
            "f32[N,8] 0 -> 1: a dot reads its factors many times, by strides alone\n"
            "f32[N,8] 1 -> 2: a dot has loops of its own\n");
}

TEST(Crossings, ResultsAreRead) {
  EXPECT_EQ(crossings(R"(  func @f(%x: f32[N,8], %w: f32[8,8]) -> (%y: f32[N,8], %z: f32[N]) {
    %0 = dot %x, %w {contract = [1]x[0]} : f32[N,8]
    %1 = reduce_sum %0 {axes = [1]} : f32[N]
    return %0, %1
  }
)"),
            "f32[N,8] 0 -> 1: it is a result, y\n");
}

TEST(Crossings, WhatIsExpensiveIsNotRepeated) {
  EXPECT_EQ(crossings(R"(  func @f(%x: f32[4], %w: f32[16,4]) -> (%y: f32[16,4]) {
    %0 = exp %x : f32[4]
    %1 = broadcast %0 {dims = [1]} : f32[16,4]
    %2 = mul %1, %w : f32[16,4]
    return %2
  }
)"),
            "f32[4] 0 -> 1: a broadcast would compute exp 16 times\n");
}

TEST(Crossings, WindowsOverlap) {
  EXPECT_EQ(crossings(R"(  func @f(%x: f32[N,8,8,4]) -> (%y: f32[N,6,6,4]) {
    %0 = mul %x, 2.0 : f32[N,8,8,4]
    %1 = pool_max %0 {pad_high = [0, 0, 0, 0], pad_low = [0, 0, 0, 0], size = [1, 3, 3, 1], stride = [1, 1, 1, 1]} : f32[N,6,6,4]
    return %1
  }
)"),
            "f32[N,8,8,4] 0 -> 1: windows of a pool_max overlap\n");
}

TEST(Crossings, ReshapesAreViewsOfMemory) {
  EXPECT_EQ(crossings(R"(  func @f(%x: f32[N,6]) -> (%y: f32[3,N,2]) {
    %0 = exp %x : f32[N,6]
    %1 = reshape %0 : f32[N,3,2]
    %2 = transpose %1 {perm = [1, 0, 2]} : f32[3,N,2]
    return %2
  }
)"),
            "f32[N,6] 0 -> 1: it is read through a reshape, a view of memory\n");
}

TEST(Crossings, KernelsDoNotWaitForThemselves) {
  // The first and the last could be one kernel, but for what lies between them.
  EXPECT_EQ(crossings(R"(  func @f(%x: f32[N,8]) -> (%y: f32[N,8]) {
    %0 = exp %x : f32[N,8]
    %1 = reduce_sum %0 {axes = [0]} : f32[8]
    %2 = broadcast %1 {dims = [1]} : f32[N,8]
    %3 = mul %0, %2 : f32[N,8]
    return %3
  }
)"),
            "f32[N,8] 0 -> 1: rows of 8*N elements are too long for the cache\n"
            "f32[8] 1 -> 2: rows of 8*N elements are too long for the cache\n"
            "f32[N,8] 0 -> 2: one kernel would wait for itself: a reduce_sum comes between them\n");
}

TEST(Crossings, CopiesSayWhatTheyAreFor) {
  EXPECT_EQ(crossings(R"(  func @f(%x: f32[N]) -> (%y: f32[N], %z: f32[N]) {
    %0 = exp %x : f32[N]
    return %0, %0
  }
)"),
            "f32[N] 0 -> 1: a result in its second place, or not computed\n");
}

/// A buffer that one kernel writes and another reads without a reason, if there is one.
std::string unexplained(const Module& module) {
  const Compiled compiled(module);
  for (const Program& program : compiled.kernels.programs) {
    std::map<uint32_t, size_t> written;
    std::map<std::pair<uint32_t, size_t>, std::string> reasons;  // by buffer and reader
    for (const Crossing& crossing : find_crossings(compiled.kernels, program, compiled.decisions))
      reasons[{crossing.buffer, crossing.reader}] = crossing.why;
    for (size_t i = 0; i < program.launches.size(); ++i) {
      const Launch& launch = program.launches[i];
      const auto& buffers = compiled.kernels.kernels[launch.kernel].buffers;
      for (size_t k = 0; k < launch.args.size(); ++k) {
        if (buffers[k].mode == Mode::out) continue;
        const auto from = written.find(launch.args[k]);
        if (from != written.end() && reasons[{launch.args[k], i}].empty())
          return cat(program.buffers[launch.args[k]].name, " from ", from->second, " to ", i, "\n",
                     print(program));
      }
      for (size_t k = 0; k < launch.args.size(); ++k)
        if (buffers[k].mode != Mode::in) written[launch.args[k]] = i;
    }
  }
  return {};
}

TEST(Crossings, AllHaveReasons) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    const Module module = random_graph({.seed = seed, .without = {Op::fusion}}).module;
    ASSERT_EQ(unexplained(module), "") << "seed " << seed << "\n" << print(module);
  }
}

TEST(Crossings, AllOfGradientsHaveReasons) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    const RandomGraphOptions options{.seed = seed, .without = {Op::fusion, Op::pool_max_grad, Op::winograd}};
    const Module module = with_gradients(random_graph(options).module);
    ASSERT_EQ(unexplained(module), "") << "seed " << seed << "\n" << print(module);
  }
}

}  // namespace
}  // namespace keratin::testing
