#include "passes/traits.h"

#include <algorithm>

#include "ir/conv_axes.h"

namespace keratin {

namespace {

/// The axes longer than 1.
Shape without_ones(const Shape& shape) {
  Shape kept;
  for (Dim dim : shape)
    if (!dim.is(1)) kept.push_back(dim);
  return kept;
}

bool all_at_least(const Ints& axes, int64_t bound) {
  return std::all_of(axes.begin(), axes.end(), [&](int64_t axis) { return axis >= bound; });
}

/// True if the first `prefix` entries are all `value`.
bool starts_with(const Ints& list, int64_t prefix, int64_t value) {
  for (int64_t i = 0; i < prefix && i < static_cast<int64_t>(list.size()); ++i)
    if (list[i] != value) return false;
  return true;
}

}  // namespace

Form form_of(const Node& node) {
  switch (family_of(node.op)) {
    case Family::structure: return Form::source;
    case Family::pointwise: return Form::inline_;
    case Family::reduce: return Form::reduce;
    case Family::contract: return Form::contract;
    case Family::window: return node.op == Op::pool_max_grad ? Form::opaque : Form::reduce;
    case Family::shape: return node.op == Op::reshape && !is_unit_reshape(node) ? Form::view : Form::inline_;
    case Family::index: return node.op == Op::scatter_add ? Form::opaque : Form::inline_;
    case Family::random: return Form::inline_;
    case Family::loop:
    case Family::order:
    case Family::ranks:
    case Family::calculus:
    case Family::fused: return Form::opaque;
  }
  return Form::opaque;
}

bool is_unit_reshape(const Node& node) {
  return node.op == Op::reshape && without_ones(node.operands[0].shape()) == without_ones(node.type().shape);
}

bool is_widening(const Node& node) {
  if (node.op != Op::cast) return false;
  const DType from = node.operands[0].dtype(), to = node.type().dtype;
  return is_float(from) && is_float(to) && byte_size(from) < byte_size(to);
}

Value before_widening(Value value) { return is_widening(*value.node) ? value.node->operands[0] : value; }

bool is_depthwise(const Node& conv) {
  const auto& attrs = conv.as<ConvAttrs>();
  return attrs.groups > 1 && conv.operands[1].shape()[parse_conv_axes(attrs.dims).kernel.batch].is(1);
}

bool is_index_map(const Node& node) {
  return family_of(node.op) == Family::shape && form_of(node) == Form::inline_;
}

bool has_rows(const Shape& shape, const Shape& rows) {
  return shape.size() >= rows.size() && std::equal(rows.begin(), rows.end(), shape.begin());
}

bool keeps_rows(const Node& node, size_t operand, int64_t prefix) {
  const Shape& shape = node.operands[operand].shape();
  if (static_cast<int64_t>(shape.size()) < prefix) return false;
  if (!has_rows(node.type().shape, Shape(shape.begin(), shape.begin() + prefix))) return false;
  switch (node.op) {
    case Op::broadcast:
      for (int64_t i = 0; i < prefix; ++i)
        if (node.as<BroadcastAttrs>().dims[i] != i) return false;
      return true;
    case Op::transpose:
      for (int64_t i = 0; i < prefix; ++i)
        if (node.as<TransposeAttrs>().perm[i] != i) return false;
      return true;
    case Op::reshape: return is_unit_reshape(node);
    case Op::slice:
      return node.type().shape.size() == shape.size() &&
             starts_with(node.as<SliceAttrs>().start, prefix, 0) &&
             starts_with(node.as<SliceAttrs>().stride, prefix, 1);
    case Op::pad: {
      const auto& attrs = node.as<PadAttrs>();
      return operand == 0 && starts_with(attrs.low, prefix, 0) && starts_with(attrs.high, prefix, 0) &&
             starts_with(attrs.interior, prefix, 0);
    }
    case Op::concat: return node.as<AxisAttrs>().axis >= prefix;
    case Op::reverse: return all_at_least(node.as<AxesAttrs>().axes, prefix);
    default:
      switch (family_of(node.op)) {
        case Family::pointwise: return true;
        case Family::reduce: return all_at_least(node.as<AxesAttrs>().axes, prefix);
        default: return false;
      }
  }
}

}  // namespace keratin
