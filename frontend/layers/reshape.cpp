// Layers that put elements elsewhere: shapes, padding, cropping.
#include <algorithm>
#include <optional>

#include "frontend/layers/tables.h"
#include "frontend/window.h"
#include "ir/text.h"

namespace keratin {
namespace {

/// Elements of a sample as one extent.
Dim features_of(Call& call, const Expr& x) {
  const std::optional<Dim> features = as_dim(Size::product(Shape(x.shape().begin() + 1, x.shape().end())));
  if (!features) call.fail("several axes of its input are free", std::string(kFixLength));
  return *features;
}

constexpr Arg kFlattenArgs[] = {kDataFormatArg};

/// All axes but the batch as one; channels come last in it, wherever they were.
Outputs flatten(Call& call) {
  Expr x = call.input();
  if (call.args().choice("data_format") != kChannelsLast && x.rank() > 2) {
    Ints perm = axes_from(x, 2);
    perm.insert(perm.begin(), 0);
    perm.push_back(1);
    x = transpose(x, perm);
  }
  return reshape(x, {x.dim(0), features_of(call, x)});
}

constexpr Arg kReshapeArgs[] = {{"target_shape", ArgKind::ints}};

/// One extent of the target may be -1: what is left. A free length goes there, as a whole.
Outputs reshape_layer(Call& call) {
  const Expr x = call.input();
  const Ints target = call.args().ints("target_shape");
  const Dim all = features_of(call, x);
  if (std::any_of(target.begin(), target.end(), [](int64_t extent) { return extent < -1; }))
    call.args().reject("target_shape", "extents are numbers, and at most one is -1", {}, ErrorKind::data);
  std::optional<Shape> shape = completed_shape(all, target);
  if (!shape)
    call.args().reject("target_shape", cat("does not fit the input's ", to_text(all), " elements"), {},
                       ErrorKind::data);
  shape->insert(shape->begin(), x.dim(0));
  return reshape(x, *shape);
}

constexpr Arg kPermuteArgs[] = {{"dims", ArgKind::ints}};

Outputs permute(Call& call) {
  Ints perm = call.args().ints("dims", call.input().rank() - 1);
  perm.insert(perm.begin(), 0);
  return transpose(call.input(), perm);
}

constexpr Arg kRepeatVectorArgs[] = {{"n", ArgKind::count}};

Outputs repeat_vector(Call& call) {
  return repeat(expand_dims(call.float_input(2), 1), 1, call.args().integer("n"));
}

/// Elements to add or take away at both ends of the space axes.
struct Edges {
  Ints low, high;  // one entry per axis of the input
};

/// An argument that is one number, one number per axis, or a pair of numbers per axis (per end, if there is one axis).
Edges read_edges(Call& call, std::string_view name, const Expr& x, const SpaceAxes& axes) {
  const Json& given = call.args().json(name);
  const size_t rank = axes.space.size();
  const auto reject = [&] {
    call.args().reject(name, cat("expected a pair of numbers for each of ", rank, " axes"), {},
                       ErrorKind::data);
  };
  Edges edges{Ints(x.rank(), 0), Ints(x.rank(), 0)};
  const bool is_list = given.is_array();
  if (is_list && given.size() != (rank == 1 && !given.at(0).is_array() ? 2 : rank)) reject();
  for (size_t i = 0; i < rank; ++i) {
    const Json& entry = !is_list || (rank == 1 && !given.at(0).is_array()) ? given : given.at(i);
    Ints pair = to_ints(entry);
    if (pair.size() == 1) pair.push_back(pair[0]);
    if (pair.size() != 2 || pair[0] < 0 || pair[1] < 0) reject();
    edges.low[axes.space[i]] = pair[0];
    edges.high[axes.space[i]] = pair[1];
  }
  return edges;
}

constexpr Arg kPaddingArgs[] = {{"padding", ArgKind::any, "1"}, kDataFormatArg};

template <size_t rank>
Outputs zero_padding(Call& call) {
  const Expr x = call.float_input(rank + 2);
  const Edges edges = read_edges(call, "padding", x, space_axes(call.args(), x.rank()));
  return pad(x, edges.low, edges.high);
}

constexpr Arg kCroppingArgs[] = {{"cropping", ArgKind::any, "1"}, kDataFormatArg};

template <size_t rank>
Outputs cropping(Call& call) {
  Expr x = call.float_input(rank + 2);
  const SpaceAxes axes = space_axes(call.args(), x.rank());
  const Edges edges = read_edges(call, "cropping", x, axes);
  for (int64_t axis : axes.space) {
    const Dim left = *sum(x.dim(axis), -edges.low[axis] - edges.high[axis]);
    if (left.coef < 1)
      call.args().reject("cropping",
                         cat("leaves nothing of axis ", axis, ", which is ", to_text(x.dim(axis))), {},
                         ErrorKind::data);
    x = slice(x, axis, edges.low[axis], *sum(left, edges.low[axis]));
  }
  return x;
}

constexpr LayerDef kLayers[] = {
    {"Flatten", kFlattenArgs, Masks::drop, flatten},
    {"Reshape", kReshapeArgs, Masks::drop, reshape_layer},
    {"Permute", kPermuteArgs, Masks::drop, permute},
    {"RepeatVector", kRepeatVectorArgs, Masks::drop, repeat_vector},
    {"ZeroPadding1D", kPaddingArgs, Masks::drop, zero_padding<1>},
    {"ZeroPadding2D", kPaddingArgs, Masks::drop, zero_padding<2>},
    {"ZeroPadding3D", kPaddingArgs, Masks::drop, zero_padding<3>},
    {"Cropping1D", kCroppingArgs, Masks::drop, cropping<1>},
    {"Cropping2D", kCroppingArgs, Masks::drop, cropping<2>},
    {"Cropping3D", kCroppingArgs, Masks::drop, cropping<3>},
};

}  // namespace

std::span<const LayerDef> reshape_layers() { return kLayers; }

}  // namespace keratin
