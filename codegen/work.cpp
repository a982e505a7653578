#include "codegen/work.h"

#include "ir/conv_axes.h"

namespace keratin {
namespace {

Size multiply_adds_of(const Function& region);

/// Each element of the result is a sum over what is contracted.
Size dot_multiply_adds(const Node& node) {
  Size count = Size::product(node.type().shape);
  for (const int64_t axis : node.as<DotAttrs>().contract.lhs) count *= node.operands[0].shape()[axis];
  return count;
}

/// Pairs of a window and an element of it that is one of the input's, along a space axis.
int64_t taps_inside(const ConvAttrs& conv, size_t axis, int64_t size, int64_t kernel, int64_t windows) {
  const int64_t dilation = conv.input_dilation[axis], end = dilated(size, dilation);
  int64_t taps = 0;
  for (int64_t window = 0; window < windows; ++window)
    for (int64_t tap = 0; tap < kernel; ++tap) {
      const int64_t at = window * conv.stride[axis] + tap * conv.kernel_dilation[axis] - conv.pad_low[axis];
      taps += at >= 0 && at < end && at % dilation == 0;
    }
  return taps;
}

Size conv_multiply_adds(const Node& node) {
  const ConvAttrs& conv = node.as<ConvAttrs>();
  const ConvAxes axes = parse_conv_axes(conv.dims);
  const Shape &input = node.operands[0].shape(), &kernel = node.operands[1].shape(),
              &output = node.type().shape;
  Size count =
      Size(output[axes.output.batch]) * Size(output[axes.output.feature]) * Size(kernel[axes.kernel.batch]);
  for (size_t i = 0; i < axes.input.space.size(); ++i)
    count *= taps_inside(conv, i, input[axes.input.space[i]].value(), kernel[axes.kernel.space[i]].value(),
                         output[axes.output.space[i]].value());
  return count;
}

Size multiply_adds_of(const Node& node) {
  switch (node.op) {
    case Op::dot: return dot_multiply_adds(node);
    case Op::conv: return conv_multiply_adds(node);
    case Op::scan: return multiply_adds_of(*node.body) * Size(node.as<ScanAttrs>().length);
    default: return {};
  }
}

Size multiply_adds_of(const Function& region) {
  Size count;
  for (const auto& node : region.nodes) count += multiply_adds_of(*node);
  return count;
}

Size bytes_of(const Type& type) { return type.elements() * Size(byte_size(type.dtype)); }

/// Whether the node reads no more of its first operand than its result has.
bool reads_a_part(Op op) { return op == Op::slice || op == Op::dynamic_slice || op == Op::gather; }

/// Of a parameter of which all readers take parts: those parts; otherwise the whole.
Size bytes_read(const Function& region, const Node* param) {
  Size parts;
  for (const Result& result : region.results)
    if (result.value.node == param) return bytes_of(param->type());
  for (const auto& node : region.nodes)
    for (size_t i = 0; i < node->operands.size(); ++i) {
      if (node->operands[i].node != param) continue;
      if (i > 0 || !reads_a_part(node->op)) return bytes_of(param->type());
      parts += bytes_of(node->type());
    }
  return parts;
}

}  // namespace

Work work_of(const Function& region) {
  Work work{multiply_adds_of(region), {}};
  for (const Node* param : region.params) work.bytes.push_back(bytes_read(region, param));
  for (const Result& result : region.results) work.bytes.push_back(bytes_of(result.value.type()));
  return work;
}

}  // namespace keratin
