// Operations on windows of images and sequences: pooling, convolutions, patches.
#include <algorithm>
#include <optional>

#include "frontend/convolution.h"
#include "frontend/operations/tables.h"
#include "frontend/pool.h"
#include "ir/text.h"

namespace keratin {
namespace {

// --- pooling ---

constexpr Arg kPoolParams[] = {{"pool_size", ArgKind::ints}, kStridesArg, kPaddingArg, kDataFormatArg};

template <Expr (*pool)(const Args&, const Expr&)>
Outputs pooling(OperationCall& call) {
  return pool(call.args(), call.real(0));
}

constexpr Arg kAdaptiveParams[] = {{"output_size", ArgKind::ints}, kDataFormatArg};

// --- convolutions ---

constexpr Arg kConvParams[] = {
    {"strides", ArgKind::ints, "1"},
    kPaddingArg,
    kDataFormatArg,
    {"dilation_rate", ArgKind::ints, "1"},
};
constexpr Arg kConvTransposeParams[] = {
    {"strides", ArgKind::ints, "1"},          kPaddingArg,
    {"output_padding", ArgKind::any, "null"}, kDataFormatArg,
    {"dilation_rate", ArgKind::ints, "1"},
};

/// An input and a kernel of its rank, in one dtype.
std::pair<Expr, Expr> input_and_kernel(OperationCall& call) {
  const auto [x, kernel] = call.real_pair();
  if (x.rank() < 3 || kernel.rank() != x.rank())
    call.fail(
        cat("its operands ", to_text(x.shape()), " and ", to_text(kernel.shape()), " do not fit together"),
        ErrorKind::data);
  return {x, kernel};
}

/// The windows of a kernel, by strides and dilation_rate; no padding yet.
Windows windows_of(OperationCall& call, const Expr& kernel) {
  const Args& args = call.args();
  const auto rank = static_cast<size_t>(kernel.rank() - 2);
  Windows windows{
      {}, args.ints("strides", rank), args.ints("dilation_rate", rank), Ints(rank, 0), Ints(rank, 0)};
  for (size_t i = 0; i < rank; ++i) {
    windows.size.push_back(kernel.extent(static_cast<int64_t>(i)));
    if (windows.size[i] < 1 || windows.stride[i] < 1 || windows.dilation[i] < 1)
      call.fail("sizes, strides and dilations must be at least 1", ErrorKind::data);
  }
  return windows;
}

bool has_channels_last(OperationCall& call) { return call.args().choice("data_format") == kChannelsLast; }

Expr convolve_padded(OperationCall& call, const Expr& x, const Expr& kernel, int64_t groups) {
  Windows windows = windows_of(call, kernel);
  const Expr padded =
      set_padding(windows, call.args().choice("padding"), x, space_axes(call.args(), x.rank()));
  return convolve(padded, kernel, windows, has_channels_last(call), groups);
}

Outputs conv(OperationCall& call) {
  const auto [x, kernel] = input_and_kernel(call);
  const int64_t channels = x.extent(space_axes(call.args(), x.rank()).channels), in = kernel.extent(-2);
  if (in < 1 || channels % in != 0)
    call.fail(cat("its kernel takes ", in, " channels, which do not divide ", channels), ErrorKind::data);
  return convolve_padded(call, x, kernel, channels / in);
}

/// Every channel by itself: as many groups as channels. Channel c gives the features from c·multiplier on.
Expr depthwise(OperationCall& call, const Expr& x, const Expr& kernel) {
  Shape shape = kernel.shape();
  const int64_t channels = kernel.extent(-2), multiplier = kernel.extent(-1);
  shape[shape.size() - 2] = 1;
  shape.back() = channels * multiplier;
  return convolve_padded(call, x, reshape(kernel, shape), channels);
}

Outputs depthwise_conv(OperationCall& call) {
  const auto [x, kernel] = input_and_kernel(call);
  return depthwise(call, x, kernel);
}

/// Every channel by itself, then a kernel of one element, which mixes them.
Outputs separable_conv(OperationCall& call) {
  const auto [x, kernel] = input_and_kernel(call);
  const auto rank = static_cast<size_t>(x.rank() - 2);
  const Ints ones(rank, 1), none(rank, 0);
  return convolve(depthwise(call, x, kernel), cast(call.tensor(2), x.dtype()), {ones, ones, ones, none, none},
                  has_channels_last(call));
}

Outputs conv_transpose(OperationCall& call) {
  const auto [x, kernel] = input_and_kernel(call);
  return transposed_convolution(call.args(), windows_of(call, kernel), x, kernel);
}

// --- patches ---

/// For each place within the windows, in order, the elements that all windows have there.
std::vector<Expr> elements_of_windows(const Expr& x, const SpaceAxes& axes, const Windows& windows) {
  Ints low(x.rank(), 0), high(x.rank(), 0);
  int64_t total = 1;
  for (size_t i = 0; i < axes.space.size(); ++i) {
    low[axes.space[i]] = windows.pad_low[i];
    high[axes.space[i]] = windows.pad_high[i];
    total *= windows.size[i];
  }
  const Expr padded = pad(x, low, high);
  std::vector<Expr> elements;
  for (int64_t place = 0; place < total; ++place) {
    Expr element = padded;
    int64_t rest = place;
    for (size_t i = axes.space.size(); i-- > 0;) {
      const int64_t first = rest % windows.size[i] * windows.dilation[i];
      rest /= windows.size[i];
      const int64_t stride = windows.stride[i];
      const Dim count = quotient(padded.dim(axes.space[i]), stride - windows.span(i), stride);
      element = slice(element, axes.space[i], first,
                      *sum(Dim(count.coef * stride, count.symbol), first + 1 - stride), stride);
    }
    elements.push_back(element);
  }
  return elements;
}

constexpr Arg kPatchParams[] = {
    {"size", ArgKind::ints}, kStridesArg, {"dilation_rate", ArgKind::ints, "1"}, kPaddingArg, kDataFormatArg,
};

/// Each window's elements, one after the other, as channels. A single image has no batch axis.
Outputs extract_patches(OperationCall& call) {
  const Args& args = call.args();
  const Json& size = args.json("size");
  const size_t rank = size.is_array() ? size.size() : 2;
  const bool is_single = call.tensor(0).rank() == static_cast<int64_t>(rank) + 1;
  Expr x = is_single ? expand_dims(call.real(0), 0) : call.real(0);
  if (x.rank() != static_cast<int64_t>(rank) + 2)
    call.fail(cat("patches of ", rank, " axes do not fit ", to_text(x.shape())), ErrorKind::data);
  const SpaceAxes axes = space_axes(args, x.rank());
  Windows windows{.size = args.ints("size", rank), .dilation = args.ints("dilation_rate", rank)};
  windows.stride = args.is_null("strides") ? windows.size : to_ints(args.json("strides"));
  if (windows.stride.size() == 1) windows.stride.assign(rank, windows.stride[0]);
  if (windows.stride.size() != rank)
    args.reject("strides", cat("expected ", rank, " integers"), {}, ErrorKind::data);
  for (size_t i = 0; i < rank; ++i)
    if (windows.size[i] < 1 || windows.stride[i] < 1 || windows.dilation[i] < 1)
      call.fail("sizes, strides and dilations must be at least 1", ErrorKind::data);
  x = set_padding(windows, args.choice("padding"), x, axes);
  const Expr patches = concat(elements_of_windows(x, axes, windows), axes.channels);
  return is_single ? squeeze(patches, {0}) : patches;
}

constexpr Arg kReconstructParams[] = {
    {"size", ArgKind::ints}, {"output_size", ArgKind::ints}, {"strides", ArgKind::any, "null"}, kPaddingArg,
    kDataFormatArg,
};

/// What extract_patches takes apart, if windows lie side by side, put together; the padding is cut off again.
Outputs reconstruct_patches(OperationCall& call) {
  const Args& args = call.args();
  const Ints extents = args.ints("output_size");
  const size_t rank = extents.size();
  if (rank != 2 && rank != 3)
    args.reject("output_size", "expected two or three integers", {}, ErrorKind::data);
  const Ints size = args.ints("size", rank);
  if (!args.is_null("strides")) {
    Ints strides = to_ints(args.json("strides"));
    if (strides.size() == 1) strides.assign(rank, strides[0]);
    if (strides != size)
      args.reject("strides", "Keras puts together only windows that lie side by side", {}, ErrorKind::data);
  }
  const bool is_single = call.tensor(0).rank() == static_cast<int64_t>(rank) + 1;
  Expr x = is_single ? expand_dims(call.tensor(0), 0) : call.tensor(0);
  if (x.rank() != static_cast<int64_t>(rank) + 2)
    call.fail(cat("patches of ", rank, " axes do not fit ", to_text(x.shape())), ErrorKind::data);
  const int64_t channels_axis = space_axes(args, x.rank()).channels;
  x = move_axis(x, channels_axis, x.rank() - 1);
  int64_t places = 1;
  for (int64_t each : size) {
    if (each < 1) args.reject("size", "expected numbers that are at least 1", {}, ErrorKind::data);
    places *= each;
  }
  if (x.extent(-1) % places != 0)
    args.reject("size", cat("its product must divide ", x.extent(-1)), {}, ErrorKind::data);

  // [n, grid…, size…, c] with each place behind its grid's: [n, grid, size, …, c].
  Shape apart{x.dim(0)}, together{x.dim(0)};
  Ints order{0};
  for (size_t i = 0; i < rank; ++i) {
    apart.push_back(x.dim(static_cast<int64_t>(i) + 1));
    together.push_back(Dim(x.extent(static_cast<int64_t>(i) + 1) * size[i]));
    order.insert(order.end(), {static_cast<int64_t>(i) + 1, static_cast<int64_t>(rank + i) + 1});
  }
  for (int64_t each : size) apart.push_back(Dim(each));
  for (Shape* shape : {&apart, &together}) shape->push_back(Dim(x.extent(-1) / places));
  order.push_back(static_cast<int64_t>(2 * rank) + 1);
  Expr y = reshape(transpose(reshape(x, apart), order), together);
  for (size_t i = 0; i < rank; ++i) {
    const int64_t axis = static_cast<int64_t>(i) + 1, over = y.extent(axis) - extents[i];
    if (over < 0 || over >= size[i] || (over > 0 && args.choice("padding") == "valid"))
      args.reject("output_size", cat("the patches cover ", to_text(y.shape())), {}, ErrorKind::data);
    y = slice(y, axis, over / 2, over / 2 + extents[i]);
  }
  y = move_axis(y, y.rank() - 1, channels_axis);
  return is_single ? squeeze(y, {0}) : y;
}

constexpr Arg kUnfoldParams[] = {
    {"kernel_size", ArgKind::ints},
    {"dilation", ArgKind::ints, "1"},
    {"padding", ArgKind::ints, "0"},
    {"stride", ArgKind::ints, "1"},
};
constexpr Arg kFoldParams[] = {
    {"output_size", ArgKind::ints},  {"kernel_size", ArgKind::ints}, {"dilation", ArgKind::ints, "1"},
    {"padding", ArgKind::ints, "0"}, {"stride", ArgKind::ints, "1"},
};

Windows folding_windows(OperationCall& call) {
  const Args& args = call.args();
  const Windows windows{args.ints("kernel_size", 2), args.ints("stride", 2), args.ints("dilation", 2),
                        args.ints("padding", 2), args.ints("padding", 2)};
  for (size_t i = 0; i < 2; ++i)
    if (windows.size[i] < 1 || windows.stride[i] < 1 || windows.dilation[i] < 1 || windows.pad_low[i] < 0)
      call.fail("sizes, strides and dilations must be at least 1, padding at least 0", ErrorKind::data);
  return windows;
}

/// Images with channels first: channel, then place in the window, on one axis; the windows on the last.
Outputs unfold(OperationCall& call) {
  const Expr x = call.tensor(0);
  if (x.rank() != 4) call.fail("its operand must have rank 4", ErrorKind::data);
  std::vector<Expr> elements = elements_of_windows(x, {1, {2, 3}}, folding_windows(call));
  for (Expr& element : elements) element = expand_dims(element, 2);
  const Expr all = concat(elements, 2);
  const std::optional<Dim> count = as_dim(Size(all.dim(3)) * Size(all.dim(4)));
  if (!count) call.fail("several axes are free", ErrorKind::unsupported, kFixLength);
  return reshape(all, {x.dim(0), x.extent(1) * all.extent(2), *count});
}

/// What unfold takes apart, put together: overlapping windows add up.
Outputs fold(OperationCall& call) {
  const Expr x = call.tensor(0);
  const Windows windows = folding_windows(call);
  const Ints size = call.args().ints("output_size", 2);
  const int64_t places = windows.size[0] * windows.size[1];
  const Ints counts = {windows.count(0, size[0]), windows.count(1, size[1])};
  if (x.rank() != 3 || x.extent(1) % places != 0 || x.extent(2) != counts[0] * counts[1])
    call.fail(cat("its operand ", to_text(x.shape()), " does not fit its parameters"), ErrorKind::data);
  const int64_t channels = x.extent(1) / places;
  const Expr parts = reshape(x, {x.dim(0), channels, places, counts[0], counts[1]});
  Expr total;
  for (int64_t place = 0; place < places; ++place) {
    const Expr part = squeeze(slice(parts, 2, place, place + 1), {2});
    Ints low(4, 0), high(4, 0), interior(4, 0);
    for (size_t i = 0; i < 2; ++i) {
      const int64_t offset =
          (i == 0 ? place / windows.size[1] : place % windows.size[1]) * windows.dilation[i];
      low[i + 2] = offset - windows.pad_low[i];
      interior[i + 2] = windows.stride[i] - 1;
      high[i + 2] = size[i] - low[i + 2] - ((counts[i] - 1) * windows.stride[i] + 1);
    }
    const Expr zero(call.builder(), call.builder().constant(x.dtype(), 0));
    const Expr spread(call.builder(), call.builder().pad(part.value(), zero.value(), low, high, interior));
    total = total ? total + spread : spread;
  }
  return total;
}

constexpr Arg kBlockParams[] = {{"block_size", ArgKind::count}, kDataFormatArg};

/// Channels become blocks of pixels.
Outputs depth_to_space(OperationCall& call) {
  const Expr x = call.tensor(0);
  if (x.rank() != 4) call.fail("its operand must have rank 4", ErrorKind::data);
  const int64_t block = call.args().integer("block_size");
  const SpaceAxes axes = space_axes(call.args(), 4);
  const Dim batch = x.dim(0);
  const Dim height = x.dim(axes.space[0]), width = x.dim(axes.space[1]);
  const Dim large_height(height.coef * block, height.symbol), large_width(width.coef * block, width.symbol);
  const int64_t channels = x.extent(axes.channels);
  if (channels % (block * block) != 0)
    call.args().reject("block_size", cat("its square must divide ", channels, " channels"), {},
                       ErrorKind::data);
  const int64_t rest = channels / (block * block);
  if (axes.channels == 3)
    return reshape(transpose(reshape(x, {batch, height, width, block, block, rest}), {0, 1, 3, 2, 4, 5}),
                   {batch, large_height, large_width, rest});
  return reshape(transpose(reshape(x, {batch, rest, block, block, height, width}), {0, 1, 4, 2, 5, 3}),
                 {batch, rest, large_height, large_width});
}

Outputs space_to_depth(OperationCall& call) {
  const Expr x = call.tensor(0);
  if (x.rank() != 4) call.fail("its operand must have rank 4", ErrorKind::data);
  const int64_t block = call.args().integer("block_size");
  const SpaceAxes axes = space_axes(call.args(), 4);
  const Dim batch = x.dim(0);
  const Dim height = divided(x.dim(axes.space[0]), block), width = divided(x.dim(axes.space[1]), block);
  const int64_t channels = x.extent(axes.channels), deep = channels * block * block;
  if (axes.channels == 3)
    return reshape(transpose(reshape(x, {batch, height, block, width, block, channels}), {0, 1, 3, 2, 4, 5}),
                   {batch, height, width, deep});
  return reshape(transpose(reshape(x, {batch, channels, height, block, width, block}), {0, 1, 3, 5, 2, 4}),
                 {batch, deep, height, width});
}

constexpr OperationDef kRows[] = {
    {"MaxPool", "inputs", pooling<max_pool>, kPoolParams},
    {"AveragePool", "inputs", pooling<average_pool>, kPoolParams},
    {"AdaptiveMaxPool", "inputs", pooling<adaptive_max_pool>, kAdaptiveParams},
    {"AdaptiveAveragePool", "inputs", pooling<adaptive_average_pool>, kAdaptiveParams},
    {"Conv", "inputs kernel", conv, kConvParams},
    {"DepthwiseConv", "inputs kernel", depthwise_conv, kConvParams},
    {"SeparableConv", "inputs depthwise_kernel pointwise_kernel", separable_conv, kConvParams},
    {"ConvTranspose", "inputs kernel", conv_transpose, kConvTransposeParams},
    {"ExtractPatches", "images", extract_patches, kPatchParams},
    {"ReconstructPatches", "patches", reconstruct_patches, kReconstructParams},
    {"Unfold", "x", unfold, kUnfoldParams},
    {"Fold", "x", fold, kFoldParams},
    {"DepthToSpace", "x", depth_to_space, kBlockParams},
    {"SpaceToDepth", "x", space_to_depth, kBlockParams},
};

}  // namespace

std::span<const OperationDef> window_operations() { return kRows; }

}  // namespace keratin
