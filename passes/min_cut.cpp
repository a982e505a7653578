#include "passes/min_cut.h"

#include <algorithm>

#include "ir/error.h"

namespace keratin {

void FlowNetwork::add_edge(size_t from, size_t to, int64_t capacity) {
  edges_of_[from].push_back(edges_.size());
  edges_.push_back({to, capacity});
  edges_of_[to].push_back(edges_.size());
  edges_.push_back({from, 0});
}

bool FlowNetwork::find_levels(size_t source, size_t sink) {
  level_.assign(edges_of_.size(), -1);
  level_[source] = 0;
  std::vector<size_t> reached{source};
  for (size_t i = 0; i < reached.size(); ++i)
    for (const size_t number : edges_of_[reached[i]]) {
      const Edge& edge = edges_[number];
      if (edge.capacity == 0 || level_[edge.to] >= 0) continue;
      level_[edge.to] = level_[reached[i]] + 1;
      reached.push_back(edge.to);
    }
  return level_[sink] >= 0;
}

/// Sends as much as one more way takes, each of whose nodes is a level further; 0: there is no such way. Without recursion: ways are long.
int64_t FlowNetwork::push(size_t source, size_t sink) {
  std::vector<size_t> way;  // edges
  size_t at = source;
  while (at != sink) {
    if (next_[at] < edges_of_[at].size()) {
      const size_t number = edges_of_[at][next_[at]];
      const Edge& edge = edges_[number];
      if (edge.capacity > 0 && level_[edge.to] == level_[at] + 1) {
        way.push_back(number);
        at = edge.to;
      } else {
        ++next_[at];
      }
      continue;
    }
    if (way.empty()) return 0;
    at = edges_[way.back() ^ 1].to;
    way.pop_back();
    ++next_[at];
  }
  int64_t flow = kUnlimited;
  for (const size_t number : way) flow = std::min(flow, edges_[number].capacity);
  for (const size_t number : way) {
    edges_[number].capacity -= flow;
    edges_[number ^ 1].capacity += flow;
  }
  return flow;
}

std::vector<bool> FlowNetwork::sink_side(size_t source, size_t sink) {
  int64_t all = 0;
  while (find_levels(source, sink)) {
    next_.assign(edges_of_.size(), 0);
    while (const int64_t flow = push(source, sink)) all += flow;
    KERATIN_CHECK(all < kUnlimited, "every cut has an edge that is never cut");
  }
  std::vector<bool> found(edges_of_.size(), false);
  found[sink] = true;
  std::vector<size_t> reached{sink};
  for (size_t i = 0; i < reached.size(); ++i)
    for (const size_t number : edges_of_[reached[i]]) {
      // An edge leads here if the edge back, which is this one's partner, has capacity left.
      const size_t from = edges_[number].to;
      if (edges_[number ^ 1].capacity == 0 || found[from]) continue;
      found[from] = true;
      reached.push_back(from);
    }
  return found;
}

}  // namespace keratin
