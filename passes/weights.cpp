#include "passes/weights.h"

#include <algorithm>
#include <set>

namespace keratin {

std::vector<bool> find_fixed(const Module& module, const Function& function) {
  std::set<std::string> updated;
  for (const Function& other : module.functions)
    if (other.name != "prepare")
      for (const Update& update : other.updates) updated.insert(update.variable);

  std::vector<bool> fixed(function.nodes.size(), false);
  for (const auto& node : function.nodes) {
    switch (node->op) {
      case Op::param: break;
      case Op::var: fixed[node->index] = !updated.contains(node->as<NameAttrs>().name); break;
      case Op::dim_size: fixed[node->index] = node->as<DimAttrs>().dim.is_static(); break;
      default:
        fixed[node->index] = std::all_of(node->types.begin(), node->types.end(),
                                         [](const Type& type) { return type.is_static(); }) &&
                             std::all_of(node->operands.begin(), node->operands.end(),
                                         [&](Value operand) { return fixed[operand.node->index]; });
    }
  }
  return fixed;
}

}  // namespace keratin
