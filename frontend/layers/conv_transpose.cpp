// Transposed convolutions: each input element adds the kernel, scaled by it, to the output at stride times its place.
//
// Written as a convolution of the input with zeros between its elements and the kernel turned round. The whole result has
// F = (n − 1)·stride + span elements along an axis; the layer takes `length` of them from `skipped` on, zeros where F
// ends.
#include <algorithm>

#include "frontend/layers/tables.h"
#include "frontend/window.h"
#include "ir/text.h"

namespace keratin {
namespace {

constexpr Arg kArgs[] = {
    {"filters", ArgKind::count},
    {"kernel_size", ArgKind::ints},
    {"strides", ArgKind::ints, "1"},
    {"padding", ArgKind::choice, "valid", "valid|same"},
    {"output_padding", ArgKind::any, "null"},
    kDataFormatArg,
    {"dilation_rate", ArgKind::ints, "1"},
    {"groups", ArgKind::fixed, "1"},
    {"activation", ArgKind::any, "null"},
    {"use_bias", ArgKind::boolean, "true"},
};

/// The part of the whole result that comes out along an axis.
struct Part {
  int64_t length, skipped;
};

Part part_of(bool same, int64_t extent, int64_t stride, int64_t span, std::optional<int64_t> output_padding) {
  if (!same)
    return {(extent - 1) * stride + (output_padding ? span + *output_padding : std::max(span, stride)), 0};
  if (!output_padding) return {extent * stride, std::max<int64_t>(span - stride, 0) / 2};
  const int64_t padding = span + span % 2 - 2 + *output_padding;
  return {(extent - 1) * stride + span % 2 + *output_padding,
          span - 1 - std::min((padding + 1) / 2, span - 1)};
}

template <size_t rank>
Outputs conv_transpose(Call& call) {
  const Args& args = call.args();
  const Expr x = call.float_input(rank + 2);
  const SpaceAxes axes = space_axes(args, x.rank());
  const bool channels_last = args.choice("data_format") == kChannelsLast,
             same = args.choice("padding") == "same";
  const Windows windows = read_windows(args, rank);
  const Json& given = args.json("output_padding");
  Ints output_padding;
  if (!given.is_null()) output_padding = to_ints(given);
  if (output_padding.size() == 1) output_padding.assign(rank, output_padding[0]);
  if (!output_padding.empty() && output_padding.size() != rank)
    args.reject("output_padding", cat("expected ", rank, " integers"), {}, ErrorKind::data);

  Shape kernel_shape(windows.size.begin(), windows.size.end());
  kernel_shape.push_back(args.integer("filters"));
  kernel_shape.push_back(x.extent(axes.channels));
  Expr kernel = call.variable({"kernel", kernel_shape, "glorot_uniform"});
  ConvAttrs attrs{.dims = conv_dims(rank, channels_last, "oi"),
                  .stride = Ints(rank, 1),
                  .kernel_dilation = windows.dilation};
  for (size_t i = 0; i < rank; ++i) {
    const int64_t extent = x.extent(axes.space[i]), stride = windows.stride[i], span = windows.span(i);
    if (extent < 1) call.fail("its input is empty", {}, ErrorKind::data);
    const Part part = part_of(same, extent, stride, span,
                              output_padding.empty() ? std::nullopt : std::optional(output_padding[i]));
    if (part.length < 1) args.reject("output_padding", "leaves no output", {}, ErrorKind::data);
    attrs.input_dilation.push_back(stride);
    attrs.pad_low.push_back(span - 1 - part.skipped);
    attrs.pad_high.push_back(part.length + part.skipped - 1 - (extent - 1) * stride);
    kernel = reverse(kernel, static_cast<int64_t>(i));
  }
  const Expr y(call.builder(), call.builder().make(Op::conv, {x.value(), kernel.value()}, attrs));
  return with_bias_and_activation(call, y, axes.channels);
}

constexpr LayerDef kLayers[] = {
    {"Conv1DTranspose", kArgs, Masks::drop, conv_transpose<1>},
    {"Conv2DTranspose", kArgs, Masks::drop, conv_transpose<2>},
    {"Conv3DTranspose", kArgs, Masks::drop, conv_transpose<3>},
};

}  // namespace

std::span<const LayerDef> conv_transpose_layers() { return kLayers; }

}  // namespace keratin
