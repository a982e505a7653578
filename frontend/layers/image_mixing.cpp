// Layers of augmentation that blur images, cut something out, or mix two of a batch.
#include "frontend/layers/augmentation.h"
#include "frontend/layers/images.h"
#include "frontend/layers/tables.h"
#include "frontend/window.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {

// ---- filters ----

Expr filter(const Expr& images, const Expr& kernel) {
  Builder& b = images.builder();
  const int64_t channels = images.extent(3);
  Shape shape = kernel.shape();
  shape.insert(shape.end(), {1, channels});
  const Expr weights = align(cast(kernel, images.dtype()), {b, b.constant(images.dtype(), 0, shape)}, {0, 1});
  ConvAttrs attrs{.dims = conv_dims(2, true, "io"),
                  .stride = {1, 1},
                  .input_dilation = {1, 1},
                  .kernel_dilation = {1, 1},
                  .groups = channels};
  for (int64_t axis : {0, 1}) {
    const int64_t total = kernel.extent(axis) - 1;
    attrs.pad_low.push_back(total / 2);
    attrs.pad_high.push_back(total - total / 2);
  }
  return {b, b.make(Op::conv, {images.value(), weights.value()}, attrs)};
}

Expr blur(const Expr& images, const Expr& column, const Expr& row) {
  return filter(filter(images, expand_dims(column, 1)), expand_dims(row, 0));
}

Expr gaussian_weights(int64_t size, const Expr& deviation, const Expr& reach) {
  Builder& b = deviation.builder();
  const Expr place(b, b.make(Op::iota, {}, IotaAttrs{0, DType::f32, {size}}));
  const Expr distance = place - static_cast<double>(size - 1) / 2;
  const Expr relative = distance / maximum(deviation, 1e-6);
  Expr weights = unary(Op::exp, relative * relative * -0.5);
  if (reach) weights = where(less_equal(unary(Op::abs, distance), reach), weights, number(weights, 0));
  return weights / sum(weights, {0}, true);
}

namespace {

// ---- RandomGaussianBlur ----

constexpr Arg kBlurArgs[] = {
    {"factor", ArgKind::any, "1.0"},
    {"kernel_size", ArgKind::ints, "3"},
    {"sigma", ArgKind::any, "1.0"},
    {"value_range", ArgKind::any, "[0, 255]"},
    kDataFormatArg,
    kBoundingBoxFormatArg,
};

Outputs random_gaussian_blur(Call& call) {
  const Interval probability = interval(call, "factor", {0, 1}), sigma = interval(call, "sigma", {0, 1});
  const Interval range = value_range(call);
  const Ints size = call.args().ints("kernel_size", 2);  // width and height
  for (int64_t extent : size)
    if (extent < 1 || extent % 2 == 0)
      call.args().reject("kernel_size", "expected odd numbers", {}, ErrorKind::data);
  if (!call.training()) return call.float_input();
  return map_images(call, [&](const Expr& images) {
    const auto weights = [&](int64_t extent) {
      return gaussian_weights(extent, draw(call, {}, sigma) + 1e-6);
    };
    const Expr row = weights(size[0]), column = weights(size[1]);
    const Expr chosen =
        where(draw_event(call, one_per_image(images), probability), blur(images, column, row), images);
    return clip(chosen, range.low, range.high);
  });
}

// ---- boxes ----

/// From where to where a box goes along an axis of `extent` pixels, of which it has a `share`: [n,1,1,1].
struct Side {
  Expr start, end;
};

Side place_at_random(Call& call, const Expr& share, int64_t extent) {
  const double size = static_cast<double>(extent);
  const Expr length = share * size;
  const Expr start = draw(call, share.shape(), {0, 1}) * (size - length);
  return {start, start + length};
}

/// The pixels in a box: [n,h,w,1].
Expr inside(const Expr& images, const Side& rows, const Side& columns) {
  const auto within = [&](const Side& side, int64_t axis) {
    Builder& b = images.builder();
    Shape shape(4, Dim(1));
    shape[axis] = images.dim(axis);
    const Expr place(b, b.make(Op::iota, {}, IotaAttrs{axis, DType::f32, shape}));
    return logical_and(less_equal(side.start, place), less(place, side.end));
  };
  return logical_and(within(rows, 1), within(columns, 2));
}

// ---- RandomErasing ----

constexpr Arg kErasingArgs[] = {
    {"factor", ArgKind::any, "1.0"},
    {"scale", ArgKind::any, "[0.02, 0.33]"},
    {"fill_value", ArgKind::any, "null"},
    {"value_range", ArgKind::any, "[0, 255]"},
    kDataFormatArg,
    kBoundingBoxFormatArg,
};

/// What is put in the place of pixels: noise, or the number or the three numbers of an argument.
Expr filling(Call& call, const Expr& images, Interval range) {
  const Json& given = call.args().json("fill_value");
  if (given.is_null()) return draw_normal(call, images.shape()) * range.high;
  if (given.is_number()) return number(images, given.as_double());
  if (!given.is_array() || given.size() != 3 || !images.dim(3).is(3))
    call.args().reject("fill_value", "expected a number or three, one per channel", {}, ErrorKind::data);
  auto channels = std::make_shared<Tensor>(images.dtype(), std::vector<int64_t>{3});
  for (int64_t i = 0; i < 3; ++i) channels->set(i, given.at(i).as_double());
  return align({call.builder(), call.builder().constant(std::move(channels))}, images, {3});
}

/// Z. Zhong et al., Random erasing data augmentation, 2020.
Outputs random_erasing(Call& call) {
  const Interval probability = interval(call, "factor", {0, 1}), scale = interval(call, "scale", {0, 1});
  const Interval range = value_range(call);
  if (!call.training()) return call.float_input();
  return map_images(call, [&](const Expr& images) {
    const Shape shape = one_per_image(images);
    const auto side = [&](int64_t axis) {
      return place_at_random(call, unary(Op::sqrt, draw(call, shape, scale)), images.extent(axis));
    };
    const Expr is_erased =
        logical_and(inside(images, side(1), side(2)), draw_event(call, shape, probability));
    return where(is_erased, clip(filling(call, images, range), range.low, range.high), images);
  });
}

// ---- two images of a batch ----

/// The batch in another order.
Expr shuffled(Call& call, const Expr& images) {
  if (images.dim(0).is(1)) return images;
  Builder& b = images.builder();
  return {b, b.make(Op::gather, {images.value(), draw_order(call, images.dim(0)).value()},
                    GatherAttrs{.axis = 0})};
}

constexpr Arg kMixUpArgs[] = {{"alpha", ArgKind::real, "0.2"}, kDataFormatArg, kBoundingBoxFormatArg};

/// H. Zhang et al., mixup: beyond empirical risk minimization, 2018. Labels are not mixed: a layer sees images only.
Outputs mix_up(Call& call) {
  const double alpha = call.args().real("alpha");
  if (alpha <= 0) call.args().reject("alpha", "expected a number above 0", {}, ErrorKind::data);
  if (!call.training()) return call.input();
  return map_images(call, [&](const Expr& images) {
    const Shape shape = one_per_image(images);
    const Expr weight = draw_beta(call, shape, {call.builder(), call.builder().constant(DType::f32, alpha)});
    return weight * images + (1 - weight) * shuffled(call, images);
  });
}

constexpr Arg kCutMixArgs[] = {{"factor", ArgKind::any, "1.0"}, kDataFormatArg, kBoundingBoxFormatArg};

/// S. Yun et al., CutMix: regularization strategy to train strong classifiers, 2019: a box of each image comes from another.
Outputs cut_mix(Call& call) {
  const Interval factor = interval(call, "factor", {0, 1});
  if (!call.training() || call.input().rank() == 3) return call.float_input();
  return map_images(call, [&](const Expr& images) {
    const Shape shape = one_per_image(images);
    const Expr weight = draw_beta(call, shape, draw(call, {}, factor) + 1e-6);
    const Expr share = unary(Op::sqrt, 1 - weight);
    const Side rows = place_at_random(call, share, images.extent(1));
    const Side columns = place_at_random(call, share, images.extent(2));
    return where(inside(images, rows, columns), shuffled(call, images), images);
  });
}

constexpr LayerDef kLayers[] = {
    augmentation("RandomGaussianBlur", kBlurArgs, random_gaussian_blur),
    augmentation("RandomErasing", kErasingArgs, random_erasing),
    augmentation("MixUp", kMixUpArgs, mix_up),
    augmentation("CutMix", kCutMixArgs, cut_mix),
};

}  // namespace

std::span<const LayerDef> image_mixing_layers() { return kLayers; }

}  // namespace keratin
