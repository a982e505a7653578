// What depends on weights alone is computed once, by the function `prepare`, and read as prepared variables.
//
//     %0 = relayout @dense/kernel : f32[784,32]{1:32}            func @prepare() {
//     %1 = dot %x, %0 …                                            %0 = relayout @dense/kernel : f32[784,32]{1:32}
//                                                                  return updates @dense/kernel.prepared = %0
//     becomes                                                    }
//     %0 = dot %x, @dense/kernel.prepared …
//
// A value is stored where the function begins to mix it with its inputs, before it is only repeated (broadcast), reshaped or
// widened: those cost nothing where they are.
#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "ir/rebuild.h"
#include "ir/region.h"
#include "ir/text.h"
#include "passes/pass.h"
#include "passes/traits.h"
#include "passes/weights.h"

namespace keratin {

namespace {

/// Costs nothing, wherever it stands: sources, and repetitions and views of fixed values; widened, they would only be larger.
bool is_free(const Node& node) {
  return family_of(node.op) == Family::structure || node.op == Op::broadcast || node.op == Op::reshape ||
         node.op == Op::iota || node.op == Op::dim_size || is_widening(node);
}

/// How a function is cut in two.
struct Cut {
  std::vector<bool> stays;    ///< by node
  std::vector<Value> stored;  ///< what the part that stays reads of the part that goes, in order
};

Cut cut(const Function& function, const std::vector<bool>& fixed) {
  Cut cut;
  cut.stays.resize(function.nodes.size());
  std::unordered_set<Value> read;
  for (const Result& result : function.results) read.insert(result.value);
  for (const Update& update : function.updates) read.insert(update.value);
  for (size_t i = function.nodes.size(); i-- > 0;) {
    const Node& node = *function.nodes[i];
    std::vector<Value> results = results_of(node);
    std::erase_if(results, [&](Value value) { return !read.contains(value); });
    cut.stays[i] = node.op == Op::param || (!results.empty() && (!fixed[i] || is_free(node)));
    if (cut.stays[i])
      read.insert(node.operands.begin(), node.operands.end());
    else
      cut.stored.insert(cut.stored.end(), results.rbegin(), results.rend());
  }
  std::reverse(cut.stored.begin(), cut.stored.end());
  return cut;
}

using NamedValues = std::unordered_map<Value, std::string>;  // with the prepared variables that hold them

/// Builds `prepare`, one function after the other.
class Preparation {
 public:
  explicit Preparation(Module& out) : out_(out), builder_("prepare") {
    for (const Variable& variable : out.variables) taken_.insert(variable.name);
  }

  NamedValues add(const Function& function, const std::vector<Value>& stored) {
    std::vector<bool> needed(function.nodes.size(), false);
    for (Value value : stored) needed[value.node->index] = true;
    for (size_t i = function.nodes.size(); i-- > 0;)
      if (needed[i])
        for (Value operand : function.nodes[i]->operands) needed[operand.node->index] = true;

    std::vector<Copy> copies(function.nodes.size());
    for (const auto& node : function.nodes)
      if (needed[node->index]) copies[node->index] = copy(*node, copies);

    NamedValues named;
    for (Value value : stored) {
      const Copy& made = copies[value.node->index];
      named[value] = name_for(made.results[value.result], made.first_variable);
    }
    return named;
  }

  bool is_empty() const { return names_.empty(); }
  Function finish() { return builder_.finish(); }

 private:
  struct Copy {
    std::vector<Value> results;
    std::string first_variable;  ///< that it is computed from; empty if there is none
  };

  Copy copy(const Node& node, const std::vector<Copy>& copies) {
    Copy made;
    if (node.op == Op::var) made.first_variable = node.as<NameAttrs>().name;
    std::vector<Value> operands;
    for (Value operand : node.operands) {
      const Copy& source = copies[operand.node->index];
      operands.push_back(source.results[operand.result]);
      if (made.first_variable.empty()) made.first_variable = source.first_variable;
    }
    builder_.set_origin(node.origin);
    if (node.op == Op::var) {
      made.results = {builder_.var(node.as<NameAttrs>().name, node.type())};
    } else if (node.op == Op::constant) {
      const auto& attrs = node.as<ConstantAttrs>();
      made.results = {attrs.data ? builder_.constant(attrs.data) : builder_.splat(attrs.splat, node.type())};
    } else {
      made.results = results_of(*builder_.make_node(node.op, operands, node.attrs, node.body));
    }
    return made;
  }

  /// The prepared variable that takes `value`, a value of `prepare`.
  const std::string& name_for(Value value, const std::string& first_variable) {
    std::string& name = names_[value];
    if (!name.empty()) return name;
    const std::string base = cat(first_variable.empty() ? "constant" : first_variable, ".prepared");
    name = base;
    for (int i = 1; !taken_.insert(name).second; ++i) name = cat(base, i);
    out_.variables.push_back({name, value.type(), Role::prepared, false, nullptr});
    builder_.update(name, value);
    return name;
  }

  Module& out_;
  Builder builder_;
  std::unordered_set<std::string> taken_;
  NamedValues names_;  // by value of `prepare`
};

/// What stays of a function, with prepared variables in place of what goes.
class Rest : public Rebuilder {
 public:
  Rest(const Function& function, const std::vector<bool>& stays, const NamedValues& named)
      : Rebuilder(function), stays_(stays), named_(named) {}

 protected:
  std::vector<Value> visit(const Node& node) override {
    if (stays_[node.index]) return copy(node);
    std::vector<Value> values = results_of(node);
    for (Value& value : values) {
      const auto found = named_.find(value);
      value = found == named_.end() ? Value() : builder().var(found->second, value.type());
    }
    return values;
  }

 private:
  const std::vector<bool>& stays_;
  const NamedValues& named_;
};

}  // namespace

Module prepare(const Module& module) {
  if (module.find_function("prepare") != nullptr) return clone(module);
  Module out;
  out.name = module.name;
  out.variables = module.variables;
  Preparation preparation(out);
  for (const Function& function : module.functions) {
    const Cut parts = cut(function, find_fixed(module, function));
    const NamedValues named = preparation.add(function, parts.stored);
    out.functions.push_back(Rest(function, parts.stays, named).run());
  }
  if (!preparation.is_empty()) out.functions.push_back(preparation.finish());
  return out;
}

}  // namespace keratin
