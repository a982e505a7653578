#include "frontend/pool.h"

#include <limits>
#include <map>

#include "frontend/axis_product.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {
namespace {

Windows pool_windows(const Args& args, const SpaceAxes& axes) {
  const size_t rank = axes.space.size();
  Windows windows{.size = args.ints("pool_size", rank), .dilation = Ints(rank, 1)};
  // No stride: the windows' own size.
  windows.stride = args.is_null("strides") ? windows.size : to_ints(args.json("strides"));
  if (windows.stride.size() == 1) windows.stride.assign(rank, windows.stride[0]);
  if (windows.stride.size() != rank)
    args.reject("strides", cat("expected ", rank, " integers"), {}, ErrorKind::data);
  for (size_t i = 0; i < rank; ++i)
    if (windows.size[i] < 1 || windows.stride[i] < 1)
      throw Error(ErrorKind::data, "pool_size and strides must be at least 1", args.where());
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

/// The same windows of an axis whose length a call tells: which elements they have is computed.
Expr pool_free_axis(Op op, const Expr& x, int64_t axis, int64_t count) {
  Builder& b = x.builder();
  const Expr window = places(b, Dim(count)), extent = length(b, x.dim(axis)), parts = length(b, Dim(count));
  const Expr start = binary(Op::div, window * extent, parts);
  const Expr end = binary(Op::div, (window + 1) * extent + (parts - 1), parts);
  const Expr place = expand_dims(places(b, x.dim(axis)), 1);
  const Expr is_inside = logical_and(less_equal(start, place), less(place, end));  // [elements,windows]
  if (op == Op::pool_sum)
    return multiply_along(x, axis, cast(is_inside, x.dtype()) / cast(end - start, x.dtype()));
  const Expr spread = expand_dims(x, axis + 1);
  Shape shape = spread.shape();
  shape[axis + 1] = count;
  const Expr all = broadcast_to(spread, shape);
  const Expr nothing = number(all, -std::numeric_limits<double>::infinity());
  return reduce(Op::reduce_max, where(align(is_inside, all, {axis, axis + 1}), all, nothing), {axis});
}

Expr adaptive_pool(Op op, const Args& args, Expr x) {
  const Ints space = space_axes(args, x.rank()).space, sizes = args.ints("output_size", space.size());
  for (size_t i = 0; i < space.size(); ++i) {
    if (sizes[i] < 1) args.reject("output_size", "expected numbers of at least 1", {}, ErrorKind::data);
    if (!x.dim(space[i]).is_static()) {
      x = pool_free_axis(op, x, space[i], sizes[i]);
      continue;
    }
    const int64_t extent = x.extent(space[i]);
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

}  // namespace

Expr max_pool(const Args& args, const Expr& x) {
  const SpaceAxes axes = space_axes(args, x.rank());
  Windows windows = pool_windows(args, axes);
  const Expr slid_over =
      set_padding(windows, args.choice("padding"), x, axes, -std::numeric_limits<double>::infinity());
  return pool(Op::pool_max, slid_over, windows, axes);
}

/// Padding does not count: sums are divided by those of ones.
Expr average_pool(const Args& args, const Expr& x) {
  const SpaceAxes axes = space_axes(args, x.rank());
  const Windows windows = pool_windows(args, axes);
  const auto sums = [&](const Expr& terms) {
    Windows padded = windows;
    const Expr slid_over = set_padding(padded, args.choice("padding"), terms, axes);
    return pool(Op::pool_sum, slid_over, padded, axes);
  };
  const Expr total = sums(x);
  if (args.choice("padding") == "valid") {
    double count = 1;
    for (int64_t size : windows.size) count *= static_cast<double>(size);
    return total / count;
  }
  Shape one_image(x.rank(), Dim(1));
  for (int64_t axis : axes.space) one_image[axis] = x.dim(axis);
  const Expr one(x.builder(), x.builder().constant(x.dtype(), 1));
  return total / broadcast_to(sums(broadcast_to(one, one_image)), total.shape());
}

Expr adaptive_max_pool(const Args& args, const Expr& x) { return adaptive_pool(Op::pool_max, args, x); }
Expr adaptive_average_pool(const Args& args, const Expr& x) { return adaptive_pool(Op::pool_sum, args, x); }

}  // namespace keratin
