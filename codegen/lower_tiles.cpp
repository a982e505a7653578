// Products of bf16 in tiles of 16 × 16 sums, for processors with AMX: dot products and convolutions.
//
// The result's rows, over all axes but that of the columns, are numbered through. Those of 1 to 3 tiles times the columns of 1 to 4
// panels are summed in registers by `tiles`, stored to a small tile of memory, and what follows is computed from there:
//
//     for panels j, for rows i of a piece:
//       tiles %sums[0, 0] 2 x 2 { for k …: mma rows i …, panels j … }
//       for m in rows i …: results at row m, panels j …
//
// The pairs that are summed are numbered through as well, over taps and features; a step is 16 of them. The left operand is read
// where it lies if the pairs of a row are neighbours, in whole steps, and rows follow one another at one distance. Otherwise a
// piece's rows are first laid out so, with zeros where a convolution reads outside, once for all columns. Panels of pairs are
// read where they lie, but for a last step that is not whole; other right operands are laid out for the columns of a tile.
//
// A row's sums do not depend on the tile that it is in. What a tile has beyond the piece's rows is not used.
#include <algorithm>
#include <bit>

#include "codegen/contraction.h"
#include "codegen/group.h"
#include "codegen/tiling.h"
#include "codegen/vecmath.h"
#include "ir/conv_axes.h"
#include "passes/traits.h"

namespace keratin {

namespace {

constexpr int64_t kStepPairs = kTileDepth / 2;  // of one mma
constexpr int64_t kLeastPairs = 8;              // of all, so that a step is half full at least
constexpr int64_t kMostPieceRows = 256;
constexpr int64_t kPieces = 8;               // enough to keep several threads equally busy
constexpr int64_t kPieceProducts = 1 << 20;  // what is worth handing to another thread: about a microsecond
constexpr int64_t kBlockPanels = 8;          // for which it pays to lay rows out

int64_t ceil_of(int64_t a, int64_t by) { return (a + by - 1) / by; }

class TileGenerator {
 public:
  TileGenerator(RegionLowering& lowering, const Node& node, Contraction problem)
      : lowering_(lowering),
        writer_(lowering.writer),
        node_(node),
        problem_(std::move(problem)),
        left_(before_widening(node.operands[0])),
        right_(before_widening(node.operands[1])) {
    for (uint32_t i = 0; i < lowering.region.results.size(); ++i) results_.push_back(i);
  }

  /// Whether this way is open, and worth it.
  bool fits() {
    if (left_.dtype() != DType::bf16 || right_.dtype() != DType::bf16 || node_.type().dtype != DType::f32)
      return false;
    if (problem_.contracted.empty() || problem_.tap_last || problem_.lane_axis < 0) return false;
    for (const Dim dim : problem_.contracted)
      if (!dim.is_static()) return false;
    if (!node_.type().shape[problem_.lane_axis].is_static()) return false;
    feature_pairs_ = ceil_of(problem_.contracted.back().coef, 2);
    pairs_ = feature_pairs_;
    for (size_t i = 0; i + 1 < problem_.contracted.size(); ++i) pairs_ *= problem_.contracted[i].coef;
    steps_ = ceil_of(pairs_, kStepPairs);
    panels_ = ceil_of(node_.type().shape[problem_.lane_axis].coef, kTileSize);
    base_.assign(node_.type().rank(), Index(0));
    choose_rows();
    const bool in_pairs = problem_.packed && right_.type().layout.pair_axis == problem_.right_pair_axis;
    laid_out_from_ = in_pairs ? pairs_ / kStepPairs * kStepPairs : 0;
    return pairs_ >= kLeastPairs && (in_pairs || !problem_.packed) && !left_moves_with_columns();
  }

  void run() {
    choose_tiles();
    lies_in_rows_ = finds_rows();
    if (!lies_in_rows_ && find_lines()) choose_tiles();
    choose_pieces();
    Index block;
    if (blocks_first_) block = lowering_.par_index("panels", block_count());
    for (const int64_t axis : outer_axes_) base_[axis] = lowering_.par_index("p", node_.type().shape[axis]);
    const auto [low, high] = lowering_.par_range("rows", rows_, piece_rows_);
    if (!blocks_first_) block = lowering_.par_index("panels", block_count());
    if (lines_)
      lay_out_lines(low);
    else if (!lies_in_rows_)
      lay_out_rows(low, high);
    sums_ = add_buffer(writer_.kernel,
                       {"sums", DType::f32, {tile_rows_ * kTileSize, tile_columns_ * kTileSize}, Mode::tile});
    if (const int64_t pairs = steps_ * kStepPairs - laid_out_from_; pairs > 0)
      columns_buffer_ = add_buffer(writer_.kernel,
                                   {"columns", DType::bf16, {tile_columns_, pairs, kTileDepth}, Mode::tile});

    const Index first = block * block_panels_;
    const Index last = lowering_.smaller(first + Index(block_panels_), panels_, {0, panels_});
    const Index whole = first + floor_div(last - first, tile_columns_, writer_.ranges) * tile_columns_;
    writer_.loop("j", first, whole, tile_columns_, LoopKind::serial,
                 [&](const Index& j) { rows_of(j, tile_columns_, low, high); });
    writer_.loop("j", whole, last, 1, LoopKind::serial, [&](const Index& j) { rows_of(j, 1, low, high); });
  }

 private:
  // ---- what is cut how ----

  bool left_moves_with_columns() const {
    const VarId column = static_cast<VarId>(writer_.kernel.variables.size());
    const Points at = points(0, Index::variable(column), Point(problem_.contracted.size(), Index(0)));
    return std::any_of(at.left.begin(), at.left.end(),
                       [&](const Index& index) { return index.uses(column); });
  }

  /// Axes along which the left operand alone moves are rows. A free axis is an outer loop, unless the others make no tile.
  void choose_rows() {
    const Shape& shape = node_.type().shape;
    int64_t known = 1, free_axis = -1;
    for (const int64_t axis : problem_.left_axes) {
      if (shape[axis].is_static())
        known *= shape[axis].coef;
      else
        free_axis = axis;
    }
    const bool by_free_axis = free_axis >= 0 && known < kTileSize;
    for (int64_t axis = 0; axis < node_.type().rank(); ++axis) {
      if (axis == problem_.lane_axis) continue;
      const bool is_row =
          contains(problem_.left_axes, axis) && (by_free_axis ? axis == free_axis : shape[axis].is_static());
      (is_row ? row_axes_ : outer_axes_).push_back(axis);
    }
    rows_ = by_free_axis ? shape[free_axis] : Dim(known);
  }

  void choose_tiles() {
    const int64_t rows = estimated_elements({rows_});
    tile_rows_ = rows <= kTileSize ? 1 : 2;
    tile_columns_ = std::min(panels_, kMostTilesOfSums / tile_rows_);
    if (tile_columns_ == 1) tile_rows_ = std::min(kMostTileRows, ceil_of(rows, kTileSize));
  }

  int64_t tile_height() const { return tile_rows_ * kTileSize; }
  int64_t block_count() const { return ceil_of(panels_, block_panels_); }

  /// A piece's rows stay in the second-level cache while the columns go by.
  void choose_pieces() {
    const int64_t rows = estimated_elements({rows_}), unit = lines_ ? lines_->rows : tile_height();
    const int64_t row_bytes = (lines_ ? feature_pairs_ * lines_->step * lines_->phases : pairs_) * 4,
                  row_products = pairs_ * 2 * panels_ * kTileSize;
    const int64_t fitting =
        std::max(unit, std::min(kMostPieceRows, writer_.target.l2_bytes / 2 / row_bytes) / unit * unit);
    // An even number of pieces is shared by two threads.
    int64_t row_pieces = ceil_of(rows, fitting);
    if (row_pieces > 1) row_pieces += row_pieces % 2;
    piece_rows_ = ceil_of(ceil_of(rows, row_pieces), unit) * unit;
    int64_t outer = 1;
    for (const int64_t axis : outer_axes_) outer *= estimated_elements({node_.type().shape[axis]});
    const auto pieces = [&] { return outer * ceil_of(rows, piece_rows_) * block_count(); };
    block_panels_ = panels_;
    const int64_t least = lies_in_rows_ ? tile_columns_ : lines_ ? kBlockPanels / 2 : kBlockPanels;
    const auto too_few = [&] {
      return pieces() < kPieces && piece_rows_ * row_products / block_count() >= 2 * kPieceProducts;
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
    const bool wide = panels_ * kTileSize > outer * rows;
    if (wide) cut_panels();
    cut_rows();
    cut_panels();
    // All rows by one block of panels, or all blocks by one piece of rows: what moves less memory.
    blocks_first_ = panels_ * kTileSize * outer * ceil_of(rows, piece_rows_) > outer * rows * block_count();
  }

  // ---- rows ----

  /// The result's point in row `row`, at a column.
  Point place(Index row, const Index& column) const {
    Point point = base_;
    for (size_t i = row_axes_.size(); i-- > 1;) {
      const bool is_line = lines_ && i + 1 == row_axes_.size();
      const int64_t extent = is_line ? lines_->rows : node_.type().shape[row_axes_[i]].coef;
      point[row_axes_[i]] = modulo(row, extent, writer_.ranges);
      row = floor_div(row, extent, writer_.ranges);
    }
    if (!row_axes_.empty()) point[row_axes_[0]] = row;
    point[problem_.lane_axis] = column;
    return point;
  }

  /// The contracted indices of a pair, counted over all. In lines, those of a line's taps are followed by some that are none.
  Point contracted(Index pair) const {
    Point k(problem_.contracted.size());
    const Index run = lines_ ? modulo(pair, lines_->run, writer_.ranges) : pair;
    k.back() = modulo(run, feature_pairs_, writer_.ranges) * 2;
    Index tap = floor_div(run, feature_pairs_, writer_.ranges);
    for (size_t i = k.size() - 1; i-- > 0;) {
      const int64_t extent = problem_.contracted[i].coef;
      k[i] = i == 0 || lines_ ? tap : modulo(tap, extent, writer_.ranges);
      tap = lines_ ? floor_div(pair, lines_->run, writer_.ranges) : floor_div(tap, extent, writer_.ranges);
    }
    return k;
  }

  /// Whether a pair in lines is one of a tap.
  Guard is_tap(const Index& pair) const {
    if (!lines_) return {};
    const int64_t taps = problem_.contracted[problem_.contracted.size() - 2].coef;
    return writer_.simplify({Index(taps * feature_pairs_ - 1) - modulo(pair, lines_->run, writer_.ranges)})
        .value_or(Guard{Index(-1)});
  }

  struct Points {
    Point left, right;
    Guard inside;
  };
  Points points(const Index& row, const Index& column, const Point& k) const {
    Points at;
    problem_.points(place(row, column), k, at.left, at.right, at.inside);
    return at;
  }

  /// Whether the left operand can be read where it lies. Sets along which of its axes rows go, and how far.
  bool finds_rows() {
    if (!rows_.is_static() || rows_.coef < tile_height() || feature_pairs_ % kStepPairs != 0) return false;
    if (!lowering_.values.lies_in_memory(left_) || problem_.left_pair_axis != left_.rank() - 1 ||
        !left_.type().layout.is_row_major() || problem_.contracted.back().coef % 2 != 0)
      return false;
    // Places in memory, as far as rows decide them.
    const Shape& shape = left_.shape();
    const Point k(problem_.contracted.size(), Index(0));
    const Points origin = points(0, 0, k);
    int64_t expected = 0, count = 1;
    for (size_t i = row_axes_.size(); i-- > 0;) {
      const int64_t extent = node_.type().shape[row_axes_[i]].coef;
      if (extent == 1) continue;
      const Points next = points(count, 0, k);
      int64_t distance = 0, stride = 1;
      for (int64_t axis = left_.rank(); axis-- > 0;) {
        const Index step = next.left[axis] - origin.left[axis];
        if (!step.is_constant()) return false;
        if (step.value() != 0) {
          if (axis + 1 < left_.rank() && stride == 0) return false;
          distance += step.value() * stride;
          if (expected == 0) {
            row_axis_ = static_cast<int>(axis);
            row_step_ = step.value();
          }
        }
        stride = axis > 0 && shape[axis].is_static() ? stride * shape[axis].coef : 0;
      }
      if (expected == 0) expected = distance;
      if (distance <= 0 || distance != expected * count) return false;
      count *= extent;
    }
    // No padding.
    const VarId row = static_cast<VarId>(writer_.kernel.variables.size());
    writer_.ranges[row] = {0, rows_.coef - 1};
    const VarId pair = row + 1;
    writer_.ranges[pair] = {0, pairs_ - 1};
    const Points any = points(Index::variable(row), 0, contracted(Index::variable(pair)));
    const auto needed = writer_.simplify(any.inside);
    writer_.ranges.erase(row);
    writer_.ranges.erase(pair);
    return expected > 0 && needed && needed->empty();
  }

  /// Whether the piece's lines of an image can be laid out instead of its rows, borders included: what a row reads of a line, over
  /// all taps in it, are neighbours then, and the next row's is `step` places further. Lines that a row reads are as far from each other
  /// for every row, if those are put together that leave the same remainder when divided by the stride.
  bool find_lines() {
    if (node_.op != Op::conv || pairs_ == feature_pairs_ || problem_.by_sample) return false;
    const auto& attrs = node_.as<ConvAttrs>();
    const ConvAxes axes = parse_conv_axes(attrs.dims);
    const int64_t rank = axes.space_rank();
    const auto is_row = [&](int64_t axis) { return contains(row_axes_, axis); };
    if (rank > 2 || attrs.kernel_dilation.back() != 1 || !std::ranges::all_of(axes.output.space, is_row) ||
        !std::ranges::all_of(attrs.input_dilation, [](int64_t dilation) { return dilation == 1; }))
      return false;
    const int64_t taps = problem_.contracted[rank - 1].coef;
    const Shape& shape = node_.type().shape;
    const int64_t width = shape[axes.output.space[rank - 1]].coef,
                  height = rank == 2 ? shape[axes.output.space[0]].coef : 1;
    Lines lines{.step = attrs.stride[rank - 1]};
    lines.run = ceil_of(taps * feature_pairs_, kStepPairs) * kStepPairs;
    lines.pitch =
        ceil_of((width - 1) * lines.step + ceil_of(lines.run, feature_pairs_), lines.step) * lines.step;
    lines.rows = lines.pitch / lines.step;
    lines.margin = lines.rows - width;
    if (rank == 2) {
      lines.stride = attrs.stride[0];
      lines.dilation = attrs.kernel_dilation[0];
      const int64_t last = (problem_.contracted[0].coef - 1) * lines.dilation;
      lines.phases = std::min(lines.stride, last + 1);
      lines.further = last / lines.stride;
    }
    lines_ = lines;
    if (laid_out_from_ > 0 || pairs_ < kStepPairs)
      laid_out_from_ = lines.run == taps * feature_pairs_ ? pairs_ : 0;
    pairs_ = pairs_ / (taps * feature_pairs_) * lines.run;
    steps_ = pairs_ / kStepPairs;
    // Samples are outer loops: no line continues in another image.
    for (const int64_t axis : row_axes_)
      if (!contains(axes.output.space, axis)) outer_axes_.push_back(axis);
    row_axes_ = axes.output.space;
    rows_ = Dim(lines.rows * height);
    return true;
  }

  /// Lines of each phase in a piece.
  int64_t line_count() const { return piece_rows_ / lines_->rows + lines_->further; }

  /// Copies the lines that the piece reads to a tile of memory.
  void lay_out_lines(const Index& low) {
    const auto& attrs = node_.as<ConvAttrs>();
    const ConvAxes axes = parse_conv_axes(attrs.dims);
    const int64_t place = 2 * feature_pairs_, line = lines_->pitch * place;
    const auto lanes =
        static_cast<int>(std::min<int64_t>(kStepPairs, std::bit_ceil(static_cast<uint64_t>(feature_pairs_))));
    // The last tile may have more rows than the piece. A vector's end is overwritten by the next place, or lies behind all.
    const int64_t tile_rows = ceil_of(piece_rows_, tile_height()) * tile_height(),
                  lines = lines_->phases * line_count();
    const int64_t read = (tile_rows - 1) * lines_->step * place + (lines - 1) * line + 2 * lines_->run;
    rows_buffer_ = add_buffer(writer_.kernel,
                              {"lines", DType::bf16, {std::max(read, lines * line + 2 * lanes)}, Mode::tile});
    Point left(left_.rank());
    left[axes.input.batch] = base_[axes.output.batch];
    const auto inside = [&](size_t s) {
      const Index& at = left[axes.input.space[s]];
      return Guard{at, Index(Size(left_.shape()[axes.input.space[s]])) - 1 - at};
    };
    writer_.loop("phase", 0, lines_->phases, 1, LoopKind::serial, [&](const Index& phase) {
      writer_.loop("line", 0, line_count(), 1, LoopKind::serial, [&](const Index& l) {
        Guard within;
        if (axes.space_rank() == 2) {
          const Index row = floor_div(low, lines_->rows, writer_.ranges) + l;
          left[axes.input.space[0]] = row * lines_->stride + phase - Index(attrs.pad_low[0]);
          within = inside(0);
        }
        writer_.loop("m", 0, lines_->pitch, 1, LoopKind::serial, [&](const Index& m) {
          left[axes.input.space.back()] = m - Index(attrs.pad_low.back());
          Guard all = within;
          for (const Index& each : inside(axes.input.space.size() - 1)) all.push_back(each);
          writer_.loop("k", 0, ceil_of(feature_pairs_, lanes), 1, LoopKind::serial, [&](const Index& vector) {
            const VarId lane = writer_.variable("lane", {0, lanes - 1});
            lowering_.values.with_lanes(lane, lanes, [&] {
              left[axes.input.feature] = (vector * lanes + Index::variable(lane)) * 2;
              lay_out_pairs(left, all,
                            {(phase * line_count() + l) * line + m * place + vector * (2 * lanes)});
            });
          });
        });
      });
    });
  }

  /// Where a tile's first row begins among the lines, for a step from `pair` on.
  Index place_in_lines(const Index& row, const Index& pair) const {
    const int64_t place = 2 * feature_pairs_;
    const Index down = floor_div(pair, lines_->run, writer_.ranges) * lines_->dilation;
    const Index line = modulo(down, lines_->stride, writer_.ranges) * line_count() +
                       floor_div(down, lines_->stride, writer_.ranges);
    return row * (lines_->step * place) + line * (lines_->pitch * place) +
           modulo(pair, lines_->run, writer_.ranges) * 2;
  }

  /// Copies a vector of the left operand's pairs, zeros unless `inside`, to a place in the tile of memory.
  void lay_out_pairs(const Point& left, const Guard& inside, Point to) {
    const ExprRef pairs = lowering_.values.widen(lowering_.values.pairs_or_zero(
        writer_.simplify(inside).value_or(Guard{Index(-1)}), left_, left, problem_.left_pair_axis));
    writer_.emit(
        store_stmt(neighbours(rows_buffer_, std::move(to), 2 * pairs->lanes), bitcast(DType::u16, pairs)));
  }

  /// Copies the piece's rows of the left operand to a tile of memory, pair by pair.
  void lay_out_rows(const Index& low, const Index& high) {
    // A tap's pairs in vectors; what the last has too many is overwritten by the next tap, or lies behind all.
    const auto lanes =
        static_cast<int>(std::min<int64_t>(kStepPairs, std::bit_ceil(static_cast<uint64_t>(feature_pairs_))));
    const int64_t vectors = ceil_of(feature_pairs_, lanes), taps = pairs_ / feature_pairs_;
    const int64_t whole = steps_ * kTileDepth, end = 2 * (feature_pairs_ * (taps - 1) + vectors * lanes);
    const int64_t rows = ceil_of(piece_rows_, tile_height()) * tile_height();
    rows_buffer_ =
        add_buffer(writer_.kernel, {"rows", DType::bf16, {rows, std::max(whole, end)}, Mode::tile});
    writer_.loop("m", low, high, 1, LoopKind::serial, [&](const Index& m) {
      const Index row = m - low;
      if (whole > end)
        writer_.emit(
            store_stmt(neighbours(rows_buffer_, {row, whole - kTileDepth}, static_cast<int>(kTileDepth)),
                       number(Scalar::of_integer(DType::u16, 0), static_cast<int>(kTileDepth))));
      each_tap(0, {}, [&](const Point& taps_at, const Index& tap) {
        writer_.loop("k", 0, vectors, 1, LoopKind::serial, [&](const Index& vector) {
          const VarId lane = writer_.variable("lane", {0, lanes - 1});
          lowering_.values.with_lanes(lane, lanes, [&] {
            Point k = taps_at;
            k.push_back((vector * lanes + Index::variable(lane)) * 2);
            const Points at = points(m, 0, k);
            lay_out_pairs(at.left, at.inside, {row, (tap * feature_pairs_ + vector * lanes) * 2});
          });
        });
      });
    });
  }

  /// Loops over the contracted indices but the last; `tap` numbers them through.
  void each_tap(const Index& tap, Point at, const std::function<void(const Point&, const Index&)>& body) {
    if (at.size() + 1 == problem_.contracted.size()) return body(at, tap);
    const int64_t extent = problem_.contracted[at.size()].coef;
    writer_.loop("tap", 0, extent, 1, LoopKind::serial, [&](const Index& i) {
      Point next = at;
      next.push_back(i);
      each_tap(tap * extent + i, std::move(next), body);
    });
  }

  // ---- tiles ----

  /// All rows of the piece, `columns` panels from `panel` on.
  void rows_of(const Index& panel, int64_t columns, const Index& low, const Index& high) {
    if (columns_buffer_) lay_out_columns(panel, columns);
    const int64_t height = tile_height();
    writer_.loop("i", low, high, height, LoopKind::serial, [&](const Index& i) {
      const Interval range{0, rows_.is_static() ? std::optional(rows_.coef) : std::nullopt};
      // The last tile begins early enough to have all its rows in memory.
      const Index first = lies_in_rows_ ? lowering_.smaller(i, rows_.coef - height, range) : i;
      Block products = writer_.collect([&] { all_steps(first, low, panel); });
      writer_.emit(tiles_stmt({.buffer = sums_, .at = {0, 0}}, tile_rows_, columns, std::move(products)));
      const Index end = lowering_.smaller(i + Index(height), high, range);
      writer_.loop("m", i, end, 1, LoopKind::serial, [&](const Index& m) {
        Guard in_line;
        if (lines_)
          in_line.push_back(Index(lines_->rows - lines_->margin - 1) -
                            modulo(m, lines_->rows, writer_.ranges));
        writer_.guarded(in_line, [&] {
          const VarId lane = writer_.variable("lane", {0, kTileSize - 1});
          lowering_.values.with_lanes(lane, kTileSize, [&] {
            writer_.loop("c", 0, columns, 1, LoopKind::unroll, [&](const Index& c) {
              store_row(
                  m, (panel + c) * kTileSize + Index::variable(lane),
                  keratin::load(writer_.kernel, neighbours(sums_, {m - first, c * kTileSize}, kTileSize)));
            });
          });
        });
      });
    });
  }

  void all_steps(const Index& row, const Index& low, const Index& panel) {
    const auto steps = [&](int64_t first, int64_t end, bool in_panels) {
      writer_.loop("k", first, end, 1, LoopKind::serial, [&](const Index& step) {
        const Point k = contracted(step * kStepPairs);
        const Points at = points(row, panel * kTileSize, k);
        Access right = in_panels ? lowering_.values.place_of(right_, at.right)
                                 : Access{.buffer = *columns_buffer_,
                                          .at = {0, step * kStepPairs - Index(laid_out_from_), 0}};
        if (lies_in_rows_)
          return writer_.emit(
              mma_stmt(lowering_.values.place_of(left_, at.left), row_axis_, row_step_, std::move(right), 0));
        if (!lines_)
          return writer_.emit(mma_stmt({.buffer = rows_buffer_, .at = {row - low, step * kTileDepth}}, 0, 1,
                                       std::move(right), 0));
        writer_.emit(mma_stmt({.buffer = rows_buffer_, .at = {place_in_lines(row - low, step * kStepPairs)}},
                              0, lines_->step * 2 * feature_pairs_, std::move(right), 0));
      });
    };
    const int64_t in_panels = laid_out_from_ / kStepPairs;
    steps(0, in_panels, true);
    steps(in_panels, steps_, false);
  }

  /// Lays the right operand's pairs out that are not read where they lie, zeros behind them.
  void lay_out_columns(const Index& panel, int64_t columns) {
    const int lanes = static_cast<int>(kTileSize);
    const auto store = [&](const Index& c, const Index& pair, const ExprRef& pairs) {
      writer_.emit(store_stmt(neighbours(*columns_buffer_, {c, pair - Index(laid_out_from_), 0}, 2 * lanes),
                              bitcast(DType::u16, pairs)));
    };
    writer_.loop("c", 0, columns, 1, LoopKind::serial, [&](const Index& c) {
      const VarId lane = writer_.variable("lane", {0, lanes - 1});
      lowering_.values.with_lanes(lane, lanes, [&] {
        const Index column = (panel + c) * kTileSize + Index::variable(lane);
        writer_.loop("k", laid_out_from_, pairs_, 1, LoopKind::serial, [&](const Index& pair) {
          ExprRef pairs;
          lowering_.values.with_guard(is_tap(pair), [&] {
            pairs = problem_.packed ? packed_pairs(column, pair) : joined_pairs(column, pair);
          });
          store(c, pair, pairs);
        });
      });
      writer_.loop("k", pairs_, steps_ * kStepPairs, 1, LoopKind::serial, [&](const Index& pair) {
        store(c, pair, number(Scalar::of_integer(DType::u32, 0), lanes));
      });
    });
  }

  ExprRef packed_pairs(const Index& column, const Index& pair) const {
    const Points at = points(0, column, contracted(pair));
    return lowering_.values.pairs(right_, at.right, problem_.right_pair_axis);
  }

  /// The elements at a contracted index and the next, where there is one.
  ExprRef joined_pairs(const Index& column, const Index& pair) const {
    Point k = contracted(pair);
    const auto element = [&] {
      const Points at = points(0, column, k);
      const Index columns(node_.type().shape[problem_.lane_axis].coef);
      const Guard within =
          writer_.simplify({columns - 1 - column, Index(problem_.contracted.back().coef - 1) - k.back()})
              .value_or(Guard{Index(-1)});
      ExprRef value;
      lowering_.values.with_guard(
          within, [&] { value = lowering_.values.widen(lowering_.values.at(right_, at.right)); });
      return cast(DType::u32, bf16_from_f32(std::move(value), writer_.target));
    };
    const ExprRef even = element();
    k.back() += 1;
    const ExprRef sixteen = number(Scalar::of_integer(DType::u32, 16), static_cast<int>(kTileSize));
    return apply(Op::or_, {even, apply(Op::shl, {element(), sixteen})});
  }

  void store_row(const Index& row, const Index& column, ExprRef sum) {
    const Index columns(node_.type().shape[problem_.lane_axis].coef);
    const Guard within = writer_.simplify({columns - 1 - column}).value_or(Guard{Index(-1)});
    lowering_.values.with_guard(within, [&] {
      const Values::Tile sums{&node_, place(row, column), std::move(sum)};
      lowering_.values.set_tile(&sums);
      lowering_.store_results(results_, sums.point);
      lowering_.values.set_tile(nullptr);
    });
  }

  RegionLowering& lowering_;
  KernelWriter& writer_;
  const Node& node_;
  const Contraction problem_;
  const Value left_, right_;
  std::vector<uint32_t> results_;
  Ints row_axes_, outer_axes_;  // of the result
  Dim rows_;
  int64_t feature_pairs_ = 0, pairs_ = 0;  // of one tap; of all
  int64_t steps_ = 0, panels_ = 0;
  int64_t tile_rows_ = 1, tile_columns_ = 1;
  int64_t piece_rows_ = 1, block_panels_ = 1;
  bool blocks_first_ = false;
  bool lies_in_rows_ = false;
  int row_axis_ = 0;  // if it does: the left operand's
  int64_t row_step_ = 1;
  /// Lines of an image with their borders.
  struct Lines {
    int64_t step = 1;   ///< places from row to row of the result
    int64_t run = 0;    ///< pairs that a row reads of a line, in whole steps
    int64_t pitch = 0;  ///< places in a line
    int64_t rows = 0;   ///< that begin in a line, the last `margin` of which are none of the result
    int64_t margin = 0;
    int64_t stride = 1, dilation = 1;  ///< lines from row to row of the result, from tap to tap
    int64_t phases = 1;                ///< remainders of lines by the stride, as far as they are read
    int64_t further = 0;               ///< lines of a phase that are read below a row's own
  };
  std::optional<Lines> lines_;
  BufferId rows_buffer_ = 0, sums_ = 0;
  int64_t laid_out_from_ = 0;  // which of the pairs on the right operand is copied
  std::optional<BufferId> columns_buffer_;
  Point base_;
};

}  // namespace

bool lower_tiles(RegionLowering& lowering, const Node& node, const Contraction& problem) {
  if (!lowering.writer.target.tiles) return false;
  TileGenerator generator(lowering, node, problem);
  return generator.fits() && lowering.writer.attempt([&] { generator.run(); });
}

}  // namespace keratin
