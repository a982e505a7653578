#include "codegen/register_tile.h"

namespace keratin {

TiledContraction::TiledContraction(RegionLowering& lowering, const Node& node, Contraction contraction,
                                   bool vectors)
    : lowering(lowering),
      writer(lowering.writer),
      node(node),
      problem(std::move(contraction)),
      tiling(choose_tiling(node, problem, writer.target, vectors, lowering.scheduler)),
      base(node.type().shape.size(), Index(0)) {
  problem.pairs &= !tiling.transpose;  // the copies are widened
}

Dim TiledContraction::column_extent() const {
  return problem.lane_axis < 0 ? Dim(1) : node.type().shape[problem.lane_axis];
}

Dim TiledContraction::row_extent() const {
  return problem.row_axis < 0 ? Dim(1) : node.type().shape[problem.row_axis];
}

Ints TiledContraction::other_axes() const {
  Ints axes;
  for (int64_t axis = 0; axis < node.type().rank(); ++axis)
    if (axis != problem.lane_axis && axis != problem.row_axis) axes.push_back(axis);
  return axes;
}

Point TiledContraction::place(const RegisterTile& tile, const Index& r, const Index& c) const {
  Point point = base;
  if (problem.row_axis >= 0) point[problem.row_axis] = tile.row + r;
  if (problem.lane_axis >= 0)
    point[problem.lane_axis] = tile.column + (tiling.fold ? c : c * tiling.lanes + tile.lane);
  return point;
}

Guard TiledContraction::within(const RegisterTile& tile, const Index& c) const {
  if (!tile.limit) return {};
  return writer.needed({*tile.limit - 1 - tile.column - c * tiling.lanes - tile.lane});
}

void TiledContraction::unroll(const RegisterTile& tile, RowRange rows,
                              const std::function<void(const Index& r, const Index& c)>& body) const {
  writer.loop("r", rows.first, rows.second, 1, LoopKind::unroll, [&](const Index& r) {
    writer.loop("c", 0, tile.width, 1, LoopKind::unroll, [&](const Index& c) { body(r, c); });
  });
}

}  // namespace keratin
