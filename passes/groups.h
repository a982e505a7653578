// Which nodes of a function are computed by one kernel: what fusion decides, before anything is written.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "passes/uses.h"

namespace keratin {

struct ByIndex {
  bool operator()(const Node* a, const Node* b) const { return a->index < b->index; }
};
using NodeSet = std::set<const Node*, ByIndex>;

struct Group {
  enum class Kind : uint8_t { pointwise, contract, window, row, opaque };
  Kind kind;
  NodeSet nodes;
  Shape rows;            ///< kind row: the axes that all of the group's loops share
  Shape domain;          ///< kind pointwise, contract, window: the shape of the results
  NodeSet repeated;      ///< those of which the group's loops ask for an element several times
  std::string ended;     ///< anchors: why nothing more of what reads its results has joined
  int merged_into = -1;  ///< the group to which its nodes have moved, if they have
};

/// Why a group that reads a value does not compute it.
struct Refusal {
  int group;
  std::string why;
};

/// The groups, and facts by node.
struct Grouping {
  std::vector<Group> groups;
  std::vector<std::vector<int>> groups_of;  ///< those that compute it; none for sources and views
  std::vector<int> owner;     ///< the one of them that stores it, if anything reads it as memory
  std::vector<bool> is_view;  ///< a unit reshape that somebody reads as memory
  std::vector<std::vector<Refusal>> refusals;

  /// Why the group, not the one that stores the value, reads it from memory. The value may be a view.
  std::string why_read(Value value, int group) const;
};

Grouping find_groups(const Function& function, const Uses& uses);

}  // namespace keratin
