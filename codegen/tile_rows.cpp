#include "codegen/tile_rows.h"

#include <algorithm>
#include <bit>

#include "codegen/tiling.h"
#include "ir/conv_axes.h"

namespace keratin {

TileRows::TileRows(TileProblem& problem, int64_t tile_height) : problem_(problem), writer_(problem.writer) {
  in_place_ = find_in_place(tile_height);
  if (in_place_) return;
  if (const auto lines = find_lines())
    problem_.use_lines(*lines, parse_conv_axes(problem_.node.as<ConvAttrs>().dims).output.space);
}

int64_t TileRows::row_bytes() const {
  if (const auto& lines = problem_.lines) return 4 * problem_.feature_pairs * lines->step * lines->phases;
  return 4 * problem_.pairs;
}

void TileRows::lay_out(const Index& low, const Index& high, int64_t piece, int64_t tile_height) {
  if (in_place_) return;
  const int64_t rows =
      ceil_of(piece, tile_height) * tile_height;  // the last tile may have more than the piece
  if (problem_.lines)
    lay_out_lines(low, piece, rows);
  else
    lay_out_copies(low, high, rows);
}

Stmt TileRows::product(const Index& row, const Index& low, const Index& step, Access right) const {
  if (in_place_) {
    const auto at = problem_.points(row, 0, problem_.contracted(step * kStepPairs));
    return mma_stmt(problem_.lowering.values.place_of(problem_.left, at.left), axis_, step_, std::move(right),
                    0);
  }
  if (problem_.lines)
    return mma_stmt({.buffer = buffer_, .at = {place_in_lines(row - low, step * kStepPairs)}}, 0,
                    problem_.lines->step * 2 * problem_.feature_pairs, std::move(right), 0);
  return mma_stmt({.buffer = buffer_, .at = {row - low, step * kTileDepth}}, 0, 1, std::move(right), 0);
}

// In place

bool TileRows::find_in_place(int64_t tile_height) {
  const Value left = problem_.left;
  const Contraction& contraction = problem_.contraction;
  if (!problem_.rows.is_static() || problem_.rows.coef < tile_height ||
      problem_.feature_pairs % kStepPairs != 0 || !problem_.lowering.values.lies_in_memory(left) ||
      contraction.left_pair_axis != left.rank() - 1 || !left.type().layout.is_row_major() ||
      contraction.contracted.back().coef % 2 != 0)
    return false;
  // Places in memory, as far as rows decide them.
  const Point k(contraction.contracted.size(), Index(0));
  const Point origin = problem_.points(0, 0, k).left;
  int64_t first_distance = 0, count = 1;
  for (size_t i = problem_.row_axes.size(); i-- > 0;) {
    const int64_t extent = problem_.node.type().shape[problem_.row_axes[i]].coef;
    if (extent == 1) continue;
    const Point next = problem_.points(count, 0, k).left;
    int64_t distance = 0, stride = 1;
    for (int64_t axis = left.rank(); axis-- > 0;) {
      const Index step = next[axis] - origin[axis];
      if (!step.is_constant() || (step.value() != 0 && stride == 0)) return false;
      distance += step.value() * stride;
      if (step.value() != 0 && first_distance == 0) {
        axis_ = static_cast<int>(axis);
        step_ = step.value();
      }
      stride = left.shape()[axis].is_static() ? stride * left.shape()[axis].coef : 0;
    }
    if (first_distance == 0) first_distance = distance;
    if (distance <= 0 || distance != first_distance * count) return false;
    count *= extent;
  }
  return first_distance > 0 && !has_padding();
}

bool TileRows::has_padding() const {
  const VarId row = static_cast<VarId>(writer_.kernel.variables.size()), pair = row + 1;  // never written
  writer_.ranges[row] = {0, problem_.rows.coef - 1};
  writer_.ranges[pair] = {0, problem_.pairs - 1};
  const auto any = problem_.points(Index::variable(row), 0, problem_.contracted(Index::variable(pair)));
  const Guard needed = writer_.needed(any.inside);
  writer_.ranges.erase(row);
  writer_.ranges.erase(pair);
  return !needed.empty();
}

// Lines

/// Neighbours in a line are read as one run by all its taps, and the next row's run begins `step` places further. The lines that a row
/// reads are as far from each other for every row, if those are put together that leave the same remainder when divided by the stride.
std::optional<TileLines> TileRows::find_lines() const {
  const Node& node = problem_.node;
  if (node.op != Op::conv || problem_.pairs == problem_.feature_pairs || problem_.contraction.by_sample)
    return {};
  const auto& attrs = node.as<ConvAttrs>();
  const ConvAxes axes = parse_conv_axes(attrs.dims);
  const int64_t rank = axes.space_rank();
  const auto is_row = [&](int64_t axis) { return contains(problem_.row_axes, axis); };
  if (rank > 2 || attrs.kernel_dilation.back() != 1 || !std::ranges::all_of(axes.output.space, is_row) ||
      !std::ranges::all_of(attrs.input_dilation, [](int64_t dilation) { return dilation == 1; }))
    return {};
  const std::vector<Dim>& taps = problem_.contraction.contracted;
  const int64_t width = node.type().shape[axes.output.space.back()].coef;
  TileLines lines{.step = attrs.stride.back()};
  lines.run = ceil_of(taps[rank - 1].coef * problem_.feature_pairs, kStepPairs) * kStepPairs;
  const int64_t places = (width - 1) * lines.step + ceil_of(lines.run, problem_.feature_pairs);
  lines.pitch = ceil_of(places, lines.step) * lines.step;
  lines.rows = lines.pitch / lines.step;
  lines.margin = lines.rows - width;
  if (rank == 2) {
    lines.stride = attrs.stride[0];
    lines.dilation = attrs.kernel_dilation[0];
    const int64_t last = (taps[0].coef - 1) * lines.dilation;
    lines.phases = std::min(lines.stride, last + 1);
    lines.further = last / lines.stride;
  }
  return lines;
}

void TileRows::lay_out_lines(const Index& low, int64_t piece, int64_t tile_rows) {
  const TileLines& lines = *problem_.lines;
  const Value operand = problem_.left;
  const auto& attrs = problem_.node.as<ConvAttrs>();
  const ConvAxes axes = parse_conv_axes(attrs.dims);
  const int64_t place = 2 * problem_.feature_pairs, line = lines.pitch * place;
  line_count_ = piece / lines.rows + lines.further;
  // A vector's end is overwritten by the next place, or lies behind all.
  const int64_t count = lines.phases * line_count_, written = count * line + 2 * lanes();
  const int64_t read = (tile_rows - 1) * lines.step * place + (count - 1) * line + 2 * lines.run;
  buffer_ = add_buffer(writer_.kernel, {"lines", DType::bf16, {std::max(read, written)}, Mode::tile});

  Point left(operand.rank());
  left[axes.input.batch] = problem_.base[axes.output.batch];
  const auto inside = [&](size_t s) {
    const Index& at = left[axes.input.space[s]];
    return Guard{at, Index(Size(operand.shape()[axes.input.space[s]])) - 1 - at};
  };
  writer_.loop("phase", 0, lines.phases, 1, LoopKind::serial, [&](const Index& phase) {
    writer_.loop("line", 0, line_count_, 1, LoopKind::serial, [&](const Index& l) {
      Guard in_image;
      if (axes.space_rank() == 2) {
        const Index row = floor_div(low, lines.rows, writer_.ranges) + l;
        left[axes.input.space[0]] = row * lines.stride + phase - Index(attrs.pad_low[0]);
        in_image = inside(0);
      }
      writer_.loop("m", 0, lines.pitch, 1, LoopKind::serial, [&](const Index& m) {
        left[axes.input.space.back()] = m - Index(attrs.pad_low.back());
        Guard in_line = in_image;
        for (const Index& each : inside(axes.input.space.size() - 1)) in_line.push_back(each);
        each_vector([&](const Index& first, const Index& pair) {
          left[axes.input.feature] = pair * 2;
          lay_out_pairs(left, in_line, {(phase * line_count_ + l) * line + m * place + first * 2});
        });
      });
    });
  });
}

/// Where row `row` of the piece begins among the lines, for a step from `pair` on.
Index TileRows::place_in_lines(const Index& row, const Index& pair) const {
  const TileLines& lines = *problem_.lines;
  const int64_t place = 2 * problem_.feature_pairs;
  const Index down = floor_div(pair, lines.run, writer_.ranges) * lines.dilation;
  const Index line = modulo(down, lines.stride, writer_.ranges) * line_count_ +
                     floor_div(down, lines.stride, writer_.ranges);
  return row * (lines.step * place) + line * (lines.pitch * place) +
         modulo(pair, lines.run, writer_.ranges) * 2;
}

// Copies

void TileRows::lay_out_copies(const Index& low, const Index& high, int64_t rows) {
  // A tap's pairs in vectors; what the last has too many is overwritten by the next tap, or lies behind all.
  const int64_t vectors = ceil_of(problem_.feature_pairs, lanes()),
                taps = problem_.pairs / problem_.feature_pairs;
  const int64_t whole = problem_.steps() * kTileDepth,
                end = 2 * (problem_.feature_pairs * (taps - 1) + vectors * lanes());
  buffer_ = add_buffer(writer_.kernel, {"rows", DType::bf16, {rows, std::max(whole, end)}, Mode::tile});
  writer_.loop("m", low, high, 1, LoopKind::serial, [&](const Index& m) {
    const Index row = m - low;
    const int depth = static_cast<int>(kTileDepth);
    if (whole > end)
      writer_.emit(store_stmt(neighbours(buffer_, {row, whole - kTileDepth}, depth),
                              number(Scalar::of_integer(DType::u16, 0), depth)));
    each_tap(0, {}, [&](const Point& taps_at, const Index& tap) {
      each_vector([&](const Index& first, const Index& pair) {
        Point k = taps_at;
        k.push_back(pair * 2);
        const auto at = problem_.points(m, 0, k);
        lay_out_pairs(at.left, at.inside, {row, (tap * problem_.feature_pairs + first) * 2});
      });
    });
  });
}

/// Loops over the contracted indices but the last; `tap` numbers them through.
void TileRows::each_tap(const Index& tap, const Point& at,
                        const std::function<void(const Point&, const Index&)>& body) {
  if (at.size() + 1 == problem_.contraction.contracted.size()) return body(at, tap);
  const int64_t extent = problem_.contraction.contracted[at.size()].coef;
  writer_.loop("tap", 0, extent, 1, LoopKind::serial, [&](const Index& i) {
    Point next = at;
    next.push_back(i);
    each_tap(tap * extent + i, next, body);
  });
}

/// Pairs of one tap that are copied at once.
int TileRows::lanes() const {
  return static_cast<int>(
      std::min<int64_t>(kStepPairs, std::bit_ceil(static_cast<uint64_t>(problem_.feature_pairs))));
}

/// Calls `body` for the vectors of a tap's pairs: the first pair of one, and that of its lane.
void TileRows::each_vector(const std::function<void(const Index& first, const Index& pair)>& body) {
  writer_.loop("k", 0, ceil_of(problem_.feature_pairs, lanes()), 1, LoopKind::serial,
               [&](const Index& vector) {
                 const Index first = vector * lanes();
                 if (lanes() == 1)
                   return problem_.lowering.values.with_lanes(0, 1, [&] { body(first, first); });
                 const VarId lane = writer_.variable("lane", {0, lanes() - 1});
                 problem_.lowering.values.with_lanes(lane, lanes(),
                                                     [&] { body(first, first + Index::variable(lane)); });
               });
}

/// Copies a vector of pairs, zeros unless `inside`.
void TileRows::lay_out_pairs(const Point& left, const Guard& inside, Point to) {
  Values& values = problem_.lowering.values;
  const ExprRef pairs = values.widen(
      values.pairs_or_zero(writer_.needed(inside), problem_.left, left, problem_.contraction.left_pair_axis));
  writer_.emit(store_stmt(neighbours(buffer_, std::move(to), 2 * pairs->lanes), bitcast(DType::u16, pairs)));
}

}  // namespace keratin
