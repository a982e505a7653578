// Winograd's convolutions (ir/winograd.h): one kernel, with what follows the convolution.
//
// A piece is a range of tiles, numbered through all images, and a group of columns (output features). It works in two arrays, which
// the second-level cache holds:
//
//     1. inputs     v[a, b, tile, c] = Bᵀ d B for each tile, lanes along the channels c; what lies in the padding is 0
//     then, for one block of columns after the other,
//     2. products   sums[a, b, tile, column] = Σ_c v[a, b, tile, c] · u[a, b, c, column]: (m + 2)² products of matrices, in tiles
//                   of h tiles × 2 vectors of columns that stay in registers
//     3. results    Aᵀ sums A for each tile, lanes along the columns, and what the region computes from the results before they are
//                   stored. Those that lie beyond the image are not.
//
// Where there are several groups of columns, because tiles are too few to keep threads busy, what step 1 makes is read by all of them:
// it is made in a round of its own, whose pieces are tiles, and lies in the workspace.
//
// The order of every sum is that of the channels: it does not depend on where a tile lies or how pieces are cut.
#include <algorithm>
#include <array>
#include <cmath>

#include "codegen/group.h"
#include "codegen/prefetch.h"
#include "codegen/tiling.h"
#include "codegen/vecmath.h"
#include "ir/winograd.h"

namespace keratin {

namespace {

// ---- how the work is cut ----

constexpr int64_t kWidth = 2;          // vectors of columns in a register tile
constexpr int64_t kMostHeight = 14;    // and image tiles
constexpr int64_t kLeastColumns = 64;  // of a group: each transforms the inputs anew
constexpr int64_t kFreeBatch = 8;      // images, where any number may come
constexpr int64_t kPieceProducts =
    512 << 10;  // worth another thread, which reads all of the kernel's columns, too

struct Cut {
  int lanes = 1;
  int64_t height = 1;    ///< image tiles of a register tile
  int64_t piece = 1;     ///< image tiles of a piece, a multiple of the height
  int64_t groups = 1;    ///< of columns; 1 unless all have the same number of whole blocks
  int64_t prefetch = 0;  ///< how many channels ahead the kernel is fetched; 0: it is not
};

/// What a tile takes of both arrays; a vector more keeps its rows from meeting in the same places of a cache.
int64_t row_elements(int64_t channels, int64_t lanes) { return ceil_of(channels, lanes) * lanes + lanes; }

Cut choose_cut(const Node& node, const Target& target, bool vectors, int64_t image_tiles,
               Scheduler& scheduler) {
  Cut cut;
  const int64_t element = byte_size(compute_dtype(node.type().dtype));
  cut.lanes = vectors ? std::max(1, target.lanes(element)) : 1;
  const Dim images = node.type().shape[0];
  const int64_t size = node.operands[1].shape()[0].value(), channels = node.operands[1].shape()[2].value(),
                columns = node.type().shape[3].value(), block = kWidth * cut.lanes,
                tiles =
                    std::max<int64_t>(1, images.coef * (images.is_static() ? 1 : kFreeBatch) * image_tiles);

  // Few columns are not shared among threads: then image tiles are, if there is a piece of work for each of two.
  const bool has_groups = columns % (2 * block) == 0 && columns / 2 >= kLeastColumns;
  const int64_t products = tiles * size * size * channels * columns;
  int64_t least_pieces = 1;
  if (images.is_static() && !has_groups)
    while (2 * least_pieces <= target.threads && products >= 2 * least_pieces * kPieceProducts)
      least_pieces *= 2;

  // Tiles of registers that waste few of their rows, and are as many in each piece.
  const int64_t most = std::clamp<int64_t>((target.vector_registers - kWidth - 1) / kWidth, 1, kMostHeight);
  const auto cost = [&](int64_t height) {
    return ceil_of(ceil_of(tiles, height), least_pieces) * (height * kWidth + kWidth + 1);
  };
  cut.height = most;
  if (images.is_static())
    for (int64_t height = most; height > 0; --height)
      if (cost(height) < cost(cut.height)) cut.height = height;
  cut.height = scheduler.decide("height", cut.height, {most, ceil_of(2 * most, 3), ceil_of(most, 2)});

  const int64_t tile_bytes = size * size * element * (row_elements(channels, cut.lanes) + block);
  // A quarter of the cache: what is read of the kernel passes through it, too. More where the kernel comes from farther away each time.
  const int64_t kernel_bytes = size * size * channels * columns * element;
  const bool is_far = kernel_bytes > target.l2_bytes / 2;
  const int64_t room = is_far ? target.l2_bytes * 5 / 8 : target.l2_bytes / 4;
  const int64_t heights = ceil_of(tiles, cut.height);
  const int64_t fitting = std::clamp<int64_t>(room / tile_bytes / cut.height, 1, heights);
  const int64_t usual =
      ceil_of(heights, std::max(ceil_of(heights, fitting), std::min(least_pieces, heights)));
  const auto at_most_all = [&](int64_t count) { return std::clamp<int64_t>(count, 1, heights); };
  const int64_t piece = scheduler.decide(
      "piece", usual, {ceil_of(usual, 4), ceil_of(usual, 2), at_most_all(usual * 2), at_most_all(usual * 4)});
  cut.piece = piece * cut.height;
  const int64_t pieces = ceil_of(heights, piece);
  std::vector<int64_t> groups{1};
  while (columns % (block * 2 * groups.back()) == 0 && columns / (2 * groups.back()) >= kLeastColumns) {
    if (pieces * groups.back() < target.threads) cut.groups = 2 * groups.back();
    groups.push_back(2 * groups.back());
  }
  cut.groups = scheduler.decide("groups", cut.groups, std::move(groups));
  const int64_t page = kPrefetchBytes / (cut.lanes * element);
  cut.prefetch = scheduler.decide("prefetch", is_far ? page : 0, {0, ceil_of(page, 4), page, 4 * page});
  return cut;
}

// ---- products with small matrices ----

using Exprs = std::vector<ExprRef>;

/// Products of constant matrices with vectors whose elements are expressions.
class SmallProduct {
 public:
  SmallProduct(KernelWriter& writer, const Matrix& matrix) : writer_(writer), matrix_(matrix) {}

  /// What belongs to a pair of points, p and -p, is computed from the same sums: two neighbouring columns whose entries are equal
  /// or opposite in every row are used as their sum and their difference, and two such rows are sum and difference themselves.
  Exprs times(const Exprs& x) {
    terms_.clear();
    for (int64_t column = 0; column < matrix_.columns; ++column) {
      const bool paired = column + 1 < matrix_.columns && are_opposite(column, column + 1);
      add_term(x[column], column, [&](int64_t row) { return !paired || sign(row, column) > 0; });
      if (!paired) continue;
      const ExprRef sum = named(Op::add, x[column], x[column + 1]),
                    difference = named(Op::sub, x[column], x[column + 1]);
      terms_.back().value = sum;
      add_term(difference, column, [&](int64_t row) { return sign(row, column) < 0; });
      ++column;
    }
    Exprs results;
    for (int64_t row = 0; row < matrix_.rows; ++row) {
      if (row + 1 == matrix_.rows || !are_mirrored(row)) {
        results.push_back(named(sum(row, [](const Term&) { return true; })));
        continue;
      }
      const auto is_equal = [&](const Term& term) { return term.factors[row] == term.factors[row + 1]; };
      const ExprRef even = named(sum(row, is_equal)),
                    odd = named(sum(row, [&](const Term& term) { return !is_equal(term); }));
      results.push_back(named(Op::add, even, odd));
      results.push_back(named(Op::sub, even, odd));
      ++row;
    }
    return results;
  }

 private:
  /// An expression and its factor in each row.
  struct Term {
    ExprRef value;
    std::vector<double> factors;
  };

  template <typename IsIn>
  void add_term(const ExprRef& value, int64_t column, const IsIn& is_in) {
    Term term{value, {}};
    for (int64_t row = 0; row < matrix_.rows; ++row)
      term.factors.push_back(is_in(row) ? matrix_.at(row, column) : 0);
    terms_.push_back(std::move(term));
  }

  /// Of the product of the entries in this column and the next.
  double sign(int64_t row, int64_t column) const {
    return matrix_.at(row, column) * matrix_.at(row, column + 1);
  }

  bool are_opposite(int64_t left, int64_t right) const {
    bool equal = false, opposite = false;
    for (int64_t row = 0; row < matrix_.rows; ++row) {
      if (std::fabs(matrix_.at(row, left)) != std::fabs(matrix_.at(row, right))) return false;
      equal |= sign(row, left) > 0;
      opposite |= sign(row, left) < 0;
    }
    return equal && opposite;
  }

  bool are_mirrored(int64_t row) const {
    bool equal = false, opposite = false;
    for (const Term& term : terms_) {
      const double a = term.factors[row], b = term.factors[row + 1];
      if (std::fabs(a) != std::fabs(b)) return false;
      equal |= a != 0 && a == b;
      opposite |= a != 0 && a != b;
    }
    return equal && opposite;
  }

  /// The terms of a row for which `is_in` holds; one that is taken as it is comes first.
  template <typename IsIn>
  ExprRef sum(int64_t row, const IsIn& is_in) const {
    std::vector<const Term*> terms;
    for (const Term& term : terms_)
      if (term.factors[row] != 0 && is_in(term)) terms.push_back(&term);
    std::stable_partition(terms.begin(), terms.end(),
                          [&](const Term* term) { return term->factors[row] == 1; });
    ExprRef sum;
    for (const Term* term : terms) {
      const double factor = term->factors[row];
      const ExprRef& value = term->value;
      const ExprRef scale = number(Scalar::of(value->dtype, factor), value->lanes);
      if (!sum)
        sum = factor == 1 ? value : apply(Op::mul, {value, scale});
      else if (factor == 1 || factor == -1)
        sum = apply(factor == 1 ? Op::add : Op::sub, {sum, value});
      else
        sum = madd(value, scale, sum, writer_.target.fma);
    }
    return sum;
  }

  ExprRef named(ExprRef value) {
    return value->kind == ExprKind::let ? value : writer_.let("t", std::move(value));
  }
  ExprRef named(Op op, const ExprRef& a, const ExprRef& b) { return named(apply(op, {a, b})); }

  KernelWriter& writer_;
  const Matrix& matrix_;
  std::vector<Term> terms_;
};

/// matrix · square · matrixᵀ; squares are row-major.
Exprs both_sides(KernelWriter& writer, const Matrix& matrix, const Exprs& square) {
  SmallProduct product(writer, matrix);
  const auto size = static_cast<size_t>(matrix.columns), rows = static_cast<size_t>(matrix.rows);
  std::vector<Exprs> columns;
  for (size_t j = 0; j < size; ++j) {
    Exprs column;
    for (size_t i = 0; i < size; ++i) column.push_back(square[i * size + j]);
    columns.push_back(product.times(column));
  }
  Exprs made;
  for (size_t i = 0; i < rows; ++i) {
    Exprs row;
    for (const Exprs& column : columns) row.push_back(column[i]);
    for (ExprRef& value : product.times(row)) made.push_back(std::move(value));
  }
  return made;
}

// ---- loops ----

class WinogradGenerator {
 public:
  WinogradGenerator(RegionLowering& lowering, const Node& node, bool vectors)
      : lowering_(lowering),
        writer_(lowering.writer),
        node_(node),
        dtype_(compute_dtype(node.type().dtype)),
        transform_(winograd_transform(node.operands[1].shape()[0].value())),
        channels_(node.operands[1].shape()[2].value()),
        columns_(node.type().shape[3].value()),
        grid_{ceil_of(node.type().shape[1].value(), transform_.outputs),
              ceil_of(node.type().shape[2].value(), transform_.outputs)},
        cut_(choose_cut(node, writer_.target, vectors, grid_[0] * grid_[1], lowering.scheduler)) {
    for (uint32_t i = 0; i < lowering.region.results.size(); ++i) results_.push_back(i);
  }

  void run() {
    const Dim images = node_.type().shape[0], tiles(images.coef * grid_[0] * grid_[1], images.symbol);
    if (cut_.groups > 1 && tiles.is_static() && !tiles.is(0)) return run_in_rounds(tiles.coef);
    const Index group = lowering_.par_index("columns", cut_.groups);
    choose_tiles(lowering_.par_range("tiles", tiles, cut_.piece), tiles);
    add_buffers(cut_.piece, Mode::tile);
    transform_inputs();
    fill_up_inputs();
    all_columns(group);
  }

 private:
  void run_in_rounds(int64_t tiles) {
    const int64_t pieces_of_tiles = ceil_of(tiles, cut_.piece), pieces = cut_.groups * pieces_of_tiles,
                  share = ceil_of(tiles, pieces), shares = ceil_of(tiles, share);
    const VarId round = writer_.variable("round", {0, 1}),
                piece_number = writer_.variable("piece", {0, pieces - 1});
    const Index piece = Index::variable(piece_number);
    are_shared_ = true;
    add_buffers(ceil_of(tiles, cut_.height) * cut_.height, Mode::out);
    Block inputs = writer_.collect([&] {
      writer_.guarded(writer_.needed({Index(shares - 1) - piece}), [&] {
        choose_tiles(lowering_.piece_range(piece, tiles, share), tiles);
        transform_inputs();
      });
      choose_tiles({0, tiles}, tiles);
      writer_.guarded(writer_.needed({piece - Index(pieces - 1)}), [&] { fill_up_inputs(); });
    });
    Block products = writer_.collect([&] {
      const Index range = modulo(piece, pieces_of_tiles, writer_.ranges);
      choose_tiles(lowering_.piece_range(range, tiles, cut_.piece), tiles);
      all_columns(floor_div(piece, pieces_of_tiles, writer_.ranges));
    });
    writer_.emit(if_stmt({Index(0) - Index::variable(round)}, std::move(inputs), std::move(products)));
    writer_.kernel.par = {{round, 2}, {piece_number, pieces}};
    writer_.kernel.in_rounds = true;
  }

  /// What is done from here on is for these tiles.
  void choose_tiles(const std::pair<Index, Index>& range, Dim all) {
    first_ = range.first;
    count_ = range.second - range.first;
    const bool divides = all.is_static() && all.coef % cut_.height == 0;
    rows_ = divides ? count_ : ceil_div(count_, cut_.height, writer_.ranges) * cut_.height;
  }

  /// `rows`: of the inputs.
  void add_buffers(int64_t rows, Mode inputs) {
    const int64_t size = transform_.size;
    inputs_ = add_buffer(writer_.kernel,
                         {"v", dtype_, {size, size, rows, row_elements(channels_, cut_.lanes)}, inputs});
    sums_ = add_buffer(writer_.kernel,
                       {"sums", dtype_, {size, size, cut_.piece, kWidth * cut_.lanes}, Mode::tile});
  }

  /// Where a tile's inputs lie.
  Index input_row(const Index& tile) const { return are_shared_ ? first_ + tile : tile; }

  void all_columns(const Index& group) {
    const int64_t block = kWidth * cut_.lanes, whole = columns_ / block, own = whole / cut_.groups;
    writer_.loop("j", 0, own, 1, LoopKind::serial,
                 [&](const Index& j) { column_block((group * own + j) * block, kWidth); });
    if (const int64_t rest = columns_ - whole * block; rest > 0)
      column_block(Index(whole * block), ceil_of(rest, cut_.lanes));
  }

  ExprRef zero(int lanes) const { return number(Scalar::of(dtype_, 0), lanes); }

  /// Within `body` the vectors' lanes are an index.
  void in_lanes(const std::function<void(const Index& lane)>& body) {
    if (cut_.lanes == 1) return body(0);
    const VarId lane = writer_.variable("lane", {0, cut_.lanes - 1});
    lowering_.values.with_lanes(lane, cut_.lanes, [&] { body(Index::variable(lane)); });
  }

  /// Elements of an array of the piece that are neighbours along its last axis.
  Access neighbours(BufferId buffer, Point at) const {
    return keratin::neighbours(buffer, std::move(at), cut_.lanes);
  }

  /// The image and the first result's row and column, of a tile of the piece.
  std::array<Index, 3> place(const Index& tile) {
    const Index number = first_ + tile;
    const auto named = [&](const char* name, const Index& index, std::optional<int64_t> extent) {
      if (index.is_constant()) return index;
      Interval range{0, std::nullopt};
      if (extent) range.high = *extent - 1;
      return writer_.let_index(name, index_value(DType::i64, index), range);
    };
    const Dim images = node_.type().shape[0];
    const Index line = floor_div(number, grid_[1], writer_.ranges);
    const Index image = named("image", floor_div(line, grid_[0], writer_.ranges),
                              images.is_static() ? std::optional<int64_t>(images.coef) : std::nullopt);
    const Index y = named("y", modulo(line, grid_[0], writer_.ranges), grid_[0]);
    const Index x = named("x", modulo(number, grid_[1], writer_.ranges), grid_[1]);
    return {image, y * transform_.outputs, x * transform_.outputs};
  }

  // Step 1.

  void transform_inputs() {
    const int64_t lanes = cut_.lanes, whole = channels_ / lanes * lanes;
    writer_.loop("i", 0, count_, 1, LoopKind::serial, [&](const Index& tile) {
      const auto [image, row, column] = place(tile);
      in_lanes([&](const Index& lane) {
        writer_.loop("c", 0, whole, lanes, LoopKind::serial, [&](const Index& c) {
          transform_input({image, row, column, c + lane}, {{}, {}, input_row(tile), c});
        });
        if (whole == channels_) return;
        lowering_.values.with_guard({Index(channels_ - 1 - whole) - lane}, [&] {
          transform_input({image, row, column, lane + Index(whole)}, {{}, {}, input_row(tile), whole});
        });
      });
    });
  }

  /// What the last register tile has beyond the tiles: zeros.
  void fill_up_inputs() {
    const int64_t lanes = cut_.lanes;
    writer_.loop("i", count_, rows_, 1, LoopKind::serial, [&](const Index& tile) {
      each_product([&](const Index& a, const Index& b) {
        writer_.loop("c", 0, ceil_of(channels_, lanes) * lanes, lanes, LoopKind::serial, [&](const Index& c) {
          writer_.emit(store_stmt(neighbours(inputs_, {a, b, input_row(tile), c}), zero(cut_.lanes)));
        });
      });
    });
  }

  /// `first`: the first element of the tile's result, and a channel of its input; `to`: where in the array that goes.
  void transform_input(const Point& first, Point to) {
    const auto& attrs = node_.as<WinogradAttrs>();
    const Shape& shape = node_.operands[0].shape();
    Exprs read;
    for (int64_t a = 0; a < transform_.size; ++a)
      for (int64_t b = 0; b < transform_.size; ++b) {
        Point at = first;
        at[1] += Index(a - attrs.pad_low[0]);
        at[2] += Index(b - attrs.pad_low[1]);
        Guard inside;
        for (int64_t axis : {1, 2}) {
          inside.push_back(at[axis]);
          inside.push_back(Index(Size(shape[axis])) - 1 - at[axis]);
        }
        const ExprRef value = lowering_.values.at_or(inside, zero(1), node_.operands[0], at);
        read.push_back(writer_.let("d", lowering_.values.widen(value)));
      }
    const Exprs made = both_sides(writer_, transform_.input, read);
    for (int64_t a = 0; a < transform_.size; ++a)
      for (int64_t b = 0; b < transform_.size; ++b) {
        to[0] = a;
        to[1] = b;
        writer_.emit(store_stmt(neighbours(inputs_, to), made[a * transform_.size + b]));
      }
  }

  void each_product(const std::function<void(const Index& a, const Index& b)>& body) {
    writer_.loop("a", 0, transform_.size, 1, LoopKind::serial, [&](const Index& a) {
      writer_.loop("b", 0, transform_.size, 1, LoopKind::serial, [&](const Index& b) { body(a, b); });
    });
  }

  // Steps 2 and 3.

  /// The columns from `start` on, `width` vectors of them.
  void column_block(const Index& start, int64_t width) {
    each_product([&](const Index& a, const Index& b) {
      writer_.loop("i", 0, rows_, cut_.height, LoopKind::serial,
                   [&](const Index& tile) { add_products(a, b, tile, start, width); });
    });
    writer_.loop("i", 0, count_, 1, LoopKind::serial, [&](const Index& tile) {
      const auto [image, row, column] = place(tile);
      for (int64_t c = 0; c < width; ++c)
        in_lanes([&](const Index& lane) {
          store_tile(tile, {image, row, column, start + Index(c * cut_.lanes) + lane}, c);
        });
    });
  }

  void add_products(const Index& a, const Index& b, const Index& tile, const Index& start, int64_t width) {
    const AccId acc = writer_.accumulator("acc", dtype_, cut_.lanes, {cut_.height, width});
    writer_.emit(acc_stmt(acc, zero(cut_.lanes)));
    const auto unroll = [&](const std::function<void(const Index& r, const Index& c)>& body) {
      writer_.loop("r", 0, cut_.height, 1, LoopKind::unroll, [&](const Index& r) {
        writer_.loop("c", 0, width, 1, LoopKind::unroll, [&](const Index& c) { body(r, c); });
      });
    };
    in_lanes([&](const Index& lane) {
      writer_.loop("k", 0, channels_, 1, LoopKind::serial, [&](const Index& k) {
        if (cut_.prefetch > 0) prefetch(a, b, k, start + lane, width);
        unroll([&](const Index& r, const Index& c) {
          const ExprRef left =
              load(writer_.kernel, {.buffer = inputs_, .at = {a, b, input_row(tile + r), k}});
          const Index column = start + c * cut_.lanes + lane;
          ExprRef right;
          lowering_.values.with_guard(
              within(column), [&] { right = lowering_.values.at(node_.operands[1], {a, b, k, column}); });
          const ExprRef sum = acc_value(writer_.kernel, acc, {r, c});
          writer_.emit(set_stmt(
              acc, {r, c},
              madd(lowering_.values.widen(left), lowering_.values.widen(right), sum, writer_.target.fma)));
        });
      });
    });
    unroll([&](const Index& r, const Index& c) {
      writer_.emit(store_stmt(neighbours(sums_, {a, b, tile + r, c * cut_.lanes}),
                              acc_value(writer_.kernel, acc, {r, c})));
    });
  }

  /// What is read of the kernel a little later, in panels.
  void prefetch(const Index& a, const Index& b, const Index& k, const Index& column, int64_t width) {
    const int64_t line = std::max<int64_t>(1, kLineBytes / (cut_.lanes * byte_size(dtype_)));
    for (int64_t c = 0; c < width; c += line) {
      const ExprRef next = lowering_.values.at(node_.operands[1], {a, b, k, column + Index(c * cut_.lanes)});
      if (std::optional<Stmt> fetch = prefetch_ahead(next, cut_.prefetch)) writer_.emit(std::move(*fetch));
    }
  }

  /// Where a column has elements of the kernel: everywhere if it is packed, since panels are filled up.
  Guard within(const Index& column) const {
    if (node_.operands[1].type().layout.axis == 3 && !node_.operands[1].type().layout.is_row_major())
      return {};
    return writer_.needed({Index(columns_ - 1) - column});
  }

  /// `first`: the tile's first result; `c`: which vector of the block it is in.
  void store_tile(const Index& tile, const Point& first, int64_t c) {
    Exprs sums;
    for (int64_t a = 0; a < transform_.size; ++a)
      for (int64_t b = 0; b < transform_.size; ++b)
        sums.push_back(
            writer_.let("m", load(writer_.kernel, neighbours(sums_, {a, b, tile, c * cut_.lanes}))));
    const Exprs made = both_sides(writer_, transform_.output, sums);
    const Shape& shape = node_.type().shape;
    for (int64_t p = 0; p < transform_.outputs; ++p)
      for (int64_t q = 0; q < transform_.outputs; ++q) {
        Point point = first;
        point[1] += Index(p);
        point[2] += Index(q);
        Guard inside;
        for (int64_t axis : {1, 2, 3}) inside.push_back(Index(Size(shape[axis])) - 1 - point[axis]);
        const Values::Tile result{&node_, point, made[p * transform_.outputs + q]};
        lowering_.values.with_guard(writer_.needed(inside), [&] {
          lowering_.values.set_tile(&result);
          lowering_.store_results(results_, point);
          lowering_.values.set_tile(nullptr);
        });
      }
  }

  RegionLowering& lowering_;
  KernelWriter& writer_;
  const Node& node_;
  const DType dtype_;
  const WinogradTransform& transform_;
  const int64_t channels_, columns_;
  const std::array<int64_t, 2> grid_;  // of an image's tiles
  const Cut cut_;
  bool are_shared_ = false;  // the inputs, by all groups of columns
  std::vector<uint32_t> results_;
  Index first_, count_, rows_;  // of the piece's tiles; rows fill up the last register tile
  BufferId inputs_ = 0, sums_ = 0;
};

}  // namespace

void lower_winograd(RegionLowering& lowering, const Node& node) {
  vectorize_or_not(lowering.writer, true,
                   [&](bool vectors) { WinogradGenerator(lowering, node, vectors).run(); });
}

}  // namespace keratin
