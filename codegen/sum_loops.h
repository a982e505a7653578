// The loops over the contracted indices of a tile of sums.
#pragma once

#include <functional>

#include "codegen/register_tile.h"

namespace keratin {

/// What takes part at a place of the contracted indices.
struct Summands {
  RowRange rows;            ///< of the tile
  bool guard_left = false;  ///< whether the left operand may be outside
  Guard in_lanes;           ///< what holds for the lanes that take part
  int64_t part = 0;         ///< of the partial sums, to which products are added
};

/// Adds the products at a place of the contracted indices.
using SumStep = std::function<void(const Point& k, const Summands& summands)>;

/// The loops over the contracted indices behind those in `k`. What no row of the tile needs is skipped. Where padding is involved, a
/// tile whose place is known leaves out the rows that do not take part; for other tiles the innermost loop is written twice: once for
/// those that lie inside, without conditions, and once with them.
void sum_loops(const TiledContraction& tiled, const RegisterTile& tile, Point k, const SumStep& step);

}  // namespace keratin
