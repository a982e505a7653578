#include "codegen/tile_problem.h"

#include <algorithm>

#include "passes/traits.h"

namespace keratin {

namespace {

constexpr int64_t kLeastPairs = 8;  // so that a step is half full at least

}  // namespace

TileProblem::TileProblem(RegionLowering& lowering_of, const Node& node_of, const Contraction& contraction_of)
    : lowering(lowering_of),
      writer(lowering_of.writer),
      node(node_of),
      contraction(contraction_of),
      left(before_widening(node_of.operands[0])),
      right(before_widening(node_of.operands[1])),
      base(node_of.type().rank(), Index(0)) {
  if (contraction.contracted.empty() || contraction.lane_axis < 0) return;
  feature_pairs = (contraction.contracted.back().coef + 1) / 2;
  pairs = feature_pairs;
  for (size_t i = 0; i + 1 < contraction.contracted.size(); ++i) pairs *= contraction.contracted[i].coef;
  panels = (columns() + kTileSize - 1) / kTileSize;
  has_pairs = contraction.packed && right.type().layout.pair_axis == contraction.right_pair_axis;
  choose_rows();
}

/// Axes along which the left operand alone moves are rows. A free axis is an outer loop, unless the others make no tile.
void TileProblem::choose_rows() {
  const Shape& shape = node.type().shape;
  int64_t known = 1, free_axis = -1;
  for (const int64_t axis : contraction.left_axes) {
    if (shape[axis].is_static())
      known *= shape[axis].coef;
    else
      free_axis = axis;
  }
  const bool by_free_axis = free_axis >= 0 && known < kTileSize;
  for (int64_t axis = 0; axis < node.type().rank(); ++axis) {
    if (axis == contraction.lane_axis) continue;
    const bool is_row =
        contains(contraction.left_axes, axis) && (by_free_axis ? axis == free_axis : shape[axis].is_static());
    (is_row ? row_axes : outer_axes).push_back(axis);
  }
  rows = by_free_axis ? shape[free_axis] : Dim(known);
}

bool TileProblem::fits() const {
  const bool known = std::ranges::all_of(contraction.contracted, [](Dim dim) { return dim.is_static(); });
  return left.dtype() == DType::bf16 && right.dtype() == DType::bf16 && node.type().dtype == DType::f32 &&
         known && pairs >= kLeastPairs && !contraction.tap_last && (has_pairs || !contraction.packed) &&
         node.type().shape[contraction.lane_axis].is_static() && !left_moves_with_columns();
}

bool TileProblem::left_moves_with_columns() const {
  const VarId column = static_cast<VarId>(writer.kernel.variables.size());
  const Points at = points(0, Index::variable(column), Point(contraction.contracted.size(), Index(0)));
  return std::ranges::any_of(at.left, [&](const Index& index) { return index.uses(column); });
}

void TileProblem::use_lines(const TileLines& made, const Ints& space) {
  lines = made;
  pairs = pairs / (line_taps() * feature_pairs) * made.run;
  for (const int64_t axis : row_axes)
    if (!contains(space, axis)) outer_axes.push_back(axis);
  row_axes = space;
  rows = Dim(made.rows * (space.size() == 2 ? node.type().shape[space[0]].coef : 1));
}

Point TileProblem::place(Index row, const Index& column) const {
  Point point = base;
  for (size_t i = row_axes.size(); i-- > 1;) {
    const bool is_line = lines && i + 1 == row_axes.size();
    const int64_t extent = is_line ? lines->rows : node.type().shape[row_axes[i]].coef;
    point[row_axes[i]] = modulo(row, extent, writer.ranges);
    row = floor_div(row, extent, writer.ranges);
  }
  if (!row_axes.empty()) point[row_axes[0]] = row;
  point[contraction.lane_axis] = column;
  return point;
}

Point TileProblem::contracted(Index pair) const {
  Point k(contraction.contracted.size());
  const Index run = lines ? modulo(pair, lines->run, writer.ranges) : pair;
  k.back() = modulo(run, feature_pairs, writer.ranges) * 2;
  Index tap = floor_div(run, feature_pairs, writer.ranges);
  for (size_t i = k.size() - 1; i-- > 0;) {
    const int64_t extent = contraction.contracted[i].coef;
    k[i] = i == 0 || lines ? tap : modulo(tap, extent, writer.ranges);
    tap = lines ? floor_div(pair, lines->run, writer.ranges) : floor_div(tap, extent, writer.ranges);
  }
  return k;
}

Guard TileProblem::is_tap(const Index& pair) const {
  if (!lines) return {};
  return writer.needed({Index(line_taps() * feature_pairs - 1) - modulo(pair, lines->run, writer.ranges)});
}

TileProblem::Points TileProblem::points(const Index& row, const Index& column, const Point& k) const {
  Points at;
  contraction.points(place(row, column), k, at.left, at.right, at.inside);
  return at;
}

}  // namespace keratin
