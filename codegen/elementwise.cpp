#include "codegen/elementwise.h"

#include <algorithm>
#include <set>

#include "passes/traits.h"

namespace keratin {

bool is_elementwise(const Function& region, size_t parameter) {
  const Type& type = region.params[parameter]->type();
  if (region.results.size() > 1 && !type.layout.is_row_major()) return false;  // stored one after the other
  const auto is_like_it = [&](const Type& other) {
    return other.shape == type.shape && other.layout == type.layout;
  };
  std::set<const Node*> depends{region.params[parameter]};
  for (const auto& node : region.nodes) {
    const bool pointwise = family_of(node->op) == Family::pointwise;
    if (!pointwise && node->op != Op::param && node->op != Op::constant && node->op != Op::broadcast &&
        form_of(*node) != Form::contract)
      return false;
    const bool needs_it = std::any_of(node->operands.begin(), node->operands.end(),
                                      [&](const Value& operand) { return depends.contains(operand.node); });
    if (!needs_it) continue;
    if (!pointwise || !is_like_it(node->type())) return false;
    depends.insert(node.get());
  }
  return std::all_of(region.results.begin(), region.results.end(),
                     [&](const Result& result) { return is_like_it(result.value.type()); });
}

}  // namespace keratin
