#include "passes/region.h"

#include "ir/text.h"

namespace keratin {

ParamNames::ParamNames(const Function& region) {
  for (const Node* param : region.params) taken_.insert(param->as<NameAttrs>().name);
}

std::string ParamNames::make(std::string_view stem) {
  for (size_t i = 0;; ++i)
    if (const auto [name, is_new] = taken_.insert(cat(stem, i)); is_new) return *name;
}

std::vector<Value> results_of(const Node& node) {
  std::vector<Value> results;
  for (uint32_t i = 0; i < node.types.size(); ++i) results.push_back(node.value(i));
  return results;
}

}  // namespace keratin
