#include "codegen/work.h"

#include <algorithm>

#include "ir/conv_axes.h"
#include "ir/winograd.h"
#include "passes/traits.h"

namespace keratin {
namespace {

Size multiply_adds_of(const Function& region, bool of_bf16);

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

/// Those of the products; the transforms are additions, for the most part.
Size winograd_multiply_adds(const Node& node) {
  const WinogradTransform& transform = winograd_transform(node.operands[1].shape()[0].value());
  const Shape& output = node.type().shape;
  Size count = Size(output[0]) * Size(node.operands[1].shape()[2]) * Size(output[3]);
  for (int64_t axis : {1, 2})
    count *= (output[axis].value() + transform.outputs - 1) / transform.outputs * transform.size;
  return count;
}

bool has_bf16_factors(const Node& node) {
  return std::ranges::all_of(node.operands,
                             [](Value factor) { return before_widening(factor).dtype() == DType::bf16; });
}

/// All, or those of bf16 alone.
Size multiply_adds_of(const Node& node, bool of_bf16) {
  switch (node.op) {
    case Op::dot: return of_bf16 && !has_bf16_factors(node) ? Size() : dot_multiply_adds(node);
    case Op::conv: return of_bf16 && !has_bf16_factors(node) ? Size() : conv_multiply_adds(node);
    case Op::winograd: return of_bf16 ? Size() : winograd_multiply_adds(node);
    case Op::scan: return multiply_adds_of(*node.body, of_bf16) * Size(node.as<ScanAttrs>().length);
    case Op::fusion: return multiply_adds_of(*node.body, of_bf16);
    default: return {};
  }
}

Size multiply_adds_of(const Function& region, bool of_bf16) {
  Size count;
  for (const auto& node : region.nodes) count += multiply_adds_of(*node, of_bf16);
  return count;
}

Size bytes_of(const Type& type) { return type.elements() * Size(byte_size(type.dtype)); }

bool is_result(const Function& region, const Node* node) {
  return std::ranges::any_of(region.results, [&](const Result& result) { return result.value.node == node; });
}

/// Whether the node reads no more of its first operand than its result has.
bool takes_part(Op op) { return op == Op::slice || op == Op::dynamic_slice || op == Op::gather; }

/// Whether each step of a scan reads all of this operand.
bool is_read_in_steps(const Node& node, size_t operand) {
  if (node.op != Op::scan) return false;
  const ScanAttrs& scan = node.as<ScanAttrs>();
  return operand >= static_cast<size_t>(scan.carries + scan.sequences);
}

Size bytes_read(const Function& region, const Node* param) {
  Size in_steps, parts;
  bool whole = is_result(region, param);
  for (const auto& node : region.nodes)
    for (size_t i = 0; i < node->operands.size(); ++i) {
      if (node->operands[i].node != param) continue;
      if (is_read_in_steps(*node, i))
        in_steps += bytes_of(param->type()) * Size(node->as<ScanAttrs>().length);
      else if (i == 0 && takes_part(node->op))
        parts += bytes_of(node->type());
      else
        whole = true;
    }
  if (!in_steps.terms().empty()) return in_steps;
  return whole ? bytes_of(param->type()) : parts;
}

}  // namespace

Work work_of(const Function& region) {
  Work work{multiply_adds_of(region, false), multiply_adds_of(region, true), {}};
  for (const Node* param : region.params) work.bytes.push_back(bytes_read(region, param));
  for (const Result& result : region.results) work.bytes.push_back(bytes_of(result.value.type()));
  return work;
}

}  // namespace keratin
