// Products of bf16 in tiles of 16 × 16 sums, for processors with AMX: dot products and convolutions.
//
// The result's rows, over all axes but that of the columns, are numbered through. Those of 1 to 3 tiles times the columns of 1 to 4
// panels are summed in registers by `tiles`, stored to a small tile of memory, and what follows is computed from there:
//
//     for panels j, for rows i of a piece:
//       tiles %sums[0, 0] 2 x 2 { for k …: mma rows i …, panels j … }
//       for m in rows i …: results at row m, panels j …
//
// The pairs that are summed are numbered through as well, over taps and features; a step is 16 of them. The left operand's
// rows are read where they lie, or laid out for it once per piece (codegen/tile_rows.h). Panels of pairs are read where they lie, but
// for a last step that is not whole; other right operands are laid out for the columns of a tile.
//
// A row's sums do not depend on the tile that it is in. What a tile has beyond the piece's rows is not used.
#include <algorithm>

#include "codegen/tile_rows.h"
#include "codegen/tiling.h"
#include "codegen/vecmath.h"

namespace keratin {

namespace {

constexpr int64_t kMostPieceRows = 256, kMostLineRows = 1024;  // lines overlap from piece to piece
constexpr int64_t kPieceProducts = 1 << 20;  // what is worth handing to another thread: about a microsecond
constexpr int64_t kBlockPanels = 8;          // for which it pays to copy rows; lines are less

class TileGenerator {
 public:
  explicit TileGenerator(TileProblem& problem)
      : problem_(problem),
        lowering_(problem.lowering),
        writer_(problem.writer),
        rows_(problem, choose_tiles()) {
    for (uint32_t i = 0; i < lowering_.region.results.size(); ++i) results_.push_back(i);
  }

  void run() {
    choose_tiles();  // lines have other rows
    choose_pieces();
    Index block;
    if (blocks_first_) block = lowering_.par_index("panels", block_count());
    for (const int64_t axis : problem_.outer_axes)
      problem_.base[axis] = lowering_.par_index("p", problem_.node.type().shape[axis]);
    const auto [low, high] = lowering_.par_range("rows", problem_.rows, piece_rows_);
    if (!blocks_first_) block = lowering_.par_index("panels", block_count());
    rows_.lay_out(low, high, piece_rows_, tile_height());
    sums_ = add_buffer(writer_.kernel,
                       {"sums", DType::f32, {tile_height(), tile_columns_ * kTileSize}, Mode::tile});
    if (problem_.has_pairs && problem_.every_pair_is_tap())
      copied_from_ = problem_.pairs / kStepPairs * kStepPairs;
    if (const int64_t pairs = problem_.steps() * kStepPairs - copied_from_; pairs > 0)
      columns_ = add_buffer(writer_.kernel,
                            {"columns", DType::bf16, {tile_columns_, pairs, kTileDepth}, Mode::tile});

    const int64_t panels = problem_.panels;
    const Index first = block * block_panels_,
                last = lowering_.smaller(first + Index(block_panels_), panels, {0, panels});
    const Index whole = first + floor_div(last - first, tile_columns_, writer_.ranges) * tile_columns_;
    writer_.loop("j", first, whole, tile_columns_, LoopKind::serial,
                 [&](const Index& j) { all_rows(j, tile_columns_, low, high); });
    writer_.loop("j", whole, last, 1, LoopKind::serial, [&](const Index& j) { all_rows(j, 1, low, high); });
  }

 private:
  // ---- what is cut how ----

  /// Returns the height.
  int64_t choose_tiles() {
    const int64_t rows = estimated_elements({problem_.rows});
    tile_rows_ = rows <= kTileSize ? 1 : 2;
    tile_columns_ = std::min(problem_.panels, kMostTilesOfSums / tile_rows_);
    if (tile_columns_ == 1) tile_rows_ = std::min(kMostTileRows, ceil_of(rows, kTileSize));
    return tile_height();
  }

  int64_t tile_height() const { return tile_rows_ * kTileSize; }
  int64_t block_count() const { return ceil_of(problem_.panels, block_panels_); }

  /// A piece's rows stay in the second-level cache while the columns go by.
  void choose_pieces() {
    const int64_t rows = estimated_elements({problem_.rows}), unit = rows_.unit(tile_height());
    const int64_t columns = problem_.panels * kTileSize, row_products = problem_.pairs * 2 * columns;
    const int64_t fitting = std::max(unit, std::min(problem_.lines ? kMostLineRows : kMostPieceRows,
                                                    writer_.target.l2_bytes / 2 / rows_.row_bytes()) /
                                               unit * unit);
    // An even number of pieces is shared by two threads.
    int64_t row_pieces = ceil_of(rows, fitting);
    if (row_pieces > 1) row_pieces += row_pieces % 2;
    piece_rows_ = ceil_of(ceil_of(rows, row_pieces), unit) * unit;
    int64_t outer = 1;
    for (const int64_t axis : problem_.outer_axes)
      outer *= estimated_elements({problem_.node.type().shape[axis]});
    const auto pieces = [&] { return outer * ceil_of(rows, piece_rows_) * block_count(); };
    block_panels_ = problem_.panels;
    const int64_t least = rows_.in_place() ? tile_columns_ : problem_.lines ? kBlockPanels / 2 : kBlockPanels;
    const auto too_few = [&] {
      return pieces() < writer_.target.threads &&
             piece_rows_ * row_products / block_count() >= 2 * kPieceProducts;
    };
    // Tiles are high: halves that need more of them are no gain.
    const auto tiles = [&](int64_t piece) { return ceil_of(rows, piece) * ceil_of(piece, tile_height()); };
    const auto cut_rows = [&] {
      while (piece_rows_ > unit && too_few()) {
        const int64_t half = ceil_of(piece_rows_ / unit, 2) * unit;
        if (tiles(half) > tiles(piece_rows_)) break;
        piece_rows_ = half;
      }
    };
    const auto cut_panels = [&] {
      while (block_panels_ >= 2 * least && too_few())
        block_panels_ = ceil_of(ceil_of(block_panels_, 2), tile_columns_) * tile_columns_;
    };
    // What is larger is cut first: the other operand is read once per piece.
    const bool wide = columns > outer * rows;
    if (wide) cut_panels();
    cut_rows();
    cut_panels();
    // All rows by one block of panels, or all blocks by one piece of rows: what moves less memory.
    blocks_first_ = columns * outer * ceil_of(rows, piece_rows_) > outer * rows * block_count();
  }

  // ---- tiles ----

  /// All rows of the piece, `columns` panels from `panel` on.
  void all_rows(const Index& panel, int64_t columns, const Index& low, const Index& high) {
    if (columns_) copy_columns(panel, columns);
    const int64_t height = tile_height();
    const Interval range{0, problem_.rows.is_static() ? std::optional(problem_.rows.coef) : std::nullopt};
    writer_.loop("i", low, high, height, LoopKind::serial, [&](const Index& i) {
      // The last tile begins early enough to have all its rows in memory.
      const Index first = rows_.in_place() ? lowering_.smaller(i, problem_.rows.coef - height, range) : i;
      Block products = writer_.collect([&] {
        steps(0, copied_from_ / kStepPairs, [&](const Index& step) {
          const auto at = problem_.points(0, panel * kTileSize, problem_.contracted(step * kStepPairs));
          writer_.emit(rows_.product(first, low, step, lowering_.values.place_of(problem_.right, at.right)));
        });
        steps(copied_from_ / kStepPairs, problem_.steps(), [&](const Index& step) {
          Access right{.buffer = *columns_, .at = {0, step * kStepPairs - Index(copied_from_), 0}};
          writer_.emit(rows_.product(first, low, step, std::move(right)));
        });
      });
      writer_.emit(tiles_stmt({.buffer = sums_, .at = {0, 0}}, tile_rows_, columns, std::move(products)));
      const Index end = lowering_.smaller(i + Index(height), high, range);
      writer_.loop("m", i, end, 1, LoopKind::serial, [&](const Index& m) {
        writer_.guarded(is_row(m), [&] { store_row(m, m - first, panel, columns); });
      });
    });
  }

  void steps(int64_t first, int64_t end, const std::function<void(const Index&)>& body) {
    writer_.loop("k", first, end, 1, LoopKind::serial, body);
  }

  /// In lines: whether a row is one of the result.
  Guard is_row(const Index& m) const {
    if (!problem_.lines) return {};
    const auto& lines = *problem_.lines;
    return {Index(lines.rows - lines.margin - 1) - modulo(m, lines.rows, writer_.ranges)};
  }

  /// What the region makes of the sums in row `row`, which lie in row `from` of the tile of memory.
  void store_row(const Index& row, const Index& from, const Index& panel, int64_t columns) {
    const VarId lane = writer_.variable("lane", {0, kTileSize - 1});
    lowering_.values.with_lanes(lane, kTileSize, [&] {
      writer_.loop("c", 0, columns, 1, LoopKind::unroll, [&](const Index& c) {
        const Index column = (panel + c) * kTileSize + Index::variable(lane);
        const ExprRef sum =
            keratin::load(writer_.kernel, neighbours(sums_, {from, c * kTileSize}, kTileSize));
        lowering_.values.with_guard(writer_.needed({Index(problem_.columns() - 1) - column}), [&] {
          const Values::Tile sums{&problem_.node, problem_.place(row, column), sum};
          lowering_.values.set_tile(&sums);
          lowering_.store_results(results_, sums.point);
          lowering_.values.set_tile(nullptr);
        });
      });
    });
  }

  // ---- columns ----

  /// Copies the right operand's pairs that are not read where they lie, zeros behind them.
  void copy_columns(const Index& panel, int64_t columns) {
    const int lanes = static_cast<int>(kTileSize);
    const auto store = [&](const Index& c, const Index& pair, const ExprRef& pairs) {
      writer_.emit(store_stmt(neighbours(*columns_, {c, pair - Index(copied_from_), 0}, 2 * lanes),
                              bitcast(DType::u16, pairs)));
    };
    writer_.loop("c", 0, columns, 1, LoopKind::serial, [&](const Index& c) {
      const VarId lane = writer_.variable("lane", {0, lanes - 1});
      lowering_.values.with_lanes(lane, lanes, [&] {
        const Index column = (panel + c) * kTileSize + Index::variable(lane);
        writer_.loop("k", copied_from_, problem_.pairs, 1, LoopKind::serial, [&](const Index& pair) {
          ExprRef pairs;
          lowering_.values.with_guard(problem_.is_tap(pair), [&] {
            pairs = problem_.has_pairs ? packed_pairs(column, pair) : joined_pairs(column, pair);
          });
          store(c, pair, pairs);
        });
      });
      writer_.loop(
          "k", problem_.pairs, problem_.steps() * kStepPairs, 1, LoopKind::serial,
          [&](const Index& pair) { store(c, pair, number(Scalar::of_integer(DType::u32, 0), lanes)); });
    });
  }

  ExprRef packed_pairs(const Index& column, const Index& pair) const {
    const auto at = problem_.points(0, column, problem_.contracted(pair));
    return lowering_.values.pairs(problem_.right, at.right, problem_.contraction.right_pair_axis);
  }

  /// The elements at a contracted index and the next, where there is one.
  ExprRef joined_pairs(const Index& column, const Index& pair) const {
    Point k = problem_.contracted(pair);
    const auto element = [&] {
      const auto at = problem_.points(0, column, k);
      const Index last(problem_.contraction.contracted.back().coef - 1);
      ExprRef value;
      lowering_.values.with_guard(
          writer_.needed({Index(problem_.columns() - 1) - column, last - k.back()}),
          [&] { value = lowering_.values.widen(lowering_.values.at(problem_.right, at.right)); });
      return cast(DType::u32, bf16_from_f32(std::move(value), writer_.target));
    };
    const ExprRef even = element();
    k.back() += 1;
    const ExprRef sixteen = number(Scalar::of_integer(DType::u32, 16), static_cast<int>(kTileSize));
    return apply(Op::or_, {even, apply(Op::shl, {element(), sixteen})});
  }

  TileProblem& problem_;
  RegionLowering& lowering_;
  KernelWriter& writer_;
  int64_t tile_rows_ = 1, tile_columns_ = 1;
  int64_t piece_rows_ = 1, block_panels_ = 1;
  bool blocks_first_ = false;
  TileRows rows_;
  std::vector<uint32_t> results_;
  BufferId sums_ = 0;
  int64_t copied_from_ = 0;          // which of the pairs on the right operand is copied
  std::optional<BufferId> columns_;  // to which, for a tile's columns
};

}  // namespace

bool lower_tiles(RegionLowering& lowering, const Node& node, const Contraction& contraction) {
  if (!lowering.writer.target.tiles) return false;
  TileProblem problem(lowering, node, contraction);
  return problem.fits() && lowering.writer.attempt([&] { TileGenerator(problem).run(); });
}

}  // namespace keratin
