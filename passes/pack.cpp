// Weights of contractions are laid out as the contraction generator reads them: panels of 16 columns.
//
//     %0 = dot %x, @w {contract = [1]x[0]}      becomes      %0 = relayout @w : f32[784,512]{1:16}
//                                                            %1 = dot %x, %0 {contract = [1]x[0]}
//
// One width serves every processor: two vectors of AVX, one of AVX-512; a tile may take several panels, but what it takes of one
// should be all of it, so that caches hold nothing else. The relayout depends on the weight alone, so it ends up in
// `prepare`.
#include <algorithm>

#include "ir/conv_axes.h"
#include "ir/rebuild.h"
#include "passes/pass.h"
#include "passes/weights.h"

namespace keratin {

namespace {

constexpr int64_t kPanelWidth = 16;

/// The axis of the right operand whose elements are neighbours in the result: the columns. None if that is not so.
int64_t column_axis(const Node& node) {
  if (node.op == Op::dot) {
    const auto& attrs = node.as<DotAttrs>();
    for (int64_t axis = node.operands[1].rank() - 1; axis >= 0; --axis)
      if (!contains(attrs.contract.rhs, axis) && !contains(attrs.batch.rhs, axis)) return axis;
    return -1;
  }
  const auto& attrs = node.as<ConvAttrs>();
  const ConvAxes axes = parse_conv_axes(attrs.dims);
  const bool last = axes.output.feature == node.type().rank() - 1;
  return last && attrs.groups == 1 && attrs.batch_groups == 1 ? axes.kernel.feature : -1;
}

class Packer : public Rebuilder {
 public:
  Packer(const Function& function, std::vector<bool> fixed) : Rebuilder(function), fixed_(std::move(fixed)) {}

 protected:
  std::vector<Value> visit(const Node& node) override {
    if (family_of(node.op) != Family::contract || !fixed_[node.operands[1].node->index] || fixed_[node.index])
      return copy(node);
    const int64_t axis = column_axis(node);
    const Type& type = node.operands[1].type();
    if (axis < 0 || type.shape[axis].coef < 2 || !type.layout.is_row_major()) return copy(node);
    std::vector<Value> operands = mapped(node.operands);
    operands[1] = builder().make(Op::relayout, {operands[1]}, LayoutAttrs{{axis, kPanelWidth}});
    return {builder().make(node.op, operands, node.attrs)};
  }

 private:
  std::vector<bool> fixed_;
};

}  // namespace

Module pack_weights(const Module& module) {
  return map_functions(
      module, [&](const Function& function) { return Packer(function, find_fixed(module, function)).run(); });
}

}  // namespace keratin
