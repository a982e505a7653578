// Where the rows of the left operand lie that tiles multiply (codegen/lower_tiles.cpp).
//
//     in place   a row's pairs are neighbours, in whole steps, and rows follow one another at one distance
//     lines      of an image, copied with their borders: a convolution's rows overlap, so little is copied
//     copies     of each row's pairs, zeros where a convolution reads outside (im2col): any other
#pragma once

#include "codegen/tile_problem.h"

namespace keratin {

class TileRows {
 public:
  /// Finds the first of the three ways that is open; `problem` may get lines by it.
  TileRows(TileProblem& problem, int64_t tile_height);

  bool in_place() const { return in_place_; }
  /// Rows that a piece has a multiple of, if it has several.
  int64_t unit(int64_t tile_height) const { return problem_.lines ? problem_.lines->rows : tile_height; }
  /// What a row takes of the caches.
  int64_t row_bytes() const;

  /// Copies the rows [low, high) of a piece of at most `piece` rows; none if they are in place.
  void lay_out(const Index& low, const Index& high, int64_t piece, int64_t tile_height);
  /// Adds the products of a step: of the rows from `row` on, of a piece that begins with `low`.
  Stmt product(const Index& row, const Index& low, const Index& step, Access right) const;

 private:
  bool find_in_place(int64_t tile_height);
  bool has_padding() const;
  std::optional<TileLines> find_lines() const;
  void lay_out_lines(const Index& low, int64_t piece, int64_t tile_height);
  void lay_out_copies(const Index& low, const Index& high, int64_t rows);
  void each_vector(const std::function<void(const Index& first, const Index& pair)>& body);
  void lay_out_pairs(const Point& left, const Guard& inside, Point to);
  void each_tap(const Index& tap, const Point& at,
                const std::function<void(const Point&, const Index&)>& body);
  Index place_in_lines(const Index& row, const Index& pair) const;
  int lanes() const;

  TileProblem& problem_;
  KernelWriter& writer_;
  bool in_place_ = false;
  int axis_ = 0;  // in place: of the left operand, along which rows go
  int64_t step_ = 1;
  int64_t line_count_ = 0;  // lines: of each phase in a piece
  BufferId buffer_ = 0;
};

}  // namespace keratin
