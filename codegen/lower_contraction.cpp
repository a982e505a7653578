// The contraction generator: dot products and convolutions of any form, and what follows them.
//
// A tile of h × u vectors of the result is held in registers while the loops over the contracted indices run once:
//
//     for k …: unroll r in 0..h, c in 0..u: acc[r,c] = fma(left at (r, k), right at (c, k), acc[r,c])
//
// What the two operands look like from the tile is not decided here: `Values::at` answers with a scalar where the operand
// does not vary along the lanes (it is then broadcast), with a contiguous vector where it does, and the same load serves
// all r or all c that it does not depend on. So one generator covers products of matrices, batched and transposed ones,
// convolutions in either layout, grouped and depthwise ones. What the region computes from the sums (bias, activation,
// residual) is applied to the registers before they are stored.
//
// Columns are the lane axis: the result's last axis, as a rule. They are cut into blocks, the panels of a packed operand
// (or the groups of a convolution), so that within a block every index is linear. Rows are another axis of the result,
// in tiles of h and, at the end, single ones. All other axes are outer loops; a piece may take several steps of the one before
// the rows, where rows are few. A product with a single column has
// its lanes run along the contracted axis instead, and folds them at the end.
//
// Long sums are made in stretches: the columns' part of the right operand that one stretch needs stays in the first-level cache
// while all tiles of rows go by, and the tiles' sums wait in scratch memory for the next stretch.
//
// The order of every sum is that of the contracted indices (or of the lanes' partial sums), whatever the tile: results do not
// depend on where a row lies.
#include <algorithm>

#include "codegen/contraction.h"
#include "codegen/group.h"
#include "codegen/vecmath.h"

namespace keratin {

namespace {

/// Writes the loops of one contraction.
class Generator {
  using Rows = std::pair<Index, Index>;
  static constexpr int64_t kMostTiles = 16;  // of rows, in a piece

 public:
  Generator(RegionLowering& lowering, const Node& node, Contraction problem)
      : lowering_(lowering), writer_(lowering.writer), node_(node), problem_(std::move(problem)) {
    for (uint32_t i = 0; i < lowering.region.results.size(); ++i) results_.push_back(i);
  }

  void run() {
    choose_tile();
    const Shape& shape = node_.type().shape;
    base_.assign(shape.size(), Index(0));
    const bool panels_first = blocks_ > 1 && weights_outweigh();
    if (panels_first) block_index_ = lowering_.par_index("panel", blocks_);
    for (int64_t axis = 0; axis < node_.type().rank(); ++axis) {
      if (axis == problem_.lane_axis || axis == problem_.row_axis) continue;
      if (axis + 1 == problem_.row_axis && lines_ > 1)
        line_range_ = lowering_.par_range("line", shape[axis], lines_);
      else
        base_[axis] = lowering_.par_index("p", shape[axis]);
    }
    Rows rows{0, 1};
    if (problem_.row_axis >= 0)
      rows = lowering_.par_range("row", shape[problem_.row_axis], height_ * tiles_per_piece());
    if (blocks_ > 1 && !panels_first) block_index_ = lowering_.par_index("panel", blocks_);

    // Whole tiles of rows first, then what is left: one lower tile if its height is known, otherwise rows one by one, with as
    // many columns as registers take.
    const auto& [low, high] = rows;
    const Index whole = low + floor_div(high - low, height_, writer_.ranges) * height_;
    columns({low, whole}, {height_, width_, stretch()});
    if (!row_extent().is_static()) return columns({whole, high}, {1, single_row_width_});
    const int64_t rest = row_extent().coef % height_;
    if (rest == 1) columns({whole, high}, {1, single_row_width_});
    if (rest > 1) columns({whole, high}, {rest, width_, stretch()});
  }

  void use_scalars() { vectors_ = false; }

 private:
  DType dtype() const { return compute_dtype(node_.type().dtype); }
  Dim column_extent() const {
    return problem_.lane_axis < 0 ? Dim(1) : node_.type().shape[problem_.lane_axis];
  }

  Dim row_extent() const { return problem_.row_axis < 0 ? Dim(1) : node_.type().shape[problem_.row_axis]; }

  void choose_tile() {
    const Target& target = writer_.target;
    const Dim columns = column_extent();
    lanes_ = vectors_ ? std::max(1, target.lanes(byte_size(dtype()))) : 1;
    fold_ = vectors_ && columns.is(1) && !problem_.contracted.empty() &&
            !(problem_.contracted.back().is_static() && problem_.contracted.back().coef < lanes_);
    if (!fold_) {
      // Several panels make a block that is wide enough for a tile.
      if (problem_.packed) problem_.block = std::max<int64_t>(problem_.block, 2 * lanes_);
      while (lanes_ > 1 && columns.is_static() && lanes_ / 2 >= columns.coef) lanes_ /= 2;
      while (problem_.block > 0 && problem_.block % lanes_ != 0) lanes_ /= 2;
    }
    if (problem_.block > 0 && columns.is_static())
      blocks_ = (columns.coef + problem_.block - 1) / problem_.block;
    const int64_t per_block = problem_.block > 0    ? problem_.block
                              : columns.is_static() ? columns.coef
                                                    : lanes_;
    width_ = fold_ || per_block <= lanes_ ? 1 : 2;
    single_row_width_ = fold_ ? 1 : std::clamp<int64_t>(per_block / lanes_, 1, 4);
    // Accumulators, one row of the right operand and one element of the left one share the registers.
    height_ = std::min<int64_t>(14, std::max<int64_t>(1, (target.vector_registers - width_ - 1) / width_));
    if (problem_.row_axis < 0) height_ = 1;
    const Dim rows = row_extent();
    if (rows.is_static()) {
      const int64_t count = std::max<int64_t>(1, (rows.coef + height_ - 1) / height_);
      height_ = std::max<int64_t>(1, (rows.coef + count - 1) / count);
      const int64_t line_axis = problem_.row_axis - 1;
      if (line_axis >= 0 && line_axis != problem_.lane_axis && stretch()) {
        const Dim lines = node_.type().shape[line_axis];
        if (lines.is_static())
          lines_ = std::clamp<int64_t>(kMostTiles / count, 1, std::max<int64_t>(1, lines.coef));
      }
    }
  }

  /// Whether sweeping all rows once per panel moves less memory than sweeping all panels once per piece of rows.
  bool weights_outweigh() const {
    const int64_t pieces = estimated_rows() / (height_ * tiles_per_piece());
    return estimate(node_.operands[1].shape()) * std::max<int64_t>(1, pieces) >
           estimate(node_.operands[0].shape()) * blocks_;
  }

  /// Rows of the result, over all its other axes but the columns.
  int64_t estimated_rows() const {
    return estimate(node_.type().shape) / std::max<int64_t>(1, estimate({column_extent()}));
  }

  /// A number of elements; a symbol counts as a small batch.
  static int64_t estimate(const Shape& shape) {
    int64_t elements = 1;
    for (Dim dim : shape) elements *= dim.is_static() ? dim.coef : 8 * dim.coef;
    return elements;
  }

  /// Rows of a piece, in tiles: the rows' left operand stays in the second-level cache while the columns go by.
  int64_t tiles_per_piece() const {
    const int64_t row_bytes = std::max<int64_t>(
        1, estimate(node_.operands[0].shape()) * byte_size(dtype()) / std::max<int64_t>(1, estimated_rows()));
    return std::clamp<int64_t>(writer_.target.l2_bytes / 4 / (row_bytes * height_), 1, kMostTiles);
  }

  /// A part of the contracted indices: all values of those before `axis` one by one, `length` neighbours of that at `axis`, and
  /// everything behind it.
  struct Stretch {
    size_t axis;
    int64_t length;
  };

  /// How sums are cut into stretches; nothing if they are made in one go.
  std::optional<Stretch> stretch() const {
    if (fold_ || problem_.row_axis < 0 || tiles_per_piece() == 1) return {};
    const int64_t column_bytes = width_ * lanes_ * byte_size(dtype());
    const int64_t room = writer_.target.l1_bytes / 2 / column_bytes;
    int64_t behind = 1;
    for (size_t axis = problem_.contracted.size(); axis-- > 0;) {
      const Dim extent = problem_.contracted[axis];
      if (!extent.is_static()) return {};
      if (behind * extent.coef > room) {
        // As few as fit, of equal lengths.
        const int64_t fitting = std::max<int64_t>(1, room / behind),
                      count = (extent.coef + fitting - 1) / fitting;
        return Stretch{axis, (extent.coef + count - 1) / count};
      }
      behind *= extent.coef;
    }
    return {};
  }

  struct Tiling {
    int64_t height, width;  ///< in rows and in vectors
    std::optional<Stretch> stretch;
  };
  /// All columns of rows that are a multiple of the height.
  void columns(const Rows& rows, Tiling tiling) {
    if (rows.first == rows.second) return;
    const Dim all = column_extent();
    if (fold_) return row_tiles(rows, 0, {tiling.height, 1, {}}, {});
    if (!all.is_static()) {
      const Index extent{Size(all)}, whole = floor_div(extent, lanes_, writer_.ranges) * lanes_;
      tiling.width = 1;
      writer_.loop("j", 0, whole, lanes_, LoopKind::serial,
                   [&](const Index& j) { row_tiles(rows, j, tiling, {}); });
      writer_.loop("j", whole, extent, lanes_, LoopKind::serial,
                   [&](const Index& j) { row_tiles(rows, j, tiling, extent); });
      return;
    }
    if (blocks_ <= 1) return block_columns(rows, tiling, 0, all.coef, all.coef);
    const int64_t last = all.coef - problem_.block * (blocks_ - 1);
    const Index start = block_index_ * problem_.block;
    if (last == problem_.block) return block_columns(rows, tiling, start, last, all.coef);
    writer_.guarded({Index(blocks_ - 2) - block_index_},
                    [&] { block_columns(rows, tiling, start, problem_.block, all.coef); });
    writer_.guarded({block_index_ - Index(blocks_ - 1)},
                    [&] { block_columns(rows, tiling, start, last, all.coef); });
  }

  /// The `count` columns from `start` on, of `all`.
  void block_columns(const Rows& rows, Tiling tiling, const Index& start, int64_t count, int64_t all) {
    const int64_t step = tiling.width * lanes_, whole = count / step * step;
    writer_.loop("j", 0, whole, step, LoopKind::serial,
                 [&](const Index& j) { row_tiles(rows, start + j, tiling, {}); });
    if (whole == count) return;
    tiling.width = (count - whole + lanes_ - 1) / lanes_;
    const bool partial = (count - whole) % lanes_ != 0;
    row_tiles(rows, start + Index(whole), tiling, partial ? std::optional<Index>(all) : std::nullopt);
  }

  void row_tiles(const Rows& rows, const Index& column, const Tiling& tiling,
                 const std::optional<Index>& limit) {
    if (tiling.stretch) return row_tiles_in_stretches(rows, column, tiling, limit);
    tiles(rows, column, tiling, limit, [&](const Tile& tile) {
      const AccId acc = new_sums(tile);
      writer_.emit(acc_stmt(acc, number(Scalar::of(dtype(), 0), lanes_)));
      add_products(tile, acc, {}, {});
      store(tile, acc);
    });
  }

  void row_tiles_in_stretches(const Rows& rows, const Index& column, const Tiling& tiling,
                              const std::optional<Index>& limit) {
    const Rows lines = line_range_.value_or(Rows{0, 1});
    auto place = [&](const Tile& tile, const Index& r, const Index& c) {
      return Access{.buffer = waiting_sums(),
                    .at = {tile.line - lines.first, tile.row + r - rows.first, c * lanes_},
                    .lanes = lanes_,
                    .lane_axis = 2};
    };
    auto save = [&](const Tile& tile, const AccId acc) {
      unroll(tile, [&](const Index& r, const Index& c) {
        writer_.emit(store_stmt(place(tile, r, c), acc_value(writer_.kernel, acc, {r, c})));
      });
    };
    auto restored = [&](const Tile& tile) {
      const AccId acc = new_sums(tile);
      writer_.emit(acc_stmt(acc, number(Scalar::of(dtype(), 0), lanes_)));
      unroll(tile, [&](const Index& r, const Index& c) {
        writer_.emit(set_stmt(acc, {r, c}, load(writer_.kernel, place(tile, r, c))));
      });
      return acc;
    };
    tiles(rows, column, tiling, limit, [&](const Tile& tile) {
      unroll(tile, [&](const Index& r, const Index& c) {
        writer_.emit(store_stmt(place(tile, r, c), number(Scalar::of(dtype(), 0), lanes_)));
      });
    });
    Point k;
    stretches(k, *tiling.stretch, [&](const Bounds& bounds) {
      tiles(rows, column, tiling, limit, [&](const Tile& tile) {
        const AccId acc = restored(tile);
        add_products(tile, acc, k, bounds);
        save(tile, acc);
      });
    });
    tiles(rows, column, tiling, limit, [&](const Tile& tile) { store(tile, restored(tile)); });
  }

  /// Where the sums of a piece's tiles wait: by line, row and column of a tile.
  BufferId waiting_sums() {
    if (!waiting_sums_) {
      int64_t rows = height_ * tiles_per_piece();
      if (row_extent().is_static()) rows = std::min(rows, row_extent().coef);
      waiting_sums_ = add_buffer(
          writer_.kernel, {"sums", dtype(), {Dim(lines_), Dim(rows), Dim(width_ * lanes_)}, Mode::tile});
    }
    return *waiting_sums_;
  }

  using Bounds = std::optional<std::pair<Index, Index>>;

  /// Calls `body` for every stretch: `k` are the indices before its axis, the argument the bounds of that axis.
  void stretches(Point& k, const Stretch& stretch, const std::function<void(const Bounds&)>& body) {
    const Index extent{Size(problem_.contracted[k.size()])};
    if (k.size() == stretch.axis) {
      writer_.loop("k", 0, extent, stretch.length, LoopKind::serial, [&](const Index& low) {
        body(Bounds({low, lowering_.smaller(low + Index(stretch.length), extent, {1, extent.value()})}));
      });
      return;
    }
    writer_.loop("k", 0, extent, 1, LoopKind::serial, [&](const Index& index) {
      k.push_back(index);
      stretches(k, stretch, body);
      k.pop_back();
    });
  }

  /// A tile of the result: its place and, where columns end within it, how many there are.
  struct Tile {
    Index line, row, column;
    int64_t height, width;
    std::optional<Index> limit;
    Index lane;
  };

  /// Calls `body` for every tile of these rows and one tile's width of columns.
  void tiles(const Rows& rows, const Index& column, const Tiling& tiling, const std::optional<Index>& limit,
             const std::function<void(const Tile&)>& body) {
    const Rows lines = line_range_.value_or(Rows{0, 1});
    writer_.loop("line", lines.first, lines.second, 1, LoopKind::serial, [&](const Index& line) {
      writer_.loop("i", rows.first, rows.second, tiling.height, LoopKind::serial, [&](const Index& i) {
        Tile tile{line, i, column, tiling.height, tiling.width, limit, {}};
        if (lanes_ == 1) return body(tile);
        const VarId lane = writer_.variable("lane", {0, lanes_ - 1});
        tile.lane = Index::variable(lane);
        lowering_.values.with_lanes(lane, lanes_, [&] { body(tile); });
      });
    });
  }

  /// Calls `body` for every row r and vector c of a tile.
  void unroll(const Tile& tile, const std::function<void(const Index& r, const Index& c)>& body) {
    writer_.loop("r", 0, tile.height, 1, LoopKind::unroll, [&](const Index& r) {
      writer_.loop("c", 0, tile.width, 1, LoopKind::unroll, [&](const Index& c) { body(r, c); });
    });
  }

  /// The result's point at row r and vector c of a tile.
  Point place(const Tile& tile, const Index& r, const Index& c) const {
    Point point = base_;
    if (problem_.row_axis >= 0) point[problem_.row_axis] = tile.row + r;
    if (line_range_) point[problem_.row_axis - 1] = tile.line;
    if (problem_.lane_axis >= 0 && !fold_) point[problem_.lane_axis] = tile.column + c * lanes_ + tile.lane;
    return point;
  }

  /// Under which conditions vector c of a tile is a column.
  Guard within(const Tile& tile, const Index& c) const {
    if (!tile.limit) return {};
    return writer_.simplify({*tile.limit - 1 - tile.column - c * lanes_ - tile.lane})
        .value_or(Guard{Index(-1)});
  }

  AccId new_sums(const Tile& tile) {
    return writer_.accumulator("acc", dtype(), lanes_, {tile.height, tile.width});
  }

  /// Adds to a tile's sums: all products, or those at the contracted indices that begin with `first` and go on within `bounds`.
  void add_products(const Tile& tile, AccId acc, Point first, const Bounds& bounds) {
    contracted_loops(first, bounds, tile, [&](const Point& at, bool guard_left, const Guard& in_lanes) {
      unroll(tile, [&](const Index& r, const Index& c) {
        Point left, right;
        Guard inside;
        problem_.points(place(tile, r, c), at, left, right, inside);
        Guard guard_right = problem_.packed ? Guard{} : within(tile, c);
        guard_right.insert(guard_right.end(), in_lanes.begin(), in_lanes.end());
        Guard guard = guard_right;
        if (guard_left) {
          const auto needed = writer_.simplify(inside).value_or(Guard{Index(-1)});
          guard.insert(guard.end(), needed.begin(), needed.end());
        }
        ExprRef a, b;
        const ExprRef zero = number(Scalar::of(dtype(), 0));
        a = lowering_.values.at_or(guard, zero, node_.operands[0], left);
        lowering_.values.with_guard(guard_right, [&] { b = lowering_.values.at(node_.operands[1], right); });
        const ExprRef sum = acc_value(writer_.kernel, acc, {r, c});
        writer_.emit(set_stmt(acc, {r, c}, multiply_add(a, b, sum)));
      });
    });
  }

  /// What the region makes of a tile's sums.
  void store(const Tile& tile, AccId acc) {
    auto write = [&] {
      unroll(tile, [&](const Index& r, const Index& c) {
        const Values::Tile sums{&node_, place(tile, r, c), acc, {r, c}, fold_};
        lowering_.values.set_tile(&sums);
        lowering_.values.with_guard(within(tile, c), [&] { lowering_.store_results(results_, sums.point); });
        lowering_.values.set_tile(nullptr);
      });
    };
    if (fold_)
      lowering_.values.with_lanes(0, 1, write);
    else
      write();
  }

  ExprRef multiply_add(const ExprRef& a, const ExprRef& b, const ExprRef& sum) const {
    const ExprRef left = lowering_.values.widen(a), right = lowering_.values.widen(b);
    if (is_float(dtype())) return madd(left, right, sum, writer_.target.fma);
    return apply(Op::add, {apply(Op::mul, {left, right}), sum});
  }

  /// The loops over the contracted indices behind those in `k`, the first of them within `bounds` if there are any. Where
  /// padding is involved the innermost loop is written twice: once for tiles that lie inside, without conditions, and once
  /// with them. What no row of the tile needs is skipped.
  void contracted_loops(Point& k, const Bounds& bounds, const Tile& tile,
                        const std::function<void(const Point&, bool, const Guard&)>& step) {
    const size_t depth = k.size(), last = problem_.contracted.size();
    if (depth == last) return step(k, false, {});
    const auto [low, high] = bounds.value_or(std::pair<Index, Index>{0, Size(problem_.contracted[depth])});
    if (depth + 1 < last) {
      writer_.loop("k", low, high, 1, LoopKind::serial, [&](const Index& index) {
        k.push_back(index);
        contracted_loops(k, {}, tile, step);
        k.pop_back();
      });
      return;
    }
    if (fold_) return folded_loop(k, high, tile.lane, step);

    auto innermost = [&](bool guard_left) {
      writer_.loop("k", low, high, 1, LoopKind::serial, [&](const Index& index) {
        k.push_back(index);
        step(k, guard_left, {});
        k.pop_back();
      });
    };
    Guard common, everywhere;
    if (!tile_conditions(k, tile, common, everywhere)) {
      writer_.guarded(common, [&] { innermost(true); });
      return;
    }
    writer_.guarded(common, [&] {
      if (everywhere.empty()) return innermost(false);
      Block inside = writer_.collect([&] { innermost(false); });
      Block border = writer_.collect([&] { innermost(true); });
      writer_.emit(if_stmt(everywhere, std::move(inside), std::move(border)));
    });
  }

  /// The conditions under which the left operand's points are inside: `common` do not depend on the place in the tile,
  /// `everywhere` say that every place is inside. False if the latter cannot be said.
  bool tile_conditions(const Point& k, const Tile& tile, Guard& common, Guard& everywhere) {
    // Variables that stand for the place in the tile; they are never written.
    const VarId r = static_cast<VarId>(writer_.kernel.variables.size()), c = r + 1;
    writer_.ranges[r] = {0, tile.height - 1};
    writer_.ranges[c] = {0, tile.width - 1};
    std::vector<std::pair<VarId, int64_t>> places{{r, tile.height - 1}, {c, tile.width - 1}};
    if (lanes_ > 1 && !tile.lane.terms().empty())
      places.push_back({tile.lane.terms().begin()->first.variable, lanes_ - 1});

    Point at = k, left, right;
    at.push_back(0);
    Guard inside;
    problem_.points(place(tile, Index::variable(r), Index::variable(c)), at, left, right, inside);
    bool known = true;
    for (const Index& condition : inside) {
      if (condition.interval(writer_.ranges).low.value_or(-1) >= 0) continue;
      Index worst = condition;
      bool varies = false;
      for (const auto& [variable, last] : places) {
        const auto slope = worst.slope(variable);
        if (!slope) {
          known = false;
          break;
        }
        varies |= *slope != 0 && last > 0;
        worst = worst.substitute(variable, *slope >= 0 ? 0 : last, writer_.ranges);
      }
      if (known) (varies ? everywhere : common).push_back(worst);
    }
    writer_.ranges.erase(r);
    writer_.ranges.erase(c);
    return known;
  }

  /// The innermost loop with its index along the lanes.
  void folded_loop(Point& k, const Index& extent, const Index& lane,
                   const std::function<void(const Point&, bool, const Guard&)>& step) {
    const Index whole = floor_div(extent, lanes_, writer_.ranges) * lanes_;
    auto body = [&](const Index& index, const Guard& guard) {
      k.push_back(index + lane);
      step(k, true, guard);
      k.pop_back();
    };
    writer_.loop("k", 0, whole, lanes_, LoopKind::serial, [&](const Index& index) { body(index, {}); });
    writer_.loop("k", whole, extent, lanes_, LoopKind::serial, [&](const Index& index) {
      body(index, writer_.simplify({extent - 1 - index - lane}).value_or(Guard{Index(-1)}));
    });
  }

  RegionLowering& lowering_;
  KernelWriter& writer_;
  const Node& node_;
  Contraction problem_;
  std::vector<uint32_t> results_;
  bool vectors_ = true;
  bool fold_ = false;
  int lanes_ = 1;
  int64_t width_ = 1, height_ = 1;  // the tile, in vectors and rows
  int64_t single_row_width_ = 1;    // the width of tiles of one row
  int64_t blocks_ = 1;
  int64_t lines_ = 1;  // steps of the axis before the rows in a piece
  std::optional<Rows> line_range_;
  std::optional<BufferId> waiting_sums_;
  Index block_index_;
  Point base_;
};

}  // namespace

void lower_contraction(RegionLowering& lowering, const Node& node) {
  KernelWriter& writer = lowering.writer;
  auto write = [&](bool vectors) {
    Generator generator(lowering, node, contraction_of(node, writer.ranges));
    if (!vectors) generator.use_scalars();
    generator.run();
  };
  vectorize_or_not(writer, true, write);
}

}  // namespace keratin
