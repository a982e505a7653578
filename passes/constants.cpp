// Arrays of constants become variables, so that their bytes travel with the weights and never through the compiler.
//
//     %0 = constant [1.0, 2.0, 3.0] : f32[3]      becomes      var @constant.0 : f32[3]
//
// Scalars and splats stay. Bodies of scans take theirs through a captured operand.
#include <map>

#include "ir/rebuild.h"
#include "ir/text.h"
#include "passes/pass.h"

namespace keratin {

namespace {

class ConstantMover : public Rebuilder {
 public:
  ConstantMover(const Function& function, Module& module) : Rebuilder(function), module_(module) {}

 protected:
  std::vector<Value> visit(const Node& node) override {
    if (node.op == Op::constant && node.as<ConstantAttrs>().data) return {variable(node)};
    if (node.op != Op::scan) return copy(node);
    return capture(node);
  }

 private:
  Value variable(const Node& node) {
    const auto& data = node.as<ConstantAttrs>().data;
    for (const Variable& known : module_.variables)
      if (known.data == data && known.type == node.type()) return builder().var(known);
    std::string name;
    for (size_t i = 0;; ++i) {
      name = cat("constant.", i);
      if (module_.find_variable(name) == nullptr) break;
    }
    module_.variables.push_back({name, node.type(), Role::weight, false, data});
    return builder().var(module_.variables.back());
  }

  /// The scan with the arrays of its body as further operands.
  std::vector<Value> capture(const Node& scan) {
    std::vector<Value> operands = mapped(scan.operands);
    Builder body;
    std::vector<const Node*> arrays;
    std::map<const Node*, Value> inner;
    for (const Node* param : scan.body->params)
      inner[param] = body.param(param->as<NameAttrs>().name, param->type());
    for (const auto& node : scan.body->nodes) {
      if (node->op != Op::constant || !node->as<ConstantAttrs>().data) continue;
      inner[node.get()] = body.param(cat("constant", arrays.size()), node->type());
      operands.push_back(variable(*node));
      arrays.push_back(node.get());
    }
    if (arrays.empty()) return copy(scan);
    std::map<const Node*, std::vector<Value>> values;
    for (const auto& [node, value] : inner) values[node] = {value};
    for (const auto& node : scan.body->nodes) {
      if (values.contains(node.get())) continue;
      std::vector<Value> args;
      for (Value operand : node->operands) args.push_back(values[operand.node][operand.result]);
      body.set_origin(node->origin);
      const Node* copied = node->op == Op::constant
                               ? body.constant(node->as<ConstantAttrs>().splat, node->type().shape).node
                               : body.make_node(node->op, args, node->attrs, node->body);
      for (uint32_t i = 0; i < node->types.size(); ++i) values[node.get()].push_back(copied->value(i));
    }
    for (const Result& result : scan.body->results)
      body.result(result.name, values[result.value.node][result.value.result]);
    const Node* made =
        builder().make_node(Op::scan, operands, scan.attrs, std::make_shared<const Function>(body.finish()));
    std::vector<Value> results;
    for (uint32_t i = 0; i < made->types.size(); ++i) results.push_back(made->value(i));
    return results;
  }

  Module& module_;
};

}  // namespace

Module constants_to_variables(const Module& module) {
  Module out;
  out.name = module.name;
  out.variables = module.variables;
  for (const Function& function : module.functions) {
    Function rebuilt = ConstantMover(function, out).run();
    out.functions.push_back(std::move(rebuilt));
  }
  return out;
}

}  // namespace keratin
