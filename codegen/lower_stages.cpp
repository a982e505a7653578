// Regions of fusions: a piece is a block of the result, and in it one fusion runs after the other, each for its block (passes/stages.h).
// What a stage hands to the next is a tile of memory; what others read as well goes to its place in the result. A stage that reads windows
// has the kernel that computes all blocks: a piece runs the part of it that computes its own.
#include <map>

#include "codegen/group.h"
#include "codegen/kernel_inline.h"
#include "ir/error.h"
#include "passes/stages.h"

namespace keratin {

namespace {

class StagesLowering {
 public:
  StagesLowering(RegionLowering& lowering, const StageBlocks& blocks)
      : lowering_(lowering),
        writer_(lowering.writer),
        region_(lowering.region),
        blockings_(blocks.blockings),
        analysis_(region_, blockings_, Windows::allowed),
        target_(writer_.target.within_piece()) {
    analysis_.need_results(blocks.results);
    KERATIN_CHECK(analysis_.run(), "the blocks are those of the region");
  }

  void run() {
    for (const Blocking& blocking : blockings_)
      first_.push_back(lowering_.par_index("block", blocking.count()) * blocking.block);
    for (BufferId i = 0; i < region_.params.size(); ++i)
      places_[key(region_.params[i]->value())] = {i, false};
    for (size_t i = 0; i < region_.results.size(); ++i)
      places_[key(region_.results[i].value)] = {lowering_.outputs[i], false};
    for (const auto& node : region_.nodes)
      if (node->op == Op::fusion) stage(*node);
  }

 private:
  /// Where a value lies.
  struct Place {
    BufferId buffer;
    bool is_block;  ///< a tile, of one block; otherwise all of the value
  };

  static std::pair<uint32_t, uint32_t> key(Value value) { return {value.node->index, value.result}; }

  void stage(const Node& fusion) {
    for (uint32_t i = 0; i < fusion.types.size(); ++i) {
      if (places_.contains(key(fusion.value(i)))) continue;
      const Type type = analysis_.block_type(fusion.value(i));
      places_[key(fusion.value(i))] = {
          add_buffer(writer_.kernel, {"s", type.dtype, type.physical_shape(), Mode::tile}), true};
    }
    const std::set<int>& windows = analysis_.windows(fusion);
    std::vector<BufferSlice> slices;
    for (const Value operand : fusion.operands) slices.push_back(part(operand, windows));
    for (uint32_t i = 0; i < fusion.types.size(); ++i) slices.push_back(part(fusion.value(i), windows));
    const Kernel kernel = lower_region(analysis_.region_of_block(fusion), "stage", target_, true);
    const auto result = static_cast<BufferId>(fusion.operands.size());
    inline_part(writer_, kernel, slices, result, ranges(fusion, windows), Mode::tile);
  }

  /// Of what a stage reads or writes: its block; along what it reads windows of all, as far as there is more than a block.
  BufferSlice part(Value value, const std::set<int>& windows) const {
    const Place place = places_.at(key(value));
    const BlockedAxes* axes = analysis_.axes_of(value);
    if (axes == nullptr) return {place.buffer};
    std::vector<Index> begin = block_begin(value.shape(), *axes, blockings_, first_);
    for (size_t axis = 0; axis < begin.size(); ++axis) {
      const bool sees_all = windows.contains((*axes)[axis]);
      if (place.is_block)
        begin[axis] = sees_all ? begin[axis] * -1 : Index(0);
      else if (sees_all)
        begin[axis] = 0;
    }
    return {place.buffer, -1, {}, std::move(begin)};
  }

  /// Of the results, where the stage's kernel is one for all blocks.
  std::vector<ResultRange> ranges(const Node& fusion, const std::set<int>& windows) const {
    std::vector<ResultRange> ranges;
    const BlockedAxes& axes = *analysis_.axes_of(fusion.value());
    const std::vector<Index> begin = block_begin(fusion.type().shape, axes, blockings_, first_);
    for (size_t axis = 0; axis < axes.size(); ++axis)
      if (windows.contains(axes[axis]))
        ranges.push_back({axis, begin[axis], analysis_.block_type(fusion.value()).shape[axis].value()});
    return ranges;
  }

  RegionLowering& lowering_;
  KernelWriter& writer_;
  const Function& region_;
  const std::vector<Blocking> blockings_;
  BlockAnalysis analysis_;
  const Target target_;
  std::vector<Index> first_;  // element of each blocking, in this piece
  std::map<std::pair<uint32_t, uint32_t>, Place> places_;
};

}  // namespace

void lower_stages(RegionLowering& lowering) {
  const std::optional<StageBlocks> blocks = stage_blocks(lowering.region);
  if (!blocks)
    throw Error(ErrorKind::unsupported, "fusions within a fusion have to be stages of one kernel",
                lowering.writer.kernel.name);
  StagesLowering(lowering, *blocks).run();
}

}  // namespace keratin
