#include "codegen/transposed_operand.h"

#include "codegen/vecmath.h"

namespace keratin {

TransposedOperand::TransposedOperand(TiledContraction& tiled)
    : tiled_(tiled),
      lanes_(tiled.tiling.lanes),
      columns_(tiled.column_extent().coef),
      panels_(ceil_of(columns_, lanes_)) {
  Shape vectors{panels_};
  vectors.insert(vectors.end(), tiled.problem.contracted.begin(), tiled.problem.contracted.end());
  vectors.push_back(lanes_);
  copy_ = add_buffer(tiled.writer.kernel, {"columns", tiled.dtype(), vectors, Mode::tile});
  if (!tiled.writer.attempt([&] { by_squares(); })) by_vectors();
}

Access TransposedOperand::at(const Index& panel, const Point& k) const {
  Point at{panel};
  at.insert(at.end(), k.begin(), k.end());
  at.push_back(0);
  return neighbours(copy_, std::move(at), lanes_);
}

/// At a column and a place of the contracted indices; zero where `guard` does not hold.
ExprRef TransposedOperand::operand(const Index& column, const Point& k, Guard guard) {
  const Contraction& problem = tiled_.problem;
  Values& values = tiled_.lowering.values;
  Point out = tiled_.base, left, right;
  Guard inside;
  if (problem.row_axis >= 0) out[problem.row_axis] = 0;
  out[problem.lane_axis] = column;
  problem.points(out, k, left, right, inside);
  return values.widen(values.at_or(tiled_.writer.needed(std::move(guard)),
                                   number(Scalar::of(tiled_.dtype(), 0)), tiled_.node.operands[1], right));
}

void TransposedOperand::by_vectors() {
  RegionLowering& lowering = tiled_.lowering;
  KernelWriter& writer = tiled_.writer;
  Shape shape{panels_};
  shape.insert(shape.end(), tiled_.problem.contracted.begin(), tiled_.problem.contracted.end());
  element_loops(lowering, shape, false, [&](const Point& place) {
    const Point k(place.begin() + 1, place.end());
    const VarId lane = writer.variable("lane", {0, lanes_ - 1});
    lowering.values.with_lanes(lane, static_cast<int>(lanes_), [&] {
      const Index column = place[0] * lanes_ + Index::variable(lane);
      writer.emit(store_stmt(at(place[0], k), operand(column, k, {Index(columns_ - 1) - column})));
    });
  });
}

/// As many columns as a vector has lanes, at as many places of the last contracted index, are read along that index and transposed.
/// Throws NoLanes if they do not lie so.
void TransposedOperand::by_squares() {
  if (lanes_ < 2) throw NoLanes();
  const int64_t terms = tiled_.problem.contracted.back().coef;
  Shape outer{panels_};
  outer.insert(outer.end(), tiled_.problem.contracted.begin(), tiled_.problem.contracted.end() - 1);
  const auto squares = [&](const Point& place, int64_t panel_columns) {
    tiled_.writer.loop("k", 0, terms / lanes_, 1, LoopKind::serial,
                       [&](const Index& k) { square(place, k * lanes_, panel_columns, lanes_); });
    if (terms % lanes_ != 0) square(place, Index(terms / lanes_ * lanes_), panel_columns, terms % lanes_);
  };
  // The last panel, if it is not full, by itself: then it is known which columns there are.
  const int64_t whole = columns_ / lanes_;
  outer[0] = whole;
  element_loops(tiled_.lowering, outer, false, [&](const Point& place) { squares(place, lanes_); });
  if (whole == panels_) return;
  outer[0] = 1;
  element_loops(tiled_.lowering, outer, false, [&](Point place) {
    place[0] += Index(whole);
    squares(place, columns_ % lanes_);
  });
}

/// Of the panel and the outer contracted indices `place`: `columns` columns at `terms` places of the last index from `first` on.
void TransposedOperand::square(const Point& place, const Index& first, int64_t columns, int64_t terms) {
  RegionLowering& lowering = tiled_.lowering;
  KernelWriter& writer = tiled_.writer;
  const auto keep = [&](ExprRef value) { return writer.let("row", std::move(value)); };
  std::vector<ExprRef> rows;
  const VarId lane = writer.variable("lane", {0, lanes_ - 1});
  lowering.values.with_lanes(lane, static_cast<int>(lanes_), [&] {
    for (int64_t column = 0; column < lanes_; ++column) {
      Point k(place.begin() + 1, place.end());
      k.push_back(first + Index::variable(lane));
      const Guard inside{first + Index(terms - 1) - k.back(), Index(columns - 1 - column)};
      rows.push_back(keep(operand(place[0] * lanes_ + Index(column), k, inside)));
    }
  });
  rows = transposed(std::move(rows), keep);
  for (int64_t term = 0; term < terms; ++term) {
    Point k(place.begin() + 1, place.end());
    k.push_back(first + Index(term));
    writer.emit(store_stmt(at(place[0], k), rows[static_cast<size_t>(term)]));
  }
}

}  // namespace keratin
