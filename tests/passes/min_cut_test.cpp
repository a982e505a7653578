// Minimum cuts of small random networks, against all cuts that there are.
#include "passes/min_cut.h"

#include <gtest/gtest.h>

#include <bit>
#include <random>

namespace keratin {
namespace {

struct TestEdge {
  size_t from, to;
  int64_t capacity;
};

/// Of the nodes whose bits are set and those that are left.
int64_t cut_between(const std::vector<TestEdge>& edges, unsigned sink_side) {
  int64_t capacity = 0;
  for (const TestEdge& edge : edges)
    if ((sink_side >> edge.from & 1) == 0 && (sink_side >> edge.to & 1) == 1) capacity += edge.capacity;
  return capacity;
}

TEST(MinCut, IsTheLeastOfAll) {
  std::mt19937_64 random(7);
  const auto below = [&](size_t n) { return static_cast<size_t>(random() % n); };
  for (int round = 0; round < 400; ++round) {
    const size_t nodes = 2 + below(7), source = 0, sink = nodes - 1;
    std::vector<TestEdge> edges;
    for (size_t i = below(4 * nodes); i-- > 0;) {
      const int64_t capacity = below(6) == 0 ? FlowNetwork::kUnlimited : static_cast<int64_t>(below(9));
      TestEdge edge{below(nodes), below(nodes), capacity};
      if (edge.from == source && edge.to == sink) edge.capacity = 1;
      if (edge.from != edge.to) edges.push_back(edge);
    }
    int64_t least = FlowNetwork::kUnlimited;
    int fewest = 0;
    for (unsigned side = 0; side < 1u << nodes; ++side) {
      if ((side >> source & 1) == 1 || (side >> sink & 1) == 0) continue;
      const int64_t capacity = cut_between(edges, side);
      const int size = std::popcount(side);
      if (capacity < least || (capacity == least && size < fewest)) {
        least = capacity;
        fewest = size;
      }
    }
    if (least >= FlowNetwork::kUnlimited) continue;
    FlowNetwork network(nodes);
    for (const TestEdge& edge : edges) network.add_edge(edge.from, edge.to, edge.capacity);
    const std::vector<bool> found = network.sink_side(source, sink);
    unsigned side = 0;
    for (size_t node = 0; node < nodes; ++node) side |= (found[node] ? 1u : 0u) << node;
    EXPECT_EQ(cut_between(edges, side), least) << "round " << round;
    EXPECT_EQ(std::popcount(side), fewest) << "round " << round;
  }
}

TEST(MinCut, OfALongWayNeedsNoStack) {
  constexpr size_t kNodes = 200'000;
  FlowNetwork network(kNodes);
  for (size_t node = 0; node + 1 < kNodes; ++node)
    network.add_edge(node, node + 1, node == kNodes / 2 ? 3 : 4);
  const std::vector<bool> found = network.sink_side(0, kNodes - 1);
  EXPECT_FALSE(found[kNodes / 2]);
  EXPECT_TRUE(found[kNodes / 2 + 1]);
}

}  // namespace
}  // namespace keratin
