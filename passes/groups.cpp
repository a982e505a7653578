// How fusion cuts a function into groups.
//
// A group is what one kernel computes. Each reduction or contraction begins a group (an anchor), which then grows:
//
//  1. forward, past its anchor, for as long as everything computed from its tip meets again in one node (the tip's
//     post-dominator) and all that lies between may run inside the same loops:
//       contraction, pooling   pointwise ops of the result's shape: the epilogue, applied to registers
//       reduction              row-wise ops, further reductions of the same rows included: softmax and layer
//                              normalisation become one kernel that holds a row in cache
//  2. backward: a pointwise op or index map whose readers are all in one group joins it (the prologue), unless it would
//     be computed again and again there. Index maps, and casts to wider floats, are copied into every reader's group.
//  3. What is left begins pointwise groups, which grow backward in the same way.
//  4. Pointwise groups of one shape are merged, producer with consumer and neighbours that read the same values, where no
//     path leads out of the pair and back: an optimizer's update of a variable and its slots is one kernel. A contraction of that
//     shape takes those that read its result in the same way: the gradient of a weight never reaches memory.
//
// Reshapes that merge or split axes are never inside a group: they are views of memory, outside. Sorting, scatters and
// scans are groups of their own; a scan's body is fused by the same rules. No group grows beyond a few hundred nodes.
#include "passes/groups.h"

#include <algorithm>
#include <map>
#include <optional>

#include "ir/builder.h"
#include "ir/op.h"
#include "ir/text.h"
#include "passes/traits.h"

namespace keratin {

namespace {

using Kind = Group::Kind;

// A row kernel keeps its intermediate values in the first-level cache.
constexpr int64_t kRowElements = 16 << 10;
// Beyond that, one more kernel costs less than one that is hard to compile.
constexpr size_t kMostNodes = 256;

class Grouper {
 public:
  Grouper(const Function& function, const Uses& uses)
      : function_(function),
        uses_(uses),
        meeting_(post_dominators(function, uses)),
        groups_of_(function.nodes.size()),
        owner_(function.nodes.size(), -1),
        is_view_(function.nodes.size(), false),
        refusals_(function.nodes.size()),
        reach_(function.nodes.size()),
        found_in_(function.nodes.size()) {}

  Grouping run() {
    for (const auto& node : function_.nodes) begin_at_anchor(*node);
    for (size_t i = function_.nodes.size(); i-- > 0;) place(*function_.nodes[i]);
    merge_pointwise_groups();
    return {std::move(groups_), std::move(groups_of_), std::move(owner_), std::move(is_view_),
            std::move(refusals_)};
  }

 private:
  int add_group(Kind kind, const Node& root) {
    groups_.push_back({kind, {}, {}, root.type().shape, {}, {}});
    const int group = static_cast<int>(groups_.size()) - 1;
    join(root, group);
    return group;
  }

  void join(const Node& node, int group) {
    groups_[group].nodes.insert(&node);
    groups_of_[node.index].push_back(group);
    if (owner_[node.index] < 0) owner_[node.index] = group;
  }

  bool is_placed(const Node& node) const { return !groups_of_[node.index].empty(); }

  // Step 1.

  void begin_at_anchor(const Node& node) {
    const Form form = form_of(node);
    if (is_placed(node) || (form != Form::reduce && form != Form::contract && form != Form::opaque)) return;
    if (form == Form::opaque) {
      groups_[add_group(Kind::opaque, node)].ended = cat(named(node), " is a kernel of its own");
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
    std::string& ended = groups_[group].ended;
    while (const Node* meet = meeting_[tip->index]) {
      NodeSet between;
      ended = collect_consumers(tip, meet, groups_[group], between);
      if (ended.empty() && groups_[group].nodes.size() + between.size() > kMostNodes) ended = kTooLarge;
      if (!ended.empty()) return;
      for (const Node* node : between) join(*node, group);
      tip = meet;
    }
    ended = uses_.escapes[tip->index] ? why_escapes(*tip) : "what is computed from it never meets again";
  }

  /// Finds what is computed from `tip` up to and with `meet`, where all of it meets. Returns why some of it cannot join the group.
  std::string collect_consumers(const Node* tip, const Node* meet, const Group& group, NodeSet& found) const {
    std::vector<const Node*> pending{tip};
    while (!pending.empty()) {
      const Node* node = pending.back();
      pending.pop_back();
      for (const Node* user : uses_.users[node->index]) {
        if (is_placed(*user)) return cat(named(*user), " is in another kernel already");
        if (std::string why = why_not_consumer(group, *user); !why.empty()) return why;
        if (found.insert(user).second && user != meet) pending.push_back(user);
      }
    }
    return {};
  }

  /// Why the node cannot be computed behind what the group holds; empty: it can.
  std::string why_not_consumer(const Group& group, const Node& node) const {
    if (is_widening(node)) return cat(named(node), " is done by whoever reads it");
    if (group.kind == Kind::row) {
      const Shape& anchor = (*group.nodes.begin())->type().shape;
      if (row_fits(group, anchor)) return why_not_in_rows(group, node);
      return family_of(node.op) == Family::pointwise && node.type().shape == anchor ? std::string()
                                                                                    : too_long(group, anchor);
    }
    if (family_of(node.op) != Family::pointwise) return not_pointwise(node);
    if (node.type().shape != group.domain) return cat(named(node), " has another shape");
    return {};
  }

  /// Why the node cannot be a stage, or part of one, in the group's loop over rows; empty: it can.
  std::string why_not_in_rows(const Group& group, const Node& node) const {
    const Form form = form_of(node);
    const Shape& shape = node.type().shape;
    if (family_of(node.op) != Family::reduce && form != Form::inline_) return not_pointwise(node);
    if (!has_rows(shape, group.rows)) return cat(named(node), " does not have the rows of the reduction");
    if (!row_fits(group, shape)) return too_long(group, shape);
    for (size_t i = 0; i < node.operands.size(); ++i) {
      const Node& operand = *node.operands[i].node;
      const bool inside =
          std::find(groups_of_[operand.index].begin(), groups_of_[operand.index].end(),
                    static_cast<int>(&group - groups_.data())) != groups_of_[operand.index].end();
      const bool will_be_inside = form_of(operand) != Form::source && !is_placed(operand);
      if ((inside || will_be_inside) && !keeps_rows(node, i, group.rows.size()))
        return cat(named(node), " of one row needs others");
    }
    return {};
  }

  static bool row_fits(const Group& group, const Shape& shape) {
    const Size elements = row_elements(group, shape);
    return elements.is_static() && elements.value() <= kRowElements;
  }

  static Size row_elements(const Group& group, const Shape& shape) {
    return Size::product(Shape(shape.begin() + group.rows.size(), shape.end()));
  }

  // Steps 2 and 3, from the end of the function to its start.

  void place(const Node& node) {
    if (is_placed(node) || form_of(node) != Form::inline_) return;
    std::set<int> readers, repeating;
    std::map<int, std::string> refusing;
    bool read_from_outside = uses_.escapes[node.index];
    for (const Node* user : uses_.users[node.index]) {
      if (form_of(*user) == Form::view || is_view_[user->index]) read_from_outside = true;
      for (int group : groups_of_[user->index]) {
        readers.insert(group);
        if (is_repeated(groups_[group], node, *user)) repeating.insert(group);
        if (std::string why = why_not_producer(groups_[group], node, *user); !why.empty())
          refusing.try_emplace(group, std::move(why));
      }
    }

    const bool taken_by_all = !read_from_outside && refusing.empty();
    const bool joins = is_index_map(node) || is_widening(node) || (taken_by_all && readers.size() == 1);
    if (!taken_by_all && is_unit_reshape(node))
      is_view_[node.index] = true;
    else if (!taken_by_all || !joins)
      add_group(Kind::pointwise, node);
    for (int group : readers) {
      if (refusing.contains(group)) {
        refusals_[node.index].push_back({group, refusing[group]});
      } else if (joins) {
        join(node, group);
        if (repeating.contains(group)) groups_[group].repeated.insert(&node);
      } else {
        refusals_[node.index].push_back({group, why_shared(node, readers.size(), refusing)});
      }
    }
  }

  /// Why a group that could compute `node` reads it from memory: there it has to be, or it would be computed several times.
  std::string why_shared(const Node& node, size_t readers, const std::map<int, std::string>& refusing) const {
    if (uses_.escapes[node.index]) return why_escapes(node);
    if (!refusing.empty()) return cat("another kernel reads it from memory: ", refusing.begin()->second);
    if (readers > 1) return cat(readers, " kernels would each compute it");
    return "another kernel reads a reshape of it from memory";
  }

  /// Why the group, which computes `user`, cannot compute `node` for it as well; empty: it can.
  std::string why_not_producer(const Group& group, const Node& node, const Node& user) const {
    if (group.kind == Kind::opaque) return cat(named(user), " reads its operands from memory");
    if (group.nodes.size() >= kMostNodes) return kTooLarge;
    const bool is_factor =
        form_of(user) == Form::contract || (group.kind == Kind::contract && is_widening(user));
    if (is_factor && !is_strided_view(node))
      return cat(named(user), " reads its factors many times, by strides alone");
    if (is_factor && node.op == Op::transpose && loads_vectors_of_channels(user) && moves_last_axis(node))
      return cat(named(user), " loads channels by vectors");
    if (family_of(user.op) == Family::window && overlaps(user) && node.op != Op::pad)
      return cat("windows of ", named(user), " overlap");
    if (is_expensive(node.op) && is_repeated(group, node, user))
      return cat(named(user), " would compute ", to_text(node.op), " ", times_repeated(node, user), " times");
    if (is_index_map(node) || is_widening(node)) return {};
    if (user.op == Op::gather && user.operands[0].node == &node)
      return cat(named(user), " reads it in an order known when it runs");
    if (group.kind != Kind::row) return {};
    if (!has_rows(node.type().shape, group.rows))
      return "it does not have the rows of the reduction that reads it";
    return why_not_in_rows(group, node);
  }

  /// Leaves a contraction's operand reachable by strides alone.
  static bool is_strided_view(const Node& node) {
    return node.op == Op::transpose || node.op == Op::slice || node.op == Op::reverse ||
           is_unit_reshape(node) || is_widening(node);
  }

  /// True if a convolution loads several channels of an image at once, and not one for many products.
  static bool loads_vectors_of_channels(const Node& user) {
    return user.op == Op::conv && user.as<ConvAttrs>().groups > 1;
  }

  static bool moves_last_axis(const Node& transpose) {
    const Ints& perm = transpose.as<TransposeAttrs>().perm;
    return perm.back() + 1 != static_cast<int64_t>(perm.size());
  }

  /// True if neighbouring windows share elements.
  static bool overlaps(const Node& pool) {
    const auto& attrs = pool.as<WindowAttrs>();
    for (size_t i = 0; i < attrs.size.size(); ++i)
      if (attrs.size[i] > attrs.stride[i]) return true;
    return false;
  }

  /// True if the group, to compute `user`, asks for an element of `node` several times.
  static bool is_repeated(const Group& group, const Node& node, const Node& user) {
    if (group.repeated.contains(&user)) return true;
    const bool is_index = family_of(user.op) == Family::index && user.operands.back().node == &node;
    return (user.op == Op::broadcast || is_index) && user.type().elements() != node.type().elements();
  }

  /// How many times an element of `node` is computed for one of another `user`, as far as that is a number.
  static std::string times_repeated(const Node& node, const Node& user) {
    const std::optional<Dim> all = as_dim(user.type().elements()), own = as_dim(node.type().elements());
    if (!all || !own || all->symbol != own->symbol) return "many";
    return to_text(all->coef / own->coef);
  }

  // Step 4.

  void merge_pointwise_groups() {
    entered_in_.resize(groups_.size());
    for (size_t i = 0; i < reach_.size(); ++i) reach_[i] = i;
    for (size_t i = 0; i < groups_.size(); ++i) note_reach(static_cast<int>(i));
    // Consumers first: a producer's group dissolves into the latest group that can take it.
    for (int a = static_cast<int>(groups_.size()) - 1; a >= 0; --a) {
      if (groups_[a].kind != Kind::pointwise || groups_[a].merged_into >= 0) continue;
      for (int b : partners(a)) {
        if (const Node* between = path_between(a, b)) {
          refuse_for_path(a, b, *between);
          refuse_for_path(b, a, *between);
          continue;
        }
        for (const Node* node : groups_[a].nodes) {
          std::vector<int>& in = groups_of_[node->index];
          std::erase(in, a);
          if (!groups_[b].nodes.contains(node)) join(*node, b);
          if (owner_[node->index] == a) owner_[node->index] = b;
        }
        groups_[a].nodes.clear();
        groups_[a].merged_into = b;
        note_reach(b);
        break;
      }
    }
  }

  const Node* path_between(int a, int b) {
    const Node* between = reaches(a, b);
    return between != nullptr ? between : reaches(b, a);
  }

  /// Notes why `reader` does not compute what it reads of `writer`.
  void refuse_for_path(int writer, int reader, const Node& between) {
    const NodeSet& inside = groups_[reader].nodes;
    for (const Node* node : groups_[writer].nodes) {
      const auto& users = uses_.users[node->index];
      if (owner_[node->index] == writer && !inside.contains(node) &&
          std::any_of(users.begin(), users.end(), [&](const Node* user) { return inside.contains(user); }))
        refusals_[node->index].push_back(
            {reader, cat("one kernel would wait for itself: ", named(between), " comes between them")});
    }
  }

  /// A group whose first result stands at i makes that wait for all that its last node waits for: see reach_.
  void note_reach(int index) {
    const Group& group = groups_[index];
    const auto leaves = [&](const Node* node) {
      return owner_[node->index] == index &&
             (uses_.escapes[node->index] ||
              std::any_of(
                  uses_.users[node->index].begin(), uses_.users[node->index].end(),
                  [&](const Node* user) { return is_view_[user->index] || !group.nodes.contains(user); }));
    };
    const auto first = std::find_if(group.nodes.begin(), group.nodes.end(), leaves);
    if (first == group.nodes.end()) return;
    const size_t last = (*group.nodes.rbegin())->index;
    for (size_t i = (*first)->index; i < reach_.size() && reach_[i] < last; ++i) reach_[i] = last;
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
        const bool fits = other != index && groups_[other].domain == group.domain &&
                          groups_[other].nodes.size() + group.nodes.size() <= kMostNodes &&
                          (groups_[other].kind == Kind::pointwise ||
                           (groups_[other].kind == Kind::contract && is_epilogue(group, groups_[other])));
        if (fits) found.push_back(other);
      }
    };
    for (const Node* node : group.nodes) {
      for (const Node* user : uses_.users[node->index]) visit(user);
      for (Value operand : node->operands) {
        if (as_constant(operand)) continue;
        visit(operand.node);
        for (const Node* sibling : uses_.users[operand.node->index]) visit(sibling);
      }
    }
    std::sort(found.begin(), found.end());
    return found;
  }

  /// True if a pointwise group can be computed from a contraction's sums, while they are in registers.
  static bool is_epilogue(const Group& group, const Group& contraction) {
    bool reads_it = false;
    for (const Node* node : group.nodes) {
      if (family_of(node->op) != Family::pointwise && node->op != Op::broadcast && node->op != Op::constant)
        return false;
      for (Value operand : node->operands)  // what both have a copy of does not count
        reads_it |= contraction.nodes.contains(operand.node) && !group.nodes.contains(operand.node);
    }
    if (!reads_it) return false;
    // What the contraction is computed from cannot wait for it.
    NodeSet before;
    for (auto it = contraction.nodes.rbegin(); it != contraction.nodes.rend(); ++it) {
      const Node& node = **it;
      if (form_of(node) != Form::contract && !before.contains(&node)) continue;
      for (Value operand : node.operands) {
        if (group.nodes.contains(operand.node)) return false;
        before.insert(operand.node);
      }
    }
    return true;
  }

  /// The last node of a path that leads from group `from` to group `to` through at least one node outside both; null: there is none.
  /// A node that they copy, and another group computes, too, is outside.
  const Node* reaches(int from, int to) {
    const Group& target = groups_[to];
    size_t last = (*target.nodes.rbegin())->index;
    while (reach_[last] > last) last = reach_[last];
    std::vector<const Node*> pending;
    ++search_;
    entered_in_[from] = entered_in_[to] = search_;
    auto visit = [&](const Node* node) {
      if (found_in_[node->index] == search_) return;
      found_in_[node->index] = search_;
      pending.push_back(node);
    };
    auto visit_users = [&](const Node* node) {
      for (const Node* user : uses_.users[node->index])
        if (user->index <= last && !is_only_in(*user, from) && has_to_wait(*user, *node)) visit(user);
    };
    for (const Node* node : groups_[from].nodes)
      if (owner_[node->index] == from) visit_users(node);
    while (!pending.empty()) {
      const Node* node = pending.back();
      pending.pop_back();
      if (is_only_in(*node, to)) continue;  // a direct edge; what follows lies behind the target
      if (!target.nodes.contains(node))
        for (const Node* user : uses_.users[node->index])
          if (target.nodes.contains(user)) return node;
      // A group computes all of its nodes at once: entering it means reaching everything that it feeds.
      for (int group : groups_of_[node->index]) {
        if (entered_in_[group] == search_) continue;
        entered_in_[group] = search_;
        for (const Node* member : groups_[group].nodes)
          if (member->index <= last) visit(member);
      }
      visit_users(node);
    }
    return nullptr;
  }

  /// True if no other group computes the node.
  bool is_only_in(const Node& node, int group) const {
    const std::vector<int>& groups = groups_of_[node.index];
    return groups.size() == 1 && groups[0] == group && !is_view_[node.index];
  }

  /// True unless `user` is computed only in groups that have their own copy of `operand`.
  bool has_to_wait(const Node& user, const Node& operand) const {
    const std::vector<int>& groups = groups_of_[user.index];
    auto has_copy = [&](int group) { return groups_[group].nodes.contains(&operand); };
    return groups.empty() || is_view_[user.index] || !std::all_of(groups.begin(), groups.end(), has_copy);
  }

  // Reasons, as texts.

  static constexpr const char* kTooLarge = "the kernel would become too large to compile well";

  static std::string named(const Node& node) {
    return node.origin ? cat(to_text(node.op), " of ", *node.origin) : cat("a ", to_text(node.op));
  }

  static std::string not_pointwise(const Node& node) {
    switch (form_of(node)) {
      case Form::contract:
      case Form::reduce: return cat(named(node), " has loops of its own");
      case Form::view: return cat(named(node), " is a view of memory");
      case Form::opaque: return cat(named(node), " is a kernel of its own");
      default: return cat(named(node), " reads it in another order");
    }
  }

  static std::string too_long(const Group& group, const Shape& shape) {
    return cat("rows of ", to_text(row_elements(group, shape)), " elements are too long for the cache");
  }

  std::string why_escapes(const Node& node) const {
    for (const Result& result : function_.results)
      if (result.value.node == &node) return cat("it is a result, ", result.name);
    for (const Update& update : function_.updates)
      if (update.value.node == &node) return cat("it is the new ", update.variable);
    return {};
  }

  const Function& function_;
  const Uses& uses_;
  std::vector<const Node*> meeting_;
  std::vector<std::vector<int>> groups_of_;
  std::vector<int> owner_;
  std::vector<bool> is_view_;
  std::vector<std::vector<Refusal>> refusals_;  // by node
  std::vector<Group> groups_;
  /// By node: the latest one of any group with a result at or before it. A path that comes back to node i never leaves what is at or
  /// before the end of i, reach_[i], reach_[reach_[i]], …
  std::vector<size_t> reach_;
  uint32_t search_ = 0;               // number of the search that is on in partners() and reaches()
  std::vector<uint32_t> found_in_;    // by node: the last search that found it
  std::vector<uint32_t> entered_in_;  // by group: the last search that entered it
};

}  // namespace

std::string Grouping::why_read(Value value, int group) const {
  const auto final_group = [&](int index) {
    while (groups[index].merged_into >= 0) index = groups[index].merged_into;
    return index;
  };
  // The latest reason is that of the last thing that was tried.
  const std::vector<Refusal>& noted = refusals[value.node->index];
  for (size_t i = noted.size(); i-- > 0;)
    if (final_group(noted[i].group) == group) return noted[i].why;
  if (groups_of[value.node->index].empty() || is_view[value.node->index])
    return "it is read through a reshape, a view of memory";
  return groups[owner[value.node->index]].ended;
}

Grouping find_groups(const Function& function, const Uses& uses) { return Grouper(function, uses).run(); }

}  // namespace keratin
