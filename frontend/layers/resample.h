// Resampling along an axis, from centres of pixels to centres of pixels: what resizes images.
#pragma once

#include <string_view>

#include "frontend/args.h"
#include "frontend/expr.h"

namespace keratin {

inline constexpr Arg kInterpolationArg{"interpolation", ArgKind::choice, "bilinear",
                                       "nearest|bilinear|bicubic|lanczos3|lanczos5"};

struct Resampling {
  std::string_view interpolation = "bilinear";  ///< as kInterpolationArg accepts
  bool antialias = false;  ///< what makes images smaller averages over as many pixels as become one
};

/// `x` with `extent` elements along `axis`. All but "nearest" need floats. Near the borders, the weights of the elements that are
/// there are scaled up: R. Keys, Cubic convolution interpolation for digital image processing, 1981 (bicubic: a = -1/2); C. Duchon,
/// Lanczos filtering in one and two dimensions, 1979.
/// Of a free length, or to a multiple of one, each call computes the weights.
Expr resample(const Expr& x, int64_t axis, Dim extent, const Resampling& how = {});

/// `x` with `extent` elements along `axis`, of which element i has its centre at ((i + 1/2) - shift) / scale among the old ones; zero
/// where that is outside. `scale` and `shift` are float scalars of one dtype. There is no "nearest".
Expr resample(const Expr& x, int64_t axis, int64_t extent, const Expr& scale, const Expr& shift,
              const Resampling& how);

/// What of `height`×`width` pixels has the shape of a larger or smaller target: as much as fits, in the middle.
struct Crop {
  int64_t top, left, height, width;
};
Crop crop_to_aspect_ratio(int64_t height, int64_t width, int64_t target_height, int64_t target_width);

/// How images become larger or smaller.
struct Resize {
  int64_t height, width;
  Resampling how;
  bool crops = false,
       pads = false;  ///< first, so that the shape is the target's; both is an error of the caller
  double fill = 0;    ///< of what is padded
};
struct ImageSpace {
  int64_t height, width;  ///< axes
};
/// Integers stay integers: what is computed is rounded.
Expr resize(Expr x, const ImageSpace& axes, const Resize& resize);

}  // namespace keratin
