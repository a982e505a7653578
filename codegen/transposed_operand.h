// The right operand of a contraction that lies along the contracted indices: a copy with its columns in vectors.
#pragma once

#include "codegen/register_tile.h"

namespace keratin {

class TransposedOperand {
 public:
  /// Copies the right operand, as far as this piece reads it, to a tile of memory: panels of columns, zeros behind the last.
  explicit TransposedOperand(TiledContraction& tiled);

  /// A panel's columns at a place of the contracted indices.
  Access at(const Index& panel, const Point& k) const;

 private:
  void by_squares();
  void square(const Point& at, const Index& first, int64_t columns, int64_t terms);
  void by_vectors();
  ExprRef operand(const Index& column, const Point& k, Guard guard);

  TiledContraction& tiled_;
  const int64_t lanes_, columns_, panels_;
  BufferId copy_;
};

}  // namespace keratin
