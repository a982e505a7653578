#include "passes/weights.h"

#include <algorithm>
#include <set>

#include "ir/conv_axes.h"

namespace keratin {

namespace {

/// The axis of the right operand whose elements are neighbours in the result: the columns. None if that is not so.
int64_t column_axis(const Node& node) {
  if (node.op == Op::dot) {
    const auto& attrs = node.as<DotAttrs>();
    for (int64_t axis = node.operands[1].rank() - 1; axis >= 0; --axis)
      if (!contains(attrs.contract.rhs, axis) && !contains(attrs.batch.rhs, axis)) return axis;
    return -1;
  }
  if (node.op == Op::winograd) return node.operands[1].rank() - 1;
  const auto& attrs = node.as<ConvAttrs>();
  const ConvAxes axes = parse_conv_axes(attrs.dims);
  const bool last = axes.output.feature == node.type().rank() - 1;
  return last && attrs.groups == 1 && attrs.batch_groups == 1 ? axes.kernel.feature : -1;
}

/// That no symbol is needed to compute it: in a region, none within it either.
bool is_static(const Node& node) {
  if (node.op == Op::dim_size) return node.as<DimAttrs>().dim.is_static();
  if (node.op == Op::scan && !node.as<ScanAttrs>().length.is_static()) return false;
  return std::all_of(node.types.begin(), node.types.end(),
                     [](const Type& type) { return type.is_static(); }) &&
         (!node.body || std::all_of(node.body->nodes.begin(), node.body->nodes.end(),
                                    [](const auto& inner) { return is_static(*inner); }));
}

}  // namespace

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
      default:
        fixed[node->index] =
            is_static(*node) && std::all_of(node->operands.begin(), node->operands.end(),
                                            [&](Value operand) { return fixed[operand.node->index]; });
    }
  }
  return fixed;
}

int64_t panel_axis(const Node& contraction) {
  const int64_t axis = column_axis(contraction);
  const Type& type = contraction.operands[1].type();
  const bool fits =
      axis >= 0 && type.shape[axis].is_static() && type.shape[axis].coef >= 2 && type.layout.is_row_major();
  return fits ? axis : -1;
}

}  // namespace keratin
