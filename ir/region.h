// Regions: what those share that change the operands and parameters of a scan or fusion, or open one.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "ir/builder.h"

namespace keratin {

/// Names for further parameters of a region: a stem and a number, and none that a parameter has.
class ParamNames {
 public:
  explicit ParamNames(const Function& region);
  std::string make(std::string_view stem);

 private:
  std::set<std::string> taken_;
};

std::vector<Value> results_of(const Node& node);

/// The results of `region` on `operands`: its nodes, built one by one.
std::vector<Value> inlined(Builder& builder, const Function& region, const std::vector<Value>& operands);

}  // namespace keratin
