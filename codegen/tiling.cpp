#include "codegen/tiling.h"

#include <algorithm>
#include <map>

#include "codegen/prefetch.h"

namespace keratin {

namespace {

constexpr int64_t kMostTiles = 16;            // of rows, in a piece
constexpr int64_t kPieceProducts = 64 << 10;  // what is worth handing to another thread: about a microsecond
constexpr int64_t kSampleSums = 64;           // terms of a sum, from one sample
constexpr int64_t kShortSums = 8;  // vectors of terms: of more than these, folding the lanes costs little
constexpr int64_t kRowsToTranspose = 32;  // that read what was transposed for them
constexpr int64_t kMostVectors = 8;     // of a tile: hides the latency of a multiply-add in a tile of one row
constexpr int64_t kMostRows = 14;       // of a tile
constexpr int64_t kWayBytes = 4 << 10;  // of the first-level cache: lines so far apart share a set
constexpr int64_t kSpareWays = 2;       // of a set, for what is read beside the left operand's rows
constexpr int64_t kLinesOfPiece = 4;    // at least: of what a piece reads not much is read by others
constexpr int64_t kTermsToFetch = 25;   // of a sum: shorter ones are done before what was fetched is there

/// What the choices are made from.
class Chooser {
 public:
  Chooser(const Node& node, const Contraction& problem, const Target& target, bool vectors,
          Scheduler& scheduler)
      : node_(node),
        problem_(problem),
        target_(target),
        scheduler_(scheduler),
        element_(byte_size(compute_dtype(node.type().dtype))) {
    const Shape& shape = node.type().shape;
    columns_ = problem.lane_axis < 0 ? Dim(1) : shape[problem.lane_axis];
    rows_ = problem.row_axis < 0 ? Dim(1) : shape[problem.row_axis];
    all_rows_ = std::max<int64_t>(1, estimated_elements(shape) / estimated_elements({columns_}));
    choose_lanes(vectors);
    far_rows_ = rows_share_a_set();
    choose_height();
    choose_block();
    choose_even_tiles();
    choose_pieces();
    choose_order();
    choose_prefetch();
    choose_parts();
    tiling_.fetch_results = decide("fetch_results", estimated_elements(problem_.contracted) >= kTermsToFetch);
    const bool can_keep_sums = problem_.by_sample && !tiling_.fold && tiling_.lanes > 1 &&
                               rows_.is_static() && columns_.is_static() && sums_fit();
    if (can_keep_sums) tiling_.by_sample = decide("by_sample", samples_are_many());
  }

  const Tiling& tiling() const { return tiling_; }

 private:
  void choose_lanes(bool vectors) {
    tiling_.registers = target_.vector_registers;
    tiling_.lanes = vectors ? std::max(1, target_.lanes(element_)) : 1;
    int& lanes = tiling_.lanes;
    const bool short_sum = problem_.contracted.empty() || (problem_.contracted.back().is_static() &&
                                                           problem_.contracted.back().coef < lanes);
    tiling_.fold = vectors && (columns_.is(1) || problem_.along_sums) && !short_sum;
    if (tiling_.fold && transposes()) {
      tiling_.transpose = true;
      tiling_.fold = false;
    }
    if (tiling_.fold) {
      tiling_.block_vectors = columns_.is_static() ? std::min(columns_.coef, kMostVectors) : kMostFolded;
      return;
    }
    while (lanes > 1 && columns_.is_static() && lanes / 2 >= columns_.coef) lanes /= 2;
    if (!problem_.packed)
      while (problem_.block > 0 && problem_.block % lanes != 0) lanes /= 2;
    const int64_t most = !columns_.is_static()                    ? 1
                         : problem_.block > 0 && !problem_.packed ? problem_.block / lanes
                                                                  : ceil_of(columns_.coef, lanes);
    tiling_.block_vectors = std::clamp<int64_t>(most, 1, kMostVectors);
  }

  /// Whether sums are so short that adding their lanes up would cost more than laying the right operand out for them, once for many rows.
  bool transposes() const {
    if (!problem_.along_sums || node_.op != Op::dot || !rows_.is_static() || !columns_.is_static() ||
        columns_.coef < tiling_.lanes || rows_.coef < kRowsToTranspose ||
        all_rows_ / rows_.coef < target_.threads)
      return false;
    const int64_t terms = estimated_elements(problem_.contracted);
    const bool known = std::all_of(problem_.contracted.begin(), problem_.contracted.end(),
                                   [](Dim dim) { return dim.is_static(); });
    return known && terms <= kShortSums * tiling_.lanes &&
           terms * columns_.coef * element_ <= target_.l2_bytes / 4;
  }

  void choose_height() {
    // Accumulators, one row of the right operand and one element of the left one share the registers.
    tiling_.halves = problem_.pairs && !target_.dot2;
    if (problem_.line_tap >= 0) tiling_.line_taps = problem_.contracted[problem_.line_tap].coef;
    const int64_t usual_width = tiling_.fold ? kMostFolded : problem_.line_tap >= 0 ? 1 : 2;
    const int64_t width = std::min(usual_width, tiling_.block_vectors);
    int64_t most = rows_beside(width, kMostRows);
    if (problem_.row_axis < 0) most = 1;
    const int64_t beside = std::max<int64_t>(1, target_.l1_bytes / kWayBytes - kSpareWays);
    if (far_rows_ && beside < most && !comes_out_lower(beside)) most = beside;
    most = scheduler_.decide("height", most, other_heights(most));
    tiling_.height = most;
    if (!rows_.is_static()) return;
    set_tiles(std::max<int64_t>(1, ceil_of(rows_.coef, most)));
  }

  /// How many rows of sums, up to `most`, the registers hold beside `width` vectors of the right operand.
  int64_t rows_beside(int64_t width, int64_t most) const {
    const int64_t left = target_.vector_registers - tiling_.registers_of(width * tiling_.line_taps + 1);
    return std::clamp<int64_t>(left / width, 1, most);
  }

  /// Whether tiles of up to `height` rows are lower than that by more than one, since all are about as high.
  bool comes_out_lower(int64_t height) const {
    if (!rows_.is_static() || rows_.is(0)) return false;
    return ceil_of(rows_.coef, ceil_of(rows_.coef, height)) < height - 1;
  }

  /// Whether the left operand's rows lie so far apart that a line of each has its place in the same set of the first-level cache.
  bool rows_share_a_set() const {
    const Shape& shape = node_.operands[0].shape();
    if (problem_.row_axis < 0 || problem_.line_tap >= 0 || tiling_.fold) return false;
    Point out(node_.type().shape.size(), Index(0)), first, second, right;
    const Point k(problem_.contracted.size(), Index(0));
    Guard inside;
    problem_.points(out, k, first, right, inside);
    out[problem_.row_axis] = 1;
    problem_.points(out, k, second, right, inside);
    int64_t bytes = 0, step = byte_size(node_.operands[0].dtype());
    for (size_t axis = shape.size(); axis-- > 0;) {
      const Index moved = second[axis] - first[axis];
      if (!moved.is_constant()) return false;
      bytes += moved.value() * step;
      if (!shape[axis].is_static()) break;
      step *= shape[axis].coef;
    }
    return bytes > 0 && bytes % kWayBytes == 0;
  }

  /// The highest tile of each width, and some that are lower.
  Ints other_heights(int64_t usual) const {
    Ints heights;
    if (problem_.row_axis < 0) return heights;
    const int64_t widest = tiling_.fold ? kMostFolded : kMostVectors;
    for (int64_t width = 1; width <= widest && width < 2 * tiling_.block_vectors; width *= 2) {
      const int64_t most = rows_beside(width, 2 * kMostRows);
      heights.insert(heights.end(), {most, ceil_of(2 * most, 3)});
    }
    heights.push_back(ceil_of(usual, 2));
    if (rows_.is_static()) {
      // Only one of those that make the same number of tiles.
      std::map<int64_t, int64_t> by_tiles{{ceil_of(rows_.coef, usual), usual}};
      for (const int64_t height : heights) by_tiles.emplace(ceil_of(rows_.coef, height), height);
      heights.clear();
      for (const auto& [tiles, height] : by_tiles) heights.push_back(height);
    }
    return heights;
  }

  void set_tiles(int64_t tiles) {
    tiling_.tiles = tiles;
    tiling_.height = std::max<int64_t>(1, ceil_of(rows_.coef, tiles));
    tiling_.high_tiles = rows_.coef - (tiling_.height - 1) * tiles;
  }

  /// An odd number of tiles is no even share for two threads: where there are few, and nothing else to share, there is one more.
  void choose_even_tiles() {
    if (rows_.is_static() && tiling_.tiles % 2 == 1 && tiling_.tiles > 1 && tiling_.tiles < wanted_pieces() &&
        tiling_.blocks == 1 && all_rows_ == rows_.coef && piece_products() >= kPieceProducts &&
        decide("even_tiles", true))
      set_tiles(tiling_.tiles + 1);
  }

  void choose_block() {
    if (tiling_.transpose) return;
    if (problem_.block > 0 && !tiling_.fold) {
      // Several panels make a block that is wide enough for a tile; rows of which there may be a single one have wide tiles.
      const int64_t lowest = !rows_.is_static() ? 1 : tiling_.height;
      tiling_.block = problem_.block;
      if (problem_.packed) {
        const int64_t wanted = tiling_.width(lowest) * tiling_.lanes;
        tiling_.block = ceil_of(wanted, problem_.block) * problem_.block;
        if (all_rows_ == 1) share_columns();
        decide_block(problem_.block);
      }
    } else if (problem_.line_tap >= 0 && columns_.is_static()) {
      // Lines that are read for several others stay in the first-level cache. Enough sums to hide the latency of a multiply-add.
      tiling_.block_vectors = std::min<int64_t>(tiling_.block_vectors, tiling_.height < kMostVectors ? 2 : 1);
      tiling_.block = tiling_.block_vectors * tiling_.lanes;
      decide_block(tiling_.block);
    } else if (columns_.is_static()) {
      // What a block takes of the right operand stays in the second-level cache while the rows go by.
      const int64_t unit = tiling_.width(tiling_.height) * (tiling_.fold ? 1 : tiling_.lanes);
      const int64_t column_bytes = std::max<int64_t>(1, estimated_elements(problem_.contracted) * element_);
      const int64_t fitting = std::max(unit, target_.l2_bytes / 2 / column_bytes / unit * unit);
      const int64_t blocks = ceil_of(columns_.coef, fitting);
      if (blocks > 1) tiling_.block = ceil_of(ceil_of(columns_.coef, blocks), unit) * unit;
      decide_block(unit);
    }
    if (tiling_.block > 0 && columns_.is_static()) tiling_.blocks = ceil_of(columns_.coef, tiling_.block);
  }

  /// Larger and smaller blocks, in whole units; 0: all columns.
  void decide_block(int64_t unit) {
    if (!columns_.is_static()) return;
    const int64_t all = ceil_of(columns_.coef, unit) * unit,
                  usual = tiling_.block > 0 ? std::min(tiling_.block, all) : all;
    Ints others{problem_.packed ? all : 0};
    for (const int64_t block : {usual / 4, usual / 2, 2 * usual, 4 * usual})
      if (const int64_t whole = ceil_of(block, unit) * unit; block > 0 && whole < all)
        others.push_back(whole);
    tiling_.block = scheduler_.decide("block", problem_.packed ? usual : tiling_.block, std::move(others));
  }

  /// A row whose columns are one block, and much work, has smaller ones: for each of two threads at least. So has one whose columns are
  /// three blocks, which two threads cannot share evenly.
  void share_columns() {
    const int64_t column_products = estimated_elements(problem_.contracted);
    while (tiling_.block >= columns_.coef && tiling_.block % (2 * problem_.block) == 0 &&
           column_products * tiling_.block >= 2 * kPieceProducts)
      tiling_.block /= 2;
    if (ceil_of(columns_.coef, tiling_.block) == 3 && tiling_.block % (2 * problem_.block) == 0 &&
        target_.threads > 1)
      tiling_.block /= 2;
    tiling_.block_vectors = std::min(tiling_.block_vectors, tiling_.block / tiling_.lanes);
  }

  void choose_pieces() {
    if (tiling_.transpose) {
      tiling_.piece_tiles = tiling_.tiles;
      return;
    }
    // The rows' left operand stays in the second-level cache while the columns go by; where each row lies in a page of its own, and a
    // line of it in the set of all others, fewer rows do.
    const int64_t row_bytes =
        std::max<int64_t>(1, estimated_elements(node_.operands[0].shape()) * element_ / all_rows_);
    const int64_t room = target_.l2_bytes / (far_rows_ ? 8 : 4);
    tiling_.piece_tiles = std::clamp<int64_t>(room / (row_bytes * tiling_.height), 1, kMostTiles);
    if (rows_.is_static()) {
      // The last piece is not much smaller than the others.
      tiling_.piece_tiles = ceil_of(tiling_.tiles, ceil_of(tiling_.tiles, tiling_.piece_tiles));
      // At the borders of an image fewer rows take part: that is known where a piece has all of its rows.
      if (problem_.row_tap >= 0 && tiling_.tiles <= 2 * kMostTiles) tiling_.piece_tiles = tiling_.tiles;
      tiling_.piece_tiles = std::min(tiling_.piece_tiles, tiling_.tiles);
    }
    while (tiling_.piece_tiles > 1 && pieces() < wanted_pieces() && piece_products() >= 2 * kPieceProducts)
      tiling_.piece_tiles = ceil_of(tiling_.piece_tiles, 2);
    // An even number of pieces, if they are few.
    if (const int64_t row_pieces = rows_.is_static() ? ceil_of(tiling_.tiles, tiling_.piece_tiles) : 0;
        row_pieces % 2 == 1 && row_pieces > 1 && pieces() < wanted_pieces())
      tiling_.piece_tiles = ceil_of(tiling_.tiles, row_pieces + 1);
    const int64_t usual = tiling_.piece_tiles, most = rows_.is_static() ? tiling_.tiles : kMostTiles;
    Ints others{1, ceil_of(usual, 4), ceil_of(usual, 2), 2 * usual, 4 * usual, most};
    std::erase_if(others, [&](int64_t tiles) { return tiles > most; });
    tiling_.piece_tiles = scheduler_.decide("piece", usual, std::move(others));
  }

  void choose_order() {
    if (problem_.line_tap >= 0) return choose_lines();
    // Sweeping all rows once per block, or all blocks once per piece of rows: what moves less memory.
    const int64_t row_pieces = std::max<int64_t>(1, all_rows_ / (tiling_.height * tiling_.piece_tiles));
    if (tiling_.blocks > 1)
      tiling_.blocks_first =
          decide("blocks_first", estimated_elements(node_.operands[1].shape()) * row_pieces >
                                     estimated_elements(node_.operands[0].shape()) * tiling_.blocks);
  }

  /// Lines go by one block of columns before the next: what the next line reads again stays in the first-level cache. Threads share them
  /// by lines, as they share what comes before and after.
  void choose_lines() {
    tiling_.blocks_first = true;
    if (target_.threads == 1 || problem_.line_axis < 0 || !rows_.is_static()) return;
    const Dim lines = node_.type().shape[problem_.line_axis];
    if (!lines.is_static()) return;
    const int64_t usual = std::min(lines.coef, std::max(kLinesOfPiece, ceil_of(lines.coef, target_.threads)));
    tiling_.lines =
        scheduler_.decide("lines", usual, {0, ceil_of(usual, 2), std::min(2 * usual, lines.coef)});
    tiling_.blocks_first = tiling_.lines == 0;
  }

  /// Panels that are more than the first-level cache holds come from farther away, if only because other kernels ran before. While all
  /// rows of a piece go by one block, the next one is fetched; where that is too much, what comes a page later.
  void choose_prefetch() {
    if (!problem_.packed || tiling_.fold) return;
    const int64_t page = ceil_of(kPrefetchBytes, problem_.block * element_);
    const int64_t next = tiling_.block / problem_.block *
                         ceil_of(estimated_elements(problem_.contracted), problem_.pairs ? 2 : 1);
    // Within a piece, the step of a scan above all, the panels have been read before, and stay in the second-level cache.
    const bool is_large = estimated_elements(node_.operands[1].shape()) * element_ >
                          target_.l2_bytes / (target_.threads > 1 ? 16 : 2),
               has_room = next * problem_.block * element_ <= target_.l2_bytes / 8;
    const int64_t usual = !is_large ? 0 : has_room ? std::max(page, next) : page;
    tiling_.prefetch =
        scheduler_.decide("prefetch", usual, {0, ceil_of(page, 4), page, 4 * page, std::max(page, next)});
  }

  /// Where it is known that there is a single row: so the order of its sums is that of no other row.
  void choose_parts() {
    if (!rows_.is(1) || tiling_.fold || tiling_.transpose || problem_.pairs || problem_.tap_last ||
        problem_.contracted.empty() || !problem_.contracted.back().is_static())
      return;
    const int64_t width = tiling_.width(1), terms = problem_.contracted.back().coef;
    while (2 * tiling_.parts * width <= kMostVectors && terms >= 8 * tiling_.parts) tiling_.parts *= 2;
  }

  bool decide(std::string_view what, bool usual) { return scheduler_.decide(what, usual, {0, 1}) != 0; }

  /// Whether the caches hold one sample, with sums enough to be worth their way to memory and back, but not all of them.
  bool samples_are_many() const {
    const Dim samples = problem_.contracted[0];
    const int64_t bytes = estimated_elements(node_.operands[1].shape()) * element_;
    return estimated_elements(problem_.contracted) >= kSampleSums * estimated_elements({samples}) &&
           (!samples.is_static() || bytes > target_.l2_bytes / 2);
  }

  /// Whether the sums of a piece, with all axes but those of rows and columns, are few enough for a tile of memory.
  bool sums_fit() const {
    int64_t others =
        element_ * tiling_.height * tiling_.piece_tiles *
        (tiling_.block > 0 ? tiling_.block : ceil_of(columns_.coef, tiling_.lanes) * tiling_.lanes);
    for (int64_t axis = 0; axis < node_.type().rank(); ++axis) {
      if (axis == problem_.lane_axis || axis == problem_.row_axis) continue;
      const Dim dim = node_.type().shape[axis];
      if (!dim.is_static()) return false;
      others *= dim.coef;
    }
    return others <= target_.l2_bytes / 4;
  }

  /// Enough to keep all threads equally busy.
  int64_t wanted_pieces() const { return target_.threads > 1 ? 2 * target_.threads : 1; }

  int64_t pieces() const {
    const int64_t tiles = ceil_of(all_rows_, tiling_.height);
    return std::max<int64_t>(1, tiles / tiling_.piece_tiles) * tiling_.blocks;
  }

  /// Multiply-adds of a piece.
  int64_t piece_products() const {
    const int64_t columns =
        std::min(estimated_elements({columns_}), tiling_.block > 0 ? tiling_.block : int64_t(1) << 40);
    return tiling_.height * tiling_.piece_tiles * columns * estimated_elements(problem_.contracted);
  }

  const Node& node_;
  const Contraction& problem_;
  const Target& target_;
  Scheduler& scheduler_;
  const int64_t element_;
  Dim columns_, rows_;
  int64_t all_rows_ = 1;  // over all axes but the columns
  bool far_rows_ = false;
  Tiling tiling_;
};

}  // namespace

int64_t Tiling::registers_of(int64_t factors) const {
  if (!halves) return factors;
  // A mask selects the upper halves; where registers are few it is read from memory.
  return 2 * factors + (registers > 16 ? 1 : 0);
}

int64_t estimated_elements(const Shape& shape) {
  int64_t elements = 1;
  for (Dim dim : shape) elements *= dim.is_static() ? dim.coef : 8 * dim.coef;
  return std::max<int64_t>(1, elements);
}

int64_t Tiling::width(int64_t rows) const {
  // Beside the sums, a row of the right operand and an element of the left one; a single row takes the right operand from memory.
  int64_t vectors = fold && rows > 1 ? int64_t(kMostFolded) : kMostVectors;
  const auto fits = [&](int64_t count) {
    return rows * count + registers_of((rows > 1 ? count * line_taps : 0) + 1) <= registers;
  };
  while (vectors > 1 && (vectors / 2 >= block_vectors || !fits(vectors))) vectors /= 2;
  return vectors;
}

Tiling choose_tiling(const Node& node, const Contraction& problem, const Target& target, bool vectors,
                     Scheduler& scheduler) {
  return Chooser(node, problem, target, vectors, scheduler).tiling();
}

}  // namespace keratin
