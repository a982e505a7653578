// Algebra that needs context, or that changes roundings; what is exact and local is in ir/fold.cpp.
//
// Rules, each with a test of its name; "fixed" is what depends on weights alone:
//
//   join-bias      (a + fixed b) + fixed c            a + (b + c)
//   scale-bias     (a + fixed b) * fixed s            a * s + b * s
//   join-scale     (a * fixed s) * fixed t            a * (s * t)
//   scale-weight   contraction(x, w) * fixed s        contraction(x, w * s), s varying along the columns alone
//   sub-to-add     a - fixed b                        a + (-b)
//   div-to-mul     a / fixed b                        a * (1 / b)
//   pad-into-conv  conv(pad(x, 0), w)                 conv(x, w) with the padding as its own
//   unit-broadcast broadcast(unit reshape(x))         broadcast(x)
//
// Together the first six fold an inference batch normalisation, and a rescaling, into the contraction before it. The rules are
// directional: each leaves as many operations on unfixed values, or fewer.
#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "ir/conv_axes.h"
#include "ir/rebuild.h"
#include "passes/pass.h"
#include "passes/traits.h"
#include "passes/uses.h"
#include "passes/weights.h"

namespace keratin {

namespace {

class Simplifier : public Rebuilder {
 public:
  Simplifier(const Module& module, const Function& function)
      : Rebuilder(function), fixed_(find_fixed(module, function)), uses_(find_uses(function)) {}

 protected:
  std::vector<Value> visit(const Node& node) override {
    std::vector<Value> result;
    if (node.body) {
      // The body of a scan has no weights of its own: what is local applies, nothing else.
      auto body = std::make_shared<const Function>(Rebuilder(*node.body).run());
      result = copy(node, std::move(body));
    } else {
      const Value better = fixed_[node.index] ? Value() : simplified_node(node);
      result = better ? std::vector<Value>{better} : copy(node);
    }
    for (Value value : result) {
      if (fixed_[node.index]) new_fixed_.insert(value.node);
      readers_[value.node] += uses_.users[node.index].size() + (uses_.escapes[node.index] ? 1 : 0);
    }
    return result;
  }

 private:
  Value simplified_node(const Node& node) {
    switch (node.op) {
      case Op::add: return add(mapped(node.operands[0]), mapped(node.operands[1]));
      case Op::sub: return sub(mapped(node.operands[0]), mapped(node.operands[1]));
      case Op::mul: return multiply(mapped(node.operands[0]), mapped(node.operands[1]));
      case Op::div: return divide(mapped(node.operands[0]), mapped(node.operands[1]));
      case Op::conv: return conv(node);
      case Op::broadcast: return broadcast(node);
      default: return {};
    }
  }

  // Values of the new function. What is fixed stays cheap: it ends up in `prepare`.

  bool is_fixed(Value value) const {
    return value.node->op == Op::constant || new_fixed_.contains(value.node);
  }

  Value fixed(Op op, std::vector<Value> operands) {
    // A repeated array is combined before it is repeated.
    const Value made = combine_broadcasts(op, operands);
    new_fixed_.insert(made.node);
    return made;
  }

  Value combine_broadcasts(Op op, const std::vector<Value>& operands) {
    const Node* first = nullptr;
    for (Value operand : operands)
      if (operand.node->op == Op::broadcast) first = operand.node;
    if (first == nullptr) return builder().make(op, operands);
    const auto& attrs = first->as<BroadcastAttrs>();
    std::vector<Value> inner;
    for (Value operand : operands) {
      if (const ConstantAttrs* constant = as_constant(operand); constant && !constant->data) {
        inner.push_back(builder().constant(constant->splat, first->operands[0].shape()));
      } else if (operand.node->op == Op::broadcast && operand.node->as<BroadcastAttrs>() == attrs &&
                 operand.node->operands[0].shape() == first->operands[0].shape()) {
        inner.push_back(operand.node->operands[0]);
      } else {
        return builder().make(op, operands);
      }
    }
    const Value made = builder().make(op, inner);
    new_fixed_.insert(made.node);
    return builder().broadcast(made, attrs.dims, attrs.shape);
  }

  /// a + b as (unfixed, fixed), whichever way round it stands.
  struct Split {
    Value unfixed, fixed;
  };
  std::optional<Split> split(Value a, Value b) const {
    if (is_fixed(b) && !is_fixed(a)) return Split{a, b};
    if (is_fixed(a) && !is_fixed(b)) return Split{b, a};
    return std::nullopt;
  }
  std::optional<Split> split(Value value, Op op) const {
    if (value.node->op != op) return std::nullopt;
    return split(value.node->operands[0], value.node->operands[1]);
  }

  bool rounds(Value value) const { return is_float(value.dtype()); }

  Value add(Value a, Value b) {
    const auto outer = split(a, b);
    if (!outer || !rounds(a)) return {};
    const auto inner = split(outer->unfixed, Op::add);
    if (!inner) return {};
    return builder().add(inner->unfixed, fixed(Op::add, {inner->fixed, outer->fixed}));  // join-bias
  }

  Value sub(Value a, Value b) {
    if (!rounds(a) || !is_fixed(b) || is_fixed(a)) return {};
    const Value negated = fixed(Op::neg, {b});
    const Value joined = add(a, negated);
    return joined ? joined : builder().add(a, negated);  // sub-to-add
  }

  Value divide(Value a, Value b) {
    // Not for numbers: x / 3 stays exact.
    if (!rounds(a) || !is_fixed(b) || is_fixed(a) || as_constant(b)) return {};
    const Value inverse = fixed(Op::div, {builder().constant_like(b, 1), b});
    const Value joined = multiply(a, inverse);
    return joined ? joined : builder().mul(a, inverse);  // div-to-mul
  }

  Value multiply(Value a, Value b) {
    const auto outer = split(a, b);
    if (!outer || !rounds(a)) return {};
    const Value scale = outer->fixed;
    if (const auto inner = split(outer->unfixed, Op::mul)) {  // join-scale
      const Value joined = fixed(Op::mul, {inner->fixed, scale});
      const Value scaled = multiply(inner->unfixed, joined);
      return scaled ? scaled : builder().mul(inner->unfixed, joined);
    }
    if (const auto inner = split(outer->unfixed, Op::add)) {  // scale-bias
      const Value scaled = multiply(inner->unfixed, scale);
      if (!scaled) return {};  // nothing takes up the scale: one operation would become two
      return builder().add(scaled, fixed(Op::mul, {inner->fixed, scale}));
    }
    return scale_weight(outer->unfixed, scale);
  }

  /// contraction(x, w) * s = contraction(x, w * s), if s varies along the columns of w alone.
  Value scale_weight(Value contraction, Value scale) {
    const Node& node = *contraction.node;
    if (family_of(node.op) != Family::contract || is_shared(node) || !is_fixed(node.operands[1])) return {};
    const int64_t rank = node.type().rank();
    int64_t result_axis = rank - 1, weight_axis = node.operands[1].rank() - 1;
    if (node.op == Op::conv) {
      const ConvAxes axes = parse_conv_axes(node.as<ConvAttrs>().dims);
      result_axis = axes.output.feature;
      weight_axis = axes.kernel.feature;
    } else {
      const auto& attrs = node.as<DotAttrs>();
      const bool plain =
          attrs.batch.rhs.empty() && node.operands[1].rank() == 2 && attrs.contract.rhs == Ints{0};
      if (!plain) return {};
    }
    Value along;  // the scale's values along the columns
    if (const ConstantAttrs* constant = as_constant(scale); constant && !constant->data) {
      along = builder().constant(constant->splat, {node.operands[1].shape()[weight_axis]});
    } else if (scale.node->op == Op::broadcast &&
               scale.node->as<BroadcastAttrs>().dims == Ints{result_axis}) {
      along = scale.node->operands[0];
    } else {
      return {};
    }
    const Value weight = node.operands[1];
    const Value repeated = builder().broadcast(along, {weight_axis}, weight.shape());
    new_fixed_.insert(repeated.node);
    const Value scaled = builder().mul(weight, repeated);
    new_fixed_.insert(scaled.node);
    return builder().make(node.op, {node.operands[0], scaled}, node.attrs);  // scale-weight
  }

  /// True if several others read it: a scaled copy would be a second contraction.
  bool is_shared(const Node& made) const {
    auto found = readers_.find(&made);
    return found != readers_.end() && found->second > 1;
  }

  /// pad-into-conv
  Value conv(const Node& node) {
    const Node& pad = *mapped(node.operands[0]).node;
    if (pad.op != Op::pad || !is_splat(pad.operands[1], 0)) return {};
    ConvAttrs attrs = node.as<ConvAttrs>();
    const auto& padding = pad.as<PadAttrs>();
    const ConvAxes axes = parse_conv_axes(attrs.dims);
    for (int64_t axis = 0; axis < node.operands[0].rank(); ++axis) {
      const bool in_space =
          std::find(axes.input.space.begin(), axes.input.space.end(), axis) != axes.input.space.end();
      if (padding.interior[axis] != 0) return {};
      if (!in_space && (padding.low[axis] != 0 || padding.high[axis] != 0)) return {};
    }
    for (int64_t s = 0; s < axes.space_rank(); ++s) {
      if (attrs.input_dilation[s] != 1) return {};
      attrs.pad_low[s] += padding.low[axes.input.space[s]];
      attrs.pad_high[s] += padding.high[axes.input.space[s]];
    }
    return builder().make(Op::conv, {pad.operands[0], mapped(node.operands[1])}, attrs);
  }

  /// unit-broadcast
  Value broadcast(const Node& node) {
    const Value operand = mapped(node.operands[0]);
    if (!is_unit_reshape(*operand.node)) return {};
    const Value inner = operand.node->operands[0];
    const Shape &from = inner.shape(), &through = operand.shape();
    const auto& attrs = node.as<BroadcastAttrs>();
    // Axis i of the inner array, if longer than 1, is some axis of the reshaped one; axes of 1 must fall away.
    Ints dims;
    size_t at = 0;
    for (Dim dim : from) {
      if (dim.is(1)) return {};
      while (through[at].is(1)) ++at;
      dims.push_back(attrs.dims[at++]);
    }
    return builder().broadcast(inner, dims, attrs.shape);
  }

  std::vector<bool> fixed_;  // by node of the source
  Uses uses_;
  std::set<const Node*> new_fixed_;        // nodes of the new function
  std::map<const Node*, size_t> readers_;  // by node of the new function: how many read it in the source
};

}  // namespace

Module simplify(const Module& module) {
  return map_functions(module, [&](const Function& function) { return Simplifier(module, function).run(); });
}

}  // namespace keratin
