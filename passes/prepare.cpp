// What depends on weights alone is computed once, by the function `prepare`, and read as prepared variables.
//
//     %0 = relayout @dense/kernel : f32[784,32]{1:32}            func @prepare() {
//     %1 = dot %x, %0 …                                            %0 = relayout @dense/kernel : f32[784,32]{1:32}
//                                                                  return updates @dense/kernel.prepared = %0
//     becomes                                                    }
//     %0 = dot %x, @dense/kernel.prepared …
//
// A value is stored where the function begins to mix it with its inputs, before it is only repeated (broadcast) or
// reshaped: those cost nothing where they are.
#include <map>

#include "ir/rebuild.h"
#include "ir/text.h"
#include "passes/pass.h"
#include "passes/weights.h"

namespace keratin {

namespace {

/// Builds `prepare` as others ask for values.
class Preparation {
 public:
  explicit Preparation(Module& out) : out_(out), builder_("prepare") {}

  /// The prepared variable that holds a fixed value of `function`.
  const Variable& variable_for(Value value) {
    const Value prepared = copy(value);
    for (const auto& [known, name] : stored_)
      if (known == prepared) return *out_.find_variable(name);
    std::string base = name_of(value);
    if (base.empty()) base = "constant";
    std::string name = cat(base, ".prepared");
    for (int i = 1; out_.find_variable(name) != nullptr; ++i) name = cat(base, ".prepared", i);
    out_.variables.push_back({name, value.type(), Role::prepared, false, nullptr});
    builder_.update(name, prepared);
    stored_.emplace_back(prepared, name);
    return out_.variables.back();
  }

  bool is_empty() const { return stored_.empty(); }
  Function finish() { return builder_.finish(); }

 private:
  Value copy(Value value) {
    const Node& node = *value.node;
    auto& results = copies_[&node];
    if (results.empty()) {
      std::vector<Value> operands;
      for (Value operand : node.operands) operands.push_back(copy(operand));
      builder_.set_origin(node.origin);
      if (node.op == Op::var) {
        results = {builder_.var(node.as<NameAttrs>().name, node.type())};
      } else if (node.op == Op::constant) {
        const auto& attrs = node.as<ConstantAttrs>();
        results = {attrs.data ? builder_.constant(attrs.data)
                              : builder_.constant(attrs.splat, node.type().shape)};
      } else {
        results = {};
        const Node* made = builder_.make_node(node.op, operands, node.attrs, node.body);
        for (uint32_t i = 0; i < made->types.size(); ++i) results.push_back(made->value(i));
      }
    }
    return results[value.result];
  }

  /// The first variable that the value is computed from.
  static std::string name_of(Value value) {
    if (value.node->op == Op::var) return value.node->as<NameAttrs>().name;
    for (Value operand : value.node->operands)
      if (std::string name = name_of(operand); !name.empty()) return name;
    return {};
  }

  Module& out_;
  Builder builder_;
  std::map<const Node*, std::vector<Value>> copies_;
  std::vector<std::pair<Value, std::string>> stored_;
};

class Preparer : public Rebuilder {
 public:
  Preparer(const Function& function, std::vector<bool> fixed, Preparation& preparation)
      : Rebuilder(function), fixed_(std::move(fixed)), preparation_(preparation) {}

 protected:
  std::vector<Value> visit(const Node& node) override {
    if (!fixed_[node.index] || is_free(node)) return copy(node);
    // Only a value that something unfixed reads is needed here; the others are left unread and fall away.
    std::vector<Value> values;
    for (uint32_t i = 0; i < node.types.size(); ++i)
      values.push_back(builder().var(preparation_.variable_for(node.value(i))));
    return values;
  }

 private:
  /// Costs nothing, wherever it stands: sources, and repetitions and views of fixed values.
  static bool is_free(const Node& node) {
    return family_of(node.op) == Family::structure || node.op == Op::broadcast || node.op == Op::reshape ||
           node.op == Op::iota || node.op == Op::dim_size;
  }

  std::vector<bool> fixed_;
  Preparation& preparation_;
};

/// By node: read by something that is not computed in `prepare`.
std::vector<bool> find_needed(const Function& function, const std::vector<bool>& fixed) {
  std::vector<bool> needed(function.nodes.size(), false);
  for (const Result& result : function.results) needed[result.value.node->index] = true;
  for (const Update& update : function.updates) needed[update.value.node->index] = true;
  for (size_t i = function.nodes.size(); i-- > 0;) {
    const Node& node = *function.nodes[i];
    const bool stays = !fixed[i] || (needed[i] && (node.op == Op::broadcast || node.op == Op::reshape));
    if (stays)
      for (Value operand : node.operands) needed[operand.node->index] = true;
  }
  return needed;
}

}  // namespace

Module prepare(const Module& module) {
  Module out;
  out.name = module.name;
  out.variables = module.variables;
  if (module.find_function("prepare") != nullptr) return clone(module);
  Preparation preparation(out);
  for (const Function& function : module.functions) {
    std::vector<bool> fixed = find_fixed(module, function);
    const std::vector<bool> needed = find_needed(function, fixed);
    // A fixed value that only `prepare` reads is not stored.
    for (size_t i = 0; i < fixed.size(); ++i) fixed[i] = fixed[i] && needed[i];
    out.functions.push_back(Preparer(function, std::move(fixed), preparation).run());
  }
  if (!preparation.is_empty()) out.functions.push_back(preparation.finish());
  return out;
}

}  // namespace keratin
