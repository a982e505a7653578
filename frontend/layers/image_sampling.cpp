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
  if (!how.is_linear) return {{bring_inside(cast(rounded(place), DType::i32), extent, how.fill_mode), {}}};
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

Expr rounded(const Expr& x) { return unary(Op::sign, x) * unary(Op::floor, unary(Op::abs, x) + 0.5); }

Expr sample(const Expr& x, const std::vector<Expr>& places, const Sampling& how) {
  const Dim batch = x.dim(0), channels = x.dim(-1);
  // What of the elements is read: the place among all, and as of one axis.
  std::vector<Neighbour> corners;
  int64_t elements = 1;
  for (size_t i = 0; i < places.size(); ++i) {
    const int64_t extent = x.extent(static_cast<int64_t>(i) + 1);
    elements *= extent;
    const std::vector<Neighbour> along_axis = neighbours(places[i], extent, how);
    if (i == 0) {
      corners = along_axis;
      continue;
    }
    std::vector<Neighbour> finer;
    for (const auto& [outer, outer_weight] : corners)
      for (const auto& [inner, weight] : along_axis)
        finer.push_back({{outer.place * number(outer.place, static_cast<double>(extent)) + inner.place,
                          inner.is_inside ? logical_and(outer.is_inside, inner.is_inside) : Expr()},
                         weight ? outer_weight * weight : Expr()});
    corners = std::move(finer);
  }
  const Expr all = reshape(x, {batch, elements, channels});
  Shape out = places[0].shape();
  out.push_back(channels);
  Builder& b = x.builder();
  Expr sum;
  for (const auto& [element, weight] : corners) {
    Expr index = element.place;
    if (index.rank() != 2) {
      int64_t count = 1;
      for (int64_t axis = 1; axis < index.rank(); ++axis) count *= index.extent(axis);
      index = reshape(index, {batch, count});
    }
    Expr value(b, b.make(Op::gather, {all.value(), index.value()}, GatherAttrs{.axis = 1, .batch_dims = 1}));
    value = reshape(value, out);
    if (element.is_inside)
      value = where(expand_dims(element.is_inside, -1), value, number(value, how.fill_value));
    if (weight) value = value * expand_dims(weight, -1);
    sum = sum ? sum + value : value;
  }
  return sum;
}

Expr sample(const Expr& images, const Places& places, const Sampling& how) {
  return sample(images, std::vector<Expr>{places.y, places.x}, how);
}

Expr sample(const Expr& images, const AffineMap& map, const Sampling& how) {
  const auto [y, x] = pixels_of(images);
  return sample(images, Places{map.b0 * x + map.b1 * y + map.b2, map.a0 * x + map.a1 * y + map.a2}, how);
}

}  // namespace keratin
