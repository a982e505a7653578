#include "ir/rebuild.h"

#include "ir/error.h"
#include "ir/text.h"

namespace keratin {

std::vector<Value> copy(Builder& builder, const Node& node, std::vector<Value> operands,
                        std::shared_ptr<const Function> body) {
  switch (node.op) {
    case Op::param: return {builder.param(node.as<NameAttrs>().name, node.type())};
    case Op::var: return {builder.var(node.as<NameAttrs>().name, node.type())};
    case Op::constant: {
      const auto& constant = node.as<ConstantAttrs>();
      return {constant.data ? builder.constant(constant.data) : builder.splat(constant.splat, node.type())};
    }
    default: break;
  }
  if (node.types.size() == 1)
    return {builder.make(node.op, std::move(operands), node.attrs, std::move(body))};
  const Node* twin = builder.make_node(node.op, std::move(operands), node.attrs, std::move(body));
  std::vector<Value> results;
  for (uint32_t i = 0; i < twin->types.size(); ++i) results.push_back(twin->value(i));
  return results;
}

Function Rebuilder::run() {
  for (const auto& node : source_.nodes) rebuild(*node);
  for (const Result& result : source_.results) builder_.result(result.name, mapped(result.value));
  for (const Update& update : source_.updates) builder_.update(update.variable, mapped(update.value));
  return builder_.finish();
}

void Rebuilder::rebuild(const Node& node) {
  builder_.set_origin(node.origin);
  values_[node.index] = visit(node);
}

std::vector<Value> Rebuilder::copy(const Node& node) { return copy(node, node.body); }

std::vector<Value> Rebuilder::copy(const Node& node, std::shared_ptr<const Function> body) {
  return keratin::copy(builder_, node, mapped(node.operands), std::move(body));
}

Value Rebuilder::mapped(Value value) const {
  const std::vector<Value>& results = values_[value.node->index];
  KERATIN_CHECK(value.result < results.size() && results[value.result],
                cat("result ", value.result, " of a ", value.node->op, " is read but was left out"));
  return results[value.result];
}

std::vector<Value> Rebuilder::mapped(const std::vector<Value>& values) const {
  std::vector<Value> out;
  for (const Value value : values) out.push_back(mapped(value));
  return out;
}

}  // namespace keratin
