// Algebra that needs context, or that changes roundings; what is exact and local is in ir/fold.cpp.
//
// Rules, each with a test of its name in tests/kir/passes/simplify; "fixed" is what depends on weights alone, or repeats
// that along further axes:
//
//   join-bias      (a + fixed b) + fixed c            a + (b + c)
//   scale-bias     (a + fixed b) * fixed s            a * s + b * s, if a takes up s by one of the next two rules
//   join-scale     (a * fixed s) * fixed t            a * (s * t), unless numbers s and t leave the range together
//   scale-weight   contraction(x, w) * fixed s        contraction(x, w * s), s varying along axes of w alone
//   sub-to-add     a - fixed b                        a + (-b)
//   div-to-mul     a / fixed b                        a * (1 / b)
//   softmax        e / sum(e), e = exp(x - max(x))    e * (1 / sum(e)), one division for a sum: the sum is at least 1
//   pad-into-conv  conv(pad(x, 0), w)                 conv(x, w) with the padding as its own
//   unit-broadcast broadcast(unit reshape(x))         broadcast(x)
//   sink           f(transpose(x), transpose(y))      transpose(f(x, y)), for pointwise f; likewise for reshape; numbers may
//                                                     stand among the operands, and arrays that repeat
//   stop-gradient  stop_gradient(x)                   x: whoever runs this pass has differentiated before
//
// Transposes and reshapes sink until they meet their inverse, with which they cancel, or something that is not pointwise.
// Together the first six fold an inference batch normalisation, and a rescaling, into the contraction before it. They are
// for floats other than f16, in whose range a product or an inverse of weights need not lie. The rules are directional:
// each leaves as many operations on unfixed values, or fewer; so nothing is regrouped that others read as well.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "ir/conv_axes.h"
#include "ir/rebuild.h"
#include "passes/pass.h"
#include "passes/traits.h"
#include "passes/uses.h"
#include "passes/weights.h"

namespace keratin {

namespace {

/// The axis of a contraction's right operand that becomes `axis` of its result; none if another operand's does.
std::optional<int64_t> weight_axis(const Node& contraction, int64_t axis) {
  if (contraction.op == Op::conv) {
    const ConvAxes axes = parse_conv_axes(contraction.as<ConvAttrs>().dims);
    if (axis == axes.output.feature) return axes.kernel.feature;
    return std::nullopt;
  }
  if (contraction.op == Op::winograd) return axis == 3 ? std::optional<int64_t>(3) : std::nullopt;
  const auto& attrs = contraction.as<DotAttrs>();
  if (axis < static_cast<int64_t>(attrs.batch.rhs.size())) return attrs.batch.rhs[axis];
  // What is left of the right operand stands last.
  int64_t at = contraction.type().rank();
  for (int64_t i = contraction.operands[1].rank() - 1; i >= 0; --i)
    if (!contains(attrs.contract.rhs, i) && !contains(attrs.batch.rhs, i) && --at == axis) return i;
  return std::nullopt;
}

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
      Value better = simplified_node(node);
      if (!better) better = sink(node);
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
      case Op::stop_gradient: return mapped(node.operands[0]);
      default: return {};
    }
  }

  // Values of the new function.

  static bool is_number(Value value) {
    const ConstantAttrs* constant = as_constant(value);
    return constant != nullptr && !constant->data;
  }

  /// Computed from weights alone, once: it ends up in `prepare`.
  bool is_prepared(Value value) const {
    return value.type().is_static() && (as_constant(value) || new_fixed_.contains(value.node));
  }

  bool is_fixed(Value value) const {
    if (!value.type().layout.is_row_major()) return false;
    return is_number(value) || is_prepared(value) ||
           (value.node->op == Op::broadcast && is_prepared(value.node->operands[0]));
  }

  /// A fixed value as an array and the axes that the array varies along: along all others it repeats.
  struct Repeated {
    Value array;
    Ints axes;
  };
  Repeated repeated(Value fixed) {
    if (is_number(fixed)) return {builder().constant(as_constant(fixed)->splat), {}};
    if (fixed.node->op == Op::broadcast && is_prepared(fixed.node->operands[0]))
      return {fixed.node->operands[0], fixed.node->as<BroadcastAttrs>().dims};
    Ints axes(fixed.rank());
    std::iota(axes.begin(), axes.end(), 0);
    return {fixed, axes};
  }

  Value prepared(Value value) {
    new_fixed_.insert(value.node);
    return value;
  }

  Value negated(Value fixed) {
    const Repeated x = repeated(fixed);
    return builder().broadcast(prepared(builder().neg(x.array)), x.axes, fixed.shape());
  }

  Value inverted(Value fixed) {
    const Repeated x = repeated(fixed);
    const Value inverse = prepared(builder().div(builder().constant_like(x.array, 1), x.array));
    return builder().broadcast(inverse, x.axes, fixed.shape());
  }

  /// op of two fixed values, computed before they are repeated; none if each varies along an axis that the other repeats
  /// along: that would be a larger array than both.
  Value combined(Op op, Value a, Value b) {
    Repeated x = repeated(a), y = repeated(b);
    const Repeated wide = x.axes.size() >= y.axes.size() ? x : y;
    for (Repeated* part : {&x, &y}) {
      Ints dims;
      for (int64_t axis : part->axes) {
        const auto at = std::find(wide.axes.begin(), wide.axes.end(), axis);
        if (at == wide.axes.end()) return {};
        dims.push_back(at - wide.axes.begin());
      }
      part->array = prepared(builder().broadcast(part->array, dims, wide.array.shape()));
    }
    return builder().broadcast(prepared(builder().make(op, {x.array, y.array})), wide.axes, a.shape());
  }

  /// The operands of a pointwise op, one of them fixed, whichever way round they stand.
  struct Split {
    Value unfixed, fixed;
  };
  std::optional<Split> split(Value a, Value b) const {
    if (is_fixed(b) && !is_fixed(a)) return Split{a, b};
    if (is_fixed(a) && !is_fixed(b)) return Split{b, a};
    return std::nullopt;
  }
  std::optional<Split> split(Value value, Op op) const {
    if (value.node->op != op || is_shared(value)) return std::nullopt;
    return split(value.node->operands[0], value.node->operands[1]);
  }

  /// True if several nodes read it: it is computed in any case.
  bool is_shared(Value value) const {
    const auto found = readers_.find(value.node);
    return found != readers_.end() && found->second > 1;
  }

  static bool may_regroup(Value value) { return is_float(value.dtype()) && value.dtype() != DType::f16; }

  /// Of weights a product is taken to be in range; numbers may be chosen so that only both together are.
  static bool is_out_of_range(Value product) {
    const ConstantAttrs* number = as_constant(product);
    return number != nullptr && number->data == nullptr &&
           !std::isnormal(static_cast<float>(number->splat.real));
  }

  /// join-bias
  Value add(Value a, Value b) {
    const auto outer = split(a, b);
    if (!outer || !may_regroup(a)) return {};
    const auto inner = split(outer->unfixed, Op::add);
    if (!inner) return {};
    const Value bias = combined(Op::add, inner->fixed, outer->fixed);
    return bias ? builder().add(inner->unfixed, bias) : Value();
  }

  /// sub-to-add
  Value sub(Value a, Value b) {
    if (!may_regroup(a) || !is_fixed(b) || is_fixed(a)) return {};
    const Value bias = negated(b);
    const Value joined = add(a, bias);
    return joined ? joined : builder().add(a, bias);
  }

  /// div-to-mul
  Value divide(Value a, Value b) {
    if (const Value inverse = inverse_of_softmax_sum(a, b)) return builder().mul(a, inverse);
    // Not for numbers: x / 3 stays exact.
    if (!may_regroup(a) || !is_fixed(b) || is_fixed(a) || is_number(b)) return {};
    const Value scale = inverted(b);
    const Value joined = multiply(a, scale);
    return joined ? joined : builder().mul(a, scale);
  }

  /// One over the sum that a softmax divides by, where `a` and `b` are what it divides and the sum, repeated; else none.
  Value inverse_of_softmax_sum(Value a, Value b) {
    if (a.node->op != Op::exp || b.node->op != Op::broadcast || !may_regroup(a)) return {};
    const Value shifted = a.node->operands[0];
    if (shifted.node->op != Op::sub || shifted.node->operands[1].node->op != Op::broadcast) return {};
    const Node &repeated_sum = *b.node, &repeated_max = *shifted.node->operands[1].node;
    const Value sum = without_unit_axes(repeated_sum.operands[0]),
                max = without_unit_axes(repeated_max.operands[0]);
    if (sum.node->op != Op::reduce_sum || sum.node->operands[0] != a || max.node->op != Op::reduce_max ||
        max.node->operands[0] != shifted.node->operands[0] || sum.node->attrs != max.node->attrs)
      return {};
    const Value whole = repeated_sum.operands[0];
    const Value inverse = builder().div(builder().constant_like(whole, 1), whole);
    const auto& attrs = repeated_sum.as<BroadcastAttrs>();
    return builder().broadcast(inverse, attrs.dims, attrs.shape);
  }

  static Value without_unit_axes(Value value) {
    return is_unit_reshape(*value.node) ? value.node->operands[0] : value;
  }

  Value multiply(Value a, Value b) {
    const auto outer = split(a, b);
    if (!outer || !may_regroup(a)) return {};
    const Value scale = outer->fixed;
    if (const auto inner = split(outer->unfixed, Op::mul)) {  // join-scale
      const Value joined = combined(Op::mul, inner->fixed, scale);
      if (!joined || is_out_of_range(joined)) return {};
      const Value scaled = multiply(inner->unfixed, joined);
      return scaled ? scaled : builder().mul(inner->unfixed, joined);
    }
    if (const auto inner = split(outer->unfixed, Op::add)) {  // scale-bias
      const Value bias = combined(Op::mul, inner->fixed, scale);
      const Value scaled = bias ? multiply(inner->unfixed, scale) : Value();
      return scaled ? builder().add(scaled, bias) : Value();
    }
    return scale_weight(outer->unfixed, scale);
  }

  /// scale-weight
  Value scale_weight(Value contraction, Value scale) {
    const Node& node = *contraction.node;
    if (family_of(node.op) != Family::contract || is_shared(contraction)) return {};
    const Value weight = node.operands[1];
    if (!is_prepared(weight) || !weight.type().layout.is_row_major()) return {};
    const Repeated factor = repeated(scale);
    Ints axes;
    for (int64_t axis : factor.axes) {
      const auto found = weight_axis(node, axis);
      if (!found || (!axes.empty() && axes.back() > *found)) return {};
      axes.push_back(*found);
    }
    const Value factors = prepared(builder().broadcast(factor.array, axes, weight.shape()));
    const Value scaled = prepared(builder().mul(weight, factors));
    return builder().make(node.op, {node.operands[0], scaled}, node.attrs);
  }

  /// pad-into-conv
  Value conv(const Node& node) {
    const Node& pad = *mapped(node.operands[0]).node;
    if (pad.op != Op::pad || !is_splat(pad.operands[1], 0)) return {};
    ConvAttrs attrs = node.as<ConvAttrs>();
    const auto& padding = pad.as<PadAttrs>();
    const ConvAxes axes = parse_conv_axes(attrs.dims);
    for (int64_t axis = 0; axis < node.operands[0].rank(); ++axis) {
      if (padding.interior[axis] != 0) return {};
      if (!contains(axes.input.space, axis) && (padding.low[axis] != 0 || padding.high[axis] != 0)) return {};
    }
    for (int64_t s = 0; s < axes.space_rank(); ++s) {
      const int64_t low = padding.low[axes.input.space[s]], high = padding.high[axes.input.space[s]];
      if (attrs.input_dilation[s] != 1) return {};
      // What the pad cuts off and the convolution fills up again is zeros, no longer the elements.
      if ((low < 0 && attrs.pad_low[s] > 0) || (high < 0 && attrs.pad_high[s] > 0)) return {};
      attrs.pad_low[s] += low;
      attrs.pad_high[s] += high;
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

  /// sink
  Value sink(const Node& node) {
    if (family_of(node.op) != Family::pointwise || fixed_[node.index]) return {};
    const Node* moved = nullptr;
    for (Value operand : mapped(node.operands))
      if ((operand.node->op == Op::transpose || operand.node->op == Op::reshape) && !is_fixed(operand)) {
        moved = operand.node;
        break;
      }
    if (moved == nullptr) return {};
    std::vector<Value> operands;
    for (Value operand : mapped(node.operands)) {
      operands.push_back(before_move(*moved, operand));
      if (!operands.back()) return {};
    }
    const Value result = builder().make(node.op, std::move(operands), node.attrs);
    return moved->op == Op::transpose ? builder().transpose(result, moved->as<TransposeAttrs>().perm)
                                      : builder().reshape(result, node.type().shape);
  }

  /// The value of which `operand` is what the transpose or reshape `move` makes; none if there is no such value.
  Value before_move(const Node& move, Value operand) {
    const Value x = move.operands[0];
    if (is_number(operand)) return builder().constant(as_constant(operand)->splat, x.shape());
    if (operand.node->op == move.op) {
      const Value y = operand.node->operands[0];
      const bool is_same =
          y.shape() == x.shape() && y.type().layout.is_row_major() &&
          (move.op == Op::reshape || operand.node->as<TransposeAttrs>() == move.as<TransposeAttrs>());
      return is_same && !is_shared(operand) ? y : Value();
    }
    if (operand.node->op != Op::broadcast) return {};
    if (move.op == Op::reshape) return before_reshape(x, operand);
    Ints dims;
    for (int64_t axis : operand.node->as<BroadcastAttrs>().dims) {
      const int64_t from = move.as<TransposeAttrs>().perm[axis];
      if (!dims.empty() && dims.back() > from) return {};
      dims.push_back(from);
    }
    return builder().broadcast(operand.node->operands[0], dims, x.shape());
  }

  /// The same for a reshape of x that cuts its last axis: what repeats along none or all of the new axes.
  Value before_reshape(Value x, Value operand) {
    const auto& attrs = operand.node->as<BroadcastAttrs>();
    const int64_t last = x.rank() - 1;
    if (last < 0 || operand.rank() <= last ||
        !std::equal(x.shape().begin(), x.shape().end() - 1, attrs.shape.begin()))
      return {};
    Ints dims = attrs.dims;
    while (!dims.empty() && dims.back() >= last) dims.pop_back();
    const Value array = operand.node->operands[0];
    if (dims.size() == attrs.dims.size()) return builder().broadcast(array, dims, x.shape());
    if (static_cast<int64_t>(attrs.dims.size() - dims.size()) != operand.rank() - last) return {};
    Shape shape(array.shape().begin(), array.shape().begin() + static_cast<int64_t>(dims.size()));
    shape.push_back(x.shape()[last]);
    dims.push_back(last);
    return builder().broadcast(builder().reshape(array, shape), dims, x.shape());
  }

  std::vector<bool> fixed_;  // by node of the source
  Uses uses_;
  // Of the new function:
  std::unordered_set<const Node*> new_fixed_;
  std::unordered_map<const Node*, size_t> readers_;  // how many read it in the source
};

}  // namespace

Module simplify(const Module& module) {
  return map_functions(module, [&](const Function& function) { return Simplifier(module, function).run(); });
}

}  // namespace keratin
