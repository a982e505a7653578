#include "passes/blocks.h"

#include <algorithm>
#include <variant>

#include "ir/conv_axes.h"
#include "ir/rebuild.h"
#include "ir/region.h"
#include "passes/traits.h"

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

BlockAnalysis::BlockAnalysis(const Function& function, std::vector<Blocking> blockings, Windows windows)
    : function_(function),
      blockings_(std::move(blockings)),
      allowed_(windows),
      axes_(function.nodes.size()),
      windows_(function.nodes.size()) {
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
    const bool is_read = std::ranges::any_of(axes_[i], [](const auto& axes) { return axes.has_value(); });
    if (node.op == Op::fusion)
      through_fusion(node);
    else if (node.op == Op::param || !is_read)
      continue;
    else if (node.types.size() == 1)
      through(node, BlockedAxes(*axes_[i][0]));
    else
      through_all(node);
  }
  return !fails_;
}

/// What is computed from all of its operands, and as a whole.
void BlockAnalysis::through_all(const Node& node) {
  for (const auto& axes : axes_[node.index]) fails_ |= axes && any_cut(*axes);
  for (const Value operand : node.operands) need_whole(operand);
}

void BlockAnalysis::through(const Node& node, const BlockedAxes& axes) {
  const auto same_axes = [&](Value operand, const auto& unchanged) {
    fails_ |= !passes_along(axes, unchanged);
    need(operand, axes);
  };
  switch (node.op) {
    case Op::constant: fails_ |= node.as<ConstantAttrs>().data && any_cut(axes); return;
    case Op::iota: fails_ |= axes[static_cast<size_t>(node.as<IotaAttrs>().axis)] >= 0; return;
    case Op::dim_size: fails_ |= !node.as<DimAttrs>().dim.is_static(); return;
    case Op::dot: return through_dot(node, axes);
    case Op::reshape: return through_reshape(node, axes);
    case Op::conv: return through_conv(node, axes);
    case Op::gather: return through_gather(node, axes);
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
      BlockedAxes operand(perm.size(), kWhole);
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
    for (const int64_t axis : node.as<AxesAttrs>().axes) operand.insert(operand.begin() + axis, kWhole);
    for (const Value each : node.operands) need(each, operand);
  } else {
    fails_ |= node.op == Op::random_bits || node.body != nullptr;
    through_all(node);
  }
}

/// Blocks of the batch are those of the input, and so are lines if each is computed from one. A line of a depthwise convolution is
/// computed from several; its kernel has a piece for each line (codegen/lower_contraction.cpp), but for places within a line.
void BlockAnalysis::through_conv(const Node& node, const BlockedAxes& axes) {
  const auto& attrs = node.as<ConvAttrs>();
  const ConvAxes places = parse_conv_axes(attrs.dims);
  const Shape& kernel = node.operands[1].shape();
  const auto cut = [&](int64_t axis) { return axes[static_cast<size_t>(axis)]; };
  BlockedAxes input(static_cast<size_t>(node.operands[0].rank()), kWhole);
  fails_ |= cut(places.output.feature) >= 0 || (cut(places.output.batch) >= 0 && attrs.batch_groups != 1);
  input[static_cast<size_t>(places.input.batch)] = cut(places.output.batch);
  const bool may_have_windows = allowed_ == Windows::allowed && is_depthwise(node) && places.input.batch == 0;
  for (size_t s = 0; s < places.output.space.size(); ++s) {
    const int blocking = cut(places.output.space[s]);
    if (blocking < 0) continue;
    if (kernel[places.kernel.space[s]].is(1) && attrs.stride[s] == 1 && attrs.input_dilation[s] == 1 &&
        attrs.pad_low[s] == 0 && attrs.pad_high[s] == 0)
      input[static_cast<size_t>(places.input.space[s])] = blocking;
    else if (may_have_windows && s + 1 < places.output.space.size())
      windows_[node.index].insert(blocking);
    else
      fails_ = true;
    if (windows_[node.index].contains(blocking)) input[static_cast<size_t>(places.input.space[s])] = kWindow;
  }
  need(node.operands[0], input);
  need_whole(node.operands[1]);
}

/// The result's axes are those of the batch, the left operand's, the right one's.
void BlockAnalysis::through_dot(const Node& node, const BlockedAxes& axes) {
  const auto& [contract, batch] = node.as<DotAttrs>();
  size_t next = batch.lhs.size();
  const auto operand = [&](Value value, const Ints& contracted, const Ints& batched) {
    BlockedAxes found(static_cast<size_t>(value.rank()), kWhole);
    for (size_t i = 0; i < batched.size(); ++i) found[static_cast<size_t>(batched[i])] = axes[i];
    for (int64_t axis = 0; axis < value.rank(); ++axis)
      if (!contains(contracted, axis) && !contains(batched, axis))
        found[static_cast<size_t>(axis)] = axes[next++];
    need(value, found);
  };
  operand(node.operands[0], contract.lhs, batch.lhs);
  operand(node.operands[1], contract.rhs, batch.rhs);
}

/// The result has the indices' axes, but for those of the batch, in the place of the data's axis. A block of indices looks up as many
/// rows as it has, wherever they are.
void BlockAnalysis::through_gather(const Node& node, const BlockedAxes& axes) {
  const auto& [axis, batch_dims] = node.as<GatherAttrs>();
  const auto place = axes.begin() + axis;
  const auto behind = place + (node.operands[1].rank() - batch_dims);
  BlockedAxes data(axes.begin(), place), indices(axes.begin(), axes.begin() + batch_dims);
  indices.insert(indices.end(), place, behind);
  data.push_back(any_cut(indices) ? kWindow : kWhole);
  data.insert(data.end(), behind, axes.end());
  need(node.operands[0], data);
  need(node.operands[1], indices);
}

/// An axis is the operand's if as much lies before it; of a first axis that is another's part or multiple, blocks are that of the other.
void BlockAnalysis::through_reshape(const Node& node, const BlockedAxes& axes) {
  const Shape &from = node.operands[0].shape(), &to = node.type().shape;
  BlockedAxes operand(from.size(), kWhole);
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
        axes.value_or(BlockedAxes(static_cast<size_t>(fusion.types[results.size()].rank()), kWhole)));
  return results;
}

/// A parameter may be read in windows by one fusion and in blocks by another, which is what is said of it then. Others are computed
/// block by block: there is nothing for a window.
BlockedAxes BlockAnalysis::besides_windows(Value value, BlockedAxes axes) {
  std::optional<BlockedAxes>& known = axes_[value.node->index][value.result];
  if (!known || value.node->op != Op::param) return axes;
  for (size_t axis = 0; axis < axes.size(); ++axis) {
    if ((*known)[axis] == kWindow && axes[axis] >= 0) (*known)[axis] = axes[axis];
    if (axes[axis] == kWindow && (*known)[axis] >= 0) axes[axis] = (*known)[axis];
  }
  return axes;
}

void BlockAnalysis::through_fusion(const Node& fusion) {
  // What nobody asks for is computed all the same, beside a result of its shape.
  for (uint32_t unread = 0; unread < fusion.types.size(); ++unread)
    for (uint32_t i = 0; i < fusion.types.size() && !axes_[fusion.index][unread]; ++i)
      if (axes_[fusion.index][i] && fusion.types[i].shape == fusion.types[unread].shape)
        need(fusion.value(unread), BlockedAxes(*axes_[fusion.index][i]));
  BlockAnalysis inner(*fusion.body, blockings_, allowed_);
  inner.need_results(results_of_fusion(fusion));
  fails_ |= !inner.run();
  for (const std::set<int>& each : inner.windows_) windows_[fusion.index].insert(each.begin(), each.end());
  for (size_t i = 0; i < fusion.operands.size(); ++i) {
    const BlockedAxes* axes = inner.axes_of(fusion.body->params[i]->value());
    if (axes != nullptr) need(fusion.operands[i], besides_windows(fusion.operands[i], *axes));
  }
}

/// Gives every value of a function the shape of a block.
class BlockRebuilder : public Rebuilder {
 public:
  explicit BlockRebuilder(const BlockAnalysis& analysis)
      : Rebuilder(analysis.function_, Builder::Mode::verbatim), analysis_(analysis) {}

 protected:
  std::vector<Value> visit(const Node& node) override {
    const auto cut = [&](Shape shape) { return analysis_.block_shape(std::move(shape), node.value()); };
    const Type type(node.type().dtype, cut(node.type().shape), node.type().layout);
    if (node.op == Op::param) return {builder().param(node.as<NameAttrs>().name, type)};
    if (node.op == Op::var || (node.op == Op::constant && node.as<ConstantAttrs>().data)) return copy(node);
    if (node.op == Op::constant) return {builder().splat(node.as<ConstantAttrs>().splat, type)};
    if (node.op == Op::fusion) return with_body(node, analysis_.region_of_block(node));
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
  std::vector<Value> with_body(const Node& node, Function body) {
    return copy(node, std::make_shared<const Function>(std::move(body)));
  }

  const BlockAnalysis& analysis_;
};

Shape BlockAnalysis::block_shape(Shape shape, Value value) const {
  const BlockedAxes* axes = axes_of(value);
  for (size_t axis = 0; axes != nullptr && axis < shape.size(); ++axis)
    if ((*axes)[axis] >= 0) shape[axis] = *blockings_[static_cast<size_t>((*axes)[axis])].of(shape[axis]);
  return shape;
}

Type BlockAnalysis::block_type(Value value) const {
  return {value.type().dtype, block_shape(value.shape(), value), value.type().layout};
}

Function BlockAnalysis::region_of_block(const Node& fusion) const {
  std::vector<BlockedAxes> results = results_of_fusion(fusion);
  for (BlockedAxes& axes : results)
    for (int& blocking : axes)
      if (windows(fusion).contains(blocking)) blocking = kWhole;
  BlockAnalysis inner(*fusion.body, blockings_);
  inner.need_results(results);
  inner.run();
  return inner.one_block();
}

Function BlockAnalysis::one_block() const { return BlockRebuilder(*this).run(); }

}  // namespace keratin
