// Operations on images, single ones or batches, channels last or first.
#include <algorithm>
#include <cmath>
#include <optional>

#include "frontend/elementary.h"
#include "frontend/layers/resample.h"
#include "frontend/operations/images.h"
#include "frontend/operations/tables.h"
#include "ir/text.h"

namespace keratin {

Images images_of(const OperationCall& call, const Expr& x) {
  if (x.rank() != 3 && x.rank() != 4)
    call.fail(cat("images have rank 3 or 4, not ", to_text(x.shape())), ErrorKind::data);
  const bool is_single = x.rank() == 3;
  return {is_single ? expand_dims(x, 0) : x, space_axes(call.args(), 4), is_single};
}

namespace {

constexpr Arg kFormatParams[] = {kDataFormatArg};

Images images_operand(OperationCall& call) { return images_of(call, call.tensor(0)); }

// --- colours ---

Expr channel(OperationCall& call, const Images& images, int64_t i) {
  if (images.value.extent(images.axes.channels) != 3)
    call.fail("images must have 3 channels", ErrorKind::data);
  return slice(images.value, images.axes.channels, i, i + 1);
}

/// The weights of the eye's sensitivity. Integers are truncated.
Outputs grayscale(OperationCall& call) {
  const Images images = images_operand(call);
  if (images.value.dim(images.axes.channels).is(1)) return call.tensor(0);
  const auto part = [&](int64_t i) { return to_float(channel(call, images, i)); };
  const Expr gray = part(0) * 0.2989 + part(1) * 0.5870 + part(2) * 0.1140;
  return images.restored(cast(gray, images.value.dtype()));
}

Outputs rgb_to_hsv(OperationCall& call) {
  const Images images = images_operand(call);
  if (!is_float(images.value.dtype())) call.fail("images must be floats", ErrorKind::data);
  const auto part = [&](int64_t i) {
    const Expr x = channel(call, images, i);
    return where(less(unary(Op::abs, x), epsilon_of(x.dtype())), number(x, 0), x);
  };
  const Expr r = part(0), g = part(1), b = part(2), zero = number(r, 0);
  const Expr value = maximum(maximum(r, g), b), range = value - minimum(minimum(r, g), b);
  const Expr has_value = greater(value, 0), has_range = greater(range, 0);
  const Expr saturation = where(has_value, range / where(has_value, value, number(value, 1)), zero);
  const Expr norm = 1.0 / (6.0 * where(has_range, range, number(range, 1)));
  Expr hue = where(equal(value, g), norm * (b - r) + 2.0 / 6, norm * (r - g) + 4.0 / 6);
  hue = where(equal(value, r), norm * (g - b), hue);
  hue = where(has_range, hue, zero) + cast(less(hue, 0), hue.dtype());
  return images.restored(concat({hue, saturation, value}, images.axes.channels));
}

Outputs hsv_to_rgb(OperationCall& call) {
  const Images images = images_operand(call);
  if (!is_float(images.value.dtype())) call.fail("images must be floats", ErrorKind::data);
  const Expr hue = channel(call, images, 0), saturation = channel(call, images, 1),
             value = channel(call, images, 2);
  const Expr place = (hue - unary(Op::floor, hue)) * 6.0;
  const auto distance = [&](double from) { return unary(Op::abs, place - from); };
  const auto mixed = [&](const Expr& part) {
    return value * (1.0 - saturation + saturation * clip(part, 0, 1));
  };
  return images.restored(concat({mixed(distance(3) - 1), mixed(2.0 - distance(2)), mixed(2.0 - distance(4))},
                                images.axes.channels));
}

// --- borders ---

constexpr Arg kPadParams[] = {
    {"top_padding", ArgKind::any, "null"},
    {"left_padding", ArgKind::any, "null"},
    {"bottom_padding", ArgKind::any, "null"},
    {"right_padding", ArgKind::any, "null"},
    {"target_height", ArgKind::any, "null"},
    {"target_width", ArgKind::any, "null"},
    kDataFormatArg,
};
constexpr Arg kCropParams[] = {
    {"top_cropping", ArgKind::any, "null"},
    {"left_cropping", ArgKind::any, "null"},
    {"bottom_cropping", ArgKind::any, "null"},
    {"right_cropping", ArgKind::any, "null"},
    {"target_height", ArgKind::any, "null"},
    {"target_width", ArgKind::any, "null"},
    kDataFormatArg,
};

struct Borders {
  int64_t before, after;
};

/// Two of the three numbers are given, or all: what the one in front, the target and the one behind add up to is known.
Borders borders(OperationCall& call, std::string_view before, std::string_view after, std::string_view target,
                int64_t difference_sign, const Expr& images, int64_t axis) {
  const auto given = [&](std::string_view name) -> std::optional<int64_t> {
    const Json& value = call.args().json(name);
    return value.is_null() ? std::nullopt : std::optional(value.as_int());
  };
  const std::optional<int64_t> first = given(before), last = given(after), wanted = given(target);
  const int64_t total = wanted ? difference_sign * (*wanted - images.extent(axis)) : 0;
  if ((!first || !last) && !wanted)
    call.fail(cat("needs two of ", before, ", ", after, " and ", target), ErrorKind::data);
  const Borders out{first.value_or(total - last.value_or(0)), last.value_or(total - first.value_or(0))};
  if ((!first && !last) || out.before < 0 || out.after < 0)
    call.fail(
        cat(before, ", ", after, " and ", target, " do not fit an extent of ", to_text(images.dim(axis))),
        ErrorKind::data);
  return out;
}

Outputs pad_images(OperationCall& call) {
  const Images images = images_operand(call);
  const int64_t height = images.axes.space[0], width = images.axes.space[1];
  const Borders rows =
      borders(call, "top_padding", "bottom_padding", "target_height", 1, images.value, height);
  const Borders columns =
      borders(call, "left_padding", "right_padding", "target_width", 1, images.value, width);
  Ints low(4, 0), high(4, 0);
  low[height] = rows.before;
  high[height] = rows.after;
  low[width] = columns.before;
  high[width] = columns.after;
  return images.restored(pad(images.value, low, high));
}

Outputs crop_images(OperationCall& call) {
  const Images images = images_operand(call);
  const int64_t height = images.axes.space[0], width = images.axes.space[1];
  const Borders vertical =
      borders(call, "top_cropping", "bottom_cropping", "target_height", -1, images.value, height);
  const Borders horizontal =
      borders(call, "left_cropping", "right_cropping", "target_width", -1, images.value, width);
  const auto cut = [&](const Expr& x, int64_t axis, const Borders& by) {
    const Dim left = *sum(x.dim(axis), -by.before - by.after);
    if (left.coef < 0) call.fail("nothing is left of the images", ErrorKind::data);
    return slice(x, axis, by.before, *sum(left, by.before));
  };
  return images.restored(cut(cut(images.value, height, vertical), width, horizontal));
}

// --- filters ---

std::vector<double> gaussian(int64_t size, double sigma) {
  std::vector<double> weights;
  double total = 0;
  for (int64_t i = 0; i < size; ++i) {
    const double place = (static_cast<double>(i) - static_cast<double>(size - 1) / 2) / sigma;
    total += weights.emplace_back(std::exp(-0.5 * place * place));
  }
  for (double& weight : weights) weight /= total;
  return weights;
}

/// Each channel by itself with rows × columns of weights.
Expr filtered(const Images& images, const std::vector<double>& down, const std::vector<double>& across,
              bool same) {
  const int64_t rows = static_cast<int64_t>(down.size()), columns = static_cast<int64_t>(across.size());
  const int64_t channels = images.value.extent(images.axes.channels);
  auto weights =
      std::make_shared<Tensor>(images.value.dtype(), std::vector<int64_t>{rows, columns, 1, channels});
  for (int64_t i = 0; i < weights->elements(); ++i)
    weights->set(i, down[i / (columns * channels)] * across[i / channels % columns]);
  Windows windows{{rows, columns}, {1, 1}, {1, 1}, {}, {}};
  const Expr padded = set_padding(windows, same ? "same" : "valid", images.value, images.axes);
  Builder& b = images.value.builder();
  return convolve(padded, Expr(b, b.constant(std::move(weights))), windows, images.axes.channels == 3,
                  channels);
}

constexpr Arg kBlurParams[] = {
    {"kernel_size", ArgKind::ints, "[3, 3]"},
    {"sigma", ArgKind::any, "[1.0, 1.0]"},
    kDataFormatArg,
};

/// Sizes and widths are those of columns first.
Outputs gaussian_blur(OperationCall& call) {
  const Images images = images_of(call, call.real(0));
  const Ints size = call.args().ints("kernel_size", 2);
  const Json& sigma = call.args().json("sigma");
  const auto width = [&](size_t i) { return sigma.is_array() ? sigma.at(i).as_double() : sigma.as_double(); };
  for (int64_t extent : size)
    if (extent < 1) call.args().reject("kernel_size", "expected numbers of at least 1", {}, ErrorKind::data);
  return images.restored(filtered(images, gaussian(size[1], width(1)), gaussian(size[0], width(0)), true));
}

/// Gradients downwards and to the right, on a new last axis.
Outputs sobel_edges(OperationCall& call) {
  const Images images = images_of(call, call.real(0));
  const std::vector<double> smooth = {1, 2, 1}, slope = {-1, 0, 1};
  const Expr down = filtered(images, slope, smooth, true), across = filtered(images, smooth, slope, true);
  return images.restored(concat({expand_dims(down, -1), expand_dims(across, -1)}, -1));
}

constexpr Arg kSsimParams[] = {
    {"max_val", ArgKind::real, "1.0"},      {"filter_size", ArgKind::count, "11"},
    {"filter_sigma", ArgKind::real, "1.5"}, {"k1", ArgKind::real, "0.01"},
    {"k2", ArgKind::real, "0.03"},          kDataFormatArg,
};

/// Structural similarity: Z. Wang et al., Image quality assessment, IEEE TIP 2004.
Outputs ssim(OperationCall& call) {
  const Args& args = call.args();
  const Expr first = call.tensor(0);
  const Images a = images_of(call, to_float(first)),
               b = images_of(call, cast(call.tensor(1), a.value.dtype()));
  const std::vector<double> weights = gaussian(args.integer("filter_size"), args.real("filter_sigma"));
  const auto smooth = [&](const Expr& x) { return filtered({x, a.axes, false}, weights, weights, false); };
  const auto squared = [](double x) { return x * x; };
  const double c1 = squared(args.real("k1") * args.real("max_val")),
               c2 = squared(args.real("k2") * args.real("max_val"));
  const Expr mean_a = smooth(a.value), mean_b = smooth(b.value);
  const Expr variances =
      smooth(a.value * a.value) - mean_a * mean_a + smooth(b.value * b.value) - mean_b * mean_b;
  const Expr covariance = smooth(a.value * b.value) - mean_a * mean_b;
  const Expr similarity = (2.0 * mean_a * mean_b + c1) * (2.0 * covariance + c2) /
                          ((mean_a * mean_a + mean_b * mean_b + c1) * (variances + c2));
  return cast(a.restored(mean(similarity, {1, 2, 3})), first.dtype());
}

// --- sizes ---

constexpr Arg kResizeParams[] = {
    {"size", ArgKind::ints},
    kInterpolationArg,
    {"antialias", ArgKind::boolean, "false"},
    {"crop_to_aspect_ratio", ArgKind::boolean, "false"},
    {"pad_to_aspect_ratio", ArgKind::boolean, "false"},
    {"fill_mode", ArgKind::fixed, "\"constant\""},  // of what is padded
    {"fill_value", ArgKind::real, "0.0"},
    kDataFormatArg,
};

Outputs resize_images(OperationCall& call) {
  const Args& args = call.args();
  const Images images = images_operand(call);
  const Ints size = args.ints("size", 2);
  const Resize wanted{.height = size[0],
                      .width = size[1],
                      .how = {args.choice("interpolation"), args.boolean("antialias")},
                      .crops = args.boolean("crop_to_aspect_ratio"),
                      .pads = args.boolean("pad_to_aspect_ratio"),
                      .fill = args.real("fill_value")};
  if (wanted.height < 1 || wanted.width < 1)
    args.reject("size", "expected numbers of at least 1", {}, ErrorKind::data);
  if (wanted.crops && wanted.pads)
    args.reject("pad_to_aspect_ratio", "crop_to_aspect_ratio is true, too", {}, ErrorKind::data);
  return images.restored(resize(images.value, {images.axes.space[0], images.axes.space[1]}, wanted));
}

constexpr OperationDef kRows[] = {
    {"RGBToGrayscale", "images", grayscale, kFormatParams},
    {"RGBToHSV", "images", rgb_to_hsv, kFormatParams},
    {"HSVToRGB", "images", hsv_to_rgb, kFormatParams},
    {"PadImages", "images", pad_images, kPadParams},
    {"CropImages", "images", crop_images, kCropParams},
    {"GaussianBlur", "images", gaussian_blur, kBlurParams},
    {"SobelEdges", "images", sobel_edges, kFormatParams},
    {"SSIM", "image1 image2", ssim, kSsimParams},
    {"Resize", "images", resize_images, kResizeParams},
    refused("ElasticTransform", "its random numbers are those of Keras's back end"),
};

}  // namespace

std::span<const OperationDef> image_operations() { return kRows; }

}  // namespace keratin
