#include "frontend/layers/image_sampling.h"

namespace keratin {
namespace {

/// Integer places, which may be outside, and whether they are inside.
struct Inside {
  Expr place, is_inside;
};

/// |place| in a signal that repeats after 2·half, mirrored at 0 and half.
Expr mirrored(const Expr& place, int64_t half) {
  const Expr shift = number(place, static_cast<double>(half));
  return unary(Op::abs, binary(Op::rem, place + shift, number(place, static_cast<double>(2 * half))) - shift);
}

Inside bring_inside(const Expr& place, int64_t extent, std::string_view mode) {
  const auto whole = [&](int64_t value) { return number(place, static_cast<double>(value)); };
  const Expr nearest = minimum(maximum(place, whole(0)), whole(extent - 1));
  if (mode == "constant") return {nearest, equal(nearest, place)};
  if (mode == "wrap") return {binary(Op::rem, place, whole(extent)), {}};
  if (mode == "mirror") return {mirrored(place, extent - 1), {}};
  if (mode != "reflect") return {nearest, {}};
  const Expr doubled = mirrored(place * whole(2) + whole(1), 2 * extent);
  return {binary(Op::shr, doubled - whole(1), whole(1)), {}};
}

/// A place along one axis, and how much it counts.
struct Neighbour {
  Inside inside;
  Expr weight;  // none: alone
};

std::vector<Neighbour> neighbours(const Expr& place, int64_t extent, const Sampling& how) {
  if (!how.is_linear) {
    // Halves are rounded away from zero.
    const Expr nearest = unary(Op::sign, place) * unary(Op::floor, unary(Op::abs, place) + 0.5);
    return {{bring_inside(cast(nearest, DType::i32), extent, how.fill_mode), {}}};
  }
  const Expr below = unary(Op::floor, place), share = place - below, index = cast(below, DType::i32);
  return {{bring_inside(index, extent, how.fill_mode), 1 - share},
          {bring_inside(index + number(index, 1), extent, how.fill_mode), share}};
}

Expr iota(Builder& b, int64_t axis, const Shape& shape) {
  return {b, b.make(Op::iota, {}, IotaAttrs{axis, DType::f32, shape})};
}

}  // namespace

Sampling sampling_of(const Args& args) {
  return {args.choice("interpolation") == "bilinear", args.choice("fill_mode"), args.real("fill_value")};
}

Places pixels_of(const Expr& images) {
  const Shape shape{images.dim(0), images.dim(1), images.dim(2)};
  return {iota(images.builder(), 1, shape), iota(images.builder(), 2, shape)};
}

Expr sample(const Expr& images, const Places& places, const Sampling& how) {
  const int64_t height = images.extent(1), width = images.extent(2);
  const Dim batch = images.dim(0), channels = images.dim(3);
  const Expr pixels = reshape(images, {batch, height * width, channels});
  const Shape out{batch, places.y.dim(1), places.y.dim(2), channels};
  Builder& b = images.builder();
  Expr sum;
  for (const Neighbour& row : neighbours(places.y, height, how))
    for (const Neighbour& column : neighbours(places.x, width, how)) {
      const Expr index =
          row.inside.place * number(row.inside.place, static_cast<double>(width)) + column.inside.place;
      const Expr flat = reshape(index, {batch, out[1].value() * out[2].value()});
      Expr value(b,
                 b.make(Op::gather, {pixels.value(), flat.value()}, GatherAttrs{.axis = 1, .batch_dims = 1}));
      value = reshape(value, out);
      if (row.inside.is_inside) {
        const Expr is_inside = logical_and(row.inside.is_inside, column.inside.is_inside);
        value = where(expand_dims(is_inside, -1), value, number(value, how.fill_value));
      }
      if (row.weight) value = value * expand_dims(row.weight * column.weight, -1);
      sum = sum ? sum + value : value;
    }
  return sum;
}

Expr sample(const Expr& images, const AffineMap& map, const Sampling& how) {
  const auto [y, x] = pixels_of(images);
  return sample(images, Places{map.b0 * x + map.b1 * y + map.b2, map.a0 * x + map.a1 * y + map.a2}, how);
}

}  // namespace keratin
