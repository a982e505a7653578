// Layers that resample images: UpSampling, Resizing.
#include <algorithm>
#include <cmath>

#include "frontend/layers/tables.h"
#include "frontend/window.h"
#include "ir/text.h"

namespace keratin {
namespace {

/// Linear interpolation along an axis, from centres of pixels to centres of pixels; beyond the outermost ones their value.
Expr resize_linearly(const Expr& x, int64_t axis, int64_t extent) {
  const int64_t old = x.extent(axis);
  Ints below, above;
  auto weights = std::make_shared<Tensor>(x.dtype(), std::vector<int64_t>{extent});
  for (int64_t i = 0; i < extent; ++i) {
    const double center =
        (static_cast<double>(i) + 0.5) * static_cast<double>(old) / static_cast<double>(extent) - 0.5;
    const double clamped = std::clamp(center, 0.0, static_cast<double>(old - 1));
    below.push_back(static_cast<int64_t>(std::floor(clamped)));
    above.push_back(std::min(below.back() + 1, old - 1));
    weights->set(i, clamped - std::floor(clamped));
  }
  const Expr low = take(x, axis, below), high = take(x, axis, above);
  const Expr weight(x.builder(), x.builder().constant(std::move(weights)));
  return low + (high - low) * align(weight, low, {axis});
}

/// The nearest element, from centres of pixels to centres of pixels.
Expr resize_nearest(const Expr& x, int64_t axis, int64_t extent) {
  const int64_t old = x.extent(axis);
  Ints places;
  for (int64_t i = 0; i < extent; ++i) places.push_back((2 * i + 1) * old / (2 * extent));
  return take(x, axis, places);
}

constexpr Arg kUpSamplingArgs[] = {
    {"size", ArgKind::ints, "2"},
    {"interpolation", ArgKind::choice, "nearest", "nearest|bilinear"},
    kDataFormatArg,
};

template <size_t rank>
Outputs up_sampling(Call& call) {
  Expr x = call.float_input(rank + 2);
  const SpaceAxes axes = space_axes(call.args(), x.rank());
  const Ints size = call.args().ints("size", rank);
  const bool is_nearest = call.args().choice("interpolation") == "nearest";
  for (size_t i = 0; i < rank; ++i) {
    if (size[i] < 1) call.args().reject("size", "expected numbers of at least 1", {}, ErrorKind::data);
    const int64_t axis = axes.space[i];
    x = is_nearest ? repeat(x, axis, size[i]) : resize_linearly(x, axis, x.extent(axis) * size[i]);
  }
  return x;
}

constexpr Arg kResizingArgs[] = {
    {"height", ArgKind::count},
    {"width", ArgKind::count},
    {"interpolation", ArgKind::choice, "bilinear", "nearest|bilinear"},
    {"crop_to_aspect_ratio", ArgKind::fixed, "false"},
    {"pad_to_aspect_ratio", ArgKind::fixed, "false"},
    {"fill_mode", ArgKind::any, "null"},  // these two say what is padded with
    {"fill_value", ArgKind::any, "null"},
    {"antialias", ArgKind::fixed, "false"},
    kDataFormatArg,
};

Outputs resizing(Call& call) {
  Expr x = call.float_input(4);
  const Ints space = space_axes(call.args(), x.rank()).space;
  const Ints wanted = {call.args().integer("height"), call.args().integer("width")};
  const bool is_nearest = call.args().choice("interpolation") == "nearest";
  for (size_t i = 0; i < space.size(); ++i)
    x = is_nearest ? resize_nearest(x, space[i], wanted[i]) : resize_linearly(x, space[i], wanted[i]);
  return x;
}

constexpr LayerDef kLayers[] = {
    {"UpSampling1D", kUpSamplingArgs, Masks::drop, up_sampling<1>},
    {"UpSampling2D", kUpSamplingArgs, Masks::drop, up_sampling<2>},
    {"UpSampling3D", kUpSamplingArgs, Masks::drop, up_sampling<3>},
    {"Resizing", kResizingArgs, Masks::drop, resizing, {}, /*ignores_training=*/true},
};

}  // namespace

std::span<const LayerDef> resample_layers() { return kLayers; }

}  // namespace keratin
