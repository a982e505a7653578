// Constant folding: the op's own reference meaning (ir/op.h), applied to constants when the graph is built.
#include <algorithm>

#include "ir/array.h"
#include "ir/fold.h"

namespace keratin {

namespace {

constexpr int64_t kMostElements = 4096;

/// What has no operands makes data out of nothing, and is kept small as it is; regions run only in the
/// interpreter. A gradient must still be able to see where it stops.
bool may_fold(const Node& node) {
  return !node.operands.empty() && node.body == nullptr && node.op != Op::random_bits &&
         node.op != Op::all_reduce && node.op != Op::stop_gradient &&
         std::all_of(node.operands.begin(), node.operands.end(),
                     [](Value value) { return as_constant(value) != nullptr; });
}

bool is_small(const Type& type) {
  if (!type.is_static() || !type.layout.is_row_major()) return false;
  int64_t elements = 1;
  for (const Dim dim : type.shape) {
    if (dim.value() > kMostElements) return false;
    elements *= dim.value();
    if (elements > kMostElements) return false;
  }
  return true;
}

std::shared_ptr<const Tensor> elements_of(Value constant) {
  const ConstantAttrs& attrs = *as_constant(constant);
  if (attrs.data != nullptr) return attrs.data;
  std::vector<int64_t> shape;
  for (const Dim dim : constant.shape()) shape.push_back(dim.value());
  auto tensor = std::make_shared<Tensor>(attrs.splat.dtype, std::move(shape));
  for (int64_t i = 0; i < tensor->elements(); ++i) set_scalar(*tensor, i, attrs.splat);
  return tensor;
}

Tensor evaluated(const Node& node, const std::vector<std::shared_ptr<const Tensor>>& operands) {
  std::vector<Array> arrays;
  for (const auto& tensor : operands) arrays.push_back(to_array(*tensor));
  std::vector<const Array*> pointers;
  for (const Array& array : arrays) pointers.push_back(&array);
  return to_tensor(evaluate(node, pointers, {})[0]);
}

Value fold_splats(Builder& builder, const Node& node) {
  Node scalar{node.op, 0, {}, {Type(node.type().dtype, {})}, node.attrs, nullptr, nullptr};
  std::vector<std::shared_ptr<const Tensor>> operands;
  for (const Value value : node.operands) {
    auto element = std::make_shared<Tensor>(value.dtype(), std::vector<int64_t>());
    set_scalar(*element, 0, as_constant(value)->splat);
    scalar.operands.push_back(builder.constant(as_constant(value)->splat));
    operands.push_back(std::move(element));
  }
  return builder.splat(scalar_at(evaluated(scalar, operands), 0), node.type());
}

}  // namespace

Value folded_constant(Builder& builder, const Node& candidate) {
  if (!may_fold(candidate)) return {};
  const auto is_splat = [](Value value) { return as_constant(value)->data == nullptr; };
  if (family_of(candidate.op) == Family::pointwise &&
      std::all_of(candidate.operands.begin(), candidate.operands.end(), is_splat)) {
    return fold_splats(builder, candidate);
  }

  if (!is_small(candidate.type())) return {};
  int64_t available = 0;
  std::vector<std::shared_ptr<const Tensor>> operands;
  for (const Value value : candidate.operands) {
    if (!is_small(value.type())) return {};
    operands.push_back(elements_of(value));
    available += operands.back()->elements();
  }
  // A constant that grows, a repeated row say, is better computed where it is used.
  if (candidate.type().elements().value() > available) return {};
  return builder.constant(std::make_shared<Tensor>(evaluated(candidate, operands)));
}

}  // namespace keratin
