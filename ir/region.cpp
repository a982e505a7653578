#include "ir/region.h"

#include "ir/rebuild.h"
#include "ir/text.h"

namespace keratin {

ParamNames::ParamNames(const Function& region) {
  for (const Node* param : region.params) taken_.insert(param->as<NameAttrs>().name);
}

std::string ParamNames::make(std::string_view stem) {
  for (size_t i = 0;; ++i)
    if (const auto [name, is_new] = taken_.insert(cat(stem, i)); is_new) return *name;
}

std::vector<Value> inlined(Builder& builder, const Function& region, const std::vector<Value>& operands) {
  std::vector<std::vector<Value>> values(region.nodes.size());
  auto mapped = [&](Value value) { return values[value.node->index][value.result]; };
  for (const auto& node : region.nodes) {
    if (node->op == Op::param) {
      values[node->index] = {operands[node->index]};
      continue;
    }
    std::vector<Value> arguments;
    for (const Value operand : node->operands) arguments.push_back(mapped(operand));
    values[node->index] = copy(builder, *node, std::move(arguments), node->body);
  }
  std::vector<Value> results;
  for (const Result& result : region.results) results.push_back(mapped(result.value));
  return results;
}

std::vector<Value> results_of(const Node& node) {
  std::vector<Value> results;
  for (uint32_t i = 0; i < node.types.size(); ++i) results.push_back(node.value(i));
  return results;
}

}  // namespace keratin
