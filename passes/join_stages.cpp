// Fusions that hand on large values become stages of one fusion, where their kernel can be cut into pieces that go through all stages
// (passes/stages.h): what a stage hands to the next is then as large as a piece of it, and stays in cache.
//
//     %6 = fusion … (…) { dot … }                     %6 = fusion … (…) {
//     %7 = fusion %6 (…) { softmax }                    %0 = fusion … (…) { dot … }
//     %8 = fusion %7, … (…) { dot … }      becomes      %1 = fusion %0 (…) { softmax }
//                                                       %2 = fusion %1, … (…) { dot … }
//                                                     }
//
// The largest values are tried first. Between two stages there may be no other way than through stages.
#include <algorithm>
#include <map>
#include <unordered_map>

#include "ir/builder.h"
#include "ir/rebuild.h"
#include "ir/text.h"
#include "passes/pass.h"
#include "passes/stages.h"
#include "passes/traits.h"
#include "passes/uses.h"

namespace keratin {

namespace {

constexpr int64_t kFreeBatch = 32;  // samples, where any number may come
constexpr size_t kMostStages = 8;

int64_t typical_bytes(const Type& type) {
  int64_t bytes = byte_size(type.dtype);
  for (const Dim dim : type.shape) bytes *= dim.coef * (dim.is_static() ? 1 : kFreeBatch);
  return bytes;
}

/// Stages are fusions of what has an element of the result for an index: nothing that is a kernel of its own.
bool may_be_stage(const Node& node) {
  if (node.op != Op::fusion) return false;
  return std::all_of(node.body->nodes.begin(), node.body->nodes.end(),
                     [](const auto& inner) { return form_of(*inner) != Form::opaque; });
}

/// Groups of a function's fusions, each a kernel: at first every fusion is one.
class StageJoiner {
 public:
  StageJoiner(const Function& function, const StageLimits& limits, Decisions* decisions)
      : function_(function),
        limits_(limits),
        uses_(find_uses(function)),
        group_(function.nodes.size()),
        decisions_(decisions) {
    for (size_t i = 0; i < group_.size(); ++i) {
      group_[i] = i;
      members_.push_back({i});
    }
  }

  Function run() {
    for (const auto& [bytes, value] : large_values()) {
      const size_t writer = value.node->index;
      for (const Node* reader : uses_.users[writer])
        if (may_be_stage(*reader) && group_[reader->index] != group_[writer]) join(writer, reader->index);
    }
    return rebuilt();
  }

 private:
  using Members = std::vector<size_t>;  // nodes, in order

  /// Values that fusions read from fusions, the largest first.
  std::vector<std::pair<int64_t, Value>> large_values() const {
    std::vector<std::pair<int64_t, Value>> values;
    for (const auto& node : function_.nodes) {
      if (!may_be_stage(*node)) continue;
      for (uint32_t i = 0; i < node->types.size(); ++i)
        if (const int64_t bytes = typical_bytes(node->types[i]); bytes >= limits_.least_value)
          values.emplace_back(bytes, node->value(i));
    }
    std::stable_sort(values.begin(), values.end(),
                     [](const auto& a, const auto& b) { return a.first > b.first; });
    return values;
  }

  /// Makes the groups of two nodes one, if one kernel can compute them.
  void join(size_t a, size_t b) {
    Members both = members_[group_[a]];
    both.insert(both.end(), members_[group_[b]].begin(), members_[group_[b]].end());
    std::sort(both.begin(), both.end());
    if (both.size() > kMostStages || !is_closed(both)) return;
    const std::optional<StageBlocks> joined = stage_blocks(region_of(both).body, limits_);
    if (!joined || !pays(*joined)) return;
    // Smaller pieces may be of one's own axes alone: then what the other one reads would be read again and again.
    if (joined->read_again > read_again(a) + read_again(b)) return;
    const size_t group = group_[a], gone = group_[b];
    for (const size_t node : both) group_[node] = group;
    members_[gone].clear();
    members_[group] = std::move(both);
  }

  bool pays(const StageBlocks& blocks) const {
    return blocks.pieces >= limits_.least_pieces && blocks.bytes <= limits_.most_bytes &&
           (blocks.read_again <= limits_.free_read ||
            (blocks.read_again <= limits_.most_read_again * blocks.bytes &&
             blocks.operations >= limits_.operations_per_byte * static_cast<double>(blocks.read_again)));
  }

  /// By the pieces of the node's group as it is.
  int64_t read_again(size_t node) const {
    const std::optional<StageBlocks> blocks = stage_blocks(region_of(members_[group_[node]]).body, limits_);
    return blocks ? blocks->read_again : 0;
  }

  /// True if no path leads out of the members and back, groups of other nodes included.
  bool is_closed(const Members& members) const {
    // What is computed from members, but not by them. Behind the horizon all groups begin behind it: no path comes back from there.
    size_t horizon = members.back();
    for (size_t i = 0; i <= horizon; ++i) horizon = std::max(horizon, members_[group_[i]].back());
    std::vector<bool> follows(horizon + 1, false);
    std::vector<size_t> pending;
    const auto is_member = [&](size_t node) {
      return std::binary_search(members.begin(), members.end(), node);
    };
    const auto visit = [&](size_t node) {
      for (const Node* user : uses_.users[node])
        if (user->index <= horizon && !is_member(user->index)) pending.push_back(user->index);
    };
    for (const size_t member : members) visit(member);
    while (!pending.empty()) {
      const size_t node = pending.back();
      pending.pop_back();
      if (follows[node]) continue;
      follows[node] = true;
      // With the node comes all of its group.
      for (const size_t other : members_[group_[node]]) {
        for (const Node* user : uses_.users[other]) {
          if (is_member(user->index)) return false;
          if (user->index <= horizon) pending.push_back(user->index);
        }
      }
    }
    return true;
  }

  /// Fusions as the region of one.
  struct Region {
    Function body;
    std::vector<Value> operands, results;  // of the function
  };
  Region region_of(const Members& members) const {
    Region region;
    std::unordered_map<Value, Value> inner;
    Builder builder({}, Builder::Mode::verbatim);
    for (const size_t member : members)
      for (const Value operand : function_.nodes[member]->operands)
        if (!std::binary_search(members.begin(), members.end(), operand.node->index) &&
            !inner.contains(operand)) {
          inner[operand] = builder.param(cat("p", region.operands.size()), operand.type());
          region.operands.push_back(operand);
        }
    for (const size_t member : members) {
      const Node& node = *function_.nodes[member];
      std::vector<Value> operands;
      for (const Value operand : node.operands) operands.push_back(inner.at(operand));
      builder.set_origin(node.origin);
      const Node* copy = builder.make_node(Op::fusion, std::move(operands), node.attrs, node.body);
      for (uint32_t i = 0; i < node.types.size(); ++i) inner[node.value(i)] = copy->value(i);
    }
    for (const size_t member : members)
      for (uint32_t i = 0; i < function_.nodes[member]->types.size(); ++i) {
        const Value value = function_.nodes[member]->value(i);
        if (!is_read_outside(value, members)) continue;
        builder.result(cat("r", region.results.size()), inner.at(value));
        region.results.push_back(value);
      }
    region.body = builder.finish();
    return region;
  }

  bool is_read_outside(Value value, const Members& members) const {
    if (uses_.escapes[value.node->index]) return true;
    const std::vector<const Node*>& users = uses_.users[value.node->index];
    return std::any_of(users.begin(), users.end(), [&](const Node* user) {
      return !std::binary_search(members.begin(), members.end(), user->index) &&
             std::find(user->operands.begin(), user->operands.end(), value) != user->operands.end();
    });
  }

  Function rebuilt() {
    Builder builder(function_.name);
    mapped_.resize(function_.nodes.size());
    for (const Node* param : function_.params)
      mapped_[param->index] = {builder.param(param->as<NameAttrs>().name, param->type())};
    // In the order that there is; what a group with later members hands on may be needed before.
    for (const auto& node : function_.nodes)
      if (members_[group_[node->index]].back() == node->index) emit_with_operands(builder, *node);
    for (const Result& result : function_.results) builder.result(result.name, mapped(result.value));
    for (const Update& update : function_.updates) builder.update(update.variable, mapped(update.value));
    Function joined = builder.finish();  // nodes have their final indices
    if (decisions_ != nullptr) say();
    return joined;
  }

  /// Emits a node, with all that it is computed from. Without recursion: graphs are deep.
  void emit_with_operands(Builder& builder, const Node& wanted) {
    std::vector<size_t> pending{wanted.index};
    while (!pending.empty()) {
      const size_t node = pending.back();
      if (!mapped_[node].empty()) {
        pending.pop_back();
        continue;
      }
      const size_t waiting = pending.size();
      const Members& members = members_[group_[node]];
      for (const size_t member : members)
        for (const Value operand : function_.nodes[member]->operands)
          if (group_[operand.node->index] != group_[node] && mapped_[operand.node->index].empty())
            pending.push_back(operand.node->index);
      if (pending.size() == waiting) emit(builder, members);
    }
  }

  Value mapped(Value value) const { return mapped_[value.node->index][value.result]; }

  std::vector<Value> mapped(std::vector<Value> values) const {
    for (Value& value : values) value = mapped(value);
    return values;
  }

  void emit(Builder& builder, const Members& members) {
    const Node& last = *function_.nodes[members.back()];
    if (members.size() == 1) {
      mapped_[last.index] = copy(builder, last, mapped(last.operands), last.body);
      return;
    }
    Region region = region_of(members);
    builder.set_origin(last.origin);
    const Node* fusion = builder.make_node(Op::fusion, mapped(region.operands), NoAttrs{},
                                           std::make_shared<const Function>(std::move(region.body)));
    for (const size_t member : members)
      mapped_[member].resize(function_.nodes[member]->types.size(), fusion->value());
    for (uint32_t i = 0; i < region.results.size(); ++i)
      mapped_[region.results[i].node->index][region.results[i].result] = fusion->value(i);
  }

  /// What is one kernel now, and where the boundaries are that are left.
  void say() const {
    for (const Members& members : members_)
      if (members.size() > 1)
        decisions_->choices.push_back(
            {"stages", function_.name, function_.nodes[members.back()]->origin,
             cat(members.size(), " kernels are stages of one, whose pieces go through all")});
    std::vector<Boundary> kept;
    for (Boundary boundary : decisions_->boundaries) {
      if (boundary.function == function_.name) {
        if (group_[boundary.writer] == group_[boundary.reader]) continue;
        const Value written = mapped_[boundary.writer][boundary.result];
        boundary.writer = written.node->index;
        boundary.result = written.result;
        boundary.reader = mapped_[boundary.reader][0].node->index;
      }
      kept.push_back(std::move(boundary));
    }
    decisions_->boundaries = std::move(kept);
  }

  const Function& function_;
  const StageLimits limits_;
  const Uses uses_;
  std::vector<std::vector<Value>> mapped_;  // by node: its results in the new function, once they exist
  std::vector<size_t> group_;               // by node
  std::vector<Members> members_;            // by group
  Decisions* const decisions_;
};

}  // namespace

Module join_stages(const Module& module, const StageLimits& limits, Decisions* decisions) {
  return map_functions(
      module, [&](const Function& function) { return StageJoiner(function, limits, decisions).run(); });
}

Module join_stages(const Module& module, Decisions* decisions) {
  return join_stages(module, StageLimits(), decisions);
}

}  // namespace keratin
