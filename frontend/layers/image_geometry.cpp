// Layers of augmentation that move pixels. At inference they give their input back.
#include <algorithm>
#include <array>
#include <numbers>

#include "frontend/layers/augmentation.h"
#include "frontend/layers/image_sampling.h"
#include "frontend/layers/images.h"
#include "frontend/layers/resample.h"
#include "frontend/layers/tables.h"
#include "frontend/window.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {

namespace {

/// [n,1,1]
Shape one_per_plane(const Expr& images) { return {images.dim(0), 1, 1}; }

Expr constant(const Expr& like, const Shape& shape, double value) {
  return {like.builder(), like.builder().constant(like.dtype(), value, shape)};
}

double size_of(const Expr& images, int64_t axis) { return static_cast<double>(images.extent(axis)); }

}  // namespace

// ---- what they do; also for layers that choose among them ----

Expr rotate_at_random(Call& call, const Expr& images, Interval turns, const Sampling& how) {
  const double x = (size_of(images, 2) - 1) / 2, y = (size_of(images, 1) - 1) / 2;  // the centre
  const Interval radians{turns.low * 2 * std::numbers::pi, turns.high * 2 * std::numbers::pi};
  const Expr angle = draw(call, one_per_plane(images), radians);
  const Expr c = unary(Op::cos, angle), s = unary(Op::sin, angle);
  return sample(images, AffineMap{c, -s, x - x * c + y * s, s, c, y - x * s - y * c}, how);
}

Expr translate_at_random(Call& call, const Expr& images, Interval down, Interval right, const Sampling& how) {
  const Shape shape = one_per_plane(images);
  const Expr rows = draw(call, shape, down) * size_of(images, 1);
  const Expr columns = draw(call, shape, right) * size_of(images, 2);
  const Expr zero = constant(rows, shape, 0), one = constant(rows, shape, 1);
  return sample(images, AffineMap{one, zero, -columns, zero, one, -rows}, how);
}

Expr shear_at_random(Call& call, const Expr& images, Interval x, Interval y, const Sampling& how) {
  const Shape shape = one_per_plane(images);
  const Expr zero{call.builder(), call.builder().constant(DType::f32, 0, shape)},
      one = constant(zero, shape, 1);
  const bool is_nothing = x.low == 0 && x.high == 0 && y.low == 0 && y.high == 0;
  const Expr direction = is_nothing ? one : where(draw_event(call, shape, {0.5, 0.5}), one, -one);
  return sample(
      images,
      AffineMap{one, draw(call, shape, x) * direction, zero, draw(call, shape, y) * direction, one, zero},
      how);
}

namespace {

// ---- RandomFlip ----

constexpr Arg kFlipArgs[] = {
    {"mode", ArgKind::choice, "horizontal_and_vertical", "horizontal|vertical|horizontal_and_vertical"},
    kDataFormatArg,
    kBoundingBoxFormatArg,
};

/// Each image as it is or mirrored, with equal probability; both directions together.
Outputs random_flip(Call& call) {
  if (!call.training()) return call.float_input();
  const std::string& mode = call.args().choice("mode");
  return map_images(call, [&](const Expr& images) {
    Expr flipped = images;
    if (mode != "vertical") flipped = reverse(flipped, 2);
    if (mode != "horizontal") flipped = reverse(flipped, 1);
    return where(draw_event(call, one_per_image(images), {0.5, 0.5}), flipped, images);
  });
}

// ---- affine maps ----

constexpr Arg kRotationArgs[] = {
    {"factor", ArgKind::any},  // of a whole turn
    kFillModeArg,
    kFillValueArg,
    kSamplingArg,
    kDataFormatArg,
    kBoundingBoxFormatArg,
};

Outputs random_rotation(Call& call) {
  const Interval turns = interval(call, "factor", {-1, 1});
  if (!call.training()) return call.float_input();
  return map_images(call, [&](const Expr& images) {
    return rotate_at_random(call, images, turns, sampling_of(call.args()));
  });
}

constexpr Arg kZoomArgs[] = {
    {"height_factor", ArgKind::any},
    {"width_factor", ArgKind::any, "null"},
    kFillModeArg,
    kFillValueArg,
    kSamplingArg,
    kDataFormatArg,
    kBoundingBoxFormatArg,
};

/// Scales about the centre; without a width_factor, both axes by the same.
Outputs random_zoom(Call& call) {
  const Interval height = interval(call, "height_factor", {-1, 1});
  const bool is_uniform = call.args().is_null("width_factor");
  const Interval width = is_uniform ? height : interval(call, "width_factor", {-1, 1});
  if (!call.training()) return call.float_input();
  return map_images(call, [&](const Expr& images) {
    const Shape shape = one_per_plane(images);
    const Expr rows = draw(call, shape, height) + 1.0;
    const Expr columns = is_uniform ? rows : draw(call, shape, width) + 1.0;
    const Expr zero = constant(rows, shape, 0);
    return sample(images,
                  AffineMap{columns, zero, (1 - columns) * ((size_of(images, 2) - 1) / 2), zero, rows,
                            (1 - rows) * ((size_of(images, 1) - 1) / 2)},
                  sampling_of(call.args()));
  });
}

constexpr Arg kTranslationArgs[] = {
    {"height_factor", ArgKind::any},
    {"width_factor", ArgKind::any},
    kFillModeArg,
    kFillValueArg,
    kSamplingArg,
    kDataFormatArg,
    kBoundingBoxFormatArg,
};

Outputs random_translation(Call& call) {
  const Interval down = interval(call, "height_factor", {-1, 1}),
                 right = interval(call, "width_factor", {-1, 1});
  if (!call.training()) return call.float_input();
  return map_images(call, [&](const Expr& images) {
    return translate_at_random(call, images, down, right, sampling_of(call.args()));
  });
}

constexpr Arg kShearArgs[] = {
    {"x_factor", ArgKind::any, "0.0"},
    {"y_factor", ArgKind::any, "0.0"},
    kFillModeArg,
    kFillValueArg,
    kSamplingArg,
    kDataFormatArg,
    kBoundingBoxFormatArg,
};

Outputs random_shear(Call& call) {
  const Interval x = interval(call, "x_factor", {-1, 1}), y = interval(call, "y_factor", {-1, 1});
  if (!call.training()) return call.float_input();
  return map_images(call, [&](const Expr& images) {
    return shear_at_random(call, images, x, y, sampling_of(call.args()));
  });
}

// ---- RandomCrop ----

constexpr Arg kCropArgs[] = {
    {"height", ArgKind::count},
    {"width", ArgKind::count},
    kDataFormatArg,
    kBoundingBoxFormatArg,
};

/// The same part of all images; what is too small is resized. At inference Keras leaves even the size as it is.
Outputs random_crop(Call& call) {
  if (!call.training()) return call.input();
  const int64_t height = call.args().integer("height"), width = call.args().integer("width");
  return map_images(call, [&](const Expr& images) {
    const int64_t old_height = images.extent(1), old_width = images.extent(2);
    if (old_height > height && old_width > width) {
      Builder& b = images.builder();
      const auto cut = [&](const Expr& x, int64_t axis, int64_t size) {
        const double places = static_cast<double>(x.extent(axis) - size + 1);
        const Expr start = cast(draw(call, {}, {0, places}), DType::i32);
        return Expr(b, b.make(Op::dynamic_slice, {x.value(), start.value()}, DynamicSliceAttrs{axis, size}));
      };
      return cut(cut(images, 1, height), 2, width);
    }
    const Crop middle = crop_to_aspect_ratio(old_height, old_width, height, width);
    const auto part = [&](const Expr& x, int64_t axis, int64_t start, int64_t size) {
      return slice(x, axis, start, std::min(start + size, x.extent(axis)));
    };
    const Expr cut = part(part(images, 1, middle.top, height), 2, middle.left, width);
    return resample(resample(cut, 1, height), 2, width);
  });
}

// ---- RandomPerspective ----

constexpr Arg kPerspectiveArgs[] = {
    {"factor", ArgKind::any, "1.0"},
    {"scale", ArgKind::real, "1.0"},
    kSamplingArg,
    kFillValueArg,
    kDataFormatArg,
    kBoundingBoxFormatArg,
};

/// Where each pixel comes from when the image's corners are moved to `x` and `y`: the upper left one, upper right, lower left, lower
/// right. P. Heckbert, Fundamentals of texture mapping and image warping, 1989: the map of the unit square to the corners,
/// inverted.
Places unwarped(const Expr& images, const std::array<Expr, 4>& x, const std::array<Expr, 4>& y) {
  const Expr dx1 = x[1] - x[3], dx2 = x[2] - x[3], sx = x[0] - x[1] + x[3] - x[2];
  const Expr dy1 = y[1] - y[3], dy2 = y[2] - y[3], sy = y[0] - y[1] + y[3] - y[2];
  const Expr area = dx1 * dy2 - dx2 * dy1;
  const Expr g = (sx * dy2 - dx2 * sy) / area, h = (dx1 * sy - sx * dy1) / area;
  const Expr a = x[1] - x[0] + g * x[1], b = x[2] - x[0] + h * x[2], c = x[0];
  const Expr d = y[1] - y[0] + g * y[1], e = y[2] - y[0] + h * y[2], f = y[0];
  const auto [row, column] = pixels_of(images);
  const Expr across = (e - f * h) * column + (c * h - b) * row + (b * f - c * e);
  const Expr along = (f * g - d) * column + (a - c * g) * row + (c * d - a * f);
  const Expr depth = (d * h - e * g) * column + (b * g - a * h) * row + (a * e - b * d);
  return {along / depth * (size_of(images, 1) - 1), across / depth * (size_of(images, 2) - 1)};
}

Outputs random_perspective(Call& call) {
  const Interval probability = interval(call, "factor", {0, 1});
  const double scale = call.args().real("scale");
  if (scale < 0 || scale > 1)
    call.args().reject("scale", "expected a number from 0 to 1", {}, ErrorKind::data);
  if (!call.training()) return call.float_input();
  return map_images(call, [&](const Expr& images) {
    const Shape shape = one_per_plane(images);
    std::array<Expr, 4> x, y;
    for (int corner = 0; corner < 4; ++corner) {
      const auto moved = [&](double place) {
        return (draw(call, shape, {-0.5 * scale, 0.5 * scale}) + 1.0) * place;
      };
      x[corner] = moved(corner % 2 == 0 ? 0 : size_of(images, 2) - 1);
      y[corner] = moved(corner < 2 ? 0 : size_of(images, 1) - 1);
    }
    const Sampling how{call.args().choice("interpolation") == "bilinear", "constant",
                       call.args().real("fill_value")};
    return where(draw_event(call, one_per_image(images), probability),
                 sample(images, unwarped(images, x, y), how), images);
  });
}

// ---- RandomElasticTransform ----

constexpr Arg kElasticArgs[] = {
    {"factor", ArgKind::any, "1.0"},
    {"scale", ArgKind::any, "1.0"},
    kSamplingArg,
    {"fill_mode", ArgKind::choice, "reflect", "reflect|wrap|constant|nearest|mirror"},
    kFillValueArg,
    {"value_range", ArgKind::any, "[0, 255]"},
    kDataFormatArg,
    kBoundingBoxFormatArg,
};

/// P. Simard, D. Steinkraus and J. Platt, Best practices for convolutional neural networks applied to visual document analysis, 2003:
/// smoothed noise says how far pixels move. As in Keras, it is the same noise for both directions.
Outputs random_elastic_transform(Call& call) {
  const Interval probability = interval(call, "factor", {0, 1}), scale = interval(call, "scale", {0, 1});
  const Interval range = value_range(call);
  if (!call.training() || scale.high == 0 || probability.high == 0) return call.float_input();
  return map_images(call, [&](const Expr& images) {
    const double height = size_of(images, 1), width = size_of(images, 2);
    const Expr strength = draw(call, {}, scale);
    const Expr spread = strength * (0.05 * std::min(height, width));
    // The kernel's size follows the spread. There is one of the largest size, with weights of 0 outside.
    const auto most = static_cast<int64_t>(6 * 0.05 * std::min(height, width) * scale.high) | 1;
    const Expr reach = unary(Op::floor, unary(Op::floor, spread * 6.0) / 2.0);
    const Expr weights = gaussian_weights(most, spread, reach);
    const Expr noise = draw_normal(call, {images.dim(0), images.dim(1), images.dim(2)}) * spread;
    const Expr smooth = squeeze(blur(expand_dims(noise, -1), weights, weights), {3});
    const Expr shift = smooth * (strength * (0.1 * std::max(height, width)));
    const auto [y, x] = pixels_of(images);
    const Expr moved = sample(images, Places{y + shift, x + shift}, sampling_of(call.args()));
    return clip(where(draw_event(call, one_per_image(images), probability), moved, images), range.low,
                range.high);
  });
}

constexpr LayerDef kLayers[] = {
    augmentation("RandomFlip", kFlipArgs, random_flip),
    augmentation("RandomRotation", kRotationArgs, random_rotation),
    augmentation("RandomZoom", kZoomArgs, random_zoom),
    augmentation("RandomTranslation", kTranslationArgs, random_translation),
    augmentation("RandomShear", kShearArgs, random_shear),
    augmentation("RandomCrop", kCropArgs, random_crop),
    augmentation("RandomPerspective", kPerspectiveArgs, random_perspective),
    augmentation("RandomElasticTransform", kElasticArgs, random_elastic_transform),
};

}  // namespace

std::span<const LayerDef> image_geometry_layers() { return kLayers; }

}  // namespace keratin
