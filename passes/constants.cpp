// Arrays of constants become variables, so that their bytes travel with the weights and never through the compiler.
//
//     %0 = constant [1.0, 2.0, 3.0] : f32[3]      becomes      var @constant.0 : f32[3]
//
// Scalars and splats stay. Equal arrays are one variable, and never a variable of the model, which may change. The body of a
// scan reads no variables: it takes its arrays, and those of scans inside of it, through further captured operands.
#include <algorithm>
#include <map>
#include <set>

#include "ir/rebuild.h"
#include "ir/region.h"
#include "ir/text.h"
#include "passes/pass.h"

namespace keratin {

namespace {

bool is_array(const Node& node) {
  return node.op == Op::constant && node.as<ConstantAttrs>().data != nullptr;
}

/// Copies a function or a body, with something else in place of every array.
class ConstantMover : public Rebuilder {
 public:
  using Rebuilder::Rebuilder;

 protected:
  /// What stands for an array of this function.
  virtual Value value_of(const Node& array) = 0;

  std::vector<Value> visit(const Node& node) override {
    if (is_array(node)) return {value_of(node)};
    return node.op == Op::scan ? capture(node) : copy(node);
  }

 private:
  std::vector<Value> capture(const Node& scan);
};

/// The arrays in a body and the bodies within it, each once.
void collect_arrays(const Function& body, std::vector<const Node*>& arrays) {
  for (const auto& node : body.nodes) {
    if (node->body) collect_arrays(*node->body, arrays);
    if (!is_array(*node)) continue;
    auto is_same = [&](const Node* known) { return known->attrs == node->attrs; };
    if (std::none_of(arrays.begin(), arrays.end(), is_same)) arrays.push_back(node.get());
  }
}

/// A body with further parameters, one per array.
class BodyMover : public ConstantMover {
 public:
  BodyMover(const Function& body, const std::vector<const Node*>& arrays)
      : ConstantMover(body), arrays_(arrays), names_(body) {}

 protected:
  std::vector<Value> visit(const Node& node) override {
    if (node.op != Op::param && params_.empty()) add_params();
    return ConstantMover::visit(node);
  }

  Value value_of(const Node& array) override {
    for (size_t i = 0; i < arrays_.size(); ++i)
      if (arrays_[i]->attrs == array.attrs) return params_[i];
    return {};
  }

 private:
  void add_params() {
    for (const Node* array : arrays_)
      params_.push_back(builder().param(names_.make("constant"), array->type()));
  }

  const std::vector<const Node*>& arrays_;
  ParamNames names_;
  std::vector<Value> params_;
};

std::vector<Value> ConstantMover::capture(const Node& scan) {
  std::vector<const Node*> arrays;
  collect_arrays(*scan.body, arrays);
  if (arrays.empty()) return copy(scan);
  std::vector<Value> operands = mapped(scan.operands);
  for (const Node* array : arrays) operands.push_back(value_of(*array));
  auto body = std::make_shared<const Function>(BodyMover(*scan.body, arrays).run());
  return results_of(*builder().make_node(Op::scan, std::move(operands), scan.attrs, std::move(body)));
}

/// The variables that arrays become.
class ArrayVariables {
 public:
  explicit ArrayVariables(Module& module) : module_(module) {
    for (const Variable& variable : module.variables) names_.insert(variable.name);
  }

  const Variable& variable_for(const Node& array) {
    auto& alike = by_hash_[hash_of(array.attrs)];
    for (const auto& [attrs, place] : alike)
      if (attrs == array.attrs) return module_.variables[place];
    std::string name;
    do name = cat("constant.", next_++);
    while (!names_.insert(name).second);
    alike.emplace_back(array.attrs, module_.variables.size());
    module_.variables.push_back({name, array.type(), Role::weight, false, array.as<ConstantAttrs>().data});
    return module_.variables.back();
  }

 private:
  Module& module_;
  std::set<std::string> names_;
  size_t next_ = 0;
  std::map<size_t, std::vector<std::pair<Attrs, size_t>>> by_hash_;  // with places among the variables
};

class FunctionMover : public ConstantMover {
 public:
  FunctionMover(const Function& function, ArrayVariables& variables)
      : ConstantMover(function), variables_(variables) {}

 protected:
  Value value_of(const Node& array) override { return builder().var(variables_.variable_for(array)); }

 private:
  ArrayVariables& variables_;
};

}  // namespace

Module constants_to_variables(const Module& module) {
  Module out;
  out.name = module.name;
  out.variables = module.variables;
  ArrayVariables variables(out);
  for (const Function& function : module.functions)
    out.functions.push_back(FunctionMover(function, variables).run());
  return out;
}

}  // namespace keratin
