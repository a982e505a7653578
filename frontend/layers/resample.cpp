// Layers that resample images: UpSampling, Resizing, CenterCrop.
#include "frontend/layers/resample.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "frontend/axis_product.h"
#include "frontend/layers/images.h"
#include "frontend/layers/tables.h"
#include "frontend/window.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {
namespace {

/// The nearest element.
Expr resample_nearest(const Expr& x, int64_t axis, int64_t extent) {
  const int64_t old = x.extent(axis);
  Ints places;
  for (int64_t i = 0; i < extent; ++i) places.push_back((2 * i + 1) * old / (2 * extent));
  return take(x, axis, places);
}

// Weights are computed in f32, as Keras does on JAX: of an integer image, what is halfway between two integers in theory is rounded
// up or down as their roundings decide.

// Kernels are written once, for numbers and for tensors: of a number, what frontend/expr.h has for tensors.

bool less(float a, double b) { return a < b; }
bool greater(float a, double b) { return a > b; }
float where(bool condition, float a, float b) { return condition ? a : b; }
float maximum(float a, double b) { return std::max(a, static_cast<float>(b)); }
float number(float, double value) { return static_cast<float>(value); }
float sine(float x) { return std::sin(x); }
Expr sine(const Expr& x) { return unary(Op::sin, x); }

template <typename Number>
Number triangle(const Number& x) {
  return maximum(1 - x, 0);
}

template <typename Number>
Number cubic(const Number& x) {
  const Number near = (1.5F * x - 2.5F) * x * x + 1, far = ((-0.5F * x + 2.5F) * x - 4) * x + 2;
  return where(less(x, 1), near, where(less(x, 2), far, number(x, 0)));
}

template <int radius, typename Number>
Number lanczos(const Number& x) {
  constexpr float kPi = std::numbers::pi_v<float>, kCentre = 1e-3F;
  const Number distance = maximum(x, kCentre);
  const Number wave =
      radius * sine(kPi * distance) * sine(kPi * distance / radius) / (kPi * kPi * (distance * distance));
  return where(greater(x, radius), number(x, 0), where(greater(x, kCentre), wave, number(x, 1)));
}

/// What an element counts by its distance.
struct Kernel {
  float (*of_number)(const float& distance);
  Expr (*of_tensor)(const Expr& distance);
};

constexpr Kernel kTriangle{triangle, triangle};

Kernel kernel_of(std::string_view interpolation) {
  if (interpolation == "bicubic") return {cubic, cubic};
  if (interpolation == "lanczos3") return {lanczos<3>, lanczos<3>};
  return interpolation == "lanczos5" ? Kernel{lanczos<5>, lanczos<5>} : kTriangle;
}

/// If the weights around a place add up to less, nothing is there.
constexpr float kNothing = 1000 * std::numeric_limits<float>::epsilon();

float step_of(int64_t old, int64_t extent) {
  return static_cast<float>(1 / (static_cast<double>(extent) / static_cast<double>(old)));
}

/// Where the middle of new element i is among the old ones.
float center_of(int64_t i, float step) { return (static_cast<float>(i) + 0.5F) * step - 0.5F; }

/// The weights of the elements from `first` to `end`, beyond which there are none, in a new one.
std::vector<float> weights_around(float center, int64_t first, int64_t end, const Kernel& kernel,
                                  float stretch) {
  std::vector<float> weights;
  float total = 0;
  for (int64_t j = first; j < end; ++j)
    total += weights.emplace_back(kernel.of_number(std::abs(center - static_cast<float>(j)) / stretch));
  for (float& weight : weights) weight = std::abs(total) > kNothing ? weight / total : 0;
  return weights;
}

/// Linear interpolation along an axis; beyond the outermost elements their value.
Expr resample_linearly(const Expr& x, int64_t axis, int64_t extent) {
  const int64_t old = x.extent(axis);
  const float step = step_of(old, extent);
  Ints below, above;
  auto low_weights = std::make_shared<Tensor>(x.dtype(), std::vector<int64_t>{extent});
  auto high_weights = std::make_shared<Tensor>(x.dtype(), std::vector<int64_t>{extent});
  for (int64_t i = 0; i < extent; ++i) {
    const float center = center_of(i, step);
    const int64_t low = std::clamp<int64_t>(static_cast<int64_t>(std::floor(center)), 0, old - 1);
    const std::vector<float> weights =
        weights_around(center, low, std::min(low + 2, old), kTriangle, /*stretch=*/1);
    below.push_back(low);
    above.push_back(std::min(low + 1, old - 1));
    low_weights->set(i, weights.front());
    high_weights->set(i, weights.size() > 1 ? weights.back() : 0);
  }
  const auto part = [&](const Ints& places, std::shared_ptr<Tensor> factors) {
    const Expr elements = take(x, axis, places);
    return elements * align(Expr(x.builder(), x.builder().constant(std::move(factors))), elements, {axis});
  };
  return part(below, std::move(low_weights)) + part(above, std::move(high_weights));
}

Expr resample_by_kernel(const Expr& x, int64_t axis, int64_t extent, const Kernel& kernel, bool antialias) {
  const int64_t old = x.extent(axis);
  const float step = step_of(old, extent), stretch = antialias ? std::max(step, 1.0F) : 1.0F;
  auto matrix = std::make_shared<Tensor>(x.dtype(), std::vector<int64_t>{old, extent});
  for (int64_t i = 0; i < extent; ++i) {
    const std::vector<float> weights = weights_around(center_of(i, step), 0, old, kernel, stretch);
    for (int64_t j = 0; j < old; ++j) matrix->set(j * extent + i, weights[j]);
  }
  return multiply_along(x, axis, Expr(x.builder(), x.builder().constant(std::move(matrix))));
}

/// Tables grow with extents.
void check_extents(const Expr& x, int64_t axis, int64_t extent) {
  constexpr int64_t kMost = 1 << 15;
  if (extent > kMost || x.extent(axis) > kMost)
    throw Error(ErrorKind::unsupported,
                cat("axis ", axis, " of ", to_text(x.shape()), " cannot be resized to ", extent,
                    " elements: at most ", kMost, " are supported"));
}

// The same where lengths are free: each call computes places and weights.

/// Of a free number of elements, or to one, the nearest ones.
Expr nearest_places(Builder& b, Dim old, Dim extent) {
  const Expr twice = cast(places(b, extent), DType::i64) * 2 + 1,
             number_of_old = cast(length(b, old), DType::i64);
  return binary(Op::div, twice * number_of_old, cast(length(b, extent), DType::i64) * 2);
}

/// Where the middles of new elements are among the old ones.
Expr centers(Builder& b, Dim old, Dim extent) {
  const Expr ratio = old.symbol == extent.symbol
                         ? Expr(b, b.constant(DType::f32, step_of(old.coef, extent.coef)))
                         : cast(length(b, old), DType::f32) / cast(length(b, extent), DType::f32);
  return (cast(places(b, extent), DType::f32) + 0.5) * ratio - 0.5;
}

/// Weights over their sum, which is along an axis.
Expr over_total(const Expr& weights, int64_t axis) {
  const Expr total = sum(weights, {axis}, true);
  const Expr is_there = greater(unary(Op::abs, total), kNothing);
  return where(is_there, weights / where(is_there, total, number(total, 1)), number(weights, 0));
}

Expr resample_linearly_at_run_time(const Expr& x, int64_t axis, Dim extent) {
  Builder& b = x.builder();
  const Dim old = x.dim(axis);
  const Expr center = centers(b, old, extent), last = length(b, old) - 1;
  const Expr low = minimum(maximum(cast(unary(Op::floor, center), DType::i32), 0), last),
             high = minimum(low + 1, last);
  const auto weight_of = [&](const Expr& place) {
    return triangle(unary(Op::abs, center - cast(place, DType::f32)));
  };
  const Expr high_weight = where(less(low, high), weight_of(high), number(center, 0));
  const Expr weights =
      over_total(concat({expand_dims(weight_of(low), 0), expand_dims(high_weight, 0)}, 0), 0);
  const auto part = [&](int64_t i, const Expr& places) {
    const Expr elements = take(x, axis, places);
    return elements * align(cast(squeeze(slice(weights, 0, i, i + 1), {0}), x.dtype()), elements, {axis});
  };
  return part(0, low) + part(1, high);
}

Expr resample_by_kernel_at_run_time(const Expr& x, int64_t axis, Dim extent, const Resampling& how) {
  Builder& b = x.builder();
  const Dim old = x.dim(axis);
  const Expr from = expand_dims(cast(places(b, old), DType::f32), 1);
  Expr distance = unary(Op::abs, expand_dims(centers(b, old, extent), 0) - from);
  if (how.antialias) {
    const Expr ratio = cast(length(b, old), DType::f32) / cast(length(b, extent), DType::f32);
    distance = distance / maximum(ratio, 1);
  }
  return multiply_along(x, axis,
                        cast(over_total(kernel_of(how.interpolation).of_tensor(distance), 0), x.dtype()));
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
    x = interpolation == "nearest"
            ? repeat(x, axis, size[i])
            : resample(x, axis, Dim(x.dim(axis).coef * size[i], x.dim(axis).symbol), {interpolation});
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

Expr resample(const Expr& x, int64_t axis, Dim wanted, const Resampling& how) {
  if (x.dim(axis) == wanted) return x;
  if (!x.dim(axis).is_static()) {
    if (how.interpolation == "nearest")
      return take(x, axis, nearest_places(x.builder(), x.dim(axis), wanted));
    if (how.interpolation == "bilinear" && !how.antialias)
      return resample_linearly_at_run_time(x, axis, wanted);
    return resample_by_kernel_at_run_time(x, axis, wanted, how);
  }
  const int64_t extent = wanted.value();
  check_extents(x, axis, extent);
  if (how.interpolation == "nearest") return resample_nearest(x, axis, extent);
  if (how.interpolation == "bilinear" && !how.antialias) return resample_linearly(x, axis, extent);
  return resample_by_kernel(x, axis, extent, kernel_of(how.interpolation), how.antialias);
}

Expr resample(const Expr& x, int64_t axis, int64_t extent, const Expr& scale, const Expr& shift,
              const Resampling& how) {
  check_extents(x, axis, extent);
  const int64_t old = x.extent(axis);
  const auto line = [&](int64_t count) {
    return Expr(x.builder(), x.builder().make(Op::iota, {}, IotaAttrs{0, scale.dtype(), {count}}));
  };
  const Expr step = 1 / scale, center = (line(extent) + 0.5) * step - shift * step - 0.5;
  Expr distance = unary(Op::abs, center - expand_dims(line(old), 1));
  if (how.antialias) distance = distance / maximum(step, 1);
  const Expr weights = kernel_of(how.interpolation).of_tensor(distance);
  const Expr is_inside =
      logical_and(greater_equal(center, -0.5), less_equal(center, static_cast<double>(old) - 0.5));
  return multiply_along(x, axis,
                        cast(where(is_inside, over_total(weights, 0), number(weights, 0)), x.dtype()));
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
  // The order that takes fewer multiplications, which Keras's products go by, too.
  const Dim old_height = x.dim(axes.height), old_width = x.dim(axes.width);
  const auto known = [](Dim dim) { return dim.is_static() ? dim.value() : 1; };
  const int64_t height = known(old_height), width = known(old_width);
  const bool is_height_first =
      wanted.height * width * (height + wanted.width) < wanted.width * height * (width + wanted.height);
  const auto resample_height = [&] { x = resample(x, axes.height, wanted.height, wanted.how); };
  if (is_height_first) resample_height();
  x = resample(x, axes.width, wanted.width, wanted.how);
  if (!is_height_first) resample_height();
  return is_float(dtype) ? x : cast(is_float(x.dtype()) ? unary(Op::round, x) : x, dtype);
}

std::span<const LayerDef> resample_layers() { return kLayers; }

}  // namespace keratin
