// Random graphs through the passes, one after the other: each leaves what computes the same, and what its text tells whole.
#include "tests/random_graph.h"

#include <gtest/gtest.h>

#include "ir/executor.h"
#include "ir/text.h"
#include "ir/text_format.h"
#include "passes/pass.h"

namespace keratin::testing {
namespace {

constexpr uint64_t kFirstSeed = 5000;
#ifdef NDEBUG
constexpr uint64_t kGraphs = 1000;
#else
constexpr uint64_t kGraphs = 40;
#endif

struct Outcome {
  std::vector<Tensor> results, updated;
};

Outcome run(const Module& module, const RandomGraph& graph) {
  const auto executable = make_interpreter()->compile(module);
  if (module.find_function("prepare") != nullptr) executable->call("prepare", {});
  Outcome outcome{executable->call("f", graph.inputs), {}};
  for (const Update& update : graph.module.function("f").updates)
    outcome.updated.push_back(executable->get_variable(update.variable));
  return outcome;
}

std::string compare(const std::vector<Tensor>& expected, const std::vector<Tensor>& found) {
  for (size_t i = 0; i < expected.size(); ++i)
    if (std::string text = disagreement(expected[i], found[i]); !text.empty()) return cat(i, ": ", text);
  return {};
}

TEST(RandomGraph, MeansTheSameAfterEveryPass) {
  for (uint64_t seed = kFirstSeed; seed < kFirstSeed + kGraphs; ++seed) {
    const RandomGraph graph = random_graph({.seed = seed, .without = {Op::fusion}});
    const Outcome expected = run(graph.module, graph);
    Module module = clone(graph.module);
    for (const Pass& pass : all_passes()) {
      if (pass.name == "partition") continue;  // refuses many: tests/passes/partition_test.cpp
      Module after = run_pass(pass, module);
      const TensorStore data = collect_data(after);
      ASSERT_TRUE(equal(after, parse_module(print(after), "printed", &data)))
          << pass.name << ", seed " << seed;
      if (pass.name.starts_with("bf16")) continue;  // a function may make any difference of what it rounds
      module = std::move(after);
      const Outcome found = run(module, graph);
      ASSERT_EQ(compare(expected.results, found.results), "") << pass.name << ", seed " << seed << "\n"
                                                              << print(module);
      ASSERT_EQ(compare(expected.updated, found.updated), "") << pass.name << ", seed " << seed;
    }
  }
}

}  // namespace
}  // namespace keratin::testing
