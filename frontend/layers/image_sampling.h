// Arrays sampled at places between their elements: what geometric augmentation consists of.
#pragma once

#include <string_view>
#include <vector>

#include "frontend/args.h"
#include "frontend/expr.h"

namespace keratin {

inline constexpr Arg kFillModeArg{"fill_mode", ArgKind::choice, "reflect", "reflect|wrap|constant|nearest"};
inline constexpr Arg kFillValueArg{"fill_value", ArgKind::real, "0.0"};
inline constexpr Arg kSamplingArg{"interpolation", ArgKind::choice, "bilinear", "nearest|bilinear"};

struct Sampling {
  bool is_linear = true;
  /// What is outside: "reflect" d c b a | a b c d | d c b a, "mirror" d c b | a b c d | c b a, "wrap" the image again,
  /// "nearest" the pixel at the border, "constant" the value.
  std::string_view fill_mode = "reflect";
  double fill_value = 0;
};
Sampling sampling_of(const Args& args);

struct Places {
  Expr y, x;  ///< [n,h,w], in pixels
};

/// The nearest whole number; halves are rounded away from zero.
Expr rounded(const Expr& x);
/// What `x` [n, axes …, c] has at `places`, one per axis between, all of one shape [n, …]: that shape, and c. Linear interpolation along
/// k axes reads 2^k elements.
Expr sample(const Expr& x, const std::vector<Expr>& places, const Sampling& how);

/// The row and column of each pixel of [n,h,w,c].
Places pixels_of(const Expr& images);
/// Images whose pixel (i, j) is what `images` [n,h,w,c] have at place (i, j) of `places`.
Expr sample(const Expr& images, const Places& places, const Sampling& how);

/// One per image, [n,1,1]: a pixel is taken from (a0·x + a1·y + a2, b0·x + b1·y + b2).
struct AffineMap {
  Expr a0, a1, a2, b0, b1, b2;
};
Expr sample(const Expr& images, const AffineMap& map, const Sampling& how);

}  // namespace keratin
