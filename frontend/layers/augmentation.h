// What layers of augmentation do to images [n,h,w,c], for themselves and for layers that are made of several.
#pragma once

#include <span>
#include <string_view>

#include "frontend/layers/image_sampling.h"
#include "frontend/layers/images.h"

namespace keratin {

/// The row of such a layer.
constexpr LayerDef augmentation(std::string_view class_name, std::span<const Arg> args, TraceFn* trace) {
  return {.class_name = class_name, .args = args, .masks = Masks::drop, .trace = trace};
}

// ---- image_geometry.cpp ----
Expr rotate_at_random(Call& call, const Expr& images, Interval turns, const Sampling& how);
Expr translate_at_random(Call& call, const Expr& images, Interval down, Interval right, const Sampling& how);
Expr shear_at_random(Call& call, const Expr& images, Interval x, Interval y, const Sampling& how);

// ---- image_color.cpp: `range` has the values that images may have ----
Expr brighten_at_random(Call& call, const Expr& images, Interval factor, Interval range);
Expr contrast_at_random(Call& call, const Expr& images, Interval factor, Interval range);
Expr saturate_at_random(Call& call, const Expr& images, Interval factor, Interval range);
Expr shift_hue_at_random(Call& call, const Expr& images, Interval factor, Interval range);
Expr fade_at_random(Call& call, const Expr& images, Interval factor, Interval range);
Expr sharpen_at_random(Call& call, const Expr& images, Interval factor, Interval range);
Expr posterize_at_random(Call& call, const Expr& images, Interval bits, Interval range);
Expr solarize_at_random(Call& call, const Expr& images, Interval addition, Interval threshold,
                        Interval range);

// ---- histograms.cpp ----
/// Each channel of each image stretched to the whole range. `axes` are those of the pixels.
Expr stretch_contrast(const Expr& images, Interval range, const Ints& axes);
/// Each channel's values spread evenly over the range, as the histogram of the whole batch says.
Expr equalize(const Expr& images, Interval range, int64_t bins);

// ---- blurs ----
/// Each channel by itself with a kernel [height,width]; outside is 0.
Expr filter(const Expr& images, const Expr& kernel);
/// The same with a kernel that is the product of a column and a row.
Expr blur(const Expr& images, const Expr& column, const Expr& row);
/// `size` weights of the normal distribution about the middle one; none further away than `reach`, if that is given.
Expr gaussian_weights(int64_t size, const Expr& deviation, const Expr& reach = {});

}  // namespace keratin
