#include "passes/uses.h"

namespace keratin {

Uses find_uses(const Function& function) {
  Uses uses;
  uses.users.resize(function.nodes.size());
  uses.escapes.assign(function.nodes.size(), false);
  for (const auto& node : function.nodes)
    for (Value operand : node->operands) uses.users[operand.node->index].push_back(node.get());
  for (const Result& result : function.results) uses.escapes[result.value.node->index] = true;
  for (const Update& update : function.updates) uses.escapes[update.value.node->index] = true;
  return uses;
}

std::vector<const Node*> post_dominators(const Function& function, const Uses& uses) {
  // Cooper, Harvey, Kennedy: the tree is built from the end, and the meeting point of two nodes is found by climbing
  // from whichever stands earlier in the function. Null is the common root.
  std::vector<const Node*> up(function.nodes.size(), nullptr);
  auto meet = [&](const Node* a, const Node* b) {
    while (a != b) {
      if (a == nullptr || b == nullptr) return static_cast<const Node*>(nullptr);
      if (a->index < b->index)
        a = up[a->index];
      else
        b = up[b->index];
    }
    return a;
  };
  for (size_t i = function.nodes.size(); i-- > 0;) {
    const auto& users = uses.users[i];
    if (uses.escapes[i] || users.empty()) continue;
    const Node* common = users.front();
    for (const Node* user : users) common = meet(common, user);
    up[i] = common;
  }
  return up;
}

}  // namespace keratin
