// What layers of images have in common: where the axes are, and what is drawn at random.
//
// An image layer takes a batch [N,h,w,c], or one image [h,w,c]; with channels_first [N,c,h,w] or [c,h,w]. Nothing is drawn where
// arguments leave nothing to chance, as factor=(0.5, 0.5) does.
#pragma once

#include <functional>

#include "frontend/layer.h"

namespace keratin {

// Says how boxes are written that come with images in a dictionary. Tensors alone have none.
inline constexpr Arg kBoundingBoxFormatArg{"bounding_box_format", ArgKind::any, "null"};

struct ImageAxes {
  int64_t height, width, channels;
};
/// Those of the only input, by the argument data_format. Throws Error(data) if it is no image.
ImageAxes image_axes(const Call& call);

/// What `change` makes of the input, as floats [n,h,w,c]: n is 1 for a single image.
Expr map_images(const Call& call, const std::function<Expr(const Expr& images)>& change);

struct Interval {
  double low, high;
};
/// An argument that is a pair of numbers, or one number f, which stands for -f … f as far as `bounds` go.
Interval interval(const Call& call, std::string_view argument, Interval bounds);
/// The argument value_range: two numbers.
Interval value_range(const Call& call);
/// `x`, whose values are in `from`, stretched to `to`.
Expr change_range(const Expr& x, Interval from, Interval to);

// What is drawn, for each place of `shape`.
Expr draw(Call& call, const Shape& shape, Interval from);  ///< evenly
Expr draw_normal(Call& call, const Shape& shape);          ///< by the normal distribution
Expr draw_event(Call& call, const Shape& shape,
                Interval from);  ///< a boolean; its probability is drawn first
/// By the distribution β(α, α): `alpha` is a scalar or has the shape.
Expr draw_beta(Call& call, const Shape& shape, const Expr& alpha);
/// Numbers that sum up to 1, by Dirichlet's distribution: all its parameters are `alpha`.
Expr draw_shares(Call& call, int64_t count, const Expr& alpha);
/// The numbers 0 … n-1 in a random order.
Expr draw_order(Call& call, Dim n);

/// [n,1,1,1]: one number for each of `images`.
Shape one_per_image(const Expr& images);

}  // namespace keratin
