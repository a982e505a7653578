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
// in tiles of h or a row less. All other axes are outer loops. Where there is one column, or where the operands lie in
// memory along the contracted axis, lanes run along that instead, and are folded at the end.
//
// In depthwise convolutions there is little to sum: all taps along a line are summed together (sum_loops.cpp), and a block of columns
// goes through several lines before the next.
//
// The order of every sum is that of the contracted indices (or of the lanes' partial sums), whatever the tile: results do not
// depend on where a row lies.
#include <algorithm>

#include "codegen/prefetch.h"
#include "codegen/sum_loops.h"
#include "codegen/transposed_operand.h"
#include "codegen/vecmath.h"
#include "passes/traits.h"

namespace keratin {

namespace {

/// Writes the loops of one contraction.
class Generator {
  using Rows = std::pair<Index, Index>;
  /// Rows that are cut into tiles of one height.
  struct Part {
    Rows rows;
    int64_t height;
  };
  using Parts = std::vector<Part>;
  using Tile = RegisterTile;
  /// What is done with a tile: all of it, or, where sums are kept in memory, a part.
  enum class Stage : uint8_t { whole, begin, add, end };

 public:
  Generator(RegionLowering& lowering, const Node& node, Contraction problem, bool vectors)
      : lowering_(lowering),
        writer_(lowering.writer),
        node_(node),
        tiled_(lowering, node, std::move(problem), vectors),
        problem_(tiled_.problem),
        tiling_(tiled_.tiling) {
    for (uint32_t i = 0; i < lowering.region.results.size(); ++i) results_.push_back(i);
  }

  void run() {
    const Shape& shape = node_.type().shape;
    if (tiling_.blocks > 1 && tiling_.blocks_first)
      block_index_ = lowering_.par_index("panel", tiling_.blocks);
    if (tiling_.by_sample) return known_rows();
    for (const int64_t axis : tiled_.other_axes()) {
      if (axis == problem_.line_axis && tiling_.lines > 0)
        lines_ = lowering_.par_range("lines", shape[axis], tiling_.lines);
      else
        tiled_.base[axis] = lowering_.par_index("p", shape[axis]);
    }
    if (tiled_.row_extent().is_static())
      known_rows();
    else
      free_rows();
  }

 private:
  /// Called when all parallel loops before it are there.
  void choose_block() {
    if (tiling_.blocks > 1 && !tiling_.blocks_first)
      block_index_ = lowering_.par_index("panel", tiling_.blocks);
  }

  /// High tiles of rows first, then those that are a row lower.
  void known_rows() {
    const Rows piece = lowering_.par_range("rows", tiling_.tiles, tiling_.piece_tiles);
    choose_block();
    if (tiling_.transpose) transposed_.emplace(tiled_);
    const Index high_end = lowering_.smaller(piece.second, tiling_.high_tiles, {0, tiling_.high_tiles}),
                low_begin =
                    lowering_.larger(piece.first, tiling_.high_tiles, {tiling_.high_tiles, tiling_.tiles});
    const int64_t low = tiling_.height - 1;
    const auto low_row = [&](const Index& tile) { return tile * low + Index(tiling_.high_tiles); };
    Parts parts;
    add_part(parts, {piece.first * tiling_.height, high_end * tiling_.height}, tiling_.height);
    if (tiling_.high_tiles < tiling_.tiles) add_part(parts, {low_row(low_begin), low_row(piece.second)}, low);
    if (!parts.empty() && problem_.row_tap >= 0 && piece.first.is_constant() && piece.second.is_constant())
      parts = with_borders_apart(std::move(parts));
    if (!tiling_.by_sample) return each_line([&] { columns(parts, tiling_.width(tiling_.height)); });
    first_row_ =
        piece.first * low + lowering_.smaller(piece.first, tiling_.high_tiles, {0, tiling_.high_tiles});
    sample_by_sample(parts);
  }

  void each_line(const std::function<void()>& body) {
    if (!lines_) return body();
    writer_.loop("line", lines_->first, lines_->second, 1, LoopKind::serial, [&](const Index& line) {
      tiled_.base[problem_.line_axis] = line;
      body();
    });
  }

  /// All tiles for one sample, then for the next. The sums lie in a tile of memory from sample to sample.
  void sample_by_sample(const Parts& parts) {
    const Shape& shape = node_.type().shape;
    Shape sums;
    for (const int64_t axis : tiled_.other_axes()) sums.push_back(shape[axis]);
    sums.push_back(tiling_.height * tiling_.piece_tiles);
    const int64_t columns = tiling_.block > 0 ? tiling_.block : tiled_.column_extent().coef;
    sums.push_back((columns + tiling_.lanes - 1) / tiling_.lanes * tiling_.lanes);
    sums_ = add_buffer(writer_.kernel, {"sums", tiled_.dtype(), sums, Mode::tile});

    each_place(0, [&] { all_columns(parts, Stage::begin); });
    writer_.loop("k", 0, Index(Size(problem_.contracted[0])), 1, LoopKind::serial, [&](const Index& sample) {
      sample_ = sample;
      each_place(0, [&] { all_columns(parts, Stage::add); });
    });
    each_place(0, [&] { all_columns(parts, Stage::end); });
  }

  /// Loops over the axes that are neither rows nor columns, from the i-th on.
  void each_place(size_t i, const std::function<void()>& body) {
    const Ints axes = tiled_.other_axes();
    if (i == axes.size()) return body();
    writer_.loop("p", 0, Index(Size(node_.type().shape[axes[i]])), 1, LoopKind::serial,
                 [&](const Index& index) {
                   tiled_.base[axes[i]] = index;
                   each_place(i + 1, body);
                 });
  }

  void all_columns(const Parts& parts, Stage stage) {
    stage_ = stage;
    columns(parts, tiling_.width(tiling_.height));
  }

  /// Whole tiles first, then what is left: lower tiles, with as many columns as registers take.
  void free_rows() {
    const auto [low, high] =
        lowering_.par_range("rows", tiled_.row_extent(), tiling_.height * tiling_.piece_tiles);
    choose_block();
    Index done = low;
    for (int64_t height = tiling_.height; height > 0; height /= 2) {
      const Index end = done + floor_div(high - done, height, writer_.ranges) * height;
      Parts parts;
      add_part(parts, {done, end}, height);
      columns(parts, tiling_.width(height));
      done = end;
    }
  }

  /// The first and the last tile become parts of their own, whose places are known.
  static Parts with_borders_apart(Parts parts) {
    Parts split;
    Part& first = parts.front();
    const Index second = first.rows.first + Index(first.height);
    add_part(split, {first.rows.first, second}, first.height);
    first.rows.first = second;
    Part& last = parts.back();
    const Index end = last.rows.second;
    if (!(last.rows.first == end)) last.rows.second = end - Index(last.height);
    for (const Part& part : parts) add_part(split, part.rows, part.height);
    add_part(split, {last.rows.second, end}, last.height);
    return split;
  }

  static void add_part(Parts& parts, Rows rows, int64_t height) {
    if (height > 0 && !(rows.first == rows.second)) parts.push_back({std::move(rows), height});
  }

  /// All columns of these rows.
  void columns(const Parts& parts, int64_t width) {
    if (parts.empty()) return;
    const Dim all = tiled_.column_extent();
    const int64_t lanes = tiling_.lanes;
    if (tiling_.fold && !all.is_static()) return folded_columns(parts, width, 0, Index(Size(all)));
    if (!all.is_static()) {
      const Index extent{Size(all)}, whole = floor_div(extent, lanes, writer_.ranges) * lanes;
      writer_.loop("j", 0, whole, lanes, LoopKind::serial,
                   [&](const Index& j) { row_tiles(parts, j, 1, {}); });
      writer_.loop("j", whole, extent, lanes, LoopKind::serial,
                   [&](const Index& j) { row_tiles(parts, j, 1, extent); });
      return;
    }
    if (tiling_.blocks <= 1) return block_columns(parts, width, 0, all.coef, all.coef);
    const int64_t last = all.coef - tiling_.block * (tiling_.blocks - 1);
    const Index start = block_index_ * tiling_.block;
    if (last == tiling_.block) return block_columns(parts, width, start, last, all.coef);
    writer_.guarded({Index(tiling_.blocks - 2) - block_index_},
                    [&] { block_columns(parts, width, start, tiling_.block, all.coef); });
    writer_.guarded({block_index_ - Index(tiling_.blocks - 1)},
                    [&] { block_columns(parts, width, start, last, all.coef); });
  }

  /// The columns from `low` to `high`, none of which is a vector's lane.
  void folded_columns(const Parts& parts, int64_t width, const Index& low, const Index& high) {
    const Index whole = low + floor_div(high - low, width, writer_.ranges) * width;
    writer_.loop("j", low, whole, width, LoopKind::serial,
                 [&](const Index& j) { row_tiles(parts, j, width, {}); });
    writer_.loop("j", whole, high, 1, LoopKind::serial, [&](const Index& j) { row_tiles(parts, j, 1, {}); });
  }

  /// The `count` columns from `start` on, of `all`.
  void block_columns(const Parts& parts, int64_t width, const Index& start, int64_t count, int64_t all) {
    if (tiling_.fold) return folded_columns(parts, width, start, start + Index(count));
    const int64_t lanes = tiling_.lanes, step = width * lanes, whole = count / step * step;
    // In steps of 1: that a column is a multiple of the step says in which panel it is.
    writer_.loop("j", 0, whole / step, 1, LoopKind::serial,
                 [&](const Index& j) { row_tiles(parts, start + j * step, width, {}); });
    if (whole == count) return;
    const bool partial = (count - whole) % lanes != 0;
    row_tiles(parts, start + Index(whole), (count - whole + lanes - 1) / lanes,
              partial ? std::optional<Index>(all) : std::nullopt);
  }

  /// All tiles of these rows and `width` vectors of columns, which end at `limit` if that is within them.
  void row_tiles(const Parts& parts, const Index& column, int64_t width, const std::optional<Index>& limit) {
    tiles(parts, column, width, limit, [&](const Tile& tile) {
      const AccId acc = new_sums(tile);
      writer_.emit(acc_stmt(acc, number(Scalar::of(tiled_.dtype(), 0), tiling_.lanes)));
      if (stage_ == Stage::whole) return whole_tile(tile, acc);
      if (stage_ == Stage::add || stage_ == Stage::end) load_sums(tile, acc);
      if (stage_ == Stage::add) add_products(tile, acc);
      if (stage_ == Stage::end)
        store(tile, acc);
      else
        keep_sums(tile, acc);
    });
  }

  /// What the sums are combined with, and where the results go, is on its way to the caches while they are made.
  void whole_tile(const Tile& tile, AccId acc) {
    Block epilogue = writer_.collect([&] { store(tile, acc); });
    if (tiling_.fetch_results)
      writer_.emit(prefetches(writer_.kernel, epilogue, writer_.target.l2_bytes / 2));
    add_products(tile, acc);
    writer_.emit(std::move(epilogue));
  }

  /// Where the sums of row r and vector c lie between two samples.
  Access kept(const Tile& tile, const Index& r, const Index& c) const {
    Point at;
    for (const int64_t axis : tiled_.other_axes()) at.push_back(tiled_.base[axis]);
    at.push_back(tile.row + r - first_row_);
    at.push_back(tile.column - block_index_ * tiling_.block + c * tiling_.lanes);
    return neighbours(sums_, std::move(at), tiling_.lanes);
  }

  void load_sums(const Tile& tile, AccId acc) {
    tiled_.unroll(tile, {0, tile.height}, [&](const Index& r, const Index& c) {
      writer_.emit(set_stmt(acc, {r, c}, keratin::load(writer_.kernel, kept(tile, r, c))));
    });
  }

  void keep_sums(const Tile& tile, AccId acc) {
    tiled_.unroll(tile, {0, tile.height}, [&](const Index& r, const Index& c) {
      writer_.emit(store_stmt(kept(tile, r, c), acc_value(writer_.kernel, acc, {r, c})));
    });
  }

  /// Calls `body` for every tile of these rows and `width` vectors of columns.
  void tiles(const Parts& parts, const Index& column, int64_t width, const std::optional<Index>& limit,
             const std::function<void(const Tile&)>& body) {
    for (const auto& [rows, height] : parts)
      writer_.loop("i", rows.first, rows.second, height, LoopKind::serial, [&](const Index& i) {
        Tile tile{i, column, height, width, limit, {}};
        if (tiling_.lanes == 1) return body(tile);
        const VarId lane = writer_.variable("lane", {0, tiling_.lanes - 1});
        tile.lane = Index::variable(lane);
        lowering_.values.with_lanes(lane, tiling_.lanes, [&] { body(tile); });
      });
  }

  AccId new_sums(const Tile& tile) {
    return writer_.accumulator("acc", tiled_.dtype(), tiling_.lanes,
                               {tile.height, tile.width * tiling_.parts});
  }

  /// Adds all products to a tile's sums.
  void add_products(const Tile& tile, AccId acc) {
    Point first;
    if (stage_ == Stage::add) first.push_back(sample_);
    sum_loops(tiled_, tile, first, [&](const Point& k, const Summands& summands) {
      if (tiling_.prefetch > 0 && tile.height > 1) prefetch(tile, k);
      tiled_.unroll(tile, summands.rows,
                    [&](const Index& r, const Index& c) { add_product(tile, acc, k, summands, r, c); });
    });
    add_parts(tile, acc);
  }

  /// Adds the product at k to the sum of row r and vector c.
  void add_product(const Tile& tile, AccId acc, const Point& k, const Summands& summands, const Index& r,
                   const Index& c) {
    Point left, right;
    Guard inside;
    problem_.points(tiled_.place(tile, r, c), k, left, right, inside);
    Guard guard_right = problem_.packed || transposed_ ? Guard{} : tiled_.within(tile, c);
    guard_right.insert(guard_right.end(), summands.in_lanes.begin(), summands.in_lanes.end());
    Guard guard = guard_right;
    if (summands.guard_left) {
      const auto needed = writer_.needed(inside);
      guard.insert(guard.end(), needed.begin(), needed.end());
    }
    const Index column = c + Index(summands.part * tile.width);
    const ExprRef sum = acc_value(writer_.kernel, acc, {r, column});
    if (problem_.pairs)
      return writer_.emit(set_stmt(acc, {r, column}, add_pairs(left, right, guard, guard_right, sum)));
    const ExprRef a = left_value(left, guard), b = right_value(tile, k, right, guard_right, c);
    writer_.emit(set_stmt(acc, {r, column}, multiply_add(a, b, sum)));
  }

  ExprRef left_value(const Point& left, const Guard& guard) {
    return lowering_.values.at_or(guard, number(Scalar::of(tiled_.dtype(), 0)), node_.operands[0], left);
  }

  ExprRef right_value(const Tile& tile, const Point& k, const Point& right, const Guard& guard,
                      const Index& c) {
    if (transposed_)
      return keratin::load(writer_.kernel,
                           transposed_->at(floor_div(tile.column, tiling_.lanes, writer_.ranges) + c, k));
    ExprRef value;
    lowering_.values.with_guard(guard, [&] { value = lowering_.values.at(node_.operands[1], right); });
    return value;
  }

  /// The partial sums of a tile become sums: halves are added until one is left.
  void add_parts(const Tile& tile, AccId acc) {
    for (int64_t half = tiling_.parts / 2; half > 0; half /= 2)
      writer_.loop("c", 0, half * tile.width, 1, LoopKind::unroll, [&](const Index& c) {
        const ExprRef low = acc_value(writer_.kernel, acc, {0, c}),
                      high = acc_value(writer_.kernel, acc, {0, c + Index(half * tile.width)});
        writer_.emit(set_stmt(acc, {0, c}, apply(Op::add, {low, high})));
      });
  }

  /// Lines of the right operand's panels that are read a little later.
  void prefetch(const Tile& tile, const Point& at) {
    const int64_t line = std::max<int64_t>(1, kLineBytes / (tiling_.lanes * byte_size(tiled_.dtype())));
    writer_.loop("c", 0, tile.width, line, LoopKind::unroll, [&](const Index& c) {
      Point left, right;
      Guard inside;
      problem_.points(tiled_.place(tile, 0, c), at, left, right, inside);
      const ExprRef next =
          problem_.pairs ? right_pairs(right, {}) : lowering_.values.at(node_.operands[1], right);
      if (std::optional<Stmt> fetch = prefetch_ahead(next, tiling_.prefetch)) writer_.emit(std::move(*fetch));
    });
  }

  /// What the region makes of a tile's sums.
  void store(const Tile& tile, AccId acc) {
    if (tiling_.fold) return store_folded(tile, acc);
    if (lowering_.has_functions() && tile.height > 1) return store_from_memory(tile, acc);
    tiled_.unroll(tile, {0, tile.height}, [&](const Index& r, const Index& c) {
      lowering_.values.with_guard(tiled_.within(tile, c), [&] {
        store_sum(tiled_.place(tile, r, c), acc_value(writer_.kernel, acc, {r, c}));
      });
    });
  }

  /// The same for several rows where exponentials and the like follow: they need the registers for themselves, and written out for every
  /// sum they would be long.
  void store_from_memory(const Tile& tile, AccId acc) {
    const BufferId sums = add_buffer(
        writer_.kernel, {"sums", tiled_.dtype(), {tile.height, tile.width * tiling_.lanes}, Mode::tile});
    const auto place_of = [&](const Index& r, const Index& c) {
      return neighbours(sums, {r, c * tiling_.lanes}, tiling_.lanes);
    };
    tiled_.unroll(tile, {0, tile.height}, [&](const Index& r, const Index& c) {
      writer_.emit(store_stmt(place_of(r, c), acc_value(writer_.kernel, acc, {r, c})));
    });
    writer_.loop("r", 0, tile.height, 1, LoopKind::serial, [&](const Index& r) {
      writer_.loop("c", 0, tile.width, 1, LoopKind::unroll, [&](const Index& c) {
        lowering_.values.with_guard(tiled_.within(tile, c), [&] {
          store_sum(tiled_.place(tile, r, c), keratin::load(writer_.kernel, place_of(r, c)));
        });
      });
    });
  }

  void store_sum(Point point, ExprRef sum) {
    const Values::Tile sums{&node_, std::move(point), std::move(sum)};
    lowering_.values.set_tile(&sums);
    lowering_.store_results(results_, sums.point);
    lowering_.values.set_tile(nullptr);
  }

  /// The same for sums whose lanes are still to be added: those of several columns become the lanes of one vector.
  void store_folded(const Tile& tile, AccId acc) {
    // Of columns whose sums are folded together.
    int64_t group = std::min<int64_t>({tile.width, kMostFolded, tiling_.lanes});
    while (tile.width % group != 0) group /= 2;
    auto write = [&](const Index& lane, int64_t lanes) {
      writer_.loop("r", 0, tile.height, 1, LoopKind::unroll, [&](const Index& r) {
        for (int64_t c = 0; c < tile.width; c += lanes) {
          std::vector<ExprRef> sums;
          for (int64_t i = 0; i < lanes; ++i) sums.push_back(acc_value(writer_.kernel, acc, {r, c + i}));
          store_sum(tiled_.place(tile, r, lane + Index(c)), fold(Op::add, std::move(sums)));
        }
      });
    };
    const bool in_lanes = group > 1 && writer_.attempt([&] {
      const VarId lane = writer_.variable("lane", {0, group - 1});
      lowering_.values.with_lanes(lane, static_cast<int>(group),
                                  [&] { write(Index::variable(lane), group); });
    });
    if (!in_lanes) lowering_.values.with_lanes(0, 1, [&] { write(0, 1); });
  }

  /// The sum with the products at two neighbouring contracted indices.
  ExprRef add_pairs(const Point& left, const Point& right, const Guard& guard_left, const Guard& guard_right,
                    const ExprRef& sum) {
    Values& values = lowering_.values;
    const ExprRef first =
        values.pairs_or_zero(guard_left, before_widening(node_.operands[0]), left, problem_.left_pair_axis);
    const ExprRef second = right_pairs(right, guard_right);
    return dot2(values.widen(first), values.widen(second), sum, writer_.target);
  }

  ExprRef right_pairs(const Point& right, const Guard& guard) {
    return lowering_.values.pairs_or_zero(guard, before_widening(node_.operands[1]), right,
                                          problem_.right_pair_axis);
  }

  ExprRef multiply_add(const ExprRef& a, const ExprRef& b, const ExprRef& sum) const {
    const ExprRef left = lowering_.values.widen(a), right = lowering_.values.widen(b);
    if (is_float(tiled_.dtype())) return madd(left, right, sum, writer_.target.fma);
    return apply(Op::add, {apply(Op::mul, {left, right}), sum});
  }

  RegionLowering& lowering_;
  KernelWriter& writer_;
  const Node& node_;
  TiledContraction tiled_;
  const Contraction& problem_;
  const Tiling& tiling_;
  std::optional<TransposedOperand> transposed_;  // the right one
  std::vector<uint32_t> results_;
  Index block_index_;
  std::optional<Rows> lines_;  // of a piece, where it has several
  Stage stage_ = Stage::whole;
  // Where sums are kept in memory:
  BufferId sums_ = 0;
  Index sample_, first_row_;
};

}  // namespace

void lower_contraction(RegionLowering& lowering, const Node& node) {
  KernelWriter& writer = lowering.writer;
  if (lower_tiles(lowering, node, contraction_of(node, writer.ranges))) return;
  auto write = [&](bool vectors) {
    Generator(lowering, node, contraction_of(node, writer.ranges), vectors).run();
  };
  vectorize_or_not(writer, true, write);
}

}  // namespace keratin
