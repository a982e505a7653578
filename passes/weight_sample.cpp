// The value's nodes become a function of their own that the reference interpreter runs. Where only slices of a result are needed, only
// those of its operands are: that is followed through pointwise ops and broadcasts, up to a slice of the weight itself.
#include "passes/weight_sample.h"

#include <algorithm>
#include <optional>

#include "ir/builder.h"
#include "ir/executor.h"

namespace keratin {

namespace {

constexpr int64_t kWhole = -1;

class Sampler {
 public:
  Sampler(const Function& function, int64_t count)
      : function_(function), count_(count), needs_(function.nodes.size()), made_(function.nodes.size()) {}

  Function run(Value value, const Ints& order) {
    const int64_t axis = order.back();
    need(value, axis);
    for (size_t i = value.node->index + 1; i-- > 0;)
      if (needs_[i]) visit(*function_.nodes[i]);
    for (size_t i = 0; i <= value.node->index; ++i)
      if (needs_[i]) made_[i] = make(*function_.nodes[i]);
    builder_.result("sample", builder_.transpose(made(value, axis), order));
    return builder_.finish();
  }

 private:
  /// That the axis is sampled where it is read; a value that is read in two ways is computed whole.
  void need(Value value, int64_t axis) {
    std::optional<int64_t>& known = needs_[value.node->index];
    known = !known || *known == axis ? axis : kWhole;
  }

  /// The axis of an operand along which slices are enough for those of the result.
  static int64_t operand_axis(const Node& node, int64_t axis) {
    if (node.op != Op::broadcast) return axis;
    const Ints& dims = node.as<BroadcastAttrs>().dims;
    const auto found = std::find(dims.begin(), dims.end(), axis);
    return found == dims.end() ? kWhole : found - dims.begin();
  }

  void visit(const Node& node) {
    std::optional<int64_t>& axis = needs_[node.index];
    if (family_of(node.op) != Family::pointwise && node.op != Op::broadcast) axis = kWhole;
    for (Value operand : node.operands) need(operand, *axis == kWhole ? kWhole : operand_axis(node, *axis));
  }

  std::vector<Value> make(const Node& node) {
    const int64_t axis = *needs_[node.index];
    if (node.op == Op::var) return {builder_.var(node.as<NameAttrs>().name, node.type())};
    if (node.op == Op::constant) {
      const auto& attrs = node.as<ConstantAttrs>();
      return {attrs.data ? builder_.constant(attrs.data) : builder_.splat(attrs.splat, node.type())};
    }
    std::vector<Value> operands;
    for (Value operand : node.operands)
      operands.push_back(made(operand, axis == kWhole ? kWhole : operand_axis(node, axis)));
    Attrs attrs = node.attrs;
    if (node.op == Op::broadcast && axis != kWhole) std::get<BroadcastAttrs>(attrs).shape[axis] = count_;
    const Node& copy = *builder_.make_node(node.op, operands, attrs, node.body);
    std::vector<Value> results;
    for (uint32_t i = 0; i < copy.types.size(); ++i) results.push_back(copy.value(i));
    return results;
  }

  /// What was made of a value: all of it, or its slices along an axis.
  Value made(Value value, int64_t axis) {
    const Value copy = made_[value.node->index][value.result];
    if (axis == kWhole || *needs_[value.node->index] == axis) return copy;
    const int64_t step = value.shape()[axis].value() / count_;
    Ints start(value.rank(), 0), stride(value.rank(), 1);
    Shape limit = value.shape();
    stride[axis] = step;
    limit[axis] = step * (count_ - 1) + 1;
    return builder_.slice(copy, start, limit, stride);
  }

  const Function& function_;
  const int64_t count_;
  Builder builder_{"sample"};
  std::vector<std::optional<int64_t>> needs_;  // by node: an axis, or kWhole
  std::vector<std::vector<Value>> made_;       // by node: its results
};

}  // namespace

Tensor sample_weight(const Module& module, const Function& function, Value value, const Ints& order,
                     int64_t count) {
  Module sampled;
  sampled.name = module.name;
  sampled.functions.push_back(Sampler(function, count).run(value, order));
  for (const auto& node : sampled.functions[0].nodes)
    if (node->op == Op::var) sampled.variables.push_back(*module.find_variable(node->as<NameAttrs>().name));
  return make_interpreter()->compile(sampled)->call("sample", {})[0];
}

}  // namespace keratin
