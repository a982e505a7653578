#include "frontend/convolution.h"

#include <algorithm>
#include <optional>

#include "ir/error.h"
#include "ir/text.h"

namespace keratin {
namespace {

/// The part of the whole result that comes out along an axis of n elements: (n − 1)·stride + `rest` elements, from `skipped` on.
struct Part {
  int64_t rest, skipped;
};

Part part_of(bool same, int64_t stride, int64_t span, std::optional<int64_t> output_padding) {
  if (!same) return {output_padding ? span + *output_padding : std::max(span, stride), 0};
  if (!output_padding) return {stride, std::max<int64_t>(span - stride, 0) / 2};
  const int64_t padding = span + span % 2 - 2 + *output_padding;
  return {span % 2 + *output_padding, span - 1 - std::min((padding + 1) / 2, span - 1)};
}

}  // namespace

/// Written as a convolution of the input with zeros between its elements and the kernel turned round. The whole result has
/// F = (n − 1)·stride + span elements along an axis; a part of them comes out, zeros where F ends.
Expr transposed_convolution(const Args& args, const Windows& windows, const Expr& x, Expr kernel) {
  const SpaceAxes axes = space_axes(args, x.rank());
  const size_t rank = axes.space.size();
  const bool channels_last = args.choice("data_format") == kChannelsLast,
             same = args.choice("padding") == "same";
  const Json& given = args.json("output_padding");
  Ints output_padding;
  if (!given.is_null()) output_padding = to_ints(given);
  if (output_padding.size() == 1) output_padding.assign(rank, output_padding[0]);
  if (!output_padding.empty() && output_padding.size() != rank)
    args.reject("output_padding", cat("expected ", rank, " integers"), {}, ErrorKind::data);

  ConvAttrs attrs{.dims = conv_dims(rank, channels_last, "oi"),
                  .stride = Ints(rank, 1),
                  .kernel_dilation = windows.dilation};
  for (size_t i = 0; i < rank; ++i) {
    const Dim extent = x.dim(axes.space[i]);
    const int64_t stride = windows.stride[i], span = windows.span(i);
    if (extent.coef < 1) throw Error(ErrorKind::data, "its input is empty", args.where());
    const Part part =
        part_of(same, stride, span, output_padding.empty() ? std::nullopt : std::optional(output_padding[i]));
    // Of a free length, calls are refused that leave nothing.
    if (extent.is_static() && (extent.coef - 1) * stride + part.rest < 1)
      args.reject("output_padding", "leaves no output", {}, ErrorKind::data);
    attrs.input_dilation.push_back(stride);
    attrs.pad_low.push_back(span - 1 - part.skipped);
    attrs.pad_high.push_back(part.rest + part.skipped - 1);
    kernel = reverse(kernel, static_cast<int64_t>(i));
  }
  return {x.builder(), x.builder().make(Op::conv, {x.value(), kernel.value()}, attrs)};
}

}  // namespace keratin
