// A contraction as tiles see it (codegen/lower_tiles.cpp): rows, columns and pairs of contracted elements, each numbered through.
#pragma once

#include <optional>

#include "codegen/contraction.h"
#include "codegen/group.h"

namespace keratin {

inline constexpr int64_t kStepPairs = kTileDepth / 2;  // that one mma multiplies

/// Lines of an image with their borders, laid out so that what a row of the result reads of one, over all taps in it, are neighbours.
struct TileLines {
  int64_t step = 1;   ///< places from row to row of the result
  int64_t run = 0;    ///< pairs that a row reads of a line, in whole steps
  int64_t pitch = 0;  ///< places in a line
  int64_t rows = 0;   ///< that begin in a line, the last `margin` of which are none of the result
  int64_t margin = 0;
  int64_t stride = 1, dilation = 1;  ///< lines from row to row of the result, from tap to tap
  int64_t phases = 1;                ///< remainders of lines by the stride, as far as they are read
  int64_t further = 0;               ///< lines of a phase that are read below a row's own
};

class TileProblem {
 public:
  TileProblem(RegionLowering& lowering, const Node& node, const Contraction& contraction);

  /// Whether tiles can compute it: bf16 operands, known numbers of columns and pairs, a left operand that columns do not move.
  bool fits() const;
  /// Rows are from here on those that begin in lines, one image after the other an outer loop.
  void use_lines(const TileLines& lines, const Ints& space);

  RegionLowering& lowering;
  KernelWriter& writer;
  const Node& node;
  const Contraction contraction;
  const Value left, right;  ///< as they lie, not widened

  Ints row_axes, outer_axes;  ///< of the result
  Dim rows;
  int64_t panels = 0;         ///< tiles of columns
  int64_t feature_pairs = 0;  ///< of one tap
  int64_t pairs = 0;          ///< of all
  bool has_pairs = false;     ///< the right operand lies in panels of pairs
  std::optional<TileLines> lines;
  Point base;  ///< of the result: the indices of outer axes, once their loops are there

  int64_t steps() const { return (pairs + kStepPairs - 1) / kStepPairs; }
  int64_t columns() const { return node.type().shape[contraction.lane_axis].coef; }

  /// The result's point in row `row`, at a column.
  Point place(Index row, const Index& column) const;
  /// The contracted indices of a pair. In lines, those of a line's taps are followed by some that are none.
  Point contracted(Index pair) const;
  /// Whether pairs in lines are all of a tap; otherwise whether one is.
  bool every_pair_is_tap() const { return !lines || lines->run == line_taps() * feature_pairs; }
  Guard is_tap(const Index& pair) const;

  struct Points {
    Point left, right;
    Guard inside;  ///< when the left one is inside its operand
  };
  Points points(const Index& row, const Index& column, const Point& k) const;

 private:
  int64_t line_taps() const { return contraction.contracted[contraction.contracted.size() - 2].coef; }
  void choose_rows();
  bool left_moves_with_columns() const;
};

}  // namespace keratin
