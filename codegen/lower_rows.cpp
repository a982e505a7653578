// Regions with reductions: softmax, normalisations, global pooling.
//
// All stages share one loop over the rows, which is cut into parallel pieces, and these into blocks. Within a block each stage
// computes one value for all rows before the next begins: reductions, values that several stages read, and the results. What
// a later stage reads lies in a tile, in cache; everything else is computed where it is used. A reduction is a chain of
// operations that wait for each other: the processor works on those of several short rows at once.
#include <algorithm>
#include <map>
#include <set>

#include "codegen/group.h"
#include "ir/op.h"
#include "ir/text.h"
#include "passes/traits.h"
#include "passes/uses.h"

namespace keratin {

namespace {

constexpr int64_t kPieceElements = 8192;
constexpr int64_t kBlockElements = 1024;  // enough to be busy with while a chain's last results arrive
constexpr int64_t kMostRows = 8;          // of a block

/// How many leading axes all values of the region share as rows.
int64_t row_axes(const Function& region) {
  int64_t prefix = region.results[0].value.rank();
  for (const auto& node : region.nodes)
    if (family_of(node->op) == Family::reduce && !node->as<AxesAttrs>().axes.empty())
      prefix = std::min(prefix, node->as<AxesAttrs>().axes.front());
  for (const Result& result : region.results) prefix = std::min(prefix, result.value.rank());
  return prefix;
}

/// The values that get a loop of their own, in order.
std::vector<const Node*> find_stages(const Function& region) {
  const Uses uses = find_uses(region);
  std::vector<std::set<const Node*>> readers(
      region.nodes.size());  // the stages whose expressions contain the node
  std::vector<const Node*> stages;
  for (size_t i = region.nodes.size(); i-- > 0;) {
    const Node& node = *region.nodes[i];
    if (form_of(node) == Form::source) continue;
    const bool reduces = family_of(node.op) == Family::reduce;
    bool repeated = false;  // read once per element of something larger
    for (const Node* user : uses.users[i]) {
      readers[i].insert(readers[user->index].begin(), readers[user->index].end());
      if (reduces)
        repeated |= family_of(user->op) != Family::pointwise;
      else
        repeated |= user->op == Op::broadcast && is_expensive(node.op);
    }
    const bool computed = !is_index_map(node);
    if (uses.escapes[i] || (computed && (readers[i].size() > 1 || repeated))) {
      stages.push_back(&node);
      readers[i] = {&node};
    }
  }
  std::reverse(stages.begin(), stages.end());
  return stages;
}

Size row_elements(const Shape& shape, int64_t prefix) {
  return Size::product(Shape(shape.begin() + prefix, shape.end()));
}

/// A measure of what one row costs: the elements of the largest array in it.
int64_t row_work(const Function& region, int64_t prefix) {
  int64_t most = 1;
  for (const auto& node : region.nodes) {
    for (const Type& type : node->types) {
      if (type.rank() < prefix) continue;
      const Size elements = row_elements(type.shape, prefix);
      most = std::max(most, elements.is_static() ? elements.value() : kPieceElements);
    }
  }
  return most;
}

/// The nodes whose values the stage's expression contains, itself included; values of other stages are read from memory.
std::vector<const Node*> expression_of(const Node& stage, const std::set<const Node*>& stages) {
  std::vector<const Node*> nodes{&stage};
  std::set<const Node*> found{&stage};
  for (size_t i = 0; i < nodes.size(); ++i)
    for (const Value operand : nodes[i]->operands)
      if (!stages.contains(operand.node) && found.insert(operand.node).second) nodes.push_back(operand.node);
  return nodes;
}

/// True if the stage's expression loops over the last axis of something: its own elements are then scalars.
bool reduces_last_axis(const Node& stage, const std::set<const Node*>& stages) {
  return std::ranges::any_of(expression_of(stage, stages), [](const Node* node) {
    if (family_of(node->op) != Family::reduce) return false;
    const Shape& shape = node->operands[0].shape();
    const Ints& axes = node->as<AxesAttrs>().axes;
    return !axes.empty() && axes.back() == std::ssize(shape) - 1 && !shape.back().is(1);
  });
}

/// By node: whether its expression contains the parameter.
std::vector<bool> readers_of(const Function& region, const Node& parameter,
                             const std::set<const Node*>& stages) {
  std::vector<bool> reads(region.nodes.size(), false);
  for (const auto& node : region.nodes)
    for (const Value operand : node->operands)
      if (operand.node == &parameter || (reads[operand.node->index] && !stages.contains(operand.node)))
        reads[node->index] = true;
  return reads;
}

/// True if no row of a result takes anything of the parameter but from the same row.
bool is_read_by_rows(const Function& region, const Node& parameter, int64_t prefix) {
  std::vector<bool> depends(region.nodes.size(), false);
  depends[parameter.index] = true;
  for (const auto& node : region.nodes) {
    for (size_t i = 0; i < node->operands.size(); ++i) {
      if (!depends[node->operands[i].node->index]) continue;
      if (!keeps_rows(*node, i, prefix)) return false;
      depends[node->index] = true;
    }
  }
  return true;
}

}  // namespace

bool rows_may_overwrite(const Function& region, size_t parameter, size_t result) {
  const Node& read = *region.params[parameter];
  const Node& stored = *region.results[result].value.node;
  const auto is_like_it = [&](const Node& node) {
    return node.type().shape == read.type().shape && node.type().layout == read.type().layout;
  };
  const auto is_of_rows = [](const auto& node) {
    const Form form = form_of(*node);
    return form == Form::source || form == Form::inline_ || family_of(node->op) == Family::reduce;
  };
  if (!is_like_it(stored) || !std::all_of(region.nodes.begin(), region.nodes.end(), is_of_rows) ||
      !is_read_by_rows(region, read, row_axes(region)))
    return false;
  const std::vector<const Node*> stages = find_stages(region);
  const std::set<const Node*> is_stage(stages.begin(), stages.end());
  const std::vector<bool> reads = readers_of(region, read, is_stage);
  // Stages before are done with the row; that which stores reads an element before it stores it; those behind do not read.
  const auto stage = std::find(stages.begin(), stages.end(), &stored);
  if (stage == stages.end() ||
      std::any_of(stage + 1, stages.end(), [&](const Node* later) { return reads[later->index]; }))
    return false;
  const std::vector<const Node*> expression = expression_of(stored, is_stage);
  return std::all_of(expression.begin(), expression.end(), [&](const Node* node) {
    return !reads[node->index] || (family_of(node->op) == Family::pointwise && is_like_it(*node));
  });
}

void lower_rows(RegionLowering& lowering) {
  const Function& region = lowering.region;
  KernelWriter& writer = lowering.writer;
  const int64_t prefix = row_axes(region);
  const std::vector<const Node*> stages = find_stages(region);
  const std::set<const Node*> is_stage(stages.begin(), stages.end());
  const Uses uses = find_uses(region);
  const Shape& first = region.results[0].value.shape();
  const Shape rows(first.begin(), first.begin() + prefix);

  const int64_t work = row_work(region, prefix);
  const int64_t block = prefix == 0 ? 1 : std::clamp<int64_t>(kBlockElements / work, 1, kMostRows);
  const int64_t skip = std::max<int64_t>(0, prefix - 1);  // axes that tiles do not have

  // Where each stage's value goes: results to their buffers, the others to tiles that hold a block.
  std::map<const Node*, std::vector<uint32_t>> results_of;
  for (uint32_t i = 0; i < region.results.size(); ++i) results_of[region.results[i].value.node].push_back(i);
  std::map<const Node*, BufferId> tiles;
  for (const Node* stage : stages) {
    if (results_of.contains(stage)) continue;
    const Shape& shape = stage->type().shape;
    Shape tile(shape.begin() + skip, shape.end());
    if (prefix > 0) tile[0] = block;
    tiles[stage] = add_buffer(writer.kernel, {cat("t", stage->index), stage->type().dtype, tile, Mode::tile});
  }

  Point point;
  // One stage for the rest of `point`'s row; `first`: of the block.
  auto stage_row = [&](const Node& stage, const Index& first) {
    const Value value = stage.value();
    const Shape& shape = value.shape();
    const bool vectors = !reduces_last_axis(stage, is_stage);
    element_loops(lowering, Shape(shape.begin() + prefix, shape.end()), vectors, [&](const Point& inner) {
      Point full = point;
      full.insert(full.end(), inner.begin(), inner.end());
      if (results_of.contains(&stage)) {
        lowering.store_results(results_of[&stage], full);
        return;
      }
      ExprRef computed = lowering.values.at(value, full);
      Access access = lowering.values.access(tiles[&stage], value.type(), full, skip, first);
      if (computed->lanes != access.lanes) computed = splat(std::move(computed), access.lanes);
      writer.emit(
          store_stmt(std::move(access), lowering.values.to_memory(value.dtype(), std::move(computed))));
    });
  };
  // The rows [first, end), stage by stage.
  auto stage_loops = [&](const Index& first, const Index& end) {
    for (const Node* stage : stages) {
      if (prefix == 0)
        stage_row(*stage, first);
      else
        writer.loop("i", first, end, 1, LoopKind::serial, [&](const Index& i) {
          point.push_back(i);
          stage_row(*stage, first);
          point.pop_back();
        });
      // From here on the value is read from memory.
      if (tiles.contains(stage))
        lowering.values.bind(stage->value(), tiles[stage], skip, first);
      else if (!uses.users[stage->index].empty())
        lowering.values.bind(stage->value(), lowering.outputs[results_of[stage].front()]);
    }
  };

  if (prefix == 0) return stage_loops(0, 1);
  for (int64_t axis = 0; axis + 1 < prefix; ++axis) point.push_back(lowering.par_index("p", rows[axis]));
  const int64_t piece = std::max<int64_t>(1, kPieceElements / work / block) * block;
  const auto [low, high] = lowering.par_range("p", rows.back(), piece);
  writer.loop("block", low, high, block, LoopKind::serial, [&](const Index& first) {
    Interval range{0, std::nullopt};
    if (rows.back().is_static()) range.high = rows.back().coef;
    stage_loops(first, lowering.smaller(first + Index(block), high, range));
  });
}

}  // namespace keratin
