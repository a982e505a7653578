#include "ir/rebuild.h"

#include "ir/error.h"
#include "ir/text.h"

namespace keratin {

Function Rebuilder::run() {
  for (const auto& node : source_.nodes) {
    builder_.set_origin(node->origin);
    values_[node->index] = visit(*node);
  }
  for (const Result& result : source_.results) builder_.result(result.name, mapped(result.value));
  for (const Update& update : source_.updates) builder_.update(update.variable, mapped(update.value));
  return builder_.finish();
}

std::vector<Value> Rebuilder::copy(const Node& node) { return copy(node, node.body); }

std::vector<Value> Rebuilder::copy(const Node& node, std::shared_ptr<const Function> body) {
  switch (node.op) {
    case Op::param: return {builder_.param(node.as<NameAttrs>().name, node.type())};
    case Op::var: return {builder_.var(node.as<NameAttrs>().name, node.type())};
    case Op::constant: {
      const auto& constant = node.as<ConstantAttrs>();
      return {constant.data ? builder_.constant(constant.data) : builder_.splat(constant.splat, node.type())};
    }
    default: break;
  }
  std::vector<Value> operands = mapped(node.operands);
  if (node.types.size() == 1)
    return {builder_.make(node.op, std::move(operands), node.attrs, std::move(body))};
  const Node* twin = builder_.make_node(node.op, std::move(operands), node.attrs, std::move(body));
  std::vector<Value> results;
  for (uint32_t i = 0; i < twin->types.size(); ++i) results.push_back(twin->value(i));
  return results;
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
