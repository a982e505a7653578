#include "codegen/contraction.h"

#include <algorithm>

#include "ir/conv_axes.h"
#include "passes/traits.h"

namespace keratin {

namespace {

constexpr int64_t kRows = 12;      // enough for a tile
constexpr int64_t kShortLine = 8;  // about half a tile, or less
constexpr int64_t kLineTaps = 8;   // whose factors registers hold beside the sums

/// The axis along which neighbours are neighbours in memory; -1: none that is known.
int64_t memory_axis(Value value) {
  const Op op = value.node->op;
  if (op == Op::slice || op == Op::reverse || op == Op::cast) return memory_axis(value.node->operands[0]);
  if (op == Op::transpose) {
    const Ints& perm = value.node->as<TransposeAttrs>().perm;
    const auto found = std::find(perm.begin(), perm.end(), memory_axis(value.node->operands[0]));
    return found == perm.end() ? -1 : found - perm.begin();
  }
  const Layout& layout = value.type().layout;
  return layout.is_row_major() ? value.rank() - 1 : layout.axis;
}

/// Whether neighbours along the axis, two bf16, are one u32 in memory.
bool lies_in_pairs(Value operand, int64_t axis) {
  const Value value = before_widening(operand);
  if (value.dtype() != DType::bf16) return false;
  return value.type().layout.is_row_major() ? memory_axis(value) == axis
                                            : value.type().layout.pair_axis == axis;
}

/// Sets what follows from the axes along which the last contracted index runs.
void find_pairs(const Node& node, Contraction& problem, int64_t left, int64_t right) {
  problem.pairs = lies_in_pairs(node.operands[0], left) && lies_in_pairs(node.operands[1], right) &&
                  (problem.packed || problem.along_sums);
  problem.left_pair_axis = left;
  problem.right_pair_axis = right;
}

Contraction dot_contraction(const Node& node) {
  const AxisPairs batch = node.as<DotAttrs>().batch, contract = node.as<DotAttrs>().contract;
  const Value left = node.operands[0], right = node.operands[1];
  Contraction problem;
  for (int64_t axis : contract.lhs) problem.contracted.push_back(left.shape()[axis]);

  // The result's axes: batch, free axes of the left, free axes of the right.
  Ints left_free, right_free;
  for (int64_t axis = 0; axis < left.rank(); ++axis)
    if (!contains(contract.lhs, axis) && !contains(batch.lhs, axis)) left_free.push_back(axis);
  for (int64_t axis = 0; axis < right.rank(); ++axis)
    if (!contains(contract.rhs, axis) && !contains(batch.rhs, axis)) right_free.push_back(axis);
  const int64_t first_left = batch.lhs.size(), first_right = first_left + left_free.size();
  for (size_t i = 0; i < left_free.size(); ++i) problem.left_axes.push_back(first_left + i);
  problem.lane_axis = node.type().rank() - 1;
  if (!right_free.empty() && !left_free.empty()) problem.row_axis = first_right - 1;

  const Layout& layout = right.type().layout;
  if (!layout.is_row_major() && !right_free.empty() && right_free.back() == layout.axis) {
    problem.block = layout.width;
    problem.packed = true;
  }
  problem.by_sample = contract.lhs.size() > 1 && !contains(contract.lhs, memory_axis(left));
  problem.along_sums = !contract.lhs.empty() && memory_axis(left) == contract.lhs.back() &&
                       memory_axis(right) == contract.rhs.back();
  if (!contract.lhs.empty()) find_pairs(node, problem, contract.lhs.back(), contract.rhs.back());
  problem.points = [=](const Point& out, const Point& k, Point& l, Point& r, Guard&) {
    l.resize(left.rank());
    r.resize(right.rank());
    for (size_t i = 0; i < batch.lhs.size(); ++i) l[batch.lhs[i]] = r[batch.rhs[i]] = out[i];
    for (size_t i = 0; i < left_free.size(); ++i) l[left_free[i]] = out[first_left + i];
    for (size_t i = 0; i < right_free.size(); ++i) r[right_free[i]] = out[first_right + i];
    for (size_t i = 0; i < k.size(); ++i) l[contract.lhs[i]] = r[contract.rhs[i]] = k[i];
  };
  return problem;
}

Contraction conv_contraction(const Node& node, const Ranges& ranges) {
  const auto& attrs = node.as<ConvAttrs>();
  const ConvAxes axes = parse_conv_axes(attrs.dims);
  const Shape input = node.operands[0].shape(), kernel = node.operands[1].shape(), output = node.type().shape;
  Contraction problem;
  problem.lane_axis = node.type().rank() - 1;
  const bool features_in_lanes = problem.lane_axis == axes.output.feature;
  for (int64_t axis = 0; axis < node.type().rank(); ++axis)
    if (axis != axes.output.feature) problem.left_axes.push_back(axis);
  const int64_t last = axes.space_rank() - 1;

  // Axes of space and, as the last, of the features: contracted as the input lies in memory. In the gradient of a kernel its
  // features are the samples of the batch.
  Ints order;
  for (int64_t s = 0; s <= last; ++s) order.push_back(s);
  const bool samples_first = features_in_lanes && memory_axis(node.operands[0]) == axes.input.batch;
  const int64_t features = last + 1;
  order.insert(samples_first ? order.begin() : order.end(), features);
  Ints place(order.size());  // of the contracted index, by axis
  for (size_t i = 0; i < order.size(); ++i) {
    place[order[i]] = i;
    problem.contracted.push_back(
        kernel[order[i] == features ? axes.kernel.batch : axes.kernel.space[order[i]]]);
  }
  problem.tap_last = order.back() != features;
  problem.by_sample = samples_first;

  problem.along_sums = features_in_lanes && attrs.groups == 1 && attrs.batch_groups == 1 &&
                       memory_axis(node.operands[0]) == axes.input.feature &&
                       memory_axis(node.operands[1]) == axes.kernel.batch;

  // Lines that are too short for a tile are left for the samples of a large batch.
  const Dim samples = output[axes.output.batch];
  const bool is_small_image = last >= 0 && !problem.along_sums && samples.is_static() &&
                              samples.coef >= kRows && output[axes.output.space.back()].is_static() &&
                              output[axes.output.space.back()].coef <= kShortLine;
  if (!features_in_lanes)
    problem.row_axis = axes.output.feature;
  else
    problem.row_axis =
        last < 0 || samples_first || is_small_image ? axes.output.batch : axes.output.space.back();
  if (features_in_lanes && problem.row_axis != axes.output.batch)
    if (attrs.pad_low[last] != 0 || attrs.pad_high[last] != 0) problem.row_tap = place[last];

  if (last >= 0 && is_depthwise(node) && order.back() == features && attrs.input_dilation[last] == 1 &&
      problem.row_axis == axes.output.space.back() && problem.contracted[place[last]].is_static() &&
      problem.contracted[place[last]].coef <= kLineTaps) {
    problem.line_tap = place[last];
    if (last > 0) problem.line_axis = axes.output.space[last - 1];
  }

  const Layout& layout = node.operands[1].type().layout;
  // Groups cut static axes.
  const int64_t outputs = attrs.groups * attrs.batch_groups > 1 ? output[axes.output.feature].value() : 1;
  const int64_t per_group = outputs / attrs.groups, per_batch_group = outputs / attrs.batch_groups;
  if (features_in_lanes && attrs.groups * attrs.batch_groups > 1) {
    problem.block = std::min(per_group, per_batch_group);
    if (problem.block == 1) problem.block = 0;  // depthwise: feature, group and lane are one
  } else if (features_in_lanes && !layout.is_row_major() && layout.axis == axes.kernel.feature) {
    problem.block = layout.width;
    problem.packed = true;
  }

  if (order.back() == features) find_pairs(node, problem, axes.input.feature, axes.kernel.batch);

  const int64_t group_features = attrs.groups > 1 ? kernel[axes.kernel.batch].value() : 0;
  problem.points = [=, &ranges](const Point& out, const Point& k, Point& l, Point& r, Guard& inside) {
    l.resize(input.size());
    r.resize(kernel.size());
    const Index& feature = out[axes.output.feature];
    l[axes.input.batch] = out[axes.output.batch];
    if (attrs.batch_groups > 1) {
      const int64_t batch = output[axes.output.batch].value();
      l[axes.input.batch] += floor_div(feature, per_batch_group, ranges) * batch;
    }
    l[axes.input.feature] = r[axes.kernel.batch] = k[place[features]];
    if (attrs.groups > 1) l[axes.input.feature] += floor_div(feature, per_group, ranges) * group_features;
    r[axes.kernel.feature] = feature;
    for (int64_t s = 0; s < axes.space_rank(); ++s) {
      Index& x = l[axes.input.space[s]];
      x = out[axes.output.space[s]] * attrs.stride[s] + k[place[s]] * attrs.kernel_dilation[s] -
          Index(attrs.pad_low[s]);
      if (const int64_t dilation = attrs.input_dilation[s]; dilation > 1) {
        inside.push_back(Index(0) - modulo(x, dilation, ranges));
        x = floor_div(x, dilation, ranges);
      }
      inside.push_back(x);
      inside.push_back(Index(Size(input[axes.input.space[s]])) - 1 - x);
      r[axes.kernel.space[s]] = k[place[s]];
    }
  };
  return problem;
}

}  // namespace

Contraction contraction_of(const Node& node, const Ranges& ranges) {
  return node.op == Op::dot ? dot_contraction(node) : conv_contraction(node, ranges);
}

}  // namespace keratin
