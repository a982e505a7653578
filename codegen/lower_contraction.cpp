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
// The order of every sum is that of the contracted indices (or of the lanes' partial sums), whatever the tile: results do not
// depend on where a row lies.
#include <algorithm>

#include "codegen/contraction.h"
#include "codegen/group.h"
#include "codegen/prefetch.h"
#include "codegen/tiling.h"
#include "codegen/vecmath.h"
#include "passes/traits.h"

namespace keratin {

namespace {

constexpr int64_t kLineBytes = 64;  // of a cache

/// Writes the loops of one contraction.
class Generator {
  using Rows = std::pair<Index, Index>;
  using RowRange = std::pair<int64_t, int64_t>;  // of a tile
  /// Rows that are cut into tiles of one height.
  struct Part {
    Rows rows;
    int64_t height;
  };
  using Parts = std::vector<Part>;
  /// A tile of the result: its place and, where columns end within it, how many there are.
  struct Tile {
    Index row, column;
    int64_t height, width;
    std::optional<Index> limit;
    Index lane;
  };
  /// What is done with a tile: all of it, or, where sums are kept in memory, a part.
  enum class Stage : uint8_t { whole, begin, add, end };

 public:
  Generator(RegionLowering& lowering, const Node& node, Contraction problem, bool vectors)
      : lowering_(lowering),
        writer_(lowering.writer),
        node_(node),
        problem_(std::move(problem)),
        tiling_(choose_tiling(node, problem_, writer_.target, vectors, lowering.scheduler)) {
    problem_.pairs &= !tiling_.transpose;  // the copies are widened
    for (uint32_t i = 0; i < lowering.region.results.size(); ++i) results_.push_back(i);
    for (const auto& each : lowering.region.nodes)
      has_functions_ |= family_of(each->op) == Family::pointwise && !is_kernel_op(each->op);
  }

  void run() {
    const Shape& shape = node_.type().shape;
    base_.assign(shape.size(), Index(0));
    if (tiling_.blocks > 1 && tiling_.blocks_first)
      block_index_ = lowering_.par_index("panel", tiling_.blocks);
    if (tiling_.by_sample) return known_rows();
    for (const int64_t axis : other_axes()) base_[axis] = lowering_.par_index("p", shape[axis]);
    if (row_extent().is_static())
      known_rows();
    else
      free_rows();
  }

 private:
  DType dtype() const { return compute_dtype(node_.type().dtype); }
  Dim column_extent() const {
    return problem_.lane_axis < 0 ? Dim(1) : node_.type().shape[problem_.lane_axis];
  }

  Dim row_extent() const { return problem_.row_axis < 0 ? Dim(1) : node_.type().shape[problem_.row_axis]; }

  /// Of the result: neither rows nor columns.
  Ints other_axes() const {
    Ints axes;
    for (int64_t axis = 0; axis < node_.type().rank(); ++axis)
      if (axis != problem_.lane_axis && axis != problem_.row_axis) axes.push_back(axis);
    return axes;
  }

  /// Called when all parallel loops before it are there.
  void choose_block() {
    if (tiling_.blocks > 1 && !tiling_.blocks_first)
      block_index_ = lowering_.par_index("panel", tiling_.blocks);
  }

  /// High tiles of rows first, then those that are a row lower.
  void known_rows() {
    const Rows piece = lowering_.par_range("rows", tiling_.tiles, tiling_.piece_tiles);
    choose_block();
    if (tiling_.transpose) transpose_right();
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
    if (!tiling_.by_sample) return columns(parts, tiling_.width(tiling_.height));
    first_row_ =
        piece.first * low + lowering_.smaller(piece.first, tiling_.high_tiles, {0, tiling_.high_tiles});
    sample_by_sample(parts);
  }

  /// Copies the right operand, as far as this piece reads it, to a tile of memory: panels of columns, zeros behind the last.
  void transpose_right() {
    const int64_t lanes = tiling_.lanes, columns = column_extent().coef,
                  panels = (columns + lanes - 1) / lanes;
    Shape shape{panels};
    shape.insert(shape.end(), problem_.contracted.begin(), problem_.contracted.end());
    Shape vectors = shape;
    vectors.push_back(lanes);
    right_ = add_buffer(writer_.kernel, {"columns", dtype(), vectors, Mode::tile});
    if (writer_.attempt([&] { transpose_by_squares(panels, columns); })) return;
    element_loops(lowering_, shape, false, [&](const Point& at) {
      const Point k(at.begin() + 1, at.end());
      const VarId lane = writer_.variable("lane", {0, lanes - 1});
      lowering_.values.with_lanes(lane, tiling_.lanes, [&] {
        Point out = base_, left, right;
        Guard inside;
        if (problem_.row_axis >= 0) out[problem_.row_axis] = 0;
        out[problem_.lane_axis] = at[0] * lanes + Index::variable(lane);
        problem_.points(out, k, left, right, inside);
        const Guard within = writer_.needed({Index(columns - 1) - out[problem_.lane_axis]});
        const ExprRef value =
            lowering_.values.at_or(within, number(Scalar::of(dtype(), 0)), node_.operands[1], right);
        writer_.emit(store_stmt(transposed_place(at[0], k), lowering_.values.widen(value)));
      });
    });
  }

  /// As many columns as a vector has lanes, at as many places of the last contracted index, are read along that index and transposed.
  /// Throws NoLanes if they do not lie so.
  void transpose_by_squares(int64_t panels, int64_t columns) {
    const int64_t lanes = tiling_.lanes, terms = problem_.contracted.back().coef;
    if (lanes < 2) throw NoLanes();
    Shape outer{panels};
    outer.insert(outer.end(), problem_.contracted.begin(), problem_.contracted.end() - 1);
    const auto squares = [&](const Point& at, int64_t panel_columns) {
      writer_.loop("k", 0, terms / lanes, 1, LoopKind::serial,
                   [&](const Index& k) { transpose_square(at, k * lanes, panel_columns, lanes); });
      if (terms % lanes != 0)
        transpose_square(at, Index(terms / lanes * lanes), panel_columns, terms % lanes);
    };
    // The last panel, if it is not full, by itself: then it is known which columns there are.
    const int64_t whole = columns / lanes;
    outer[0] = whole;
    element_loops(lowering_, outer, false, [&](const Point& at) { squares(at, lanes); });
    if (whole == panels) return;
    outer[0] = 1;
    element_loops(lowering_, outer, false, [&](Point at) {
      at[0] += Index(whole);
      squares(at, columns % lanes);
    });
  }

  /// Of the panel and the outer contracted indices `at`: `columns` columns at `terms` places of the last index from `first` on.
  void transpose_square(const Point& at, const Index& first, int64_t columns, int64_t terms) {
    const int64_t lanes = tiling_.lanes;
    const auto keep = [&](ExprRef value) { return writer_.let("row", std::move(value)); };
    std::vector<ExprRef> rows;
    const VarId lane = writer_.variable("lane", {0, lanes - 1});
    lowering_.values.with_lanes(lane, tiling_.lanes, [&] {
      for (int64_t column = 0; column < lanes; ++column) {
        Point k(at.begin() + 1, at.end());
        k.push_back(first + Index::variable(lane));
        Point out = base_, left, right;
        Guard inside;
        if (problem_.row_axis >= 0) out[problem_.row_axis] = 0;
        out[problem_.lane_axis] = at[0] * lanes + Index(column);
        problem_.points(out, k, left, right, inside);
        const ExprRef zero = number(Scalar::of(dtype(), 0));
        const Guard within =
            writer_.needed({first + Index(terms - 1) - k.back(), Index(columns - 1 - column)});
        rows.push_back(
            keep(lowering_.values.widen(lowering_.values.at_or(within, zero, node_.operands[1], right))));
      }
    });
    rows = transposed(std::move(rows), keep);
    for (int64_t term = 0; term < terms; ++term) {
      Point k(at.begin() + 1, at.end());
      k.push_back(first + Index(term));
      writer_.emit(store_stmt(transposed_place(at[0], k), rows[static_cast<size_t>(term)]));
    }
  }

  /// A panel's columns at a place of the contracted indices.
  Access transposed_place(const Index& panel, const Point& k) const {
    Point at{panel};
    at.insert(at.end(), k.begin(), k.end());
    at.push_back(0);
    return neighbours(right_, std::move(at), tiling_.lanes);
  }

  /// All tiles for one sample, then for the next. The sums lie in a tile of memory from sample to sample.
  void sample_by_sample(const Parts& parts) {
    const Shape& shape = node_.type().shape;
    Shape sums;
    for (const int64_t axis : other_axes()) sums.push_back(shape[axis]);
    sums.push_back(tiling_.height * tiling_.piece_tiles);
    const int64_t columns = tiling_.block > 0 ? tiling_.block : column_extent().coef;
    sums.push_back((columns + tiling_.lanes - 1) / tiling_.lanes * tiling_.lanes);
    sums_ = add_buffer(writer_.kernel, {"sums", dtype(), sums, Mode::tile});

    each_place(0, [&] { all_columns(parts, Stage::begin); });
    writer_.loop("k", 0, Index(Size(problem_.contracted[0])), 1, LoopKind::serial, [&](const Index& sample) {
      sample_ = sample;
      each_place(0, [&] { all_columns(parts, Stage::add); });
    });
    each_place(0, [&] { all_columns(parts, Stage::end); });
  }

  /// Loops over the axes that are neither rows nor columns, from the i-th on.
  void each_place(size_t i, const std::function<void()>& body) {
    const Ints axes = other_axes();
    if (i == axes.size()) return body();
    writer_.loop("p", 0, Index(Size(node_.type().shape[axes[i]])), 1, LoopKind::serial,
                 [&](const Index& index) {
                   base_[axes[i]] = index;
                   each_place(i + 1, body);
                 });
  }

  void all_columns(const Parts& parts, Stage stage) {
    stage_ = stage;
    columns(parts, tiling_.width(tiling_.height));
  }

  /// Whole tiles first, then what is left: lower tiles, with as many columns as registers take.
  void free_rows() {
    const auto [low, high] = lowering_.par_range("rows", row_extent(), tiling_.height * tiling_.piece_tiles);
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
    const Dim all = column_extent();
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
      writer_.emit(acc_stmt(acc, number(Scalar::of(dtype(), 0), tiling_.lanes)));
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
    for (const int64_t axis : other_axes()) at.push_back(base_[axis]);
    at.push_back(tile.row + r - first_row_);
    at.push_back(tile.column - block_index_ * tiling_.block + c * tiling_.lanes);
    return neighbours(sums_, std::move(at), tiling_.lanes);
  }

  void load_sums(const Tile& tile, AccId acc) {
    unroll(tile, {0, tile.height}, [&](const Index& r, const Index& c) {
      writer_.emit(set_stmt(acc, {r, c}, keratin::load(writer_.kernel, kept(tile, r, c))));
    });
  }

  void keep_sums(const Tile& tile, AccId acc) {
    unroll(tile, {0, tile.height}, [&](const Index& r, const Index& c) {
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

  /// Calls `body` for the rows r in [rows) and every vector c of a tile.
  void unroll(const Tile& tile, RowRange rows,
              const std::function<void(const Index& r, const Index& c)>& body) {
    writer_.loop("r", rows.first, rows.second, 1, LoopKind::unroll, [&](const Index& r) {
      writer_.loop("c", 0, tile.width, 1, LoopKind::unroll, [&](const Index& c) { body(r, c); });
    });
  }

  /// The result's point at row r and vector c of a tile.
  Point place(const Tile& tile, const Index& r, const Index& c) const {
    Point point = base_;
    if (problem_.row_axis >= 0) point[problem_.row_axis] = tile.row + r;
    if (problem_.lane_axis >= 0)
      point[problem_.lane_axis] = tile.column + (tiling_.fold ? c : c * tiling_.lanes + tile.lane);
    return point;
  }

  /// Under which conditions vector c of a tile is a column.
  Guard within(const Tile& tile, const Index& c) const {
    if (!tile.limit) return {};
    return writer_.needed({*tile.limit - 1 - tile.column - c * tiling_.lanes - tile.lane});
  }

  AccId new_sums(const Tile& tile) {
    return writer_.accumulator("acc", dtype(), tiling_.lanes, {tile.height, tile.width * tiling_.parts});
  }

  /// Adds all products to a tile's sums.
  void add_products(const Tile& tile, AccId acc) {
    Point first;
    if (stage_ == Stage::add) first.push_back(sample_);
    contracted_loops(
        first, tile, [&](const Point& at, RowRange rows, bool guard_left, const Guard& in_lanes) {
          if (tiling_.prefetch > 0 && tile.height > 1) prefetch(tile, at);
          unroll(tile, rows, [&](const Index& r, const Index& c) {
            Point left, right;
            Guard inside;
            problem_.points(place(tile, r, c), at, left, right, inside);
            Guard guard_right = problem_.packed || tiling_.transpose ? Guard{} : within(tile, c);
            guard_right.insert(guard_right.end(), in_lanes.begin(), in_lanes.end());
            Guard guard = guard_right;
            if (guard_left) {
              const auto needed = writer_.needed(inside);
              guard.insert(guard.end(), needed.begin(), needed.end());
            }
            const Index place_of_sum = c + Index(part_ * tile.width);
            const ExprRef sum = acc_value(writer_.kernel, acc, {r, place_of_sum});
            if (problem_.pairs) {
              const ExprRef added = add_pairs(left, right, guard, guard_right, sum);
              return writer_.emit(set_stmt(acc, {r, c}, added));
            }
            ExprRef a, b;
            const ExprRef zero = number(Scalar::of(dtype(), 0));
            a = lowering_.values.at_or(guard, zero, node_.operands[0], left);
            if (tiling_.transpose)
              b = keratin::load(
                  writer_.kernel,
                  transposed_place(floor_div(tile.column, tiling_.lanes, writer_.ranges) + c, at));
            else
              lowering_.values.with_guard(guard_right,
                                          [&] { b = lowering_.values.at(node_.operands[1], right); });
            writer_.emit(set_stmt(acc, {r, place_of_sum}, multiply_add(a, b, sum)));
          });
        });
    add_parts(tile, acc);
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
    const int64_t line = std::max<int64_t>(1, kLineBytes / (tiling_.lanes * byte_size(dtype())));
    writer_.loop("c", 0, tile.width, line, LoopKind::unroll, [&](const Index& c) {
      Point left, right;
      Guard inside;
      problem_.points(place(tile, 0, c), at, left, right, inside);
      ExprRef next = problem_.pairs ? right_pairs(right, {}) : lowering_.values.at(node_.operands[1], right);
      while (next->kind != ExprKind::load && next->args.size() == 1) next = next->args[0];
      if (next->kind != ExprKind::load) return;
      Access access = next->access;
      access.at[access.at.size() - 2] += tiling_.prefetch;
      writer_.emit(prefetch_stmt(std::move(access)));
    });
  }

  /// What the region makes of a tile's sums.
  void store(const Tile& tile, AccId acc) {
    if (tiling_.fold) return store_folded(tile, acc);
    if (has_functions_ && tile.height > 1) return store_from_memory(tile, acc);
    unroll(tile, {0, tile.height}, [&](const Index& r, const Index& c) {
      lowering_.values.with_guard(
          within(tile, c), [&] { store_sum(place(tile, r, c), acc_value(writer_.kernel, acc, {r, c})); });
    });
  }

  /// The same for several rows where exponentials and the like follow: they need the registers for themselves, and written out for every
  /// sum they would be long.
  void store_from_memory(const Tile& tile, AccId acc) {
    const BufferId sums =
        add_buffer(writer_.kernel, {"sums", dtype(), {tile.height, tile.width * tiling_.lanes}, Mode::tile});
    const auto place_of = [&](const Index& r, const Index& c) {
      return neighbours(sums, {r, c * tiling_.lanes}, tiling_.lanes);
    };
    unroll(tile, {0, tile.height}, [&](const Index& r, const Index& c) {
      writer_.emit(store_stmt(place_of(r, c), acc_value(writer_.kernel, acc, {r, c})));
    });
    writer_.loop("r", 0, tile.height, 1, LoopKind::serial, [&](const Index& r) {
      writer_.loop("c", 0, tile.width, 1, LoopKind::unroll, [&](const Index& c) {
        lowering_.values.with_guard(within(tile, c), [&] {
          store_sum(place(tile, r, c), keratin::load(writer_.kernel, place_of(r, c)));
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
          store_sum(place(tile, r, lane + Index(c)), fold(Op::add, std::move(sums)));
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
    if (is_float(dtype())) return madd(left, right, sum, writer_.target.fma);
    return apply(Op::add, {apply(Op::mul, {left, right}), sum});
  }

  /// Adds the products at a place of the contracted indices, for some rows of the tile; `guard_left`: where the left operand is inside;
  /// the guard holds for the lanes that take part.
  using Step = std::function<void(const Point& k, RowRange rows, bool guard_left, const Guard& in_lanes)>;

  /// The loops over the contracted indices behind those in `k`. What no row of the tile needs is skipped. Where padding is involved, a
  /// tile whose place is known leaves out the rows that do not take part; for other tiles the innermost loop is written twice: once for
  /// those that lie inside, without conditions, and once with them.
  void contracted_loops(Point& k, const Tile& tile, const Step& step) {
    const size_t depth = k.size(), last = problem_.contracted.size();
    const RowRange all{0, tile.height};
    if (depth == last) return step(k, all, false, {});
    const Index extent{Size(problem_.contracted[depth])};
    auto inner = [&](const Index& index) {
      k.push_back(index);
      contracted_loops(k, tile, step);
      k.pop_back();
    };
    if (depth + 1 < last) {
      if (static_cast<int64_t>(depth) == problem_.row_tap && tile.row.is_constant())
        for (int64_t tap = 0; tap < extent.value(); ++tap) inner(tap);
      else
        writer_.loop("k", 0, extent, 1, LoopKind::serial, inner);
      return;
    }

    auto innermost = [&](RowRange rows, bool guard_left) {
      if (tiling_.fold) return folded_loop(k, extent, rows, guard_left, tile, step);
      if (problem_.pairs) return pair_loop(k, extent, rows, guard_left, step);
      if (tiling_.parts > 1) return loop_in_parts(k, extent.value(), rows, guard_left, step);
      writer_.loop("k", 0, extent, 1, LoopKind::serial, [&](const Index& index) {
        k.push_back(index);
        step(k, rows, guard_left, {});
        k.pop_back();
      });
    };
    if (problem_.tap_last) {
      writer_.loop("k", 0, extent, 1, LoopKind::serial, [&](const Index& index) {
        k.push_back(index);
        where_inside(k, tile, [&](bool guard_left) { step(k, all, guard_left, {}); });
        k.pop_back();
      });
      return;
    }
    Point at = k;
    at.push_back(0);
    if (const auto inside = rows_inside(at, tile)) {
      if (inside->rows.first == inside->rows.second) return;
      return writer_.guarded(inside->guard, [&] { innermost(inside->rows, false); });
    }
    where_inside(at, tile, [&](bool guard_left) { innermost(all, guard_left); });
  }

  /// What `body` emits for a tile and a place of the contracted indices: nothing where the left operand is outside for all of the tile,
  /// and with or without conditions as they are needed.
  void where_inside(const Point& k, const Tile& tile, const std::function<void(bool guard_left)>& body) {
    Guard common, everywhere;
    if (!tile_conditions(k, tile, common, everywhere)) {
      writer_.guarded(common, [&] { body(true); });
      return;
    }
    writer_.guarded(common, [&] {
      if (everywhere.empty()) return body(false);
      Block inside = writer_.collect([&] { body(false); });
      Block border = writer_.collect([&] { body(true); });
      writer_.emit(if_stmt(everywhere, std::move(inside), std::move(border)));
    });
  }

  /// Rows of a tile whose left operands are inside, if `guard` holds.
  struct Inside {
    RowRange rows;
    Guard guard;
  };
  /// Nothing if it is not known here which rows those are, or they are no range.
  std::optional<Inside> rows_inside(const Point& k, const Tile& tile) const {
    if (problem_.row_tap < 0 || !tile.row.is_constant()) return {};
    Point left, right;
    Inside found{{0, 0}, {}};
    for (int64_t r = 0; r < tile.height; ++r) {
      Guard inside;
      problem_.points(place(tile, r, 0), k, left, right, inside);
      auto needed = writer_.simplify(inside);
      if (!needed) continue;
      const bool is_first = found.rows.first == found.rows.second;
      if (!is_first && (found.rows.second != r || found.guard != *needed)) return {};
      if (is_first) found = {{r, r}, std::move(*needed)};
      found.rows.second = r + 1;
    }
    return found;
  }

  /// The conditions under which the left operand's points are inside: `common` do not depend on the place in the tile,
  /// `everywhere` say that every place is inside. False if the latter cannot be said.
  bool tile_conditions(const Point& k, const Tile& tile, Guard& common, Guard& everywhere) {
    // Variables that stand for the place in the tile; they are never written.
    const VarId r = static_cast<VarId>(writer_.kernel.variables.size()), c = r + 1;
    writer_.ranges[r] = {0, tile.height - 1};
    writer_.ranges[c] = {0, tile.width - 1};
    std::vector<std::pair<VarId, int64_t>> places{{r, tile.height - 1}, {c, tile.width - 1}};
    if (tiling_.lanes > 1 && !tile.lane.terms().empty())
      places.push_back({tile.lane.terms().begin()->first.variable, tiling_.lanes - 1});

    Point left, right;
    Guard inside;
    problem_.points(place(tile, Index::variable(r), Index::variable(c)), k, left, right, inside);
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

  /// The innermost loop in steps of as many places as there are partial sums.
  void loop_in_parts(Point& k, int64_t extent, RowRange rows, bool guard_left, const Step& step) {
    const auto places = [&](const Index& first, int64_t count) {
      for (part_ = 0; part_ < count; ++part_) {
        k.push_back(first + Index(part_));
        step(k, rows, guard_left, {});
        k.pop_back();
      }
      part_ = 0;
    };
    const int64_t parts = tiling_.parts, whole = extent / parts;
    writer_.loop("k", 0, whole, 1, LoopKind::serial,
                 [&](const Index& index) { places(index * parts, parts); });
    places(Index(whole * parts), extent % parts);
  }

  /// The innermost loop in steps of two.
  void pair_loop(Point& k, const Index& extent, RowRange rows, bool guard_left, const Step& step) {
    const Index whole = floor_div(extent, 2, writer_.ranges);
    const auto body = [&](const Index& pair) {
      k.push_back(pair * 2);
      step(k, rows, guard_left, {});
      k.pop_back();
    };
    writer_.loop("k", 0, whole, 1, LoopKind::serial, body);
    writer_.loop("k", whole, ceil_div(extent, 2), 1, LoopKind::serial, body);
  }

  /// The innermost loop with its index along the lanes.
  void folded_loop(Point& k, const Index& extent, RowRange rows, bool guard_left, const Tile& tile,
                   const Step& step) {
    if (problem_.pairs) {
      // What is missing of the last vector of pairs is not read.
      const int64_t count = 2 * tiling_.lanes;
      const auto pairs = [&](const Index& vector) {
        k.push_back(vector * count + tile.lane * 2);
        step(k, rows, guard_left, {});
        k.pop_back();
      };
      const Index vectors = floor_div(extent, count, writer_.ranges);
      writer_.loop("k", 0, vectors, 1, LoopKind::serial, pairs);
      writer_.loop("k", vectors, ceil_div(extent, count), 1, LoopKind::serial, pairs);
      return;
    }
    const Index whole = floor_div(extent, tiling_.lanes, writer_.ranges) * tiling_.lanes;
    auto body = [&](const Index& index, const Guard& guard) {
      k.push_back(index + tile.lane);
      step(k, rows, guard_left, guard);
      k.pop_back();
    };
    writer_.loop("k", 0, whole, tiling_.lanes, LoopKind::serial,
                 [&](const Index& index) { body(index, {}); });
    writer_.loop("k", whole, extent, tiling_.lanes, LoopKind::serial,
                 [&](const Index& index) { body(index, writer_.needed({extent - 1 - index - tile.lane})); });
  }

  RegionLowering& lowering_;
  KernelWriter& writer_;
  const Node& node_;
  Contraction problem_;
  const Tiling tiling_;
  std::vector<uint32_t> results_;
  Index block_index_;
  Point base_;
  bool has_functions_ = false;  // of what follows: not a single instruction
  Stage stage_ = Stage::whole;
  int64_t part_ = 0;  // of the sums, to which products are added
  // Where sums are kept in memory:
  BufferId sums_ = 0;
  BufferId right_ = 0;  // the right operand, transposed
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
