// Orders of launches and places of temporaries: small programs as text; of random programs that nothing is lost that is still to be read.
#include "codegen/plan_program.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "codegen/native.h"
#include "codegen/program_facts.h"
#include "ir/text.h"
#include "ir/text_format.h"
#include "tests/random_graph.h"

namespace keratin::testing {
namespace {

Target target() { return make_target("x86-64-v3", "x86_64-unknown-linux-gnu"); }

/// The temporaries, "t0 f32[N,8] at 0\n…", and the sum.
std::string places(const std::string& function) {
  const Module module = parse_module(cat("module @m {\n", function, "}\n"), "test");
  const KernelModule kernels = compile_kernels(module, target());
  std::string text;
  for (const ProgramBuffer& buffer : kernels.programs[0].buffers)
    if (buffer.storage == Storage::workspace)
      text += cat(buffer.name, " ", to_text(Type(buffer.dtype, buffer.shape)), " at ", to_text(buffer.offset),
                  "\n");
  return cat(text, to_text(kernels.programs[0].workspace), "\n");
}

TEST(PlanProgram, SumsAreStoredOverWhatIsAdded) {
  EXPECT_EQ(places(R"(  func @f(%x: f32[N,16], %w: f32[16,16]) -> (%y: f32[N]) {
    %0 = dot %x, %w {contract = [1]x[0]} : f32[N,16]
    %1 = dot %0, %w {contract = [1]x[0]} : f32[N,16]
    %2 = exp %1 : f32[N,16]
    %3 = add %0, %2 : f32[N,16]
    %4 = reduce_sum %3 {axes = [1]} : f32[N]
    %5 = dot %3, %w {contract = [1]x[0]} : f32[N,16]
    %6 = reduce_max %5 {axes = [1]} : f32[N]
    %7 = add %4, %6 : f32[N]
    return %7
  }
)"),
            "t0 f32[N,16] at 0\n"
            "t1 f32[N,16] at 64*N\n"
            "t2 f32[N,16] at 0\n"
            "t3 f32[N] at 128*N\n"
            "192*N\n");
}

TEST(PlanProgram, SoftmaxIsStoredOverItsOperand) {
  EXPECT_EQ(places(R"(  func @f(%x: f32[N,16], %w: f32[16,16]) -> (%y: f32[N,16]) {
    %0 = dot %x, %w {contract = [1]x[0]} : f32[N,16]
    %1 = reduce_max %0 {axes = [1]} : f32[N]
    %2 = broadcast %1 {dims = [0]} : f32[N,16]
    %3 = sub %0, %2 : f32[N,16]
    %4 = exp %3 : f32[N,16]
    %5 = reduce_sum %4 {axes = [1]} : f32[N]
    %6 = broadcast %5 {dims = [0]} : f32[N,16]
    %7 = div %4, %6 : f32[N,16]
    %8 = dot %7, %w {contract = [1]x[0]} : f32[N,16]
    return %8
  }
)"),
            "t0 f32[N,16] at 0\n"
            "t1 f32[N,16] at 0\n"
            "64*N\n");
}

TEST(PlanProgram, RowsInAnotherOrderAreStoredElsewhere) {
  EXPECT_EQ(places(R"(  func @f(%x: f32[N,16], %w: f32[16,16]) -> (%y: f32[N,16]) {
    %0 = dot %x, %w {contract = [1]x[0]} : f32[N,16]
    %1 = reduce_max %0 {axes = [1]} : f32[N]
    %2 = broadcast %1 {dims = [0]} : f32[N,16]
    %3 = reverse %0 {axes = [1]} : f32[N,16]
    %4 = sub %3, %2 : f32[N,16]
    %5 = dot %4, %w {contract = [1]x[0]} : f32[N,16]
    return %5
  }
)"),
            "t0 f32[N,16] at 0\n"
            "t1 f32[N,16] at 64*N\n"
            "128*N\n");
}

TEST(PlanProgram, WhatIsReadLaterIsKept) {
  EXPECT_EQ(places(R"(  func @f(%x: f32[N,16], %w: f32[16,16]) -> (%y: f32[N,16]) {
    %0 = dot %x, %w {contract = [1]x[0]} : f32[N,16]
    %1 = dot %0, %w {contract = [1]x[0]} : f32[N,16]
    %2 = add %0, %1 : f32[N,16]
    %3 = dot %2, %w {contract = [1]x[0]} : f32[N,16]
    %4 = dot %3, %0 {contract = [1]x[1]} : f32[N,N]
    %5 = dot %4, %2 {contract = [1]x[0]} : f32[N,16]
    return %5
  }
)"),
            "t0 f32[N,16] at 0\n"
            "t1 f32[N,16] at 64*N\n"
            "t2 f32[N,16] at 128*N\n"
            "t3 f32[N,N] at 192*N\n"
            "64*N*N + 192*N\n");
}

// What ranks reduce is on its way while launches run that do not need it, and as long as there are such.
TEST(PlanProgram, LaunchesThatNeedNotWaitForRanksGoFirst) {
  const Module module = parse_module(R"(module @m {
  var @v : f32[16,16] state
  var @w : f32[16,16] state
  func @f(%x: f32[N,16], %y: f32[N,16]) -> () {
    %0 = dot %x, %x {contract = [0]x[0]} : f32[16,16]
    %1 = all_reduce %0 : f32[16,16]
    %2 = sub @v, %1 : f32[16,16]
    %3 = dot %y, %x {contract = [0]x[0]} : f32[16,16]
    %4 = all_reduce %3 {by = "max"} : f32[16,16]
    %5 = sub @w, %4 : f32[16,16]
    return updates @v = %2, @w = %5
  }
}
)",
                                     "test");
  const KernelModule kernels = compile_kernels(module, target());
  const Program& program = kernels.programs[0];
  std::string text;
  for (const Launch& launch : program.launches) {
    text += program.buffers[launch.args.back()].name;
    text += launch.reduced_by.empty() ? "\n" : cat(" by ", launch.reduced_by, "\n");
  }
  EXPECT_EQ(text, "t0\nt1 by sum\nt2\nt3 by max\nv\nw\n");
  EXPECT_EQ(print(parse_kernels(print(kernels))), print(kernels));
}

TEST(PlanProgram, ResultsOfOneBranchAreNeededBeforeTheNextBegins) {
  // In the order of the graph both large products would live at once.
  EXPECT_EQ(places(R"(  func @f(%x: f32[8,8], %w: f32[8,512], %v: f32[512,8]) -> (%y: f32[8,8]) {
    %0 = dot %x, %w {contract = [1]x[0]} : f32[8,512]
    %1 = exp %x : f32[8,8]
    %2 = dot %1, %w {contract = [1]x[0]} : f32[8,512]
    %3 = dot %0, %v {contract = [1]x[0]} : f32[8,8]
    %4 = dot %2, %v {contract = [1]x[0]} : f32[8,8]
    %5 = mul %3, %4 : f32[8,8]
    return %5
  }
)"),
            "t0 f32[8,512] at 0\n"
            "t1 f32[8,8] at 16384\n"
            "t2 f32[8,512] at 0\n"
            "t3 f32[8,8] at 16384\n"
            "16640\n");
}

struct Bytes {
  int64_t begin, end;
};

/// What a launch of the program destroys though it is still read, or overwrites while it reads it elsewhere; empty: nothing.
std::string loss(const Program& program, const KernelModule& kernels, const Bindings& bindings) {
  const auto bytes = [&](uint32_t buffer) {
    const ProgramBuffer& it = program.buffers[buffer];
    const int64_t begin = it.offset.value(bindings);
    return Bytes{begin, begin + bytes_of(it).value(bindings)};
  };
  const auto mode = [&](const Launch& launch, size_t i) {
    return kernels.kernels[launch.kernel].buffers[i].mode;
  };
  const auto is_read_after = [&](uint32_t buffer, size_t step) {
    for (size_t later = step + 1; later < program.launches.size(); ++later)
      for (size_t i = 0; i < program.launches[later].args.size(); ++i)
        if (program.launches[later].args[i] == buffer) return mode(program.launches[later], i) != Mode::out;
    return false;
  };
  std::vector<bool> written(program.buffers.size(), false);
  for (size_t step = 0; step < program.launches.size(); ++step) {
    const Launch& launch = program.launches[step];
    for (size_t i = 0; i < launch.args.size(); ++i) {
      const uint32_t to = launch.args[i];
      if (mode(launch, i) == Mode::in || program.buffers[to].storage != Storage::workspace) continue;
      const Bytes here = bytes(to);
      for (uint32_t other = 0; other < program.buffers.size(); ++other) {
        const Bytes there = bytes(other);
        if (other == to || program.buffers[other].storage != Storage::workspace || there.end <= here.begin ||
            here.end <= there.begin)
          continue;
        const bool is_argument =
            std::find(launch.args.begin(), launch.args.end(), other) != launch.args.end();
        const bool is_same = here.begin == there.begin && here.end == there.end;
        if ((written[other] && is_read_after(other, step)) || (is_argument && !is_same))
          return cat("launch ", step, " loses ", program.buffers[other].name, "\n", print(program));
      }
    }
    for (size_t i = 0; i < launch.args.size(); ++i)
      if (mode(launch, i) != Mode::in) written[launch.args[i]] = true;
  }
  return {};
}

TEST(PlanProgram, NothingIsLost) {
  int64_t shared = 0;
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    const RandomGraph graph = random_graph({.seed = seed, .without = {Op::fusion}, .fewest_nodes = 10});
    const KernelModule kernels = compile_kernels(graph.module, target());
    const Program& program = kernels.programs[0];
    EXPECT_EQ(loss(program, kernels, graph.bindings), "") << "seed " << seed;
    for (uint32_t kernel = 0; kernel < kernels.kernels.size(); ++kernel) {
      const ParameterFacts facts = parameter_facts(kernels, kernel);
      for (size_t i = 0; i < facts.apart.size(); ++i)
        shared +=
            std::count(facts.apart[i].begin(), facts.apart[i].begin() + static_cast<ptrdiff_t>(i), false);
    }
  }
  EXPECT_GT(shared, 50) << "too few kernels that overwrite what they read for this to mean much";
}

// ---- limits: launches are repeated (codegen/rematerialize.h) ----

KernelModule within(const Module& module, int64_t bytes, int64_t batch) {
  PipelineOptions options;
  options.workspace_limit = WorkspaceLimit{bytes, batch, 0};
  return compile_kernels(module, target(), options);
}

int64_t repeated_launches(const Program& program) {
  std::set<uint32_t> kernels;
  for (const Launch& launch : program.launches) kernels.insert(launch.kernel);
  return static_cast<int64_t>(program.launches.size() - kernels.size());
}

/// Layers one after the other, and the gradients of all weights: what each layer leaves is read again in reverse order.
Module chain_with_gradients(int layers) {
  std::string params, body;
  for (int i = 0; i < layers; ++i) {
    const std::string before = i == 0 ? "x" : cat(2 * i - 1);
    params += cat(", %w", i, ": f32[32,32]");
    body += cat("    %", 2 * i, " = dot %", before, ", %w", i, " {contract = [1]x[0]} : f32[N,32]\n    %",
                2 * i + 1, " = tanh %", 2 * i, " : f32[N,32]\n");
  }
  return with_gradients(
      parse_module(cat("module @m {\n  func @f(%x: f32[N,32]", params, ") -> (%y: f32[N,32]) {\n", body,
                       "    return %", 2 * layers - 1, "\n  }\n}\n"),
                   "chain"));
}

std::vector<Tensor> chain_inputs(int layers, int64_t batch) {
  std::vector<Tensor> inputs{Tensor(DType::f32, {batch, 32})};
  for (int i = 0; i < layers; ++i) inputs.emplace_back(DType::f32, std::vector<int64_t>{32, 32});
  uint32_t state = 1;
  for (Tensor& input : inputs)
    for (float& element : input.as<float>()) {
      state = state * 1664525 + 1013904223;
      element = (static_cast<float>(state >> 8) / float{1 << 24} - 0.5f) / 2;
    }
  return inputs;
}

TEST(WorkspaceLimit, IsKeptAndResultsAreTheSame) {
  constexpr int kLayers = 36;
  constexpr int64_t kBatch = 16;
  const Module module = chain_with_gradients(kLayers);
  const auto whole = std::make_shared<const KernelModule>(compile_kernels(module, target()));
  const Bindings bindings{{Symbol("N"), kBatch}};
  const int64_t bytes = whole->programs[0].workspace.value(bindings);
  const std::vector<Tensor> inputs = chain_inputs(kLayers, kBatch);
  const std::vector<Tensor> expected = interpret_kernels(whole)->call("f", inputs);
  EXPECT_EQ(repeated_launches(within(module, bytes, kBatch).programs[0]), 0) << "the limit was kept already";
  int64_t before = 0;
  for (const int64_t percent : {80, 60, 45}) {
    const auto limited = std::make_shared<const KernelModule>(within(module, bytes * percent / 100, kBatch));
    const Program& program = limited->programs[0];
    EXPECT_LE(program.workspace.value(bindings), bytes * percent / 100);
    EXPECT_EQ(loss(program, *limited, bindings), "");
    EXPECT_GT(repeated_launches(program), before) << "less memory asks for more work";
    before = repeated_launches(program);
    EXPECT_LE(before, kLayers) << "once for each layer is enough";
    EXPECT_EQ(interpret_kernels(limited)->call("f", inputs), expected);
    EXPECT_EQ(print(parse_kernels(print(*limited))), print(*limited));
  }
}

// What lives at once need not grow as fast as the layers do.
TEST(WorkspaceLimit, TheLeastIsSublinear) {
  constexpr int64_t kBatch = 16;
  const Bindings bindings{{Symbol("N"), kBatch}};
  const auto least = [&](int layers) {
    return within(chain_with_gradients(layers), 1, kBatch).programs[0].workspace.value(bindings);
  };
  const auto whole = [&](int layers) {
    return compile_kernels(chain_with_gradients(layers), target()).programs[0].workspace.value(bindings);
  };
  EXPECT_LT(least(16), whole(16) * 3 / 5);
  EXPECT_LT(least(64), whole(64) * 2 / 5);
  EXPECT_LT(least(64), 2 * least(16) + 4096) << "four times the layers, at most twice the memory";
}

TEST(WorkspaceLimit, OfRandomGraphsLosesNothing) {
  int64_t repeated = 0;
  for (uint64_t seed = 1; seed <= 150; ++seed) {
    const RandomGraph graph = random_graph(
        {.seed = seed, .without = {Op::fusion, Op::pool_max_grad, Op::winograd}, .fewest_nodes = 10});
    const Module module = with_gradients(graph.module);
    const auto whole = std::make_shared<const KernelModule>(compile_kernels(module, target()));
    const auto least = std::make_shared<const KernelModule>(within(module, 1, 7));
    const Program& program = least->programs[0];
    EXPECT_EQ(loss(program, *least, graph.bindings), "") << "seed " << seed;
    const Bindings bindings = usual_bindings(*whole, 7);
    EXPECT_LE(program.workspace.value(bindings), whole->programs[0].workspace.value(bindings));
    if (repeated_launches(program) == 0) continue;
    repeated += repeated_launches(program);
    EXPECT_EQ(interpret_kernels(least)->call("f", graph.inputs),
              interpret_kernels(whole)->call("f", graph.inputs))
        << "seed " << seed;
  }
  EXPECT_GT(repeated, 20) << "too few repeated launches for this to mean much";
}

// A launch cannot be repeated once the variable that it reads has its new value.
TEST(WorkspaceLimit, OldValuesOfVariablesAreNotReadTooLate) {
  const Module module = parse_module(R"(module @m {
  var @w : f32[64,64] state
  func @f(%x: f32[N,64]) -> (%y: f32[N,64]) {
    %0 = dot %x, @w {contract = [1]x[0]} : f32[N,64]
    %1 = dot %0, %0 {contract = [0]x[0]} : f32[64,64]
    %2 = dot %1, @w {contract = [1]x[0]} : f32[64,64]
    %3 = dot %x, %2 {contract = [1]x[0]} : f32[N,64]
    %4 = dot %3, %2 {contract = [1]x[0]} : f32[N,64]
    %5 = dot %4, %2 {contract = [1]x[0]} : f32[N,64]
    %6 = add %5, %0 : f32[N,64]
    return %6 updates @w = %2
  }
}
)",
                                     "test");
  const KernelModule kernels = within(module, 1, 64);
  const Program& program = kernels.programs[0];
  bool is_written = false;
  for (const Launch& launch : program.launches)
    for (size_t i = 0; i < launch.args.size(); ++i) {
      if (program.buffers[launch.args[i]].storage != Storage::variable) continue;
      const Mode mode = kernels.kernels[launch.kernel].buffers[i].mode;
      EXPECT_FALSE(mode == Mode::in && is_written) << print(program);
      is_written = is_written || mode != Mode::in;
    }
  EXPECT_TRUE(is_written);
}

}  // namespace
}  // namespace keratin::testing
