// Minimum cuts: which edges to take away, of least capacity in sum, so that no way leads from a source to a sink.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace keratin {

/// A directed graph whose edges have capacities.
class FlowNetwork {
 public:
  /// More than all finite capacities together may be: such an edge is never cut.
  static constexpr int64_t kUnlimited = int64_t{1} << 60;

  explicit FlowNetwork(size_t nodes) : edges_of_(nodes) {}

  void add_edge(size_t from, size_t to, int64_t capacity);

  /// By node: whether it is on the sink's side of the minimum cut of which that side is smallest: a node from which the sink can still be
  /// reached when the flow is greatest. To be called once. Dinic's algorithm: E. A. Dinic, Soviet Math. Doklady 11, 1970.
  /// Requires: some cut is finite.
  std::vector<bool> sink_side(size_t source, size_t sink);

 private:
  struct Edge {
    size_t to;
    int64_t
        capacity;  ///< what is left of it; that of the edge back is at the number with the last bit turned
  };

  bool find_levels(size_t source, size_t sink);
  int64_t push(size_t source, size_t sink);

  std::vector<Edge> edges_;
  std::vector<std::vector<size_t>> edges_of_;  // by node: numbers of edges that leave it
  std::vector<int> level_;                     // by node: its distance from the source; -1: out of reach
  std::vector<size_t> next_;                   // by node: which of its edges to try next
};

}  // namespace keratin
