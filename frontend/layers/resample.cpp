// Layers that resample images: UpSampling, Resizing, CenterCrop.
#include "frontend/layers/resample.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "frontend/layers/images.h"
#include "frontend/layers/tables.h"
#include "frontend/window.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {
namespace {

/// Linear interpolation along an axis; beyond the outermost elements their value.
Expr resample_linearly(const Expr& x, int64_t axis, int64_t extent) {
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

/// The nearest element.
Expr resample_nearest(const Expr& x, int64_t axis, int64_t extent) {
  const int64_t old = x.extent(axis);
  Ints places;
  for (int64_t i = 0; i < extent; ++i) places.push_back((2 * i + 1) * old / (2 * extent));
  return take(x, axis, places);
}

double triangle(double x) { return std::max(1 - x, 0.0); }

double cubic(double x) {
  if (x >= 2) return 0;
  return x >= 1 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : (1.5 * x - 2.5) * x * x + 1;
}

template <int radius>
double lanczos(double x) {
  if (x > radius) return 0;
  if (x <= 1e-3) return 1;
  const double angle = std::numbers::pi * x;
  return radius * std::sin(angle) * std::sin(angle / radius) / (angle * angle);
}

using Kernel = double(double distance);

Kernel* kernel_of(std::string_view interpolation) {
  if (interpolation == "bicubic") return cubic;
  if (interpolation == "lanczos3") return lanczos<3>;
  return interpolation == "lanczos5" ? lanczos<5> : triangle;
}

/// Row i has the weights of the old elements in the new element i.
Expr resample_by_kernel(const Expr& x, int64_t axis, int64_t extent, Kernel* kernel, bool antialias) {
  const int64_t old = x.extent(axis);
  const double step = static_cast<double>(old) / static_cast<double>(extent);
  const double stretch = antialias ? std::max(step, 1.0) : 1.0;
  constexpr double kNothing = 1000 * 1.1920929e-7;
  auto weights = std::make_shared<Tensor>(x.dtype(), std::vector<int64_t>{old, extent});
  for (int64_t i = 0; i < extent; ++i) {
    const double center = (static_cast<double>(i) + 0.5) * step - 0.5;
    std::vector<double> column;
    double total = 0;
    for (int64_t j = 0; j < old; ++j)
      total += column.emplace_back(kernel(std::abs(center - static_cast<double>(j)) / stretch));
    for (int64_t j = 0; j < old; ++j)
      weights->set(j * extent + i, std::abs(total) > kNothing ? column[j] / total : 0);
  }
  Builder& b = x.builder();
  const Expr product(
      b, b.make(Op::dot, {x.value(), b.constant(std::move(weights))}, DotAttrs{.contract = {{axis}, {0}}}));
  Ints back = axes_from(x, 0);  // the new axis has come last
  back.pop_back();
  back.insert(back.begin() + axis, x.rank() - 1);
  return transpose(product, back);
}

constexpr Arg kRepeatingArgs[] = {{"size", ArgKind::ints, "2"}, kDataFormatArg};
constexpr Arg kUpSampling2DArgs[] = {
    {"size", ArgKind::ints, "2"},
    {"interpolation", ArgKind::choice, "nearest", kInterpolationArg.accepted},
    kDataFormatArg,
};

template <size_t rank>
Outputs up_sampling(Call& call) {
  Expr x = call.float_input(rank + 2);
  const SpaceAxes axes = space_axes(call.args(), x.rank());
  const Ints size = call.args().ints("size", rank);
  std::string_view interpolation = "nearest";
  if (rank == 2) interpolation = call.args().choice("interpolation");
  for (size_t i = 0; i < rank; ++i) {
    if (size[i] < 1) call.args().reject("size", "expected numbers of at least 1", {}, ErrorKind::data);
    const int64_t axis = axes.space[i];
    x = interpolation == "nearest" ? repeat(x, axis, size[i])
                                   : resample(x, axis, x.extent(axis) * size[i], {interpolation});
  }
  return x;
}

Expr crop(const Expr& x, const ImageSpace& axes, const Crop& part) {
  return slice(slice(x, axes.height, part.top, part.top + part.height), axes.width, part.left,
               part.left + part.width);
}

/// Pads one of the two axes at both ends, equally, so that the shape comes as near to the target's as that can.
Expr pad_to_aspect_ratio(const Expr& x, const ImageSpace& axes, const Resize& wanted) {
  const int64_t height = x.extent(axes.height), width = x.extent(axes.width);
  const int64_t rows = (std::max(height, width * wanted.height / wanted.width) - height) / 2;
  const int64_t columns = (std::max(width, height * wanted.width / wanted.height) - width) / 2;
  if (rows == 0 && columns == 0) return x;
  Ints edges(x.rank(), 0);
  (rows > 0 ? edges[axes.height] : edges[axes.width]) = rows > 0 ? rows : columns;
  return pad(to_float(x), edges, edges, wanted.fill);
}

constexpr Arg kResizingArgs[] = {
    {"height", ArgKind::count},
    {"width", ArgKind::count},
    kInterpolationArg,
    {"crop_to_aspect_ratio", ArgKind::boolean, "false"},
    {"pad_to_aspect_ratio", ArgKind::boolean, "false"},
    {"fill_mode", ArgKind::fixed, "\"constant\""},  // of what is padded
    {"fill_value", ArgKind::real, "0.0"},
    {"antialias", ArgKind::boolean, "false"},
    kDataFormatArg,
    kBoundingBoxFormatArg,
};

Outputs resizing(Call& call) {
  const Args& args = call.args();
  const ImageAxes axes = image_axes(call);
  const Resize wanted{.height = args.integer("height"),
                      .width = args.integer("width"),
                      .how = {args.choice("interpolation"), args.boolean("antialias")},
                      .crops = args.boolean("crop_to_aspect_ratio"),
                      .pads = args.boolean("pad_to_aspect_ratio"),
                      .fill = args.real("fill_value")};
  if (wanted.crops && wanted.pads)
    args.reject("pad_to_aspect_ratio", "crop_to_aspect_ratio is true, too", {}, ErrorKind::data);
  return resize(call.input(), {axes.height, axes.width}, wanted);
}

constexpr Arg kCenterCropArgs[] = {
    {"height", ArgKind::count}, {"width", ArgKind::count}, kDataFormatArg, kBoundingBoxFormatArg};

/// The middle of the image; of one that is too small, what has the target's shape, resized.
Outputs center_crop(Call& call) {
  const Expr x = call.float_input();
  const auto [height_axis, width_axis, channels] = image_axes(call);
  const ImageSpace axes{height_axis, width_axis};
  const int64_t height = call.args().integer("height"), width = call.args().integer("width");
  const int64_t rows = x.extent(axes.height) - height, columns = x.extent(axes.width) - width;
  if (rows >= 0 && columns >= 0) return crop(x, axes, {rows / 2, columns / 2, height, width});
  const Expr part =
      crop(x, axes, crop_to_aspect_ratio(x.extent(axes.height), x.extent(axes.width), height, width));
  return resample(resample(part, axes.height, height), axes.width, width);
}

constexpr LayerDef kLayers[] = {
    {"UpSampling1D", kRepeatingArgs, Masks::drop, up_sampling<1>},
    {"UpSampling2D", kUpSampling2DArgs, Masks::drop, up_sampling<2>},
    {"UpSampling3D", kRepeatingArgs, Masks::drop, up_sampling<3>},
    {"Resizing", kResizingArgs, Masks::drop, resizing, {}, /*ignores_training=*/true},
    {"CenterCrop", kCenterCropArgs, Masks::drop, center_crop, {}, /*ignores_training=*/true},
};

}  // namespace

Expr resample(const Expr& x, int64_t axis, int64_t extent, const Resampling& how) {
  constexpr int64_t kMost = 1 << 15;  // tables grow with it
  if (extent > kMost || x.extent(axis) > kMost)
    throw Error(ErrorKind::unsupported,
                cat("axis ", axis, " of ", to_text(x.shape()), " cannot be resized to ", extent,
                    " elements: at most ", kMost, " are supported"));
  if (x.extent(axis) == extent) return x;
  if (how.interpolation == "nearest") return resample_nearest(x, axis, extent);
  if (how.interpolation == "bilinear" && !how.antialias) return resample_linearly(x, axis, extent);
  return resample_by_kernel(x, axis, extent, kernel_of(how.interpolation), how.antialias);
}

Crop crop_to_aspect_ratio(int64_t height, int64_t width, int64_t target_height, int64_t target_width) {
  const int64_t rows = std::max<int64_t>(std::min(height, width * target_height / target_width), 1);
  const int64_t columns = std::max<int64_t>(std::min(width, height * target_width / target_height), 1);
  return {(height - rows) / 2, (width - columns) / 2, rows, columns};
}

Expr resize(Expr x, const ImageSpace& axes, const Resize& wanted) {
  const DType dtype = x.dtype();
  if (wanted.crops)
    x = crop(x, axes,
             crop_to_aspect_ratio(x.extent(axes.height), x.extent(axes.width), wanted.height, wanted.width));
  if (wanted.pads) x = pad_to_aspect_ratio(x, axes, wanted);
  if (wanted.how.interpolation != "nearest") x = to_float(x);
  x = resample(resample(x, axes.height, wanted.height, wanted.how), axes.width, wanted.width, wanted.how);
  return is_float(dtype) ? x : cast(is_float(x.dtype()) ? unary(Op::round, x) : x, dtype);
}

std::span<const LayerDef> resample_layers() { return kLayers; }

}  // namespace keratin
