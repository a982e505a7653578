// Pooling over windows and over whole images: one function for every rank.
#include <map>

#include "frontend/layers/tables.h"
#include "frontend/window.h"
#include "ir/text.h"

namespace keratin {
namespace {

constexpr Arg kPoolArgs[] = {
    {"pool_size", ArgKind::ints, "2"},
    {"strides", ArgKind::any, "null"},
    {"padding", ArgKind::choice, "valid", "valid|same"},
    kDataFormatArg,
};

Windows read_windows(Call& call, const Expr& x, const SpaceAxes& axes) {
  const Args& args = call.args();
  const size_t rank = axes.space.size();
  Windows windows{.size = args.ints("pool_size", rank), .dilation = Ints(rank, 1)};
  // No stride: the windows' own size.
  windows.stride = args.is_null("strides") ? windows.size : to_ints(args.json("strides"));
  if (windows.stride.size() == 1) windows.stride.assign(rank, windows.stride[0]);
  if (windows.stride.size() != rank)
    args.reject("strides", cat("expected ", rank, " integers"), {}, ErrorKind::data);
  for (size_t i = 0; i < rank; ++i)
    if (windows.size[i] < 1 || windows.stride[i] < 1)
      call.fail("pool_size and strides must be at least 1", {}, ErrorKind::data);
  set_padding(windows, args.choice("padding"), x.shape(), axes);
  return windows;
}

/// The windows on all axes of the input: 1 wide where nothing slides.
WindowAttrs on_all_axes(const Windows& windows, const SpaceAxes& axes, int64_t rank) {
  WindowAttrs attrs{Ints(rank, 1), Ints(rank, 1), Ints(rank, 0), Ints(rank, 0)};
  for (size_t i = 0; i < axes.space.size(); ++i) {
    const int64_t axis = axes.space[i];
    attrs.size[axis] = windows.size[i];
    attrs.stride[axis] = windows.stride[i];
    attrs.pad_low[axis] = windows.pad_low[i];
    attrs.pad_high[axis] = windows.pad_high[i];
  }
  return attrs;
}

Expr pool(Op op, const Expr& x, const Windows& windows, const SpaceAxes& axes) {
  return {x.builder(), x.builder().make(op, {x.value()}, on_all_axes(windows, axes, x.rank()))};
}

/// How many real elements each window has: a constant over the space axes, the padding left out.
Expr window_counts(const Expr& x, const Windows& windows, const SpaceAxes& axes) {
  std::vector<int64_t> shape;
  for (size_t i = 0; i < axes.space.size(); ++i) shape.push_back(windows.count(i, x.extent(axes.space[i])));
  auto counts = std::make_shared<Tensor>(x.dtype(), shape);
  for (int64_t place = 0; place < counts->elements(); ++place) {
    int64_t rest = place, count = 1;
    for (size_t i = axes.space.size(); i-- > 0;) {
      const int64_t first = rest % shape[i] * windows.stride[i] - windows.pad_low[i];
      rest /= shape[i];
      count *= std::min(first + windows.size[i], x.extent(axes.space[i])) - std::max<int64_t>(first, 0);
    }
    counts->set(place, static_cast<double>(count));
  }
  return {x.builder(), x.builder().constant(std::move(counts))};
}

bool has_padding(const Windows& windows) {
  return windows.pad_low != Ints(windows.size.size(), 0) || windows.pad_high != Ints(windows.size.size(), 0);
}

template <size_t rank>
Outputs max_pooling(Call& call) {
  const Expr x = call.float_input(rank + 2);
  const SpaceAxes axes = space_axes(call.args(), x.rank());
  return pool(Op::pool_max, x, read_windows(call, x, axes), axes);
}

template <size_t rank>
Outputs average_pooling(Call& call) {
  const Expr x = call.float_input(rank + 2);
  const SpaceAxes axes = space_axes(call.args(), x.rank());
  const Windows windows = read_windows(call, x, axes);
  const Expr total = pool(Op::pool_sum, x, windows, axes);
  if (has_padding(windows)) return total / align(window_counts(x, windows, axes), total, axes.space);
  double count = 1;
  for (int64_t size : windows.size) count *= static_cast<double>(size);
  return total / count;
}

constexpr Arg kGlobalArgs[] = {
    kDataFormatArg,
    {"keepdims", ArgKind::boolean, "false"},
};

template <size_t rank>
Outputs global_max_pooling(Call& call) {
  const Expr x = call.float_input(rank + 2);
  return reduce(Op::reduce_max, x, space_axes(call.args(), x.rank()).space, call.args().boolean("keepdims"));
}

/// Steps that a mask leaves out do not count.
template <size_t rank>
Outputs global_average_pooling(Call& call) {
  const Expr x = call.float_input(rank + 2);
  const Ints space = space_axes(call.args(), x.rank()).space;
  const bool keep = call.args().boolean("keepdims");
  const Expr& mask = call.traced_input().mask;
  if (rank != 1 || !mask) return mean(x, space, keep);
  const Expr kept = align(cast(mask, x.dtype()), x, {0, space[0]});
  return sum(x * kept, space, keep) / sum(kept, space, keep);
}

constexpr Arg kAdaptiveArgs[] = {{"output_size", ArgKind::ints}, kDataFormatArg};

/// One axis in `count` windows of nearly the same size, which may overlap: window i has the elements from ⌊i·n/count⌋ to before
/// ⌈(i+1)·n/count⌉. Windows of each size that there is are made at every place, and of those the wanted ones taken.
Expr pool_adaptively(Op op, const Expr& x, int64_t axis, int64_t count) {
  const int64_t extent = x.extent(axis);
  std::map<int64_t, int64_t> first;  // of each size: where its windows begin in the concatenation
  const auto start = [&](int64_t i) { return i * extent / count; };
  const auto size = [&](int64_t i) { return ((i + 1) * extent + count - 1) / count - start(i); };
  for (int64_t i = 0; i < count; ++i) first.emplace(size(i), 0);
  std::vector<Expr> parts;
  int64_t places = 0;
  for (auto& [length, begin] : first) {
    const SpaceAxes axes{0, {axis}};
    const Expr pooled = pool(op, x, {{length}, {1}, {1}, {0}, {0}}, axes);
    parts.push_back(op == Op::pool_sum ? pooled / static_cast<double>(length) : pooled);
    begin = places;
    places += parts.back().extent(axis);
  }
  Ints wanted;
  for (int64_t i = 0; i < count; ++i) wanted.push_back(first.at(size(i)) + start(i));
  return take(concat(parts, axis), axis, wanted);
}

template <Op op, size_t rank>
Outputs adaptive_pooling(Call& call) {
  Expr x = call.float_input(rank + 2);
  const Ints space = space_axes(call.args(), x.rank()).space, sizes = call.args().ints("output_size", rank);
  for (size_t i = 0; i < rank; ++i) {
    const int64_t extent = x.extent(space[i]);
    if (sizes[i] < 1)
      call.args().reject("output_size", "expected numbers of at least 1", {}, ErrorKind::data);
    if (extent % sizes[i] != 0) {
      x = pool_adaptively(op, x, space[i], sizes[i]);
      continue;
    }
    const int64_t size = extent / sizes[i];
    x = pool(op, x, {{size}, {size}, {1}, {0}, {0}}, {0, {space[i]}});
    if (op == Op::pool_sum) x = x / static_cast<double>(size);
  }
  return x;
}

constexpr LayerDef kLayers[] = {
    {"MaxPooling1D", kPoolArgs, Masks::drop, max_pooling<1>},
    {"MaxPooling2D", kPoolArgs, Masks::drop, max_pooling<2>},
    {"MaxPooling3D", kPoolArgs, Masks::drop, max_pooling<3>},
    {"AveragePooling1D", kPoolArgs, Masks::drop, average_pooling<1>},
    {"AveragePooling2D", kPoolArgs, Masks::drop, average_pooling<2>},
    {"AveragePooling3D", kPoolArgs, Masks::drop, average_pooling<3>},
    {"GlobalMaxPooling1D", kGlobalArgs, Masks::drop, global_max_pooling<1>},
    {"GlobalMaxPooling2D", kGlobalArgs, Masks::drop, global_max_pooling<2>},
    {"GlobalMaxPooling3D", kGlobalArgs, Masks::drop, global_max_pooling<3>},
    {"GlobalAveragePooling1D", kGlobalArgs, Masks::drop, global_average_pooling<1>},
    {"GlobalAveragePooling2D", kGlobalArgs, Masks::drop, global_average_pooling<2>},
    {"GlobalAveragePooling3D", kGlobalArgs, Masks::drop, global_average_pooling<3>},
    {"AdaptiveMaxPooling1D", kAdaptiveArgs, Masks::drop, adaptive_pooling<Op::pool_max, 1>},
    {"AdaptiveMaxPooling2D", kAdaptiveArgs, Masks::drop, adaptive_pooling<Op::pool_max, 2>},
    {"AdaptiveMaxPooling3D", kAdaptiveArgs, Masks::drop, adaptive_pooling<Op::pool_max, 3>},
    {"AdaptiveAveragePooling1D", kAdaptiveArgs, Masks::drop, adaptive_pooling<Op::pool_sum, 1>},
    {"AdaptiveAveragePooling2D", kAdaptiveArgs, Masks::drop, adaptive_pooling<Op::pool_sum, 2>},
    {"AdaptiveAveragePooling3D", kAdaptiveArgs, Masks::drop, adaptive_pooling<Op::pool_sum, 3>},
};

}  // namespace

std::span<const LayerDef> pool_layers() { return kLayers; }

}  // namespace keratin
