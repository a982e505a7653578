#include "codegen/sum_loops.h"

namespace keratin {

namespace {

class SumLoops {
 public:
  SumLoops(const TiledContraction& tiled, const RegisterTile& tile, Point k, const SumStep& step)
      : tiled_(tiled),
        problem_(tiled.problem),
        tiling_(tiled.tiling),
        writer_(tiled.writer),
        tile_(tile),
        k_(std::move(k)),
        step_(step) {}

  /// The loops behind those in k_.
  void loops() {
    const size_t depth = k_.size(), last = problem_.contracted.size();
    if (depth == last) return step_(k_, {all()});
    if (static_cast<int64_t>(depth) == problem_.line_tap && line_of_taps()) return;
    const Index extent{Size(problem_.contracted[depth])};
    if (depth + 1 == last) return last_loop(extent);
    const auto inner = [&](const Index& index) { at(index, [&] { loops(); }); };
    if (static_cast<int64_t>(depth) == problem_.row_tap && tile_.row.is_constant())
      for (int64_t tap = 0; tap < extent.value(); ++tap) inner(tap);
    else
      writer_.loop("k", 0, extent, 1, LoopKind::serial, inner);
  }

 private:
  /// Rows of a tile whose left operands are inside, if `guard` holds.
  struct Inside {
    RowRange rows;
    Guard guard;
  };

  RowRange all() const { return {0, tile_.height}; }

  /// `body` with one more index in k_.
  void at(const Index& index, const std::function<void()>& body) {
    k_.push_back(index);
    body();
    k_.pop_back();
  }

  void add(const Index& index, const Summands& summands) {
    at(index, [&] { step_(k_, summands); });
  }

  /// All taps along a line, row by row: the left operand's elements are loaded once, since the rows next to each other share them. False,
  /// with nothing written, if not all taps take part under one condition.
  bool line_of_taps() {
    const int64_t taps = problem_.contracted[problem_.line_tap].coef;
    std::optional<Guard> guard;
    std::vector<Ints> taps_of_row(static_cast<size_t>(tile_.height));
    for (int64_t tap = 0; tap < taps; ++tap) {
      const std::optional<Inside> inside = inside_under_guard(of_line(tap));
      if (!inside) return false;
      if (inside->rows.first == inside->rows.second) continue;
      if (guard && inside->guard != *guard) return false;
      guard = inside->guard;
      for (int64_t row = inside->rows.first.value(); row < inside->rows.second.value(); ++row)
        taps_of_row[static_cast<size_t>(row)].push_back(tap);
    }
    if (guard) writer_.guarded(*guard, [&] { rows_with_taps(taps_of_row); });
    return true;
  }

  /// Rows that have the same taps are one loop.
  void rows_with_taps(const std::vector<Ints>& taps_of_row) {
    for (size_t first = 0, last = 0; first < taps_of_row.size(); first = last) {
      const Ints& taps = taps_of_row[first];
      while (last < taps_of_row.size() && taps_of_row[last] == taps) ++last;
      if (taps.empty()) continue;
      KERATIN_CHECK(taps.back() - taps.front() + 1 == static_cast<int64_t>(taps.size()),
                    "what is outside lies at the ends of a line");
      writer_.loop("r", static_cast<int64_t>(first), static_cast<int64_t>(last), 1, LoopKind::unroll,
                   [&](const Index& row) {
                     writer_.loop("k", taps.front(), taps.back() + 1, 1, LoopKind::unroll,
                                  [&](const Index& tap) { step_(of_line(tap), {{row, row + 1}}); });
                   });
    }
  }

  /// A tap of a line, with 0 behind it.
  Point of_line(const Index& tap) const {
    Point k = k_;
    k.push_back(tap);
    k.resize(problem_.contracted.size());
    return k;
  }

  /// The rows whose left operands are inside, under a condition that does not depend on the row; nothing if there is none.
  std::optional<Inside> inside_under_guard(const Point& k) {
    if (tile_.row.is_constant() && problem_.row_tap >= 0) return rows_inside(k);
    Guard common, everywhere;
    if (!tile_conditions(k, common, everywhere) || !everywhere.empty()) return {};
    return Inside{all(), std::move(common)};
  }

  void last_loop(const Index& extent) {
    if (problem_.tap_last) {
      writer_.loop("k", 0, extent, 1, LoopKind::serial, [&](const Index& tap) {
        at(tap, [&] { where_inside(k_, [&](bool guard_left) { step_(k_, {all(), guard_left}); }); });
      });
      return;
    }
    Point first = k_;
    first.push_back(0);
    if (const auto inside = rows_inside(first)) {
      if (inside->rows.first == inside->rows.second) return;
      return writer_.guarded(inside->guard, [&] { innermost(extent, {inside->rows}); });
    }
    where_inside(first, [&](bool guard_left) { innermost(extent, {all(), guard_left}); });
  }

  void innermost(const Index& extent, const Summands& summands) {
    if (tiling_.fold) return folded_loop(extent, summands);
    if (problem_.pairs) return pair_loop(extent, summands);
    if (tiling_.parts > 1) return loop_in_parts(extent.value(), summands);
    writer_.loop("k", 0, extent, 1, LoopKind::serial, [&](const Index& index) { add(index, summands); });
  }

  /// In steps of as many places as there are partial sums.
  void loop_in_parts(int64_t extent, Summands summands) {
    const auto places = [&](const Index& first, int64_t count) {
      for (summands.part = 0; summands.part < count; ++summands.part)
        add(first + Index(summands.part), summands);
    };
    const int64_t parts = tiling_.parts, whole = extent / parts;
    writer_.loop("k", 0, whole, 1, LoopKind::serial,
                 [&](const Index& index) { places(index * parts, parts); });
    places(Index(whole * parts), extent % parts);
  }

  /// In steps of two.
  void pair_loop(const Index& extent, const Summands& summands) {
    const Index whole = floor_div(extent, 2, writer_.ranges);
    const auto body = [&](const Index& pair) { add(pair * 2, summands); };
    writer_.loop("k", 0, whole, 1, LoopKind::serial, body);
    writer_.loop("k", whole, ceil_div(extent, 2), 1, LoopKind::serial, body);
  }

  /// With the index along the lanes.
  void folded_loop(const Index& extent, Summands summands) {
    if (problem_.pairs) {
      // What is missing of the last vector of pairs is not read.
      const int64_t count = 2 * tiling_.lanes;
      const auto pairs = [&](const Index& vector) { add(vector * count + tile_.lane * 2, summands); };
      const Index vectors = floor_div(extent, count, writer_.ranges);
      writer_.loop("k", 0, vectors, 1, LoopKind::serial, pairs);
      writer_.loop("k", vectors, ceil_div(extent, count), 1, LoopKind::serial, pairs);
      return;
    }
    const Index whole = floor_div(extent, tiling_.lanes, writer_.ranges) * tiling_.lanes;
    writer_.loop("k", 0, whole, tiling_.lanes, LoopKind::serial,
                 [&](const Index& index) { add(index + tile_.lane, summands); });
    writer_.loop("k", whole, extent, tiling_.lanes, LoopKind::serial, [&](const Index& index) {
      summands.in_lanes = writer_.needed({extent - 1 - index - tile_.lane});
      add(index + tile_.lane, summands);
    });
  }

  /// What `body` emits for a tile and a place of the contracted indices: nothing where the left operand is outside for all of the tile,
  /// and with or without conditions as they are needed.
  void where_inside(const Point& k, const std::function<void(bool guard_left)>& body) {
    Guard common, everywhere;
    if (!tile_conditions(k, common, everywhere)) {
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

  /// Nothing if it is not known here which rows those are, or they are no range.
  std::optional<Inside> rows_inside(const Point& k) const {
    if (problem_.row_tap < 0 || !tile_.row.is_constant()) return {};
    Point left, right;
    Inside found{{0, 0}, {}};
    for (int64_t r = 0; r < tile_.height; ++r) {
      Guard inside;
      problem_.points(tiled_.place(tile_, r, 0), k, left, right, inside);
      auto needed = writer_.simplify(inside);
      if (!needed) continue;
      const bool is_first = found.rows.first == found.rows.second;
      if (!is_first && (!(found.rows.second == r) || found.guard != *needed)) return {};
      if (is_first) found = {{r, r}, std::move(*needed)};
      found.rows.second = r + 1;
    }
    return found;
  }

  /// The conditions under which the left operand's points are inside: `common` do not depend on the place in the tile,
  /// `everywhere` say that every place is inside. False if the latter cannot be said.
  bool tile_conditions(const Point& k, Guard& common, Guard& everywhere) {
    // Variables that stand for the place in the tile; they are never written.
    const VarId r = static_cast<VarId>(writer_.kernel.variables.size()), c = r + 1;
    writer_.ranges[r] = {0, tile_.height - 1};
    writer_.ranges[c] = {0, tile_.width - 1};
    std::vector<std::pair<VarId, int64_t>> places{{r, tile_.height - 1}, {c, tile_.width - 1}};
    if (tiling_.lanes > 1 && !tile_.lane.terms().empty())
      places.push_back({tile_.lane.terms().begin()->first.variable, tiling_.lanes - 1});

    Point left, right;
    Guard inside;
    problem_.points(tiled_.place(tile_, Index::variable(r), Index::variable(c)), k, left, right, inside);
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

  const TiledContraction& tiled_;
  const Contraction& problem_;
  const Tiling& tiling_;
  KernelWriter& writer_;
  const RegisterTile& tile_;
  Point k_;
  const SumStep& step_;
};

}  // namespace

void sum_loops(const TiledContraction& tiled, const RegisterTile& tile, Point k, const SumStep& step) {
  SumLoops(tiled, tile, std::move(k), step).loops();
}

}  // namespace keratin
