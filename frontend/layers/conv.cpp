// Convolutions: one function for every rank.
#include "frontend/layers/tables.h"
#include "frontend/window.h"
#include "ir/text.h"

namespace keratin {
namespace {

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
      windows(read_windows(call.args(), rank)),
      channels_last(call.args().choice("data_format") == kChannelsLast) {
  x = set_padding(windows, call.args().choice("padding"), x, axes);
}

Expr Convolution::apply(const Expr& kernel, int64_t groups) const {
  return convolve(x, kernel, windows, channels_last, groups);
}

Shape kernel_shape(const Windows& windows, int64_t in, int64_t out) {
  Shape shape(windows.size.begin(), windows.size.end());
  shape.push_back(in);
  shape.push_back(out);
  return shape;
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
  return with_bias_and_activation(call, conv.apply(kernel, groups), conv.axes.channels);
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
  return with_bias_and_activation(call, depthwise(call, conv, "kernel"), conv.axes.channels);
}

constexpr Arg kSeparableArgs[] = {
    {"filters", ArgKind::count},
    {"kernel_size", ArgKind::ints},
    {"strides", ArgKind::ints, "1"},
    {"padding", ArgKind::choice, "valid", "valid|same"},
    {"depth_multiplier", ArgKind::count, "1"},
    kDataFormatArg,
    {"dilation_rate", ArgKind::ints, "1"},
    {"activation", ArgKind::any, "null"},
    {"use_bias", ArgKind::boolean, "true"},
};

/// Every channel by itself, then a 1×1 convolution that mixes them.
template <size_t rank>
Outputs separable_conv(Call& call) {
  Convolution conv(call, rank);
  const int64_t features = conv.in_channels() * call.args().integer("depth_multiplier");
  conv.x = depthwise(call, conv, "depthwise_kernel");
  const Ints ones(rank, 1), none(rank, 0);
  conv.windows = {ones, ones, ones, none, none};
  const Expr pointwise =
      call.variable({"pointwise_kernel", kernel_shape(conv.windows, features, call.args().integer("filters")),
                     "glorot_uniform", true, "pointwise"});
  return with_bias_and_activation(call, conv.apply(pointwise, 1), conv.axes.channels);
}

constexpr LayerDef kLayers[] = {
    {"Conv1D", kConvArgs, Masks::drop, conv<1>},
    {"Conv2D", kConvArgs, Masks::drop, conv<2>},
    {"Conv3D", kConvArgs, Masks::drop, conv<3>},
    {"DepthwiseConv1D", kDepthwiseArgs, Masks::drop, depthwise_conv<1>},
    {"DepthwiseConv2D", kDepthwiseArgs, Masks::drop, depthwise_conv<2>},
    {"SeparableConv1D", kSeparableArgs, Masks::drop, separable_conv<1>},
    {"SeparableConv2D", kSeparableArgs, Masks::drop, separable_conv<2>},
};

}  // namespace

std::span<const LayerDef> conv_layers() { return kLayers; }

}  // namespace keratin
