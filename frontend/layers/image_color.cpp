// Layers of augmentation that change colours. At inference they give their input back, integers as integers.
#include <algorithm>
#include <array>

#include "frontend/layers/augmentation.h"
#include "frontend/layers/images.h"
#include "frontend/layers/tables.h"
#include "frontend/window.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {
namespace {

/// The planes [n,h,w] of [n,h,w,3].
std::array<Expr, 3> planes_of(const Expr& images) {
  if (!images.dim(3).is(3))
    throw Error(ErrorKind::data,
                cat("its images have ", to_text(images.dim(3)), " channels, expected red, green and blue"));
  const auto plane = [&](int64_t channel) { return squeeze(slice(images, 3, channel, channel + 1), {3}); };
  return {plane(0), plane(1), plane(2)};
}

Expr stacked(const std::array<Expr, 3>& planes) {
  return concat({expand_dims(planes[0], -1), expand_dims(planes[1], -1), expand_dims(planes[2], -1)}, 3);
}

/// How bright each pixel is: [n,h,w,3] → [n,h,w,1].
Expr gray(const Expr& images) {
  if (images.dim(3).is(1)) return images;
  const auto [red, green, blue] = planes_of(images);
  return expand_dims(red * 0.2989 + green * 0.587 + blue * 0.114, -1);
}

// Hue, saturation and value. A. Smith, Color gamut transform pairs, 1978.

std::array<Expr, 3> hsv_of(const Expr& images) {
  constexpr double kEpsilon = 1.1920929e-7;
  const auto [r, g, b] = planes_of(where(less(unary(Op::abs, images), kEpsilon), number(images, 0), images));
  const Expr value = maximum(maximum(r, g), b), range = value - minimum(minimum(r, g), b);
  const Expr zero = number(value, 0), one = number(value, 1);
  const Expr is_bright = greater(value, 0), is_colored = greater(range, 0);
  const Expr saturation = where(is_bright, range / where(is_bright, value, one), zero);
  const Expr norm = 1 / (where(is_colored, range, one) * 6.0);
  Expr hue = where(equal(value, g), norm * (b - r) + 2.0 / 6, norm * (r - g) + 4.0 / 6);
  hue = where(equal(value, r), norm * (g - b), hue);
  return {where(is_colored, hue, zero) + where(less(hue, 0), one, zero), saturation, value};
}

Expr rgb_of(const std::array<Expr, 3>& hsv) {
  const auto& [hue, saturation, value] = hsv;
  const Expr h = (hue - unary(Op::floor, hue)) * 6.0;
  const auto shade = [&](const Expr& amount) {
    return value * (1 - saturation + saturation * clip(amount, 0, 1));
  };
  const auto distance = [&](double from) { return unary(Op::abs, h - from); };
  return stacked({shade(distance(3) - 1), shade(2 - distance(2)), shade(2 - distance(4))});
}

/// [n,1,1]
Shape one_per_plane(const Expr& images) { return {images.dim(0), 1, 1}; }

}  // namespace

// ---- what they do ----

Expr brighten_at_random(Call& call, const Expr& images, Interval factor, Interval range) {
  const Expr change = draw(call, one_per_image(images), factor) * (range.high - range.low);
  return clip(images + change, range.low, range.high);
}

Expr contrast_at_random(Call& call, const Expr& images, Interval factor, Interval range) {
  const Expr strength = draw(call, one_per_image(images), {1 - factor.low, 1 + factor.high});
  const Expr middle = mean(images, {1, 2}, true);
  return clip((images - middle) * strength + middle, range.low, range.high);
}

Expr saturate_at_random(Call& call, const Expr& images, Interval factor, Interval range) {
  constexpr double kEpsilon = 1e-7;
  std::array<Expr, 3> hsv = hsv_of(images);
  const Expr drawn = draw(call, one_per_plane(images), factor);
  hsv[1] = clip(hsv[1] * (drawn / (1 - drawn + kEpsilon)), range.low, range.high);
  return rgb_of(hsv);
}

Expr shift_hue_at_random(Call& call, const Expr& images, Interval factor, Interval range) {
  std::array<Expr, 3> hsv = hsv_of(change_range(images, range, {0, 1}));
  const Shape shape = one_per_plane(images);
  Expr shift = draw(call, shape, factor) * 0.5;
  if (factor.low != 0 || factor.high != 0) shift = where(draw_event(call, shape, {0.5, 0.5}), shift, -shift);
  Expr hue = hsv[0] + shift;
  hue = where(greater(hue, 1), hue - 1, hue);
  hsv[0] = where(less(hue, 0), hue + 1, hue);
  return change_range(clip(rgb_of(hsv), 0, 1), {0, 1}, range);
}

Expr fade_at_random(Call& call, const Expr& images, Interval factor, Interval range) {
  const Expr strength = draw(call, one_per_image(images), factor);
  return clip(images + strength * (gray(images) - images), range.low, range.high);
}

Expr sharpen_at_random(Call& call, const Expr& images, Interval factor, Interval range) {
  constexpr double a = 1.0 / 13, b = 5.0 / 13;
  auto numbers = std::make_shared<Tensor>(DType::f32, std::vector<int64_t>{3, 3});
  for (int64_t i = 0; i < 9; ++i) numbers->set(i, i == 4 ? b : a);
  const Expr smooth = filter(images, {call.builder(), call.builder().constant(std::move(numbers))});
  const Expr strength = draw(call, one_per_image(images), factor) * 2.0;
  return clip(images + (1 - strength) * (smooth - images), range.low, range.high);
}

Expr posterize_at_random(Call& call, const Expr& images, Interval bits, Interval range) {
  // The upper bound is never drawn.
  const Expr drawn = unary(Op::floor, draw(call, one_per_image(images), bits));
  const Expr kept = cast(bits.low < bits.high ? minimum(drawn, bits.high - 1) : drawn, DType::u8);
  const Expr lost = number(kept, 8) - kept;
  const Expr levels = cast(change_range(images, range, {0, 255}), DType::u8);
  const Expr posterized = binary(Op::shl, binary(Op::shr, levels, lost), lost);
  return change_range(cast(posterized, images.dtype()), {0, 255}, range);
}

Expr solarize_at_random(Call& call, const Expr& images, Interval addition, Interval threshold,
                        Interval range) {
  // Keras scales the upper bounds only.
  const auto amount = [&](Interval factor) {
    const auto [low, high] = std::minmax({factor.low, factor.high * 255});
    return draw(call, one_per_image(images), {low, high});
  };
  const Expr brighter = clip(change_range(images, range, {0, 255}) + amount(addition), 0, 255);
  const Expr inverted = where(less(brighter, amount(threshold)), brighter, 255 - brighter);
  return change_range(inverted, {0, 255}, range);
}

namespace {

// ---- the layers ----

using Change = Expr(Call& call, const Expr& images, Interval factor, Interval range);

constexpr Arg kFactorArgs[] = {
    {"factor", ArgKind::any},
    {"value_range", ArgKind::any, "[0, 255]"},
    kDataFormatArg,
    kBoundingBoxFormatArg,
};

template <Change* change, int low, int high>
Outputs change_by_factor(Call& call) {
  const Interval factor = interval(call, "factor", {low, high}), range = value_range(call);
  if (!call.training()) return call.input();
  return map_images(call, [&](const Expr& images) { return change(call, images, factor, range); });
}

/// Its own convolution wants floats, even at inference.
Outputs random_sharpness(Call& call) {
  const Interval factor = interval(call, "factor", {0, 1}), range = value_range(call);
  if (!call.training()) return call.float_input();
  return map_images(call, [&](const Expr& images) { return sharpen_at_random(call, images, factor, range); });
}

constexpr Arg kProbabilityArgs[] = {{"factor", ArgKind::any, "0.5"}, kDataFormatArg, kBoundingBoxFormatArg};

Outputs random_grayscale(Call& call) {
  if (!call.args().json("factor").is_number())
    call.args().reject("factor", "expected a number", {}, ErrorKind::data);
  const double factor = call.args().json("factor").as_double();
  if (factor < 0 || factor > 1)
    call.args().reject("factor", "expected a number from 0 to 1", {}, ErrorKind::data);
  if (!call.training()) return call.input();
  return map_images(call, [&](const Expr& images) {
    return where(draw_event(call, one_per_image(images), {factor, factor}),
                 broadcast_to(gray(images), images.shape()), images);
  });
}

constexpr Arg kInvertArgs[] = {
    {"factor", ArgKind::any, "1.0"},
    {"value_range", ArgKind::any, "[0, 255]"},
    kDataFormatArg,
    kBoundingBoxFormatArg,
};

Outputs random_invert(Call& call) {
  const Interval probability = interval(call, "factor", {0, 1}), range = value_range(call);
  if (!call.training()) return call.input();
  return map_images(call, [&](const Expr& images) {
    return where(draw_event(call, one_per_image(images), probability), range.high - images, images);
  });
}

constexpr Arg kSolarizationArgs[] = {
    {"addition_factor", ArgKind::any, "0.0"},
    {"threshold_factor", ArgKind::any, "0.0"},
    {"value_range", ArgKind::any, "[0, 255]"},
    kDataFormatArg,
    kBoundingBoxFormatArg,
};

Outputs solarization(Call& call) {
  const Interval addition = interval(call, "addition_factor", {0, 1}),
                 threshold = interval(call, "threshold_factor", {0, 1}), range = value_range(call);
  if (!call.training()) return call.float_input();
  return map_images(
      call, [&](const Expr& images) { return solarize_at_random(call, images, addition, threshold, range); });
}

constexpr Arg kJitterArgs[] = {
    {"value_range", ArgKind::any, "[0, 255]"},
    {"brightness_factor", ArgKind::any, "null"},
    {"contrast_factor", ArgKind::any, "null"},
    {"saturation_factor", ArgKind::any, "null"},
    {"hue_factor", ArgKind::any, "null"},
    kDataFormatArg,
    kBoundingBoxFormatArg,
};

/// The four one after the other, each if it has a factor.
Outputs random_color_jitter(Call& call) {
  struct Part {
    std::string_view argument;
    double low;
    Change* change;
  };
  constexpr Part kParts[] = {{"brightness_factor", -1, brighten_at_random},
                             {"contrast_factor", 0, contrast_at_random},
                             {"saturation_factor", -1, saturate_at_random},
                             {"hue_factor", 0, shift_hue_at_random}};
  const Interval range = value_range(call);
  if (!call.training()) return call.input();
  return map_images(call, [&](const Expr& images) {
    Expr x = images;
    for (const Part& part : kParts)
      if (!call.args().is_null(part.argument))
        x = part.change(call, x, interval(call, part.argument, {part.low, 1}), range);
    return x;
  });
}

constexpr LayerDef kLayers[] = {
    augmentation("RandomBrightness", kFactorArgs, change_by_factor<brighten_at_random, -1, 1>),
    augmentation("RandomContrast", kFactorArgs, change_by_factor<contrast_at_random, 0, 1>),
    augmentation("RandomSaturation", kFactorArgs, change_by_factor<saturate_at_random, -1, 1>),
    augmentation("RandomHue", kFactorArgs, change_by_factor<shift_hue_at_random, 0, 1>),
    augmentation("RandomColorDegeneration", kFactorArgs, change_by_factor<fade_at_random, -1, 1>),
    augmentation("RandomPosterization", kFactorArgs, change_by_factor<posterize_at_random, 1, 8>),
    augmentation("RandomSharpness", kFactorArgs, random_sharpness),
    augmentation("RandomGrayscale", kProbabilityArgs, random_grayscale),
    augmentation("RandomInvert", kInvertArgs, random_invert),
    augmentation("Solarization", kSolarizationArgs, solarization),
    augmentation("RandomColorJitter", kJitterArgs, random_color_jitter),
};

}  // namespace

std::span<const LayerDef> image_color_layers() { return kLayers; }

}  // namespace keratin
