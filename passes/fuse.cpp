// Fusion: a function becomes one fusion node per group of nodes, as passes/groups.h finds them.
//
// Requires: dense constants are variables (passes/constants.cpp).
// Leaves: every node of a function is a source, a view or a fusion.
#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "ir/builder.h"
#include "ir/error.h"
#include "ir/region.h"
#include "ir/text.h"
#include "passes/groups.h"
#include "passes/pass.h"
#include "passes/uses.h"

namespace keratin {

namespace {

/// Writes one fusion per group, when the first of its values is asked for.
class Fuser {
 public:
  /// `decisions` null: nobody asks.
  explicit Fuser(const Function& function, Decisions* decisions = nullptr)
      : function_(function),
        decisions_(decisions),
        uses_(find_uses(function)),
        grouping_(find_groups(function, uses_)) {}

  Function run() {
    Builder builder(function_.name);
    mapped_.resize(function_.nodes.size());
    for (const Node* param : function_.params)
      mapped_[param->index] = {builder.param(param->as<NameAttrs>().name, param->type())};
    for (const Result& result : function_.results) builder.result(result.name, emit(builder, result.value));
    for (const Update& update : function_.updates)
      builder.update(update.variable, emit(builder, update.value));
    Function fused = builder.finish();  // nodes have their final indices
    for (const Read& read : reads_)
      decisions_->boundaries.push_back(
          {fused.name, read.from.node->index, read.from.result, read.by->index, read.layer, read.why});
    return fused;
  }

 private:
  /// A value of the new function, with all that it is computed from. Without recursion: graphs are deep.
  Value emit(Builder& builder, Value value) {
    std::vector<const Node*> pending{value.node};
    std::unordered_set<const Node*> waiting;
    while (!pending.empty()) {
      const Node& node = *pending.back();
      if (!mapped_[node.index].empty()) {
        pending.pop_back();
        continue;
      }
      const bool in_group = is_placed(node) && !grouping_.is_view[node.index];
      const std::vector<Value> sources =
          in_group ? read_by_group(grouping_.groups[grouping_.owner[node.index]]) : node.operands;
      const size_t emitted = pending.size();
      for (size_t i = sources.size(); i-- > 0;)
        if (mapped_[sources[i].node->index].empty()) pending.push_back(sources[i].node);
      if (pending.size() > emitted) {
        KERATIN_CHECK(waiting.insert(&node).second, cat("two fusions wait for each other, at ", node.op));
        continue;
      }
      if (in_group)
        emit_group(builder, grouping_.owner[node.index], sources);
      else
        emit_outside(builder, node);
    }
    return mapped(value);
  }

  Value mapped(Value value) const { return mapped_[value.node->index][value.result]; }

  /// A source or a view.
  void emit_outside(Builder& builder, const Node& node) {
    std::vector<Value> operands;
    for (Value operand : node.operands) operands.push_back(mapped(operand));
    builder.set_origin(node.origin);
    const Node* copy = node.op == Op::var        ? builder.var(node.as<NameAttrs>().name, node.type()).node
                       : node.op == Op::constant ? constant_copy(builder, node)
                                                 : builder.make_node(node.op, operands, node.attrs);
    mapped_[node.index] = results_of(*copy);
  }

  static const Node* constant_copy(Builder& builder, const Node& node) {
    const auto& attrs = node.as<ConstantAttrs>();
    KERATIN_CHECK(!attrs.data, "dense constants are variables by now");
    return builder.constant(attrs.splat, node.type().shape).node;
  }

  /// What the group reads from outside, each value once: constants are copied into it.
  static std::vector<Value> read_by_group(const Group& group) {
    std::vector<Value> read;
    std::unordered_set<Value> found;
    for (const Node* node : group.nodes)
      for (Value operand : node->operands)
        if (!group.nodes.contains(operand.node) && !as_constant(operand) && found.insert(operand).second)
          read.push_back(operand);
    return read;
  }

  void emit_group(Builder& builder, int index, const std::vector<Value>& read) {
    const Group& group = grouping_.groups[index];
    Builder region;
    std::unordered_map<Value, Value> inner;
    std::vector<Value> outer, results;
    for (Value value : read) {
      inner[value] = region.param(cat("p", outer.size()), value.type());
      outer.push_back(mapped(value));
    }
    for (const Node* node : group.nodes) {
      std::vector<Value> args;
      for (Value operand : node->operands) {
        const bool copied = as_constant(operand) && !group.nodes.contains(operand.node);
        args.push_back(copied ? constant_copy(region, *operand.node)->value() : inner.at(operand));
      }
      region.set_origin(node->origin);
      std::shared_ptr<const Function> body = node->body;
      if (node->op == Op::scan) body = std::make_shared<const Function>(Fuser(*node->body).run());
      const Node* copy = region.make_node(node->op, args, node->attrs, body);
      for (uint32_t i = 0; i < node->types.size(); ++i) inner[node->value(i)] = copy->value(i);
    }
    for (const Node* node : group.nodes)
      if (!grouping_.is_view[node->index] && grouping_.owner[node->index] == index &&
          read_outside(*node, group))
        for (uint32_t i = 0; i < node->types.size(); ++i) {
          results.push_back(node->value(i));
          region.result(cat("r", results.size() - 1), inner.at(node->value(i)));
        }
    auto body = std::make_shared<const Function>(region.finish());
    builder.set_origin(results.back().node->origin);
    const Node* fusion = builder.make_node(Op::fusion, outer, NoAttrs{}, body);
    if (decisions_ != nullptr)
      for (Value value : read) note_read(value, index, *fusion);
    for (size_t i = 0; i < results.size(); ++i) {
      auto& mapped = mapped_[results[i].node->index];
      mapped.resize(results[i].node->types.size());
      mapped[results[i].result] = fusion->value(i);
    }
  }

  /// Notes that the fusion of a group reads what another one stores, if it does.
  void note_read(Value value, int group, const Node& fusion) {
    const std::string why = grouping_.why_read(value, group);
    while (!is_placed(*value.node) || grouping_.is_view[value.node->index]) {
      if (value.node->op != Op::reshape) return;
      value = value.node->operands[0];
    }
    reads_.push_back({mapped(value), &fusion, value.node->origin, why});
  }

  bool read_outside(const Node& node, const Group& group) const {
    if (uses_.escapes[node.index]) return true;
    for (const Node* user : uses_.users[node.index]) {
      if (!is_placed(*user) || grouping_.is_view[user->index]) return true;
      for (int reader : grouping_.groups_of[user->index])
        if (&grouping_.groups[reader] != &group && !grouping_.groups[reader].nodes.contains(&node))
          return true;
    }
    return false;
  }

  bool is_placed(const Node& node) const { return !grouping_.groups_of[node.index].empty(); }

  /// A value of the new function, which is stored, and a fusion that reads it.
  struct Read {
    Value from;
    const Node* by;
    Origin layer;
    std::string why;
  };

  const Function& function_;
  Decisions* const decisions_;
  const Uses uses_;
  const Grouping grouping_;
  std::vector<std::vector<Value>> mapped_;  // by node: its results in the new function, once they exist
  std::vector<Read> reads_;
};

}  // namespace

Module fuse(const Module& module, Decisions* decisions) {
  return map_functions(module, [&](const Function& function) { return Fuser(function, decisions).run(); });
}

}  // namespace keratin
