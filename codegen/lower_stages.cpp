// Regions of fusions: a piece is a block of the result, and in it one fusion runs after the other, each for its block (passes/stages.h).
// What a stage hands to the next is a tile of memory; what others read as well goes to its place in the result.
#include <map>

#include "codegen/group.h"
#include "codegen/kernel_inline.h"
#include "ir/error.h"
#include "passes/stages.h"

namespace keratin {

void lower_stages(RegionLowering& lowering) {
  const Function& region = lowering.region;
  KernelWriter& writer = lowering.writer;
  const std::optional<StageBlocks> blocks = stage_blocks(region);
  if (!blocks)
    throw Error(ErrorKind::unsupported, "fusions within a fusion have to be stages of one kernel",
                writer.kernel.name);
  BlockAnalysis analysis(region, blocks->blockings);
  analysis.need_results(blocks->results);
  KERATIN_CHECK(analysis.run(), "the blocks are those of the region");
  const Function block = analysis.one_block();

  std::vector<Index> first;  // element of each blocking
  for (const Blocking& blocking : blocks->blockings)
    first.push_back(lowering.par_index("block", blocking.count()) * blocking.block);
  const auto part = [&](BufferId buffer, Value value) -> BufferSlice {
    const BlockedAxes* axes = analysis.axes_of(value);
    if (axes == nullptr) return {buffer};
    return {buffer, -1, {}, block_begin(value.shape(), *axes, blocks->blockings, first)};
  };

  std::map<std::pair<uint32_t, uint32_t>, BufferSlice> places;  // by node and result
  const auto place_of = [&](Value value) -> BufferSlice& {
    return places[{value.node->index, value.result}];
  };
  for (BufferId i = 0; i < region.params.size(); ++i)
    place_of(region.params[i]->value()) = part(i, region.params[i]->value());
  for (size_t i = 0; i < region.results.size(); ++i)
    place_of(region.results[i].value) = part(lowering.outputs[i], region.results[i].value);

  const Target target = writer.target.within_piece();
  for (const auto& node : region.nodes) {
    if (node->op != Op::fusion) continue;
    std::vector<BufferSlice> slices;
    for (const Value operand : node->operands) slices.push_back(place_of(operand));
    for (uint32_t i = 0; i < node->types.size(); ++i) {
      const Value value = node->value(i);
      if (!places.contains({node->index, i})) {
        const Type& type = block.nodes[node->index]->types[i];
        place_of(value) = {add_buffer(writer.kernel, {"s", type.dtype, type.physical_shape(), Mode::tile})};
      }
      slices.push_back(place_of(value));
    }
    inline_kernel(writer, lower_region(*block.nodes[node->index]->body, "stage", target, true), slices,
                  Mode::tile);
  }
}

}  // namespace keratin
