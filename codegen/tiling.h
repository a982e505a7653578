// How the loops of one contraction are cut: into tiles that fit the registers, blocks of columns, pieces of work.
#pragma once

#include <cstdint>

#include "codegen/contraction.h"
#include "codegen/schedule.h"
#include "codegen/target.h"
#include "ir/graph.h"

namespace keratin {

/// A number of elements, at least 1; a symbol counts as a small batch.
int64_t estimated_elements(const Shape& shape);

/// How many pieces of `by` make `a`, the last perhaps smaller.
inline int64_t ceil_of(int64_t a, int64_t by) { return (a + by - 1) / by; }

struct Tiling {
  int lanes = 1;  ///< of a vector
  bool fold =
      false;  ///< lanes run along the last contracted index and are folded at the end; a column is no vector then
  /// The right operand, which lies along the contracted indices, is first copied to a tile of memory with its columns in vectors.
  bool transpose = false;
  int64_t block = 0;   ///< columns of a block; 0: all
  int64_t blocks = 1;  ///< of columns
  bool blocks_first =
      false;  ///< all rows go by one block of columns before the next; otherwise all blocks by a piece of rows

  /// Lines (along Contraction::line_axis) of a piece, which go by one block of columns before the next; 0: each is a piece.
  int64_t lines = 0;

  /// Rows are cut into tiles of `height`. Where their number is known no tile is much lower than another: there are `tiles`, the first
  /// `high_tiles` of them of `height` rows, the others one row lower.
  int64_t height = 1;
  int64_t tiles = 0, high_tiles = 0;
  int64_t piece_tiles = 1;  ///< tiles of rows in a piece

  /// All tiles of a piece are summed over one sample before the next, which the caches hold; sums lie in memory meanwhile.
  bool by_sample = false;

  /// Partial sums of each element, over every so many-th place of the last contracted index: a row of few columns would otherwise wait for
  /// each multiply-add before the next.
  int64_t parts = 1;

  /// How many places of the contracted index ahead the right operand is fetched into the second-level cache; 0: it is not.
  int64_t prefetch = 0;

  /// Where results go, and what they are combined with, is fetched while sums are made.
  bool fetch_results = true;

  /// Vectors, or columns where they are folded, of a tile of `rows` rows.
  int64_t width(int64_t rows) const;

  /// How many registers so many vectors of factors take.
  int64_t registers_of(int64_t factors) const;

  int64_t registers = 16;     ///< that hold vectors
  int64_t line_taps = 1;      ///< places of the contracted indices that are summed together
  bool halves = false;        ///< factors are pairs whose halves are multiplied one after the other
  int64_t block_vectors = 1;  ///< vectors (columns) of a block
};

/// `vectors`: whether lanes may be used at all. `scheduler`: hears of all that no sum's order depends on.
Tiling choose_tiling(const Node& node, const Contraction& problem, const Target& target, bool vectors,
                     Scheduler& scheduler);

}  // namespace keratin
