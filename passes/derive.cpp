// A trainer writes models whose weights it alone knows. It has what the compiler computes of weights, `prepare`, as a program:
//
//     func @prepare() {                                       func @derive(%dense/kernel: f32[784,32]) {
//       %0 = relayout @dense/kernel : …            becomes      %0 = relayout %dense/kernel : …
//       return updates @dense/kernel.prepared = %0              return updates @dense/kernel.prepared = %0
//     }                                                       }
#include "passes/derive.h"

#include <algorithm>
#include <unordered_map>

#include "ir/error.h"
#include "ir/rebuild.h"
#include "ir/region.h"
#include "ir/text.h"

namespace keratin {
namespace {

/// A float that f64 has room to compute exactly, or almost.
bool is_narrow(DType dtype) { return is_float(dtype) && dtype != DType::f64; }

/// Whether the interpreter rounds what it computes of floats to one of them.
bool rounds(const Node& node) {
  const Family family = family_of(node.op);
  const bool computes = family == Family::reduce || family == Family::contract || family == Family::window ||
                        (family == Family::pointwise && node.op != Op::cast && node.op != Op::stop_gradient);
  return computes && node.types.size() == 1 && is_narrow(node.type().dtype) &&
         node.type().layout.is_row_major();
}

class Derivation {
 public:
  Derivation(const std::set<std::string>& given, Module& out) : given_(given), out_(out) {}

  void add_params(const Function& function) {
    for (const auto& node : function.nodes) {
      if (node->op != Op::var) continue;
      const std::string& name = node->as<NameAttrs>().name;
      if (given_.contains(name) && !params_.contains(name))
        params_[name] = builder_.param(name, node->type());
    }
  }

  void add(const Module& source, const Function& function) {
    const Values values = made(source, function, {});
    for (const Update& update : function.updates) {
      const Variable& variable = *source.find_variable(update.variable);
      out_.variables.push_back({variable.name, variable.type, Role::state, false, nullptr});
      builder_.update(variable.name, values[update.value.node->index][update.value.result]);
    }
  }

  Function finish() { return builder_.finish(); }

 private:
  using Values = std::vector<std::vector<Value>>;  // by node

  /// The nodes of a function, or of a fusion: compiled anew, what it has joined is cut in another way.
  Values made(const Module& source, const Function& function, const std::vector<Value>& arguments) {
    Values values(function.nodes.size());
    size_t next = 0;
    for (const auto& node : function.nodes) {
      std::vector<Value> operands;
      for (const Value operand : node->operands)
        operands.push_back(values[operand.node->index][operand.result]);
      builder_.set_origin(node->origin);
      if (node->op == Op::param)
        values[node->index] = {arguments.at(next++)};
      else if (node->op == Op::var)
        values[node->index] = {variable(source, *node)};
      else if (node->op == Op::fusion)
        values[node->index] = opened(source, *node->body, operands);
      else
        values[node->index] = rounded(*node, std::move(operands));
    }
    return values;
  }

  std::vector<Value> opened(const Module& source, const Function& body, const std::vector<Value>& operands) {
    const Values values = made(source, body, operands);
    std::vector<Value> results;
    for (const Result& result : body.results)
      results.push_back(values[result.value.node->index][result.value.result]);
    return results;
  }

  std::vector<Value> rounded(const Node& node, std::vector<Value> operands) {
    if (!rounds(node)) return copy(builder_, node, std::move(operands), node.body);
    for (Value& operand : operands)
      if (is_narrow(operand.dtype())) operand = builder_.cast(operand, DType::f64);
    const Value wide = copy(builder_, node, std::move(operands), node.body)[0];
    return {builder_.cast(wide, node.type().dtype)};
  }

  Value variable(const Module& source, const Node& node) {
    const std::string& name = node.as<NameAttrs>().name;
    if (const auto param = params_.find(name); param != params_.end()) return param->second;
    if (out_.find_variable(name) == nullptr) out_.variables.push_back(*source.find_variable(name));
    return builder_.var(name, node.type());
  }

  const std::set<std::string>& given_;
  Module& out_;
  Builder builder_{"derive"};
  std::unordered_map<std::string, Value> params_;
};

}  // namespace

Module derive(std::span<const Module* const> sources, const std::set<std::string>& given) {
  Module out;
  Derivation derivation(given, out);
  for (const Module* source : sources)
    for (const Function& function : source->functions) derivation.add_params(function);
  for (const Module* source : sources)
    for (const Function& function : source->functions) derivation.add(*source, function);
  if (!out.variables.empty()) out.functions.push_back(derivation.finish());
  return out;
}

}  // namespace keratin
