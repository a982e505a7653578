// Windows that slide over the space axes of images and sequences: what convolutions and pooling share.
//
// The functions are general in the rank: one space axis for sequences, two for images, three for volumes.
#pragma once

#include <string>
#include <string_view>

#include "frontend/layer.h"

namespace keratin {

inline constexpr std::string_view kChannelsLast = "channels_last";
inline constexpr Arg kDataFormatArg{"data_format", ArgKind::choice, kChannelsLast,
                                    "channels_last|channels_first"};

/// Where the channels and the space axes of an input are.
struct SpaceAxes {
  int64_t channels = 0;
  Ints space;
};
/// Those of an input of `rank` (batch included), by the argument data_format.
SpaceAxes space_axes(const Args& args, int64_t rank);

/// How windows lie on the space axes; one entry per axis.
struct Windows {
  Ints size, stride, dilation, pad_low, pad_high;

  /// Elements from a window's first to its last: (size − 1)·dilation + 1.
  int64_t span(size_t axis) const { return (size[axis] - 1) * dilation[axis] + 1; }
  /// Windows along an axis of `extent` elements.
  int64_t count(size_t axis, int64_t extent) const;
  /// The same with the padding that "valid", "same" or "causal" means. Throws Error(data) if no window fits.
  Dim count(size_t axis, Dim extent, std::string_view padding) const;
};

/// Sets the padding that "valid", "same" or "causal" means on the space axes: "same" gives ⌈extent/stride⌉ windows, the odd element
/// of padding at the end; "causal" pads in front only. Gives what the windows then slide over: `x`, or, where the padding depends on
/// what a free length leaves over when divided by the stride, `x` already padded with `fill`. Throws Error(data) if no window fits.
[[nodiscard]] Expr set_padding(Windows& windows, std::string_view padding, Expr x, const SpaceAxes& axes,
                               double fill = 0);

/// The arguments kernel_size, strides and dilation_rate, for `rank` space axes; no padding yet.
Windows read_windows(const Args& args, size_t rank);

/// kernel: space axes, input features per group, output features.
Expr convolve(const Expr& x, const Expr& kernel, const Windows& windows, bool channels_last,
              int64_t groups = 1);

/// The attribute `dims` of a conv: "b01f_01io->b01f" for images with channels last and a kernel whose features are "io".
std::string conv_dims(size_t rank, bool channels_last, std::string_view kernel_features);

/// What convolutions end with: a bias per channel, if use_bias says so, and the activation.
Traced with_bias_and_activation(Call& call, Expr y, int64_t channels_axis);

}  // namespace keratin
