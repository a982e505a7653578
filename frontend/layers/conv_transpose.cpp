// Transposed convolutions: one function for every rank.
#include "frontend/convolution.h"
#include "frontend/layers/tables.h"

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

template <size_t rank>
Outputs conv_transpose(Call& call) {
  const Args& args = call.args();
  const Expr x = call.float_input(rank + 2);
  const int64_t channels = space_axes(args, x.rank()).channels;
  const Windows windows = read_windows(args, rank);
  Shape kernel_shape(windows.size.begin(), windows.size.end());
  kernel_shape.push_back(args.integer("filters"));
  kernel_shape.push_back(x.extent(channels));
  const Expr kernel = call.variable({"kernel", kernel_shape, "glorot_uniform"});
  return with_bias_and_activation(call, transposed_convolution(args, windows, x, kernel), channels);
}

constexpr LayerDef kLayers[] = {
    {"Conv1DTranspose", kArgs, Masks::drop, conv_transpose<1>},
    {"Conv2DTranspose", kArgs, Masks::drop, conv_transpose<2>},
    {"Conv3DTranspose", kArgs, Masks::drop, conv_transpose<3>},
};

}  // namespace

std::span<const LayerDef> conv_transpose_layers() { return kLayers; }

}  // namespace keratin
