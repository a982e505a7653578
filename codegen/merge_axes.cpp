// Longer loops: a pointwise region's arrays are vectors, whatever their rank; the positions of an image or of a sequence are the
// rows of one matrix.
//
//     conv %x : f32[N,14,14,256], %w : f32[1,1,256,64]      becomes      dot %x : f32[N,196,256], %w : f32[256,64]
//
// Axes that are merged are a run of the axes that all results begin with. Seen from the results, every value of the region either
// begins with those axes too, or is broadcast along them.
#include "codegen/merge_axes.h"

#include <algorithm>

#include "ir/builder.h"
#include "ir/conv_axes.h"
#include "ir/region.h"
#include "passes/traits.h"

namespace keratin {

namespace {

// Rows enough for a tile: with fewer, a free batch is merged with them.
constexpr int64_t kRows = 16;

/// Whether every result element is the product of the kernel with the element at the same place.
bool is_product(const Node& conv) {
  const auto& attrs = conv.as<ConvAttrs>();
  const ConvAxes axes = parse_conv_axes(attrs.dims);
  const auto all = [](const Ints& values, int64_t value) {
    return std::all_of(values.begin(), values.end(), [&](int64_t each) { return each == value; });
  };
  const Shape& kernel = conv.operands[1].shape();
  return attrs.groups == 1 && attrs.batch_groups == 1 && all(attrs.stride, 1) && all(attrs.pad_low, 0) &&
         all(attrs.pad_high, 0) && all(attrs.input_dilation, 1) &&
         std::all_of(axes.kernel.space.begin(), axes.kernel.space.end(),
                     [&](int64_t axis) { return kernel[axis].is(1); }) &&
         axes.input.feature == conv.type().rank() - 1 && axes.output.feature == axes.input.feature &&
         axes.input.batch == axes.output.batch && axes.input.space == axes.output.space;
}

class Merger {
 public:
  /// Merges the axes [first, last).
  Merger(const Function& region, int64_t first, int64_t last, Dim merged)
      : region_(region), first_(first), last_(last), merged_(merged), needs_(region.nodes.size()) {}

  std::optional<Function> run() {
    for (const Result& result : region_.results)
      if (!need(result.value, Need::merged)) return std::nullopt;
    for (size_t i = region_.nodes.size(); i-- > 0;)
      if (!visit(*region_.nodes[i])) return std::nullopt;
    return rebuilt();
  }

 private:
  enum class Need : uint8_t {
    none,
    merged,  ///< begins with the axes to be merged
    whole,   ///< has nothing to do with them
    matrix,  ///< the kernel of a convolution, without its axes of space
  };

  /// False if the value is needed in another way already, or cannot be had in this one.
  bool need(Value value, Need how) {
    Need& known = needs_[value.node->index];
    if (known != Need::none && known != how) return false;
    known = how;
    if (how == Need::matrix) return value.node->op == Op::param || is_widening(*value.node);
    if (how == Need::whole) return true;
    const Shape& shape = value.shape();
    return value.type().layout.is_row_major() && begins_alike(shape);
  }

  bool begins_alike(const Shape& shape) const {
    const Shape& like = region_.results[0].value.shape();
    return static_cast<int64_t>(shape.size()) >= last_ &&
           std::equal(like.begin(), like.begin() + last_, shape.begin());
  }

  /// Says what the node needs of its operands.
  bool visit(const Node& node) {
    const Need how = needs_[node.index];
    const auto all_operands = [&] {
      return std::all_of(node.operands.begin(), node.operands.end(),
                         [&](Value operand) { return need(operand, how); });
    };
    if (how != Need::merged) return all_operands();
    if (family_of(node.op) == Family::pointwise) return all_operands();
    switch (node.op) {
      case Op::param: return true;
      case Op::constant: return !node.as<ConstantAttrs>().data;
      case Op::broadcast: {
        const Ints& dims = node.as<BroadcastAttrs>().dims;
        if (dims.empty() || dims[0] >= last_) return need(node.operands[0], Need::whole);
        for (int64_t axis = 0; axis < last_; ++axis)
          if (axis >= static_cast<int64_t>(dims.size()) || dims[axis] != axis) return false;
        return need(node.operands[0], Need::merged);
      }
      case Op::dot: {
        const auto& attrs = node.as<DotAttrs>();
        return attrs.batch.lhs.empty() &&
               std::all_of(attrs.contract.lhs.begin(), attrs.contract.lhs.end(),
                           [&](int64_t axis) { return axis >= last_; }) &&
               need(node.operands[0], Need::merged) && need(node.operands[1], Need::whole);
      }
      case Op::conv:
        return is_product(node) && need(node.operands[0], Need::merged) &&
               need(node.operands[1], Need::matrix);
      default: return false;
    }
  }

  int64_t new_axis(int64_t axis) const { return axis < last_ ? axis : axis - (last_ - first_ - 1); }

  Shape new_shape(const Shape& shape) const {
    Shape merged(shape.begin(), shape.begin() + first_);
    merged.push_back(merged_);
    merged.insert(merged.end(), shape.begin() + last_, shape.end());
    return merged;
  }

  Function rebuilt() {
    Builder builder({}, Builder::Mode::verbatim);
    mapped_.resize(region_.nodes.size());
    for (const auto& node : region_.nodes) {
      builder.set_origin(node->origin);
      mapped_[node->index] = results_of(*copy(builder, *node));
    }
    for (const Result& result : region_.results) builder.result(result.name, mapped(result.value));
    return builder.finish();
  }

  Value mapped(Value value) const { return mapped_[value.node->index][value.result]; }

  const Node* copy(Builder& builder, const Node& node) const {
    const Need how = needs_[node.index];
    if (node.op == Op::param) return builder.param(node.as<NameAttrs>().name, param_type(node)).node;
    if (node.op == Op::constant) {
      const Scalar& splat = node.as<ConstantAttrs>().splat;
      return builder.constant(splat, how == Need::merged ? new_shape(node.type().shape) : node.type().shape)
          .node;
    }
    std::vector<Value> operands;
    for (Value operand : node.operands) operands.push_back(mapped(operand));
    if (how != Need::merged) return builder.make_node(node.op, operands, node.attrs, node.body);
    if (node.op == Op::conv) {
      const int64_t feature = operands[0].rank() - 1;
      const ConvAxes axes = parse_conv_axes(node.as<ConvAttrs>().dims);
      const int64_t input = axes.kernel.batch < axes.kernel.feature ? 0 : 1;
      return builder.make_node(Op::dot, operands, DotAttrs{{{feature}, {input}}, {}});
    }
    return builder.make_node(node.op, operands, new_attrs(node));
  }

  Attrs new_attrs(const Node& node) const {
    if (node.op == Op::broadcast) {
      BroadcastAttrs attrs = node.as<BroadcastAttrs>();
      attrs.shape = new_shape(attrs.shape);
      if (needs_[node.operands[0].node->index] == Need::merged)
        attrs.dims.erase(attrs.dims.begin() + first_ + 1, attrs.dims.begin() + last_);
      for (int64_t& axis : attrs.dims) axis = new_axis(axis);
      return attrs;
    }
    if (node.op == Op::dot) {
      DotAttrs attrs = node.as<DotAttrs>();
      for (int64_t& axis : attrs.contract.lhs) axis = new_axis(axis);
      return attrs;
    }
    return node.attrs;
  }

  Type param_type(const Node& param) const {
    Type type = param.type();
    if (needs_[param.index] == Need::merged) type.shape = new_shape(type.shape);
    if (needs_[param.index] == Need::matrix) {
      // The two axes that are not of space keep their order.
      const auto user = std::find_if(region_.nodes.begin(), region_.nodes.end(), [&](const auto& node) {
        return node->op == Op::conv && before_widening(node->operands[1]).node == &param;
      });
      const ConvAxes axes = parse_conv_axes((*user)->template as<ConvAttrs>().dims);
      const auto [low, high] = std::minmax(axes.kernel.batch, axes.kernel.feature);
      if (!type.layout.is_row_major()) type.layout.axis = type.layout.axis == low ? 0 : 1;
      if (type.layout.has_pairs()) type.layout.pair_axis = 1 - type.layout.axis;
      type.shape = {type.shape[low], type.shape[high]};
    }
    return type;
  }

  const Function& region_;
  const int64_t first_, last_;
  const Dim merged_;
  std::vector<Need> needs_;                 // by node
  std::vector<std::vector<Value>> mapped_;  // by node: its results in the new region
};

std::optional<Function> merged(const Function& region, int64_t first, int64_t last) {
  if (last - first < 2) return std::nullopt;
  const Shape& shape = region.results[0].value.shape();
  const auto length = as_dim(Size::product(Shape(shape.begin() + first, shape.begin() + last)));
  if (!length) return std::nullopt;
  return Merger(region, first, last, *length).run();
}

/// How many of the first axes of a contraction's result are axes of its left operand, in order.
int64_t row_axes(const Node& contraction) {
  if (contraction.op != Op::dot) return contraction.type().rank() - 1;
  return contraction.operands[0].rank() -
         static_cast<int64_t>(contraction.as<DotAttrs>().contract.lhs.size());
}

}  // namespace

std::optional<Function> merge_axes(const Function& region) {
  const Shape& shape = region.results[0].value.shape();
  const Node* contraction = nullptr;
  for (const auto& node : region.nodes)
    if (form_of(*node) == Form::contract) contraction = node.get();
  if (contraction == nullptr) return merged(region, 0, shape.size());

  const int64_t last = row_axes(*contraction);
  int64_t first = last, rows = 1;
  while (first > 0 && shape[first - 1].is_static()) rows *= shape[--first].coef;
  if (rows < kRows)
    if (auto all = merged(region, 0, last)) return all;
  return merged(region, first, last);
}

}  // namespace keratin
