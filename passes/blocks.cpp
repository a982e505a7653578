#include "passes/blocks.h"

#include <algorithm>
#include <variant>

#include "ir/conv_axes.h"
#include "ir/rebuild.h"
#include "ir/region.h"

namespace keratin {

namespace {

bool any_cut(const BlockedAxes& axes) {
  return std::any_of(axes.begin(), axes.end(), [](int blocking) { return blocking >= 0; });
}

/// True if along each axis that is cut the op takes element i of the result from element i of the operand.
template <typename Unchanged>
bool passes_along(const BlockedAxes& axes, const Unchanged& unchanged) {
  for (size_t axis = 0; axis < axes.size(); ++axis)
    if (axes[axis] >= 0 && !unchanged(axis)) return false;
  return true;
}

}  // namespace

std::optional<int64_t> Blocking::of(Dim extent) const {
  if (extent.symbol != all.symbol || all.coef == 0 || extent.coef * block % all.coef != 0) return {};
  return extent.coef * block / all.coef;
}

BlockAnalysis::BlockAnalysis(const Function& function, std::vector<Blocking> blockings)
    : function_(function), blockings_(std::move(blockings)), axes_(function.nodes.size()) {
  for (const auto& node : function.nodes) axes_[node->index].resize(node->types.size());
}

void BlockAnalysis::need_results(const std::vector<BlockedAxes>& axes) {
  for (size_t i = 0; i < axes.size(); ++i) need(function_.results[i].value, axes[i]);
}

void BlockAnalysis::need(Value value, const BlockedAxes& axes) {
  std::optional<BlockedAxes>& known = axes_[value.node->index][value.result];
  fails_ |= (known && *known != axes) || !fits(value.type(), axes);
  known = axes;
}

const BlockedAxes* BlockAnalysis::axes_of(Value value) const {
  const auto& axes = axes_[value.node->index][value.result];
  return axes ? &*axes : nullptr;
}

bool BlockAnalysis::fits(const Type& type, const BlockedAxes& axes) const {
  if (any_cut(axes) && !type.layout.is_row_major()) return false;
  for (size_t axis = 0; axis < axes.size(); ++axis) {
    const Dim extent = type.shape[axis];
    if (axes[axis] < 0 ? !extent.is_static() : !blockings_[static_cast<size_t>(axes[axis])].of(extent))
      return false;
  }
  return true;
}

bool BlockAnalysis::run() {
  for (size_t i = function_.nodes.size(); i-- > 0 && !fails_;) {
    const Node& node = *function_.nodes[i];
    if (node.op == Op::fusion)
      through_fusion(node);
    else if (node.op != Op::param && axes_[i][0])
      through(node, BlockedAxes(*axes_[i][0]));
  }
  return !fails_;
}

void BlockAnalysis::through(const Node& node, const BlockedAxes& axes) {
  const auto same_axes = [&](Value operand, const auto& unchanged) {
    fails_ |= !passes_along(axes, unchanged);
    need(operand, axes);
  };
  switch (node.op) {
    case Op::constant: return;
    case Op::iota: fails_ |= axes[static_cast<size_t>(node.as<IotaAttrs>().axis)] >= 0; return;
    case Op::dim_size: fails_ |= !node.as<DimAttrs>().dim.is_static(); return;
    case Op::dot: return through_dot(node, axes);
    case Op::reshape: return through_reshape(node, axes);
    case Op::conv: {
      const ConvAxes places = parse_conv_axes(node.as<ConvAttrs>().dims);
      const auto batch = static_cast<size_t>(places.output.batch);
      fails_ |= !passes_along(axes, [&](size_t axis) { return axis == batch; }) ||
                (axes[batch] >= 0 && node.as<ConvAttrs>().batch_groups != 1);
      BlockedAxes input(static_cast<size_t>(node.operands[0].rank()), -1);
      input[static_cast<size_t>(places.input.batch)] = axes[batch];
      need(node.operands[0], input);
      return need_whole(node.operands[1]);
    }
    case Op::winograd:
      same_axes(node.operands[0], [](size_t axis) { return axis == 0; });
      return need_whole(node.operands[1]);
    case Op::pool_max:
    case Op::pool_sum: {
      const auto& window = node.as<WindowAttrs>();
      return same_axes(node.operands[0], [&](size_t axis) {
        return window.size[axis] == 1 && window.stride[axis] == 1 && window.pad_low[axis] == 0 &&
               window.pad_high[axis] == 0;
      });
    }
    case Op::broadcast: {
      BlockedAxes operand;
      for (const int64_t axis : node.as<BroadcastAttrs>().dims)
        operand.push_back(axes[static_cast<size_t>(axis)]);
      return need(node.operands[0], operand);
    }
    case Op::transpose: {
      const Ints& perm = node.as<TransposeAttrs>().perm;
      BlockedAxes operand(perm.size(), -1);
      for (size_t axis = 0; axis < perm.size(); ++axis) operand[static_cast<size_t>(perm[axis])] = axes[axis];
      return need(node.operands[0], operand);
    }
    case Op::slice: {
      const auto& slice = node.as<SliceAttrs>();
      return same_axes(node.operands[0], [&](size_t axis) {
        return slice.start[axis] == 0 && slice.stride[axis] == 1 &&
               slice.limit[axis] == node.operands[0].shape()[axis];
      });
    }
    case Op::pad: {
      const auto& pad = node.as<PadAttrs>();
      same_axes(node.operands[0], [&](size_t axis) {
        return pad.low[axis] == 0 && pad.high[axis] == 0 && pad.interior[axis] == 0;
      });
      return need_whole(node.operands[1]);
    }
    case Op::concat:
      for (const Value operand : node.operands)
        same_axes(operand,
                  [&](size_t axis) { return static_cast<int64_t>(axis) != node.as<AxisAttrs>().axis; });
      return;
    case Op::reverse:
      return same_axes(node.operands[0], [&](size_t axis) {
        return !contains(node.as<AxesAttrs>().axes, static_cast<int64_t>(axis));
      });
    default: break;
  }
  if (family_of(node.op) == Family::pointwise) {
    for (const Value operand : node.operands) need(operand, axes);
  } else if (family_of(node.op) == Family::reduce) {
    BlockedAxes operand = axes;
    for (const int64_t axis : node.as<AxesAttrs>().axes) operand.insert(operand.begin() + axis, -1);
    for (const Value each : node.operands) need(each, operand);
  } else {
    fails_ |= any_cut(axes) || node.op == Op::random_bits || node.body != nullptr;
    for (const Value operand : node.operands) need_whole(operand);
  }
}

/// The result's axes are those of the batch, the left operand's, the right one's.
void BlockAnalysis::through_dot(const Node& node, const BlockedAxes& axes) {
  const auto& [contract, batch] = node.as<DotAttrs>();
  size_t next = batch.lhs.size();
  const auto operand = [&](Value value, const Ints& contracted, const Ints& batched) {
    BlockedAxes found(static_cast<size_t>(value.rank()), -1);
    for (size_t i = 0; i < batched.size(); ++i) found[static_cast<size_t>(batched[i])] = axes[i];
    for (int64_t axis = 0; axis < value.rank(); ++axis)
      if (!contains(contracted, axis) && !contains(batched, axis))
        found[static_cast<size_t>(axis)] = axes[next++];
    need(value, found);
  };
  operand(node.operands[0], contract.lhs, batch.lhs);
  operand(node.operands[1], contract.rhs, batch.rhs);
}

/// An axis is the operand's if as much lies before it; of a first axis that is another's part or multiple, blocks are that of the other.
void BlockAnalysis::through_reshape(const Node& node, const BlockedAxes& axes) {
  const Shape &from = node.operands[0].shape(), &to = node.type().shape;
  BlockedAxes operand(from.size(), -1);
  for (size_t axis = 0; axis < axes.size(); ++axis) {
    if (axes[axis] < 0) continue;
    const Size before = Size::product(Shape(to.begin(), to.begin() + static_cast<ptrdiff_t>(axis)));
    size_t same = 0;
    while (same < from.size() &&
           !(Size::product(Shape(from.begin(), from.begin() + static_cast<ptrdiff_t>(same))) == before &&
             !from[same].is(1)))
      ++same;
    if (same == from.size() || (axis > 0 && from[same] != to[axis])) {
      fails_ = true;
      return;
    }
    operand[same] = axes[axis];
  }
  need(node.operands[0], operand);
}

std::vector<BlockedAxes> BlockAnalysis::results_of_fusion(const Node& fusion) const {
  std::vector<BlockedAxes> results;
  for (const auto& axes : axes_[fusion.index])
    results.push_back(
        axes.value_or(BlockedAxes(static_cast<size_t>(fusion.types[results.size()].rank()), -1)));
  return results;
}

void BlockAnalysis::through_fusion(const Node& fusion) {
  // What nobody asks for is computed all the same, beside a result of its shape.
  for (uint32_t unread = 0; unread < fusion.types.size(); ++unread)
    for (uint32_t i = 0; i < fusion.types.size() && !axes_[fusion.index][unread]; ++i)
      if (axes_[fusion.index][i] && fusion.types[i].shape == fusion.types[unread].shape)
        need(fusion.value(unread), BlockedAxes(*axes_[fusion.index][i]));
  BlockAnalysis inner(*fusion.body, blockings_);
  inner.need_results(results_of_fusion(fusion));
  fails_ |= !inner.run();
  for (size_t i = 0; i < fusion.operands.size(); ++i) {
    if (const BlockedAxes* axes = inner.axes_of(fusion.body->params[i]->value()))
      need(fusion.operands[i], *axes);
  }
}

/// Gives every value of a function the shape of a block.
class BlockRebuilder : public Rebuilder {
 public:
  explicit BlockRebuilder(const BlockAnalysis& analysis)
      : Rebuilder(analysis.function_, Builder::Mode::verbatim), analysis_(analysis) {}

 protected:
  std::vector<Value> visit(const Node& node) override {
    const BlockedAxes* axes = analysis_.axes_of(node.value());
    const auto cut = [&](Shape shape) {
      for (size_t axis = 0; axes != nullptr && axis < shape.size(); ++axis)
        if ((*axes)[axis] >= 0)
          shape[axis] = *analysis_.blockings_[static_cast<size_t>((*axes)[axis])].of(shape[axis]);
      return shape;
    };
    const Type type(node.type().dtype, cut(node.type().shape), node.type().layout);
    if (node.op == Op::param) return {builder().param(node.as<NameAttrs>().name, type)};
    if (node.op == Op::constant) return {builder().splat(node.as<ConstantAttrs>().splat, type)};
    if (node.op == Op::fusion) return fusion(node);
    Attrs attrs = node.attrs;
    std::visit(
        [&](auto& all) {
          if constexpr (requires { all.shape; }) all.shape = cut(all.shape);
          if constexpr (requires { all.limit; }) all.limit = cut(all.limit);
        },
        attrs);
    return results_of(*builder().make_node(node.op, mapped(node.operands), std::move(attrs)));
  }

 private:
  std::vector<Value> fusion(const Node& node) {
    BlockAnalysis inner(*node.body, analysis_.blockings_);
    inner.need_results(analysis_.results_of_fusion(node));
    inner.run();
    auto region = std::make_shared<const Function>(inner.one_block());
    return results_of(*builder().make_node(Op::fusion, mapped(node.operands), node.attrs, std::move(region)));
  }

  const BlockAnalysis& analysis_;
};

Function BlockAnalysis::one_block() const { return BlockRebuilder(*this).run(); }

}  // namespace keratin
