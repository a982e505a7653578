#include "passes/stages.h"

#include <algorithm>
#include <set>

#include "passes/feasible.h"

namespace keratin {

namespace {

class Chooser {
 public:
  Chooser(const Function& region, const StageLimits& limits)
      : region_(region), limits_(limits), last_(*region.nodes.back()) {}

  std::optional<StageBlocks> run() {
    if (!ends_in_one_shape()) return {};
    // Free dimensions first: only where they are cut there are blocks of a known size at all.
    const Shape& shape = last_.type().shape;
    for (size_t axis = 0; axis < shape.size(); ++axis)
      if (!shape[axis].is_static()) cut(axis);
    for (const size_t axis : static_axes())
      if (!is_enough()) cut(axis);
    if (!find_blocks()) return {};
    found_.operations = operations();
    return std::move(found_);
  }

 private:
  /// All that the last fusion leaves has one shape, everything else leads to it, and no result is one twice.
  bool ends_in_one_shape() const {
    if (last_.op != Op::fusion) return false;
    for (const Type& type : last_.types)
      if (type.shape != last_.type().shape) return false;
    std::set<std::pair<uint32_t, uint32_t>> results;
    for (const auto& [name, value] : region_.results)
      if (value.node->op != Op::fusion || !results.emplace(value.node->index, value.result).second)
        return false;
    std::vector<bool> leads(region_.nodes.size(), false);
    leads[last_.index] = true;
    for (size_t i = region_.nodes.size(); i-- > 0;) {
      const Node& node = *region_.nodes[i];
      if (node.op != Op::param && node.op != Op::fusion) return false;
      if (node.op == Op::fusion && !leads[i]) return false;
      for (const Value operand : node.operands) leads[operand.node->index] = true;
    }
    return true;
  }

  /// Axes of the last result that may be cut: first those for which the least is read again.
  std::vector<size_t> static_axes() {
    const Shape& shape = last_.type().shape;
    std::vector<std::pair<int64_t, size_t>> found;
    for (size_t axis = 0; axis < shape.size(); ++axis) {
      if (!shape[axis].is_static() || shape[axis].coef < 2) continue;
      found_.blockings.push_back({shape[axis], 1});
      axes_.push_back(axis);
      if (find_blocks()) found.emplace_back(found_.read_again, axis);
      found_.blockings.pop_back();
      axes_.pop_back();
    }
    std::stable_sort(found.begin(), found.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    std::vector<size_t> axes;
    for (const auto& [bytes, axis] : found) axes.push_back(axis);
    return axes;
  }

  /// Cuts an axis of the last result if that is possible: into the largest blocks that are enough, or the smallest.
  void cut(size_t axis) {
    const Dim extent = last_.type().shape[axis];
    found_.blockings.push_back({extent, 0});
    axes_.push_back(axis);
    int64_t smallest = 0;
    for (int64_t block = extent.coef; block > 0; --block) {
      if (extent.coef % block != 0) continue;
      found_.blockings.back().block = block;
      if (!find_blocks()) continue;
      smallest = block;
      if (is_within_limits()) return;
    }
    found_.blockings.back().block = smallest;
    if (smallest > 0) return;
    found_.blockings.pop_back();
    axes_.pop_back();
  }

  bool is_enough() { return find_blocks() && is_within_limits(); }

  /// The blocks that find_blocks() has found.
  bool is_within_limits() const {
    return found_.bytes <= limits_.most_bytes && found_.pieces >= limits_.least_pieces;
  }

  /// Whether the region can be computed in these blocks; finds the rest of what is to be said of them.
  bool find_blocks() {
    const std::optional<BlockAnalysis> blocks = analysis_of_blocks();
    if (!blocks) return false;
    found_.bytes = found_.read_again = 0;
    for (const auto& node : region_.nodes) {
      for (uint32_t i = 0; i < node->types.size(); ++i) {
        const BlockedAxes* axes = blocks->axes_of(node->value(i));
        const bool is_read = axes != nullptr, is_computed = node->op == Op::fusion;
        const bool is_cut = is_read && std::count_if(axes->begin(), axes->end(), [](int cut) {
                                         return cut >= 0;
                                       }) == static_cast<ptrdiff_t>(axes_.size());
        // Neighbours in memory are computed together: otherwise pieces would share cache lines, and vectors be cut.
        if (is_read && !axes->empty() && axes->back() >= 0 && !node->types[i].shape.back().is(1))
          return false;
        // What is the same for several pieces is read by each, but would be computed by each as well.
        if (is_computed && !is_cut) return false;
        if (is_computed) found_.bytes += block_bytes(node->types[i], *axes);
        const bool is_window = is_read && std::ranges::find(*axes, kWindow) != axes->end();
        if (is_read && !is_cut && !is_window) found_.read_again += block_bytes(node->types[i], *axes);
      }
    }
    found_.results.clear();
    for (const Result& result : region_.results) found_.results.push_back(*blocks->axes_of(result.value));
    found_.pieces = 1;
    for (const Blocking& blocking : found_.blockings) found_.pieces *= blocking.count().coef;
    return true;
  }

  /// What the blocks that are found so far say of all values, if the region can be computed in them.
  std::optional<BlockAnalysis> analysis_of_blocks() const {
    BlockAnalysis analysis(region_, found_.blockings, Windows::allowed);
    BlockedAxes last(last_.type().shape.size(), kWhole);
    for (size_t i = 0; i < axes_.size(); ++i) last[axes_[i]] = static_cast<int>(i);
    for (uint32_t i = 0; i < last_.types.size(); ++i) analysis.need(last_.value(i), last);
    if (!analysis.run()) return {};
    return analysis;
  }

  /// Of one piece.
  double operations() const {
    const BlockAnalysis blocks = *analysis_of_blocks();
    double sum = 0;
    for (const auto& node : region_.nodes) {
      if (node->op != Op::fusion) continue;
      double blocks_of_region = 1;
      for (const int blocking : blocks.windows(*node))
        blocks_of_region *= static_cast<double>(found_.blockings[static_cast<size_t>(blocking)].count().coef);
      sum += operations_of(blocks.region_of_block(*node)) / blocks_of_region;
    }
    return sum;
  }

  int64_t block_bytes(const Type& type, const BlockedAxes& axes) const {
    int64_t bytes = byte_size(type.dtype);
    for (size_t axis = 0; axis < axes.size(); ++axis) {
      const Dim extent = type.shape[axis];
      bytes *= axes[axis] < 0 ? extent.coef : *found_.blockings[static_cast<size_t>(axes[axis])].of(extent);
    }
    return bytes;
  }

  const Function& region_;
  const StageLimits& limits_;
  const Node& last_;
  std::vector<size_t> axes_;  // of the last result, by blocking
  StageBlocks found_;
};

}  // namespace

std::optional<StageBlocks> stage_blocks(const Function& region, const StageLimits& limits) {
  return Chooser(region, limits).run();
}

}  // namespace keratin
