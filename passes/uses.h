// Who reads what, within one function: the reverse of the operand lists.
#pragma once

#include <vector>

#include "ir/graph.h"

namespace keratin {

/// Facts about a function's nodes, each vector indexed by Node::index.
struct Uses {
  std::vector<std::vector<const Node*>>
      users;                  ///< in order; a node that reads a value twice stands here twice
  std::vector<bool> escapes;  ///< some result of the node is a result or an update of the function
};
Uses find_uses(const Function& function);

/// The immediate post-dominator of every node: the first node through which everything computed from it must pass.
/// Null where there is none: the node escapes, or its users meet nowhere.
std::vector<const Node*> post_dominators(const Function& function, const Uses& uses);

}  // namespace keratin
