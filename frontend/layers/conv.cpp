// Convolutions: one function for every rank.
#include "frontend/layers/tables.h"
#include "frontend/window.h"
#include "ir/text.h"

namespace keratin {
namespace {

/// "b01f_01io->b01f" for images with channels last.
std::string conv_dims(size_t rank, bool channels_last) {
  std::string space;
  for (size_t i = 0; i < rank; ++i) space += static_cast<char>('0' + i);
  const std::string image = channels_last ? cat("b", space, "f") : cat("bf", space);
  return cat(image, "_", space, "io->", image);
}

/// What all convolution layers read alike.
struct Convolution {
  Expr x;
  SpaceAxes axes;
  Windows windows;
  bool channels_last;

  Convolution(Call& call, size_t rank);
  int64_t in_channels() const { return x.extent(axes.channels); }
  /// kernel: space axes, input features per group, output features.
  Expr apply(const Expr& kernel, int64_t groups) const;
};

Convolution::Convolution(Call& call, size_t rank)
    : x(call.float_input(static_cast<int64_t>(rank) + 2)),
      axes(space_axes(call.args(), x.rank())),
      channels_last(call.args().choice("data_format") == kChannelsLast) {
  const Args& args = call.args();
  windows = {
      args.ints("kernel_size", rank), args.ints("strides", rank), args.ints("dilation_rate", rank), {}, {}};
  for (const char* name : {"kernel_size", "strides", "dilation_rate"})
    for (int64_t value : args.ints(name, rank))
      if (value < 1) args.reject(name, "expected numbers of at least 1", {}, ErrorKind::data);
  set_padding(windows, args.choice("padding"), x, axes);
}

Expr Convolution::apply(const Expr& kernel, int64_t groups) const {
  const size_t rank = axes.space.size();
  Builder& b = x.builder();
  return {b, b.make(Op::conv, {x.value(), kernel.value()},
                    ConvAttrs{.dims = conv_dims(rank, channels_last),
                              .stride = windows.stride,
                              .pad_low = windows.pad_low,
                              .pad_high = windows.pad_high,
                              .input_dilation = Ints(rank, 1),
                              .kernel_dilation = windows.dilation,
                              .groups = groups})};
}

Shape kernel_shape(const Windows& windows, int64_t in, int64_t out) {
  Shape shape(windows.size.begin(), windows.size.end());
  shape.push_back(in);
  shape.push_back(out);
  return shape;
}

/// `y` plus a bias per channel, through the activation.
Traced finish(Call& call, Expr y, int64_t channels_axis) {
  if (call.args().boolean("use_bias"))
    y = y + align(call.variable({"bias", {y.dim(channels_axis)}, "zeros"}), y, {channels_axis});
  return call.activate("activation", y);
}

constexpr Arg kConvArgs[] = {
    {"filters", ArgKind::count},
    {"kernel_size", ArgKind::ints},
    {"strides", ArgKind::ints, "1"},
    {"padding", ArgKind::choice, "valid", "valid|same|causal"},
    kDataFormatArg,
    {"dilation_rate", ArgKind::ints, "1"},
    {"groups", ArgKind::count, "1"},
    {"activation", ArgKind::any, "null"},
    {"use_bias", ArgKind::boolean, "true"},
};

template <size_t rank>
Outputs conv(Call& call) {
  const Args& args = call.args();
  if (rank != 1 && args.choice("padding") == "causal")
    args.reject("padding", "it has a meaning for sequences only", {}, ErrorKind::data);
  const Convolution conv(call, rank);
  const int64_t groups = args.integer("groups"), filters = args.integer("filters"),
                channels = conv.in_channels();
  if (channels % groups != 0 || filters % groups != 0)
    args.reject("groups", cat("it must divide ", channels, " input channels and ", filters, " filters"), {},
                ErrorKind::data);
  const Expr kernel =
      call.variable({"kernel", kernel_shape(conv.windows, channels / groups, filters), "glorot_uniform"});
  return finish(call, conv.apply(kernel, groups), conv.axes.channels);
}

constexpr Arg kDepthwiseArgs[] = {
    {"kernel_size", ArgKind::ints},
    {"strides", ArgKind::ints, "1"},
    {"padding", ArgKind::choice, "valid", "valid|same"},
    {"depth_multiplier", ArgKind::count, "1"},
    kDataFormatArg,
    {"dilation_rate", ArgKind::ints, "1"},
    {"activation", ArgKind::any, "null"},
    {"use_bias", ArgKind::boolean, "true"},
};

/// Every channel by itself: as many groups as channels. Channel c gives the features from c·multiplier on.
Expr depthwise(Call& call, const Convolution& conv, std::string_view name) {
  const int64_t channels = conv.in_channels(), multiplier = call.args().integer("depth_multiplier");
  const Expr kernel = call.variable(
      {name, kernel_shape(conv.windows, channels, multiplier), "glorot_uniform", true, "depthwise"});
  return conv.apply(reshape(kernel, kernel_shape(conv.windows, 1, channels * multiplier)), channels);
}

template <size_t rank>
Outputs depthwise_conv(Call& call) {
  const Convolution conv(call, rank);
  return finish(call, depthwise(call, conv, "kernel"), conv.axes.channels);
}

constexpr LayerDef kLayers[] = {
    {"Conv1D", kConvArgs, Masks::drop, conv<1>},
    {"Conv2D", kConvArgs, Masks::drop, conv<2>},
    {"Conv3D", kConvArgs, Masks::drop, conv<3>},
    {"DepthwiseConv1D", kDepthwiseArgs, Masks::drop, depthwise_conv<1>},
    {"DepthwiseConv2D", kDepthwiseArgs, Masks::drop, depthwise_conv<2>},
};

}  // namespace

std::span<const LayerDef> conv_layers() { return kLayers; }

}  // namespace keratin
