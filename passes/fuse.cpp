// Fusion.
//
// A group is what one kernel computes. Each reduction or contraction begins a group (an anchor), which then grows:
//
//  1. forward, past its anchor, for as long as everything computed from its tip meets again in one node (the tip's
//     post-dominator) and all that lies between may run inside the same loops:
//       contraction, pooling   pointwise ops of the result's shape: the epilogue, applied to registers
//       reduction              row-wise ops, further reductions of the same rows included: softmax and layer
//                              normalisation become one kernel that holds a row in cache
//  2. backward: a pointwise op or index map whose readers are all in one group joins it (the prologue), unless it would
//     be computed again and again there. Index maps are copied into every reader's group.
//  3. What is left begins pointwise groups, which grow backward in the same way.
//  4. Pointwise groups of one shape are merged, producer with consumer and neighbours that read the same values, where no
//     path leads out of the pair and back: an optimizer's update of a variable and its slots is one kernel.
//
// Reshapes that merge or split axes are never inside a group: they are views of memory, outside. Sorting, scatters and
// scans are groups of their own; a scan's body is fused by the same rules.
//
// Requires: dense constants are variables (passes/constants.cpp).
// Leaves: every node of a function is a source, a view or a fusion.
#include <algorithm>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "ir/builder.h"
#include "ir/error.h"
#include "ir/text.h"
#include "passes/pass.h"
#include "passes/region.h"
#include "passes/traits.h"
#include "passes/uses.h"

namespace keratin {

namespace {

constexpr int64_t kRowElements =
    16 << 10;  // a row kernel keeps its intermediate values in the first-level cache
constexpr size_t kMergedNodes =
    256;  // beyond that one more kernel costs less than one that is hard to compile

enum class Kind : uint8_t { pointwise, contract, window, row, opaque };

struct Group {
  Kind kind;
  std::set<const Node*, bool (*)(const Node*, const Node*)> nodes;
  Shape rows;           // kind row: the axes that all of the group's loops share
  Shape domain;         // kind pointwise, contract, window: the shape of the results
  bool merged = false;  // its nodes have moved to another group
};

bool by_index(const Node* a, const Node* b) { return a->index < b->index; }

class Fuser {
 public:
  explicit Fuser(const Function& function)
      : function_(function),
        uses_(find_uses(function)),
        meeting_(post_dominators(function, uses_)),
        groups_of_(function.nodes.size()),
        is_view_(function.nodes.size(), false),
        found_in_(function.nodes.size()) {}

  Function run() {
    for (const auto& node : function_.nodes) begin_at_anchor(*node);
    for (size_t i = function_.nodes.size(); i-- > 0;) place(*function_.nodes[i]);
    merge_pointwise_groups();
    return rebuild();
  }

 private:
  int add_group(Kind kind, const Node& root) {
    groups_.push_back({kind, {{&root}, by_index}, {}, root.type().shape, false});
    groups_of_[root.index] = {static_cast<int>(groups_.size()) - 1};
    return static_cast<int>(groups_.size()) - 1;
  }

  void join(const Node& node, int group) {
    groups_[group].nodes.insert(&node);
    groups_of_[node.index].push_back(group);
  }

  bool is_placed(const Node& node) const { return !groups_of_[node.index].empty(); }

  // Step 1.

  void begin_at_anchor(const Node& node) {
    const Form form = form_of(node);
    if (is_placed(node) || (form != Form::reduce && form != Form::contract && form != Form::opaque)) return;
    if (form == Form::opaque) {
      add_group(Kind::opaque, node);
      return;
    }
    const bool reduces = family_of(node.op) == Family::reduce;
    const int group = add_group(form == Form::contract ? Kind::contract
                                : reduces              ? Kind::row
                                                       : Kind::window,
                                node);
    if (reduces) groups_[group].rows = row_axes(node);
    grow_forward(group, &node);
  }

  /// The leading axes that a reduction keeps.
  static Shape row_axes(const Node& reduction) {
    const Ints& axes = reduction.as<AxesAttrs>().axes;
    const int64_t prefix = axes.empty() ? reduction.type().rank() : axes.front();
    const Shape& shape = reduction.operands[0].shape();
    return Shape(shape.begin(), shape.begin() + prefix);
  }

  void grow_forward(int group, const Node* tip) {
    while (const Node* meet = meeting_[tip->index]) {
      std::vector<const Node*> between = nodes_between(tip, meet);
      auto fits = [&](const Node* node) {
        return !is_placed(*node) && accepts_consumer(groups_[group], *node);
      };
      if (!std::all_of(between.begin(), between.end(), fits)) return;
      for (const Node* node : between) join(*node, group);
      tip = meet;
    }
  }

  /// What is computed from `tip` up to and with `meet`, where all of it meets.
  std::vector<const Node*> nodes_between(const Node* tip, const Node* meet) const {
    std::set<const Node*, bool (*)(const Node*, const Node*)> found(by_index);
    std::vector<const Node*> pending{tip};
    while (!pending.empty()) {
      const Node* node = pending.back();
      pending.pop_back();
      for (const Node* user : uses_.users[node->index])
        if (found.insert(user).second && user != meet) pending.push_back(user);
    }
    return {found.begin(), found.end()};
  }

  bool accepts_consumer(const Group& group, const Node& node) const {
    switch (group.kind) {
      case Kind::contract:
      case Kind::window: return family_of(node.op) == Family::pointwise && node.type().shape == group.domain;
      case Kind::row: {
        const Shape& anchor = (*group.nodes.begin())->type().shape;
        if (!row_fits(group, anchor))
          return family_of(node.op) == Family::pointwise && node.type().shape == anchor;
        return runs_in_rows(group, node);
      }
      default: return false;
    }
  }

  /// True if the node can be a stage, or part of one, in the group's loop over rows.
  bool runs_in_rows(const Group& group, const Node& node) const {
    const Form form = form_of(node);
    if (family_of(node.op) != Family::reduce && form != Form::inline_) return false;
    if (!has_rows(node.type().shape, group.rows) || !row_fits(group, node.type().shape)) return false;
    for (size_t i = 0; i < node.operands.size(); ++i) {
      const Node& operand = *node.operands[i].node;
      const bool inside =
          std::find(groups_of_[operand.index].begin(), groups_of_[operand.index].end(),
                    static_cast<int>(&group - groups_.data())) != groups_of_[operand.index].end();
      const bool will_be_inside = form_of(operand) != Form::source && !is_placed(operand);
      if ((inside || will_be_inside) && !keeps_rows(node, i, group.rows.size())) return false;
    }
    return true;
  }

  static bool row_fits(const Group& group, const Shape& shape) {
    const Size elements = Size::product(Shape(shape.begin() + group.rows.size(), shape.end()));
    return elements.is_static() && elements.value() <= kRowElements;
  }

  // Steps 2 and 3, from the end of the function to its start.

  void place(const Node& node) {
    if (is_placed(node) || form_of(node) != Form::inline_) return;
    std::set<int> readers, takers;
    bool read_from_outside = uses_.escapes[node.index];
    for (const Node* user : uses_.users[node.index]) {
      readers.insert(groups_of_[user->index].begin(), groups_of_[user->index].end());
      if (form_of(*user) == Form::view || is_view_[user->index]) read_from_outside = true;
    }
    takers = readers;
    for (const Node* user : uses_.users[node.index])
      for (int group : groups_of_[user->index])
        if (!accepts_producer(groups_[group], node, *user)) takers.erase(group);

    const bool taken_by_all = !read_from_outside && takers.size() == readers.size();
    const bool joins = is_index_map(node) || (taken_by_all && readers.size() == 1);
    if (!taken_by_all && is_unit_reshape(node))
      is_view_[node.index] = true;
    else if (!taken_by_all || !joins)
      add_group(Kind::pointwise, node);
    if (joins)
      for (int group : takers) join(node, group);
  }

  /// True if the group, which computes `user`, can compute `node` for it as well.
  bool accepts_producer(const Group& group, const Node& node, const Node& user) const {
    if (group.kind == Kind::opaque) return false;
    if (form_of(user) == Form::contract && !is_strided_view(node)) return false;
    if (family_of(user.op) == Family::window && overlaps(user)) return false;
    if (recomputed(node, user)) return false;
    if (is_index_map(node)) return true;
    if (user.op == Op::gather && user.operands[0].node == &node) return false;
    return group.kind != Kind::row || (has_rows(node.type().shape, group.rows) && runs_in_rows(group, node));
  }

  /// An index map that leaves a contraction's operand reachable by strides alone.
  static bool is_strided_view(const Node& node) {
    return node.op == Op::transpose || node.op == Op::slice || node.op == Op::reverse ||
           is_unit_reshape(node);
  }

  /// True if neighbouring windows share elements.
  static bool overlaps(const Node& pool) {
    const auto& attrs = pool.as<WindowAttrs>();
    for (size_t i = 0; i < attrs.size.size(); ++i)
      if (attrs.size[i] > attrs.stride[i]) return true;
    return false;
  }

  /// True if inlining `node` into `user` would evaluate something costly once per reader of each element.
  static bool recomputed(const Node& node, const Node& user) {
    return user.op == Op::broadcast && family_of(node.op) != Family::shape &&
           (is_expensive(node.op) || form_of(node) != Form::inline_);
  }

  // Step 4.

  void merge_pointwise_groups() {
    entered_in_.resize(groups_.size());
    // Consumers first: a producer's group dissolves into the latest group that can take it.
    for (int a = static_cast<int>(groups_.size()) - 1; a >= 0; --a) {
      if (groups_[a].kind != Kind::pointwise || groups_[a].merged) continue;
      for (int b : partners(a)) {
        if (reaches(a, b) || reaches(b, a)) continue;
        for (const Node* node : groups_[a].nodes) {
          auto& in = groups_of_[node->index];
          in.erase(std::remove(in.begin(), in.end(), a), in.end());
          if (std::find(in.begin(), in.end(), b) == in.end()) join(*node, b);
        }
        groups_[a].nodes.clear();
        groups_[a].merged = true;
        break;
      }
    }
  }

  /// Groups that could be one with `index`, and that read what it computes or a value that it reads.
  std::vector<int> partners(int index) {
    const Group& group = groups_[index];
    std::vector<int> found;
    ++search_;
    auto visit = [&](const Node* node) {
      for (int other : groups_of_[node->index]) {
        if (entered_in_[other] == search_) continue;
        entered_in_[other] = search_;
        const bool fits = other != index && groups_[other].kind == Kind::pointwise &&
                          groups_[other].domain == group.domain &&
                          groups_[other].nodes.size() + group.nodes.size() <= kMergedNodes;
        if (fits) found.push_back(other);
      }
    };
    for (const Node* node : group.nodes) {
      for (const Node* user : uses_.users[node->index]) visit(user);
      for (Value operand : node->operands)
        if (!as_constant(operand))
          for (const Node* sibling : uses_.users[operand.node->index]) visit(sibling);
    }
    std::sort(found.begin(), found.end());
    return found;
  }

  /// True if some path leads from group `from` to group `to` through at least one node outside both.
  bool reaches(int from, int to) {
    const Group& target = groups_[to];
    const size_t last = (*target.nodes.rbegin())->index;
    std::vector<const Node*> pending;
    ++search_;
    auto visit = [&](const Node* node) {
      if (found_in_[node->index] == search_) return;
      found_in_[node->index] = search_;
      pending.push_back(node);
    };
    auto visit_users = [&](const Node* node) {
      for (const Node* user : uses_.users[node->index])
        if (user->index <= last && !groups_[from].nodes.contains(user) && has_to_wait(*user, *node))
          visit(user);
    };
    for (const Node* node : groups_[from].nodes) visit_users(node);
    while (!pending.empty()) {
      const Node* node = pending.back();
      pending.pop_back();
      if (target.nodes.contains(node)) continue;  // a direct edge; what follows lies behind the target
      for (const Node* user : uses_.users[node->index])
        if (target.nodes.contains(user)) return true;
      // A group computes all of its nodes at once: entering it means reaching everything that it feeds.
      for (int group : groups_of_[node->index]) {
        if (entered_in_[group] == search_) continue;
        entered_in_[group] = search_;
        for (const Node* member : groups_[group].nodes)
          if (member->index <= last) visit(member);
      }
      visit_users(node);
    }
    return false;
  }

  /// True unless `user` is computed only in groups that have their own copy of `operand`.
  bool has_to_wait(const Node& user, const Node& operand) const {
    const std::vector<int>& groups = groups_of_[user.index];
    auto has_copy = [&](int group) { return groups_[group].nodes.contains(&operand); };
    return groups.empty() || is_view_[user.index] || !std::all_of(groups.begin(), groups.end(), has_copy);
  }

  // The result: one fusion per group, emitted when the first of its values is asked for.

  Function rebuild() {
    Builder builder(function_.name);
    mapped_.resize(function_.nodes.size());
    for (const Node* param : function_.params)
      mapped_[param->index] = {builder.param(param->as<NameAttrs>().name, param->type())};
    for (const Result& result : function_.results) builder.result(result.name, emit(builder, result.value));
    for (const Update& update : function_.updates)
      builder.update(update.variable, emit(builder, update.value));
    return builder.finish();
  }

  /// A value of the new function, with all that it is computed from. Without recursion: graphs are deep.
  Value emit(Builder& builder, Value value) {
    std::vector<const Node*> pending{value.node};
    while (!pending.empty()) {
      const Node& node = *pending.back();
      if (!mapped_[node.index].empty()) {
        pending.pop_back();
        continue;
      }
      const bool in_group = is_placed(node) && !is_view_[node.index];
      const std::vector<Value> sources = in_group ? read_by_group(groups_[owner(node)]) : node.operands;
      const size_t emitted = pending.size();
      for (size_t i = sources.size(); i-- > 0;)
        if (mapped_[sources[i].node->index].empty()) pending.push_back(sources[i].node);
      if (pending.size() > emitted) continue;
      if (in_group)
        emit_group(builder, owner(node), sources);
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

  /// The group that stores the node's value; copies elsewhere are private.
  int owner(const Node& node) const {
    for (int group : groups_of_[node.index])
      if (stores(group, node)) return group;
    return groups_of_[node.index].front();
  }

  bool stores(int group, const Node& node) const {
    if (groups_[group].kind != Kind::pointwise) return groups_of_[node.index].size() == 1;
    return node.type().shape == groups_[group].domain;
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
    const Group& group = groups_[index];
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
      if (!is_view_[node->index] && owner(*node) == index && read_outside(*node, group))
        for (uint32_t i = 0; i < node->types.size(); ++i) {
          results.push_back(node->value(i));
          region.result(cat("r", results.size() - 1), inner.at(node->value(i)));
        }
    auto body = std::make_shared<const Function>(region.finish());
    builder.set_origin(results.back().node->origin);
    const Node* fusion = builder.make_node(Op::fusion, outer, NoAttrs{}, body);
    for (size_t i = 0; i < results.size(); ++i) {
      auto& mapped = mapped_[results[i].node->index];
      mapped.resize(results[i].node->types.size());
      mapped[results[i].result] = fusion->value(i);
    }
  }

  bool read_outside(const Node& node, const Group& group) const {
    if (uses_.escapes[node.index]) return true;
    for (const Node* user : uses_.users[node.index]) {
      if (!is_placed(*user) || is_view_[user->index]) return true;
      for (int reader : groups_of_[user->index])
        if (&groups_[reader] != &group && !groups_[reader].nodes.contains(&node)) return true;
    }
    return false;
  }

  const Function& function_;
  Uses uses_;
  std::vector<const Node*> meeting_;
  std::vector<std::vector<int>> groups_of_;  // by node: the groups that compute it
  std::vector<bool> is_view_;                // by node: a unit reshape that somebody reads as memory
  std::vector<Group> groups_;
  uint32_t search_ = 0;                     // number of the search that is on in reaches()
  std::vector<uint32_t> found_in_;          // by node: the last search that found it
  std::vector<uint32_t> entered_in_;        // by group: the last search that entered it
  std::vector<std::vector<Value>> mapped_;  // by node: its results in the new function, once they exist
};

}  // namespace

Module fuse(const Module& module) {
  return map_functions(module, [](const Function& function) { return Fuser(function).run(); });
}

}  // namespace keratin
