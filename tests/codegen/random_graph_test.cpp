// The whole way down on random graphs: interpreter against kernels within what rounding can do, kernel interpreter against
// machine code bit for bit, on every processor level that this machine has, also with all buffers against guard pages.
#include "tests/random_graph.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>

#include "codegen/lower.h"
#include "codegen/native.h"
#include "ir/text.h"
#include "ir/text_format.h"
#include "ir/verify.h"
#include "passes/pipeline.h"
#include "passes/stages.h"
#include "tests/codegen/guarded.h"

namespace keratin::testing {
namespace {

constexpr uint64_t kFirstSeed = 1000;
#ifdef NDEBUG
constexpr uint64_t kGraphs = 500;
#else
constexpr uint64_t kGraphs = 40;  // with sanitizers it is the compiler that is tested, not its results
#endif

RandomGraphOptions options_for(uint64_t seed) {
  // What only passes put in is drawn elsewhere; fusion is what these graphs are for.
  return {.seed = seed, .without = {Op::fusion}, .fewest_nodes = 1 + static_cast<int64_t>(seed % 12)};
}

std::string compare(const std::vector<Tensor>& expected, const std::vector<Tensor>& found) {
  for (size_t i = 0; i < expected.size(); ++i)
    if (const std::string text = disagreement(expected[i], found[i]); !text.empty())
      return cat("result ", i, ": ", text);
  return {};
}

/// Empty if machine code gives what the kernel interpreter gave; otherwise where it does not.
std::string check_native(const RandomGraph& graph, const std::shared_ptr<const KernelModule>& kernels,
                         const std::vector<Tensor>& interpreted, const Target& target, uint64_t seed) {
  try {
    if (guarded_kernels(kernels, target)->call("f", graph.inputs) != interpreted)
      return cat("native code differs between guard pages\n", print(*kernels));
  } catch (const std::runtime_error& error) {
    return cat("native code ", error.what(), "\n", print(*kernels));
  }
  const unsigned threads = 2 + static_cast<unsigned>(seed % 2);
  if (jit_kernels(kernels, target, {}, threads)->call("f", graph.inputs) != interpreted)
    return cat("native code differs with ", threads, " threads\n", print(*kernels));
  return {};
}

bool has_stages(const Node& node) {
  return node.op == Op::fusion && std::any_of(node.body->nodes.begin(), node.body->nodes.end(),
                                              [](const auto& inner) { return inner->op == Op::fusion; });
}

/// The graph's kernels; of every other seed those that can be stages of one are, whether or not that pays.
KernelModule kernels_of(const RandomGraph& graph, const Target& target, uint64_t seed, int64_t* with_stages) {
  if (seed % 2 == 0) return compile_kernels(graph.module, target);
  const auto reference = make_interpreter();
  const Module fused = bake(optimize(graph.module, {.skip = {"stages"}}), *reference);
  const Module joined = join_stages(fused, {.least_value = 1,
                                            .least_pieces = 1,
                                            .most_bytes = 1 << 30,
                                            .free_read = 1 << 30,
                                            .operations_per_byte = 0,
                                            .most_read_again = 1 << 30});
  verify(joined);
  for (const auto& node : joined.function("f").nodes) *with_stages += has_stages(*node) ? 1 : 0;
  return lower(joined, target);
}

/// Empty if all ways of running the graph agree; otherwise where they do not.
std::string check(const RandomGraph& graph, const Target& target, uint64_t seed, int64_t* with_stages) {
  const auto reference = make_interpreter();
  const std::vector<Tensor> expected = reference->compile(graph.module)->call("f", graph.inputs);
  const auto kernels = std::make_shared<const KernelModule>(kernels_of(graph, target, seed, with_stages));
  verify(*kernels);
  const std::vector<Tensor> interpreted = interpret_kernels(kernels)->call("f", graph.inputs);
  if (const std::string text = compare(expected, interpreted); !text.empty())
    return cat("kernel interpreter, ", text, "\n", print(*kernels));
  return check_native(graph, kernels, interpreted, target, seed);
}

class RandomGraphs : public ::testing::TestWithParam<size_t> {};

TEST_P(RandomGraphs, AgreeOnAllLevels) {
  const std::vector<Target> levels = host_levels();
  if (GetParam() >= levels.size()) GTEST_SKIP() << "this machine has no such level";
  const Target& target = levels[GetParam()];
  const char* only = std::getenv("KERATIN_SEED");
  OpCoverage coverage;
  int64_t with_stages = 0;
  for (uint64_t seed = kFirstSeed; seed < kFirstSeed + kGraphs; ++seed) {
    if (only != nullptr && seed != std::strtoull(only, nullptr, 10)) continue;
    const RandomGraph graph = random_graph(options_for(seed));
    coverage.add(graph.module);
    if (only != nullptr) std::puts(print(graph.module).c_str());
    ASSERT_EQ(check(graph, target, seed, &with_stages), "") << target.cpu << ", KERATIN_SEED=" << seed << "\n"
                                                            << print(graph.module);
  }
  if (only != nullptr) return;
  std::printf("%s, seeds %llu to %llu\n%s", target.cpu.c_str(), static_cast<unsigned long long>(kFirstSeed),
              static_cast<unsigned long long>(kFirstSeed + kGraphs - 1), coverage.report().c_str());
  EXPECT_GE(with_stages, static_cast<int64_t>(kGraphs / 10));
  if (kGraphs < 500) return;
  std::vector<std::string> gaps = coverage.gaps(20, 5);
  std::erase_if(gaps, [](const std::string& gap) { return gap.starts_with("fusion "); });
  EXPECT_EQ(join(gaps, "\n"), "");
}

// The same with a loss and its gradients: long chains backwards, sums of contributions, reverse scans.
TEST_P(RandomGraphs, AgreeOnGradients) {
  const std::vector<Target> levels = host_levels();
  if (GetParam() >= levels.size()) GTEST_SKIP() << "this machine has no such level";
  const char* only = std::getenv("KERATIN_SEED");
  for (uint64_t seed = kFirstSeed; seed < kFirstSeed + kGraphs / 10; ++seed) {
    if (only != nullptr && seed != std::strtoull(only, nullptr, 10)) continue;
    RandomGraph graph = random_graph({.seed = seed,
                                      .without = {Op::fusion, Op::pool_max_grad, Op::winograd},
                                      .fewest_nodes = 1 + static_cast<int64_t>(seed % 12)});
    graph.module = with_gradients(graph.module);
    int64_t with_stages = 0;
    EXPECT_EQ(check(graph, levels[GetParam()], seed, &with_stages), "") << "KERATIN_SEED=" << seed << "\n"
                                                                        << print(graph.module);
  }
}

// In bf16, with this machine's instructions and without: the same bits, and nothing is read beyond the end of an array. A function may
// make any difference of what is rounded the other way, so the reference interpreter has no say.
TEST_P(RandomGraphs, AgreeInBf16) {
  std::vector<Target> levels = host_levels();
  levels.back() = host_target();
  if (GetParam() >= levels.size()) GTEST_SKIP() << "this machine has no such level";
  const Target& target = levels[GetParam()];
  const char* only = std::getenv("KERATIN_SEED");
  for (uint64_t seed = kFirstSeed; seed < kFirstSeed + kGraphs / 5; ++seed) {
    if (only != nullptr && seed != std::strtoull(only, nullptr, 10)) continue;
    const RandomGraph graph = random_graph(options_for(seed));
    const auto kernels = std::make_shared<const KernelModule>(
        compile_kernels(graph.module, target, {.precision = Precision::bf16}));
    verify(*kernels);
    const std::vector<Tensor> interpreted = interpret_kernels(kernels)->call("f", graph.inputs);
    EXPECT_EQ(check_native(graph, kernels, interpreted, target, seed), "") << "KERATIN_SEED=" << seed << "\n"
                                                                           << print(graph.module);
  }
}

INSTANTIATE_TEST_SUITE_P(Levels, RandomGraphs, ::testing::Range<size_t>(0, 3));

}  // namespace
}  // namespace keratin::testing
