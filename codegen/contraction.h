// Dot products and convolutions in one form: sums of products, with a point in each operand for every point of the result and of
// the contracted indices.
#pragma once

#include <functional>
#include <vector>

#include "codegen/values.h"
#include "ir/graph.h"

namespace keratin {

struct Contraction {
  std::vector<Dim> contracted;  ///< the extents of the contracted indices, outermost first
  int64_t lane_axis = -1;       ///< of the result: columns; -1: it has no axes
  int64_t row_axis = -1;        ///< of the result: rows; -1: there is one
  Ints left_axes;               ///< of the result: along which the left operand alone is read elsewhere
  int64_t block = 0;            ///< columns per block; 0: all are one
  /// Which contracted index moves the left operand's point along the rows; -1: none that leads out of it.
  int64_t row_tap = -1;
  /// The contracted index along a line of which all taps are summed together, so that each element of the line is loaded once: where
  /// there is little else to sum, in depthwise convolutions; -1: none. Those behind it are 1.
  int64_t line_tap = -1;
  int64_t line_axis =
      -1;  ///< of the result: lines next to each other read much the same; -1: none that do, or no line_tap
  bool tap_last =
      false;  ///< whether the left operand's point is inside depends on the last contracted index, too
  /// The outermost contracted index counts samples: sums over all that both operands hold, as in the gradient of a weight.
  bool by_sample = false;
  bool packed = false;  ///< the right operand has room for whole blocks
  bool along_sums =
      false;  ///< both operands lie in memory along the last contracted index, the right one not along the columns
  /// Both operands are bf16, widened, and neighbours along the last contracted index lie side by side: they are multiplied in pairs.
  bool pairs = false;
  int64_t left_pair_axis = -1, right_pair_axis = -1;  ///< the last contracted index, in the operands
  /// The operands' points for one of the result and the contracted indices, and when the left one is inside its operand.
  std::function<void(const Point& out, const Point& k, Point& left, Point& right, Guard& inside)> points;
};

/// Requires: `node` is a dot or a conv. `ranges` must outlive what it returns.
Contraction contraction_of(const Node& node, const Ranges& ranges);

}  // namespace keratin
