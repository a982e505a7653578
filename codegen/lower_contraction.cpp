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
// in tiles of h and, at the end, single ones. All other axes are outer loops. A product with a single column has
// its lanes run along the contracted axis instead, and folds them at the end.
//
// The order of every sum is that of the contracted indices (or of the lanes' partial sums), whatever the tile: results do not
// depend on where a row lies.
#include <algorithm>

#include "codegen/group.h"
#include "codegen/vecmath.h"
#include "ir/conv_axes.h"
#include "ir/error.h"
#include "passes/traits.h"

namespace keratin {

namespace {

using Points =
    std::function<void(const Point& out, const Point& k, Point& left, Point& right, Guard& inside)>;

/// A contraction as sums over indices.
struct Problem {
  std::vector<Dim> contracted;  ///< the extents of the contracted indices, outermost first
  int64_t lane_axis = -1;       ///< of the result: columns; -1: it has no axes
  int64_t row_axis = -1;        ///< of the result: rows; -1: there is one
  int64_t block = 0;            ///< columns per block; 0: all are one
  bool packed = false;          ///< the right operand has room for whole blocks
  Points points;                ///< the operands' points, and when the left one is inside its operand
};

bool contains(const Ints& list, int64_t axis) {
  return std::find(list.begin(), list.end(), axis) != list.end();
}

Problem dot_problem(const Node& node) {
  const AxisPairs batch = node.as<DotAttrs>().batch, contract = node.as<DotAttrs>().contract;
  const Value left = node.operands[0], right = node.operands[1];
  Problem problem;
  for (int64_t axis : contract.lhs) problem.contracted.push_back(left.shape()[axis]);

  // The result's axes: batch, free axes of the left, free axes of the right.
  Ints left_free, right_free;
  for (int64_t axis = 0; axis < left.rank(); ++axis)
    if (!contains(contract.lhs, axis) && !contains(batch.lhs, axis)) left_free.push_back(axis);
  for (int64_t axis = 0; axis < right.rank(); ++axis)
    if (!contains(contract.rhs, axis) && !contains(batch.rhs, axis)) right_free.push_back(axis);
  const int64_t first_left = batch.lhs.size(), first_right = first_left + left_free.size();
  problem.lane_axis = node.type().rank() - 1;
  if (!right_free.empty() && !left_free.empty()) problem.row_axis = first_right - 1;

  const Layout& layout = right.type().layout;
  if (!layout.is_row_major() && !right_free.empty() && right_free.back() == layout.axis) {
    problem.block = layout.width;
    problem.packed = true;
  }
  problem.points = [=](const Point& out, const Point& k, Point& l, Point& r, Guard&) {
    l.resize(left.rank());
    r.resize(right.rank());
    for (size_t i = 0; i < batch.lhs.size(); ++i) l[batch.lhs[i]] = r[batch.rhs[i]] = out[i];
    for (size_t i = 0; i < left_free.size(); ++i) l[left_free[i]] = out[first_left + i];
    for (size_t i = 0; i < right_free.size(); ++i) r[right_free[i]] = out[first_right + i];
    for (size_t i = 0; i < k.size(); ++i) l[contract.lhs[i]] = r[contract.rhs[i]] = k[i];
  };
  return problem;
}

Problem conv_problem(const Node& node, const Ranges& ranges) {
  const auto& attrs = node.as<ConvAttrs>();
  const ConvAxes axes = parse_conv_axes(attrs.dims);
  const Shape input = node.operands[0].shape(), kernel = node.operands[1].shape(), output = node.type().shape;
  Problem problem;
  for (int64_t axis : axes.kernel.space) problem.contracted.push_back(kernel[axis]);
  problem.contracted.push_back(kernel[axes.kernel.batch]);

  problem.lane_axis = node.type().rank() - 1;
  const bool features_in_lanes = problem.lane_axis == axes.output.feature;
  if (!features_in_lanes)
    problem.row_axis = axes.output.feature;
  else
    problem.row_axis = axes.output.space.empty() ? axes.output.batch : axes.output.space.back();

  const Layout& layout = node.operands[1].type().layout;
  // Groups cut static axes.
  const int64_t outputs = attrs.groups * attrs.batch_groups > 1 ? output[axes.output.feature].value() : 1;
  const int64_t per_group = outputs / attrs.groups, per_batch_group = outputs / attrs.batch_groups;
  if (features_in_lanes && attrs.groups * attrs.batch_groups > 1) {
    problem.block = std::min(per_group, per_batch_group);
    if (problem.block == 1) problem.block = 0;  // depthwise: feature, group and lane are one
  } else if (features_in_lanes && !layout.is_row_major() && layout.axis == axes.kernel.feature) {
    problem.block = layout.width;
    problem.packed = true;
  }

  const int64_t features = attrs.groups > 1 ? kernel[axes.kernel.batch].value() : 0;
  problem.points = [=, &ranges](const Point& out, const Point& k, Point& l, Point& r, Guard& inside) {
    l.resize(input.size());
    r.resize(kernel.size());
    const Index& feature = out[axes.output.feature];
    l[axes.input.batch] = out[axes.output.batch];
    if (attrs.batch_groups > 1) {
      const int64_t batch = output[axes.output.batch].value();
      l[axes.input.batch] += floor_div(feature, per_batch_group, ranges) * batch;
    }
    l[axes.input.feature] = k.back();
    if (attrs.groups > 1) l[axes.input.feature] += floor_div(feature, per_group, ranges) * features;
    r[axes.kernel.feature] = feature;
    r[axes.kernel.batch] = k.back();
    for (int64_t s = 0; s < axes.space_rank(); ++s) {
      Index& x = l[axes.input.space[s]];
      x = out[axes.output.space[s]] * attrs.stride[s] + k[s] * attrs.kernel_dilation[s] -
          Index(attrs.pad_low[s]);
      if (const int64_t dilation = attrs.input_dilation[s]; dilation > 1) {
        inside.push_back(Index(0) - modulo(x, dilation, ranges));
        x = floor_div(x, dilation, ranges);
      }
      inside.push_back(x);
      inside.push_back(Index(Size(input[axes.input.space[s]])) - 1 - x);
      r[axes.kernel.space[s]] = k[s];
    }
  };
  return problem;
}

/// Writes the loops of one contraction.
class Generator {
  /// The result's point at row r and vector c of a tile.
  using Place = std::function<Point(const Index& r, const Index& c)>;

 public:
  Generator(RegionLowering& lowering, const Node& node, Problem problem)
      : lowering_(lowering), writer_(lowering.writer), node_(node), problem_(std::move(problem)) {
    for (uint32_t i = 0; i < lowering.region.results.size(); ++i) results_.push_back(i);
  }

  void run() {
    choose_tile();
    const Shape& shape = node_.type().shape;
    base_.assign(shape.size(), Index(0));
    const bool panels_first = blocks_ > 1 && weights_outweigh();
    if (panels_first) block_index_ = lowering_.par_index("panel", blocks_);
    for (int64_t axis = 0; axis < node_.type().rank(); ++axis)
      if (axis != problem_.lane_axis && axis != problem_.row_axis)
        base_[axis] = lowering_.par_index("p", shape[axis]);
    std::pair<Index, Index> rows{0, 1};
    if (problem_.row_axis >= 0)
      rows = lowering_.par_range("row", shape[problem_.row_axis], height_ * tiles_per_piece());
    if (blocks_ > 1 && !panels_first) block_index_ = lowering_.par_index("panel", blocks_);

    // Whole tiles of rows first, then what is left: rows one by one, with as many columns as registers take.
    const auto& [low, high] = rows;
    const Index span = high - low;
    const Index whole = low + floor_div(span, height_, writer_.ranges) * height_;
    columns({low, whole}, {height_, width_});
    if (span.is_constant()) {
      const int64_t rest = span.value() % height_;
      if (rest > 0) columns({whole, high}, {rest, rest == 1 ? single_row_width_ : width_});
    } else {
      columns({whole, high}, {1, single_row_width_});
    }
  }

  void use_scalars() { vectors_ = false; }

 private:
  DType dtype() const { return compute_dtype(node_.type().dtype); }
  Dim column_extent() const {
    return problem_.lane_axis < 0 ? Dim(1) : node_.type().shape[problem_.lane_axis];
  }

  void choose_tile() {
    const Target& target = writer_.target;
    const Dim columns = column_extent();
    lanes_ = vectors_ ? std::max(1, target.lanes(byte_size(dtype()))) : 1;
    fold_ = vectors_ && columns.is(1) && !problem_.contracted.empty() &&
            !(problem_.contracted.back().is_static() && problem_.contracted.back().coef < lanes_);
    if (!fold_) {
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
    const Dim rows = problem_.row_axis < 0 ? Dim(1) : node_.type().shape[problem_.row_axis];
    if (rows.is_static()) {
      const int64_t count = std::max<int64_t>(1, (rows.coef + height_ - 1) / height_);
      height_ = std::max<int64_t>(1, (rows.coef + count - 1) / count);
    }
  }

  /// Whether sweeping all rows once per panel moves less memory than sweeping all panels once per piece of rows.
  bool weights_outweigh() const {
    const int64_t pieces = estimate(node_.type().shape) / std::max<int64_t>(1, estimate({column_extent()})) /
                           (height_ * tiles_per_piece());
    return estimate(node_.operands[1].shape()) * std::max<int64_t>(1, pieces) >
           estimate(node_.operands[0].shape()) * blocks_;
  }

  /// A number of elements; a symbol counts as a small batch.
  static int64_t estimate(const Shape& shape) {
    int64_t elements = 1;
    for (Dim dim : shape) elements *= dim.is_static() ? dim.coef : 8 * dim.coef;
    return elements;
  }

  /// Rows of a piece, in tiles: the rows' left operand stays in the second-level cache while the columns go by.
  int64_t tiles_per_piece() const {
    int64_t depth = 1;
    for (Dim dim : problem_.contracted) depth *= dim.is_static() ? std::max<int64_t>(1, dim.coef) : 256;
    const int64_t row_bytes = depth * byte_size(dtype());
    return std::clamp<int64_t>(writer_.target.l2_bytes / 4 / (row_bytes * height_), 1, 16);
  }

  struct Tiling {
    int64_t height, width;  ///< in rows and in vectors
  };
  using Rows = std::pair<Index, Index>;

  /// All columns of rows that are a multiple of the height.
  void columns(const Rows& rows, Tiling tiling) {
    if (rows.first == rows.second) return;
    const Dim all = column_extent();
    if (fold_) return row_tiles(rows, 0, {tiling.height, 1}, {});
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
    writer_.loop("i", rows.first, rows.second, tiling.height, LoopKind::serial,
                 [&](const Index& i) { tile(i, tiling.height, column, tiling.width, limit); });
  }

  /// Calls `body` for every r below the height and c below the width of a tile.
  void unroll(int64_t height, int64_t vectors,
              const std::function<void(const Index& r, const Index& c)>& body) {
    writer_.loop("r", 0, height, 1, LoopKind::unroll, [&](const Index& r) {
      writer_.loop("c", 0, vectors, 1, LoopKind::unroll, [&](const Index& c) { body(r, c); });
    });
  }

  void tile(const Index& row, int64_t height, const Index& column, int64_t vectors,
            const std::optional<Index>& limit) {
    if (lanes_ == 1) return tile_in_lanes(row, height, column, vectors, limit, {});
    const VarId lane = writer_.variable("lane", {0, lanes_ - 1});
    lowering_.values.with_lanes(
        lane, lanes_, [&] { tile_in_lanes(row, height, column, vectors, limit, Index::variable(lane)); });
  }

  void tile_in_lanes(const Index& row, int64_t height, const Index& column, int64_t vectors,
                     const std::optional<Index>& limit, const Index& lane) {
    auto place = [&](const Index& r, const Index& c) {
      Point point = base_;
      if (problem_.row_axis >= 0) point[problem_.row_axis] = row + r;
      if (problem_.lane_axis >= 0 && !fold_) point[problem_.lane_axis] = column + c * lanes_ + lane;
      return point;
    };
    auto within = [&](const Index& c) -> Guard {
      if (!limit) return {};
      return writer_.simplify({*limit - 1 - column - c * lanes_ - lane}).value_or(Guard{Index(-1)});
    };
    const AccId acc = writer_.accumulator("acc", dtype(), lanes_, {height, vectors});
    writer_.emit(acc_stmt(acc, number(Scalar::of(dtype(), 0), lanes_)));

    Point k;
    contracted_loops(k, lane, height, vectors, place,
                     [&](const Point& at, bool guard_left, const Guard& in_lanes) {
                       unroll(height, vectors, [&](const Index& r, const Index& c) {
                         Point left, right;
                         Guard inside;
                         problem_.points(place(r, c), at, left, right, inside);
                         Guard guard_right = problem_.packed ? Guard{} : within(c);
                         guard_right.insert(guard_right.end(), in_lanes.begin(), in_lanes.end());
                         Guard guard = guard_right;
                         if (problem_.packed) guard = within(c);
                         if (guard_left) {
                           const auto needed = writer_.simplify(inside).value_or(Guard{Index(-1)});
                           guard.insert(guard.end(), needed.begin(), needed.end());
                         }
                         ExprRef a, b;
                         const ExprRef zero = number(Scalar::of(dtype(), 0));
                         a = lowering_.values.at_or(guard, zero, node_.operands[0], left);
                         lowering_.values.with_guard(
                             guard_right, [&] { b = lowering_.values.at(node_.operands[1], right); });
                         const ExprRef sum = acc_value(writer_.kernel, acc, {r, c});
                         writer_.emit(set_stmt(acc, {r, c}, multiply_add(a, b, sum)));
                       });
                     });

    auto store = [&] {
      unroll(height, vectors, [&](const Index& r, const Index& c) {
        const Values::Tile tile{&node_, place(r, c), acc, {r, c}, fold_};
        lowering_.values.set_tile(&tile);
        lowering_.values.with_guard(within(c), [&] { lowering_.store_results(results_, tile.point); });
        lowering_.values.set_tile(nullptr);
      });
    };
    if (fold_)
      lowering_.values.with_lanes(0, 1, store);
    else
      store();
  }

  ExprRef multiply_add(const ExprRef& a, const ExprRef& b, const ExprRef& sum) const {
    const ExprRef left = lowering_.values.widen(a), right = lowering_.values.widen(b);
    if (is_float(dtype())) return madd(left, right, sum, writer_.target.fma);
    return apply(Op::add, {apply(Op::mul, {left, right}), sum});
  }

  /// The loops over the contracted indices. Where padding is involved the innermost loop is written twice: once for tiles
  /// that lie inside, without conditions, and once with them. What no row of the tile needs is skipped.
  void contracted_loops(Point& k, const Index& lane, int64_t height, int64_t vectors, const Place& place,
                        const std::function<void(const Point&, bool, const Guard&)>& step) {
    const size_t depth = k.size(), last = problem_.contracted.size();
    if (depth == last) return step(k, false, {});
    const Index extent{Size(problem_.contracted[depth])};
    if (depth + 1 < last) {
      writer_.loop("k", 0, extent, 1, LoopKind::serial, [&](const Index& index) {
        k.push_back(index);
        contracted_loops(k, lane, height, vectors, place, step);
        k.pop_back();
      });
      return;
    }
    if (fold_) return folded_loop(k, extent, lane, step);

    auto innermost = [&](bool guard_left) {
      writer_.loop("k", 0, extent, 1, LoopKind::serial, [&](const Index& index) {
        k.push_back(index);
        step(k, guard_left, {});
        k.pop_back();
      });
    };
    Guard common, everywhere;
    if (!tile_conditions(k, height, vectors, place, lane, common, everywhere)) {
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
  bool tile_conditions(const Point& k, int64_t height, int64_t vectors, const Place& place, const Index& lane,
                       Guard& common, Guard& everywhere) {
    // Variables that stand for the place in the tile; they are never written.
    const VarId r = static_cast<VarId>(writer_.kernel.variables.size()), c = r + 1;
    writer_.ranges[r] = {0, height - 1};
    writer_.ranges[c] = {0, vectors - 1};
    std::vector<std::pair<VarId, int64_t>> places{{r, height - 1}, {c, vectors - 1}};
    if (lanes_ > 1 && !lane.terms().empty())
      places.push_back({lane.terms().begin()->first.variable, lanes_ - 1});

    Point at = k, left, right;
    at.push_back(0);
    Guard inside;
    problem_.points(place(Index::variable(r), Index::variable(c)), at, left, right, inside);
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
  Problem problem_;
  std::vector<uint32_t> results_;
  bool vectors_ = true;
  bool fold_ = false;
  int lanes_ = 1;
  int64_t width_ = 1, height_ = 1;  // the tile, in vectors and rows
  int64_t single_row_width_ = 1;    // the width of tiles of one row
  int64_t blocks_ = 1;
  Index block_index_;
  Point base_;
};

}  // namespace

void lower_contraction(RegionLowering& lowering, const Node& node) {
  KernelWriter& writer = lowering.writer;
  auto write = [&](bool vectors) {
    Generator generator(lowering, node,
                        node.op == Op::dot ? dot_problem(node) : conv_problem(node, writer.ranges));
    if (!vectors) generator.use_scalars();
    generator.run();
  };
  vectorize_or_not(writer, true, write);
}

}  // namespace keratin
