// Random graphs through the text form and the interpreter.
#include "tests/random_graph.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "ir/executor.h"
#include "ir/rebuild.h"
#include "ir/text.h"
#include "ir/text_format.h"
#include "ir/verify.h"

namespace keratin::testing {
namespace {

constexpr uint64_t kGraphs = 500;

std::vector<Tensor> interpreted(const RandomGraph& graph) {
  return make_interpreter()->compile(graph.module)->call("f", graph.inputs);
}

TEST(RandomGraph, IsTheSameFromTheSameSeed) {
  const RandomGraph a = random_graph({.seed = 3}), b = random_graph({.seed = 3}),
                    c = random_graph({.seed = 4});
  EXPECT_TRUE(equal(a.module, b.module));
  EXPECT_EQ(a.inputs, b.inputs);
  EXPECT_FALSE(equal(a.module, c.module));
}

TEST(RandomGraph, ReachesEveryOpFromManyOthers) {
  OpCoverage coverage;
  for (uint64_t seed = 0; seed < kGraphs; ++seed)
    coverage.add(random_graph({.seed = seed, .fewest_nodes = 10}).module);
  EXPECT_EQ(join(coverage.gaps(20, 5), "\n"), "") << coverage.report();
}

TEST(RandomGraph, LeavesOutWhatItIsToldTo) {
  OpCoverage coverage;
  for (uint64_t seed = 0; seed < 30; ++seed)
    coverage.add(
        random_graph({.seed = seed, .without = {Op::scan, Op::broadcast, Op::cast, Op::add}}).module);
  for (Op op : {Op::scan, Op::broadcast, Op::cast, Op::add}) EXPECT_EQ(coverage.count(op), 0) << to_text(op);
}

TEST(RandomGraph, KeepsToItsDTypesAndSymbols) {
  for (uint64_t seed = 0; seed < 30; ++seed) {
    const RandomGraph graph =
        random_graph({.seed = seed, .without = {Op::cast}, .dtypes = {DType::f64}, .symbols = 0});
    for (const auto& node : graph.module.functions[0].nodes)
      for (const Type& type : node->types) {
        EXPECT_TRUE(type.is_static());
        EXPECT_NE(type.dtype, DType::f32);
      }
  }
}

TEST(RandomGraph, DisagreesOverMoreThanRounding) {
  Tensor expected(DType::f32, {2, 3});
  expected.set(4, 2.0);
  Tensor found = expected;
  found.set(5, 1e-4);
  EXPECT_EQ(disagreement(expected, found), "");
  found.set(5, 1e-2);
  EXPECT_EQ(disagreement(expected, found),
            "element [1,2] of f32[2,3]: expected 0, found 0.009999999776482582");
  found.set(5, std::numeric_limits<double>::quiet_NaN());
  EXPECT_EQ(disagreement(expected, found), "element [1,2] of f32[2,3]: expected 0, found nan");
  EXPECT_EQ(disagreement(Tensor(DType::i32, {2}), Tensor(DType::i32, {1})), "expected i32[2], found i32[1]");
}

TEST(RandomGraph, ReadsBackFromItsText) {
  for (uint64_t seed = 0; seed < kGraphs; ++seed) {
    const RandomGraph graph = random_graph({.seed = seed, .symbols = static_cast<int64_t>(seed % 3)});
    const TensorStore data = collect_data(graph.module);
    const std::string text = print(graph.module, {.origins = true});
    Module again;
    ASSERT_NO_THROW(again = parse_module(text, "random.kir", &data)) << "seed " << seed << "\n" << text;
    ASSERT_TRUE(equal(graph.module, again)) << "seed " << seed << "\n"
                                            << text << "\n"
                                            << print(again, {.origins = true});
    ASSERT_EQ(print(again, {.origins = true}), text) << "seed " << seed;
    verify(again);
  }
}

TEST(RandomGraph, RunsAndStaysFinite) {
  for (uint64_t seed = 0; seed < kGraphs; ++seed) {
    const RandomGraph graph = random_graph({.seed = seed, .symbols = static_cast<int64_t>(seed % 3)});
    const std::vector<Tensor> results = interpreted(graph);
    ASSERT_FALSE(results.empty()) << "seed " << seed;
    for (const Tensor& y : results) {
      if (!is_float(y.dtype())) continue;
      for (int64_t i = 0; i < y.elements(); ++i) ASSERT_LE(std::abs(y.get(i)), 1024) << "seed " << seed;
    }
  }
}

TEST(RandomGraph, MeansTheSameWhenFolded) {
  for (uint64_t seed = 0; seed < kGraphs; ++seed) {
    RandomGraph graph = random_graph({.seed = seed});
    const std::vector<Tensor> expected = interpreted(graph);
    graph.module.functions[0] = Rebuilder(graph.module.functions[0]).run();
    verify(graph.module);
    const std::vector<Tensor> found = interpreted(graph);
    for (size_t i = 0; i < expected.size(); ++i)
      ASSERT_EQ(disagreement(expected[i], found[i]), "") << "seed " << seed << ", result " << i;
  }
}

}  // namespace
}  // namespace keratin::testing
