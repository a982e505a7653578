// A contraction that is summed in registers, tile by tile of its result: what the files that write its loops share.
#pragma once

#include <functional>
#include <optional>
#include <utility>

#include "codegen/contraction.h"
#include "codegen/group.h"
#include "codegen/tiling.h"

namespace keratin {

/// A tile of the result: its place and, where columns end within it, how many there are.
struct RegisterTile {
  Index row, column;
  int64_t height, width;
  std::optional<Index> limit;
  Index lane;
};

/// Some rows of a tile.
using RowRange = std::pair<Index, Index>;

struct TiledContraction {
  RegionLowering& lowering;
  KernelWriter& writer;
  const Node& node;
  Contraction problem;
  const Tiling tiling;
  Point base;  ///< of the result: where the loops around the tiles are

  TiledContraction(RegionLowering& lowering, const Node& node, Contraction problem, bool vectors);

  DType dtype() const { return compute_dtype(node.type().dtype); }
  Dim column_extent() const;
  Dim row_extent() const;
  /// Of the result: neither rows nor columns.
  Ints other_axes() const;

  /// The result's point at row r and vector c of a tile.
  Point place(const RegisterTile& tile, const Index& r, const Index& c) const;
  /// Under which conditions vector c of a tile is a column.
  Guard within(const RegisterTile& tile, const Index& c) const;
  /// Calls `body` for the rows r in [rows) and every vector c of a tile.
  void unroll(const RegisterTile& tile, RowRange rows,
              const std::function<void(const Index& r, const Index& c)>& body) const;
};

}  // namespace keratin
