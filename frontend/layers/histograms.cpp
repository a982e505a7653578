// Layers that work by the distribution of the values of an image: AutoContrast, Equalization,
// ContrastLimitedAdaptiveHistogramEqualization.
#include <algorithm>
#include <cmath>

#include "frontend/layers/augmentation.h"
#include "frontend/layers/images.h"
#include "frontend/layers/tables.h"
#include "frontend/window.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {
namespace {

constexpr Interval kLevels{0, 255};

/// How many elements along `axis` have each of the values 0 … bins-1: that axis goes, and the bins come last.
Expr histogram(const Expr& levels, const Ints& axes, int64_t bins) {
  Builder& b = levels.builder();
  Shape shape = levels.shape();
  shape.push_back(bins);
  const Expr bin(b, b.make(Op::iota, {}, IotaAttrs{levels.rank(), DType::i32, shape}));
  return sum(cast(equal(expand_dims(levels, -1), bin), DType::f32), axes);
}

Expr running_sum(const Expr& x) {
  Builder& b = x.builder();
  return {b, b.make(Op::cumsum, {x.value()}, AxisAttrs{x.rank() - 1})};
}

}  // namespace

Expr stretch_contrast(const Expr& images, Interval range, const Ints& axes) {
  const Expr x = change_range(images, range, kLevels);
  const Expr low = reduce(Op::reduce_min, x, axes, true), high = reduce(Op::reduce_max, x, axes, true);
  const Expr scale = 255 / (high - low);
  const Expr stretched = change_range(clip(x * scale - low * scale, 0, 255), kLevels, range);
  return where(equal(stretched, stretched), stretched, images);  // NaN: all values are one
}

Expr equalize(const Expr& images, Interval range, int64_t bins) {
  const Expr x = change_range(images, range, kLevels);
  const double most = static_cast<double>(bins - 1);
  const Expr levels = clip(cast(x * most / 255.0, DType::i32), 0, most);
  const Expr counts = histogram(levels, {0, 1, 2}, bins);  // [c,bins]
  const Expr is_varied =
      greater(sum(where(greater(counts, 0), number(counts, 1), number(counts, 0)), {-1}), 1);
  const Expr sums = running_sum(counts);
  const Expr none = where(greater(sums, 0), sums, reduce(Op::reduce_max, sums, {-1}, true));
  const Expr least = reduce(Op::reduce_min, none, {-1}, true);
  const Expr spread = reduce(Op::reduce_max, sums, {-1}, true) - least;
  const Expr divisor = where(equal(spread, number(spread, 0)), number(spread, 1), spread);
  const Expr table = clip(unary(Op::round, (sums - least) * 255.0 / divisor), 0, 255);
  // Channels first, so that each looks up its own row.
  const Expr index = cast(clip(x / 255.0 * most, 0, most), DType::i32);
  const Expr by_channel = transpose(index, {3, 0, 1, 2});
  Builder& b = images.builder();
  const Expr found(
      b, b.make(Op::gather, {table.value(), by_channel.value()}, GatherAttrs{.axis = 1, .batch_dims = 1}));
  const Expr equalized = where(align(is_varied, x, {3}), transpose(found, {1, 2, 3, 0}), x);
  return change_range(equalized, kLevels, range);
}

namespace {

// ---- AutoContrast ----

constexpr Arg kContrastArgs[] = {
    {"value_range", ArgKind::any, "[0, 255]"}, kDataFormatArg, kBoundingBoxFormatArg};

/// At inference as well as in training. Keras takes the second and third axis for height and width, whatever data_format says.
Outputs auto_contrast(Call& call) {
  const Interval range = value_range(call);
  image_axes(call);
  const Expr x = call.float_input();
  return x.rank() == 4 ? stretch_contrast(x, range, {1, 2}) : stretch_contrast(x, range, {0, 1});
}

// ---- Equalization ----

constexpr Arg kEqualizationArgs[] = {
    {"value_range", ArgKind::any, "[0, 255]"},
    {"bins", ArgKind::count, "256"},
    kDataFormatArg,
    kBoundingBoxFormatArg,
};

Outputs equalization(Call& call) {
  const Interval range = value_range(call);
  if (!call.training()) return call.input();
  return map_images(call,
                    [&](const Expr& images) { return equalize(images, range, call.args().integer("bins")); });
}

// ---- ContrastLimitedAdaptiveHistogramEqualization ----

constexpr Arg kClaheArgs[] = {
    {"value_range", ArgKind::any, "[0, 255]"},
    {"clip_limit", ArgKind::real, "4.0"},
    {"tile_grid_size", ArgKind::ints, "8"},
    kDataFormatArg,
    kBoundingBoxFormatArg,
};

/// An axis made longer at its end by its mirror image.
Expr extend(const Expr& x, int64_t axis, int64_t extent) {
  const int64_t old = x.extent(axis);
  if (extent == old) return x;
  Ints places;
  for (int64_t i = 0; i < extent; ++i) {
    const int64_t place = i % (2 * old);
    places.push_back(place < old ? place : 2 * old - 1 - place);
  }
  return take(x, axis, places);
}

/// What level becomes what in each tile: [n,tiles down,tiles across,c,256].
Expr tables_of(const Expr& images, const Ints& grid, const Ints& tile, double limit) {
  const Dim batch = images.dim(0), channels = images.dim(3);
  const Expr tiles =
      transpose(reshape(images, {batch, grid[0], tile[0], grid[1], tile[1], channels}), {0, 1, 3, 5, 2, 4});
  const int64_t pixels = tile[0] * tile[1];
  const Expr levels =
      clip(cast(reshape(tiles, {batch, grid[0], grid[1], channels, pixels}), DType::i32), 0, 255);
  Expr counts = histogram(levels, {4}, 256);
  if (limit > 0) {
    // What is above the limit is spread over all levels.
    const Expr cut = minimum(counts, limit * static_cast<double>(pixels) / 256);
    counts = cut + sum(counts - cut, {-1}, true) / 256.0;
  }
  const Expr sums = running_sum(counts), least = reduce(Op::reduce_min, sums, {-1}, true);
  const Expr spread = static_cast<double>(pixels) - least;
  const Expr divisor = where(equal(spread, number(spread, 0)), number(spread, 1), spread);
  return clip((sums - least) * 255.0 / divisor, 0, 255);
}

/// The two tiles next to each pixel of an axis, and the second one's share, as f32 rounds it. There is no tile beyond the first and the
/// last: those count twice.
struct Neighbours {
  Ints first, second;
  std::vector<float> share;
};

Neighbours neighbours(int64_t extent, int64_t tile, int64_t grid) {
  Neighbours out;
  for (int64_t i = 0; i < extent; ++i) {
    const float size = static_cast<float>(tile);
    const float place =
        (static_cast<float>(i) - size / 2) / size + 1;  // in tiles, of which one is before the first
    const auto below = static_cast<int64_t>(std::floor(place)) - 1;
    out.first.push_back(std::clamp<int64_t>(below, 0, grid - 1));
    out.second.push_back(std::clamp<int64_t>(below + 1, 0, grid - 1));
    out.share.push_back(place - std::floor(place));
  }
  return out;
}

Expr numbers_along(const Expr& like, int64_t axis, const std::vector<float>& numbers) {
  auto data =
      std::make_shared<Tensor>(DType::f32, std::vector<int64_t>{static_cast<int64_t>(numbers.size())});
  for (size_t i = 0; i < numbers.size(); ++i) data->set(static_cast<int64_t>(i), numbers[i]);
  Builder& b = like.builder();
  return align({b, b.constant(std::move(data))}, like, {axis});
}

/// K. Zuiderveld, Contrast limited adaptive histogram equalization, 1994: the histogram of each tile of the image makes a table; a
/// pixel becomes what the tables of the four tiles next to it say, the nearer ones counting more.
Expr equalize_by_tiles(const Expr& images, const Ints& grid, double limit) {
  const int64_t height = images.extent(1), width = images.extent(2);
  const Ints tile{(height + grid[0] - 1) / grid[0], (width + grid[1] - 1) / grid[1]};
  const Expr padded = extend(extend(images, 1, tile[0] * grid[0]), 2, tile[1] * grid[1]);
  const Expr tables = tables_of(padded, grid, tile, limit);
  const Dim batch = images.dim(0);
  const int64_t channels = images.extent(3), size = grid[0] * grid[1] * channels * 256;
  const Expr flat = reshape(tables, {batch, size});
  const Neighbours rows = neighbours(height, tile[0], grid[0]), columns = neighbours(width, tile[1], grid[1]);
  const Expr levels = cast(clip(images, 0, 255), DType::i32);
  Builder& b = images.builder();
  const auto value = [&](const Ints& row, const Ints& column) {
    auto start = std::make_shared<Tensor>(DType::i32, std::vector<int64_t>{height, width, channels});
    int64_t place = 0;
    for (int64_t i : row)
      for (int64_t j : column)
        for (int64_t c = 0; c < channels; ++c)
          start->set_integer(place++, ((i * grid[1] + j) * channels + c) * 256);
    const Expr index = levels + Expr(b, b.constant(std::move(start)));
    const Expr found(
        b, b.make(Op::gather, {flat.value(), reshape(index, {batch, height * width * channels}).value()},
                  GatherAttrs{.axis = 1, .batch_dims = 1}));
    return reshape(found, images.shape());
  };
  const Expr down = numbers_along(images, 1, rows.share), across = numbers_along(images, 2, columns.share);
  const auto between = [&](const Ints& row) {
    return value(row, columns.first) * (1 - across) + value(row, columns.second) * across;
  };
  return between(rows.first) * (1 - down) + between(rows.second) * down;
}

/// At inference as well as in training; integers stay integers.
Outputs clahe(Call& call) {
  const Interval range = value_range(call);
  const Ints grid = call.args().ints("tile_grid_size", 2);
  constexpr int64_t kMostTiles = 256;
  for (int64_t tiles : grid)
    if (tiles < 1 || tiles > kMostTiles)
      call.args().reject("tile_grid_size", cat("expected numbers from 1 to ", kMostTiles));
  const Expr equalized = map_images(call, [&](const Expr& images) {
    const Expr x = change_range(images, range, kLevels);
    return change_range(equalize_by_tiles(x, grid, call.args().real("clip_limit")), kLevels, range);
  });
  return cast(equalized, call.input().dtype());
}

constexpr LayerDef kLayers[] = {
    augmentation("AutoContrast", kContrastArgs, auto_contrast),
    augmentation("Equalization", kEqualizationArgs, equalization),
    augmentation("ContrastLimitedAdaptiveHistogramEqualization", kClaheArgs, clahe),
};

}  // namespace

std::span<const LayerDef> histogram_layers() { return kLayers; }

}  // namespace keratin
