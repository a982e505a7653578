#include "frontend/window.h"

#include <algorithm>

#include "ir/error.h"
#include "ir/text.h"

namespace keratin {

SpaceAxes space_axes(const Args& args, int64_t rank) {
  const bool last = args.choice("data_format") == kChannelsLast;
  SpaceAxes axes{last ? rank - 1 : 1, {}};
  for (int64_t axis = last ? 1 : 2; axis < (last ? rank - 1 : rank); ++axis) axes.space.push_back(axis);
  return axes;
}

int64_t Windows::count(size_t axis, int64_t extent) const {
  return (extent + pad_low[axis] + pad_high[axis] - span(axis)) / stride[axis] + 1;
}

void set_padding(Windows& windows, std::string_view padding, const Shape& x, const SpaceAxes& axes) {
  const size_t rank = axes.space.size();
  windows.pad_low.assign(rank, 0);
  windows.pad_high.assign(rank, 0);
  for (size_t i = 0; i < rank; ++i) {
    const Dim dim = x[axes.space[i]];
    if (!dim.is_static())
      throw Error(ErrorKind::unsupported,
                  cat("axis ", axes.space[i], " of ", to_text(x), " must have a fixed extent"));
    const int64_t extent = dim.value();
    if (padding == "same") {
      const int64_t count = (extent + windows.stride[i] - 1) / windows.stride[i];
      const int64_t total = std::max<int64_t>((count - 1) * windows.stride[i] + windows.span(i) - extent, 0);
      windows.pad_low[i] = total / 2;
      windows.pad_high[i] = total - total / 2;
    } else if (padding == "causal") {
      windows.pad_low[i] = windows.span(i) - 1;
    }
    if (extent + windows.pad_low[i] + windows.pad_high[i] < windows.span(i))
      throw Error(ErrorKind::data, cat("a window of ", windows.span(i), " does not fit axis ", axes.space[i],
                                       " of ", to_text(x)));
  }
}

Windows read_windows(const Args& args, size_t rank) {
  for (const char* name : {"kernel_size", "strides", "dilation_rate"})
    for (int64_t value : args.ints(name, rank))
      if (value < 1) args.reject(name, "expected numbers of at least 1", {}, ErrorKind::data);
  return {.size = args.ints("kernel_size", rank),
          .stride = args.ints("strides", rank),
          .dilation = args.ints("dilation_rate", rank),
          .pad_low = Ints(rank, 0),
          .pad_high = Ints(rank, 0)};
}

std::string conv_dims(size_t rank, bool channels_last, std::string_view kernel_features) {
  std::string space;
  for (size_t i = 0; i < rank; ++i) space += static_cast<char>('0' + i);
  const std::string image = channels_last ? cat("b", space, "f") : cat("bf", space);
  return cat(image, "_", space, kernel_features, "->", image);
}

Expr convolve(const Expr& x, const Expr& kernel, const Windows& windows, bool channels_last, int64_t groups) {
  const size_t rank = windows.size.size();
  Builder& b = x.builder();
  return {b, b.make(Op::conv, {x.value(), kernel.value()},
                    ConvAttrs{.dims = conv_dims(rank, channels_last, "io"),
                              .stride = windows.stride,
                              .pad_low = windows.pad_low,
                              .pad_high = windows.pad_high,
                              .input_dilation = Ints(rank, 1),
                              .kernel_dilation = windows.dilation,
                              .groups = groups})};
}

Traced with_bias_and_activation(Call& call, Expr y, int64_t channels_axis) {
  if (call.args().boolean("use_bias"))
    y = y + align(call.variable({"bias", {y.dim(channels_axis)}, "zeros"}), y, {channels_axis});
  return call.activate("activation", y);
}

}  // namespace keratin
