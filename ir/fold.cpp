#include "ir/fold.h"

#include <algorithm>
#include <array>

namespace keratin {

namespace {

Value operand(const Node& node, size_t i = 0) { return node.operands[i]; }

/// The node behind operand 0 if it is of `op`, else null.
const Node* inner(const Node& node, Op op) {
  return operand(node).node->op == op ? operand(node).node : nullptr;
}

/// A constant that is one number, else null.
const ConstantAttrs* splat(Value value) {
  const ConstantAttrs* constant = as_constant(value);
  return constant != nullptr && constant->data == nullptr ? constant : nullptr;
}

bool all_zero(const Ints& numbers) {
  return std::all_of(numbers.begin(), numbers.end(), [](int64_t n) { return n == 0; });
}

bool is_identity(const Ints& permutation) {
  for (size_t i = 0; i < permutation.size(); ++i) {
    if (permutation[i] != static_cast<int64_t>(i)) return false;
  }
  return true;
}

// Rules for several ops.

Value same_operands(Builder&, const Node& node) {
  return operand(node) == operand(node, 1) ? operand(node) : Value();
}

Value same_type(Builder&, const Node& node) {
  return operand(node).type() == node.type() ? operand(node) : Value();
}

Value no_axes(Builder&, const Node& node) {
  return node.as<AxesAttrs>().axes.empty() ? operand(node) : Value();
}

Value inverse_of_inner(Builder&, const Node& node) {
  const Node* first = inner(node, node.op);
  return first != nullptr ? first->operands[0] : Value();
}

/// Moving equal elements about leaves them where they are.
Value splat_stays(Builder& builder, const Node& node) {
  const ConstantAttrs* constant = splat(operand(node));
  return constant != nullptr ? builder.splat(constant->splat, node.type()) : Value();
}

template <int kNumber>
Value neutral_on_the_right(Builder&, const Node& node) {
  return is_splat(operand(node, 1), kNumber) ? operand(node) : Value();
}

// Rules for one op.

Value one_times(Builder&, const Node& node) {
  return is_splat(operand(node), 1) ? operand(node, 1) : Value();
}

/// The zero that adds nothing to any number is -0; integers have only one.
bool adds_nothing(Value value) { return is_splat(value, is_float(value.dtype()) ? -0.0 : 0.0); }

Value add_nothing(Builder&, const Node& node) {
  if (adds_nothing(operand(node, 1))) return operand(node);
  return adds_nothing(operand(node)) ? operand(node, 1) : Value();
}

Value select_by_constant(Builder&, const Node& node) {
  const ConstantAttrs* predicate = splat(operand(node));
  if (predicate == nullptr) return {};
  return operand(node, predicate->splat.integer != 0 ? 1 : 2);
}

Value select_same(Builder&, const Node& node) {
  return operand(node, 1) == operand(node, 2) ? operand(node, 1) : Value();
}

Value reshape_of_reshape(Builder& builder, const Node& node) {
  const Node* first = inner(node, Op::reshape);
  return first != nullptr ? builder.reshape(first->operands[0], node.type().shape) : Value();
}

Value transpose_of_nothing(Builder&, const Node& node) {
  return is_identity(node.as<TransposeAttrs>().perm) ? operand(node) : Value();
}

Value transpose_of_transpose(Builder& builder, const Node& node) {
  const Node* first = inner(node, Op::transpose);
  if (first == nullptr) return {};
  Ints perm;
  for (const int64_t axis : node.as<TransposeAttrs>().perm) {
    perm.push_back(first->as<TransposeAttrs>().perm[static_cast<size_t>(axis)]);
  }
  return builder.transpose(first->operands[0], std::move(perm));
}

Value broadcast_of_broadcast(Builder& builder, const Node& node) {
  const Node* first = inner(node, Op::broadcast);
  if (first == nullptr) return {};
  Ints dims;
  for (const int64_t axis : first->as<BroadcastAttrs>().dims) {
    dims.push_back(node.as<BroadcastAttrs>().dims[static_cast<size_t>(axis)]);
  }
  return builder.broadcast(first->operands[0], std::move(dims), node.type().shape);
}

Value slice_of_all(Builder& builder, const Node& node) {
  // A stride is irrelevant if the result has as many elements along the axis as the operand.
  return all_zero(node.as<SliceAttrs>().start) ? same_type(builder, node) : Value();
}

Value pad_by_nothing(Builder&, const Node& node) {
  const auto& pad = node.as<PadAttrs>();
  return all_zero(pad.low) && all_zero(pad.high) && all_zero(pad.interior) ? operand(node) : Value();
}

Value pad_splat_with_itself(Builder& builder, const Node& node) {
  const ConstantAttrs *body = splat(operand(node)), *fill = splat(operand(node, 1));
  if (body == nullptr || fill == nullptr || body->splat != fill->splat) return {};
  return builder.splat(fill->splat, node.type());
}

Value concat_of_one(Builder&, const Node& node) {
  return node.operands.size() == 1 ? operand(node) : Value();
}

Value concat_of_splats(Builder& builder, const Node& node) {
  const ConstantAttrs* first = splat(operand(node));
  if (first == nullptr) return {};
  for (const Value part : node.operands) {
    const ConstantAttrs* constant = splat(part);
    if (constant == nullptr || constant->splat != first->splat) return {};
  }
  return builder.splat(first->splat, node.type());
}

Value relayout_of_relayout(Builder& builder, const Node& node) {
  const Node* first = inner(node, Op::relayout);
  return first != nullptr ? builder.make(Op::relayout, {first->operands[0]}, node.attrs) : Value();
}

constexpr std::array kIdentities{
    Identity{Op::neg, "neg_of_neg", inverse_of_inner},
    Identity{Op::not_, "not_of_not", inverse_of_inner},
    Identity{Op::cast, "cast_to_same", same_type},
    Identity{Op::add, "add_nothing", add_nothing},
    Identity{Op::sub, "sub_zero", neutral_on_the_right<0>},
    Identity{Op::mul, "mul_by_one", neutral_on_the_right<1>},
    Identity{Op::mul, "one_times", one_times},
    Identity{Op::div, "div_by_one", neutral_on_the_right<1>},
    Identity{Op::max, "max_of_same", same_operands},
    Identity{Op::min, "min_of_same", same_operands},
    Identity{Op::and_, "and_of_same", same_operands},
    Identity{Op::or_, "or_of_same", same_operands},
    Identity{Op::select, "select_by_constant", select_by_constant},
    Identity{Op::select, "select_same", select_same},
    Identity{Op::reduce_sum, "sum_over_nothing", no_axes},
    Identity{Op::reduce_prod, "prod_over_nothing", no_axes},
    Identity{Op::reduce_max, "max_over_nothing", no_axes},
    Identity{Op::reduce_min, "min_over_nothing", no_axes},
    Identity{Op::reduce_and, "and_over_nothing", no_axes},
    Identity{Op::reduce_or, "or_over_nothing", no_axes},
    Identity{Op::reshape, "reshape_to_same", same_type},
    Identity{Op::reshape, "reshape_of_splat", splat_stays},
    Identity{Op::reshape, "reshape_of_reshape", reshape_of_reshape},
    Identity{Op::transpose, "transpose_of_nothing", transpose_of_nothing},
    Identity{Op::transpose, "transpose_of_splat", splat_stays},
    Identity{Op::transpose, "transpose_of_transpose", transpose_of_transpose},
    Identity{Op::broadcast, "broadcast_to_same", same_type},
    Identity{Op::broadcast, "broadcast_of_splat", splat_stays},
    Identity{Op::broadcast, "broadcast_of_broadcast", broadcast_of_broadcast},
    Identity{Op::slice, "slice_of_all", slice_of_all},
    Identity{Op::slice, "slice_of_splat", splat_stays},
    Identity{Op::pad, "pad_by_nothing", pad_by_nothing},
    Identity{Op::pad, "pad_splat_with_itself", pad_splat_with_itself},
    Identity{Op::concat, "concat_of_one", concat_of_one},
    Identity{Op::concat, "concat_of_splats", concat_of_splats},
    Identity{Op::reverse, "reverse_of_no_axes", no_axes},
    Identity{Op::reverse, "reverse_of_splat", splat_stays},
    Identity{Op::relayout, "relayout_to_same", same_type},
    Identity{Op::relayout, "relayout_of_relayout", relayout_of_relayout},
};

}  // namespace

std::span<const Identity> identities() { return kIdentities; }

Value simplified(Builder& builder, const Node& candidate) {
  for (const Identity& identity : kIdentities) {
    if (identity.op != candidate.op) continue;
    if (const Value instead = identity.rule(builder, candidate)) return instead;
  }
  return {};
}

}  // namespace keratin
