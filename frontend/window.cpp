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

Dim Windows::count(size_t axis, Dim extent, std::string_view padding) const {
  const int64_t shortest = padding == "valid" ? span(axis) : 1;  // that a window fits
  if (extent.is_static() && extent.value() < shortest)
    throw Error(ErrorKind::data,
                cat("a window of ", span(axis), " does not fit an axis of ", extent.value()));
  return quotient(extent, stride[axis] - shortest, stride[axis]);
}

namespace {

/// `x` with the padding of "same" along a free axis, of which its length n decides: (⌈n/stride⌉ − 1)·stride + span − n, half of it in
/// front. The most that this can be is put there, and then as much as is too much is left out.
Expr pad_by_length(const Expr& x, int64_t axis, int64_t span, int64_t stride, Dim count, double fill) {
  Builder& b = x.builder();
  const Expr total = maximum(length(b, count) * static_cast<double>(stride) - length(b, x.dim(axis)) +
                                 static_cast<double>(span - stride),
                             0);
  const Expr before = binary(Op::shr, total, number(total, 1));
  const int64_t most_before = (span - 1) / 2;
  Ints low(x.rank(), 0), high(x.rank(), 0);
  low[axis] = most_before;
  high[axis] = span - 1;
  const Expr padded = pad(x, low, high, fill);
  const Dim covered = *sum(Dim(count.coef * stride, count.symbol), span - stride);
  return take(padded, axis, places(b, covered) + (number(before, static_cast<double>(most_before)) - before));
}

}  // namespace

Expr set_padding(Windows& windows, std::string_view padding, Expr x, const SpaceAxes& axes, double fill) {
  const size_t rank = axes.space.size();
  windows.pad_low.assign(rank, 0);
  windows.pad_high.assign(rank, 0);
  for (size_t i = 0; i < rank; ++i) {
    const Dim extent = x.dim(axes.space[i]), count = windows.count(i, extent, padding);
    const int64_t span = windows.span(i), stride = windows.stride[i];
    if (padding == "causal") windows.pad_low[i] = span - 1;
    if (padding != "same" || span == 1) continue;
    // The padding is the same for all lengths if none leaves something over.
    if (!extent.is_static() && extent.coef % stride != 0) {
      x = pad_by_length(x, axes.space[i], span, stride, count, fill);
      continue;
    }
    const int64_t total = std::max<int64_t>(
        extent.is_static() ? (count.value() - 1) * stride + span - extent.value() : span - stride, 0);
    windows.pad_low[i] = total / 2;
    windows.pad_high[i] = total - total / 2;
  }
  return x;
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
