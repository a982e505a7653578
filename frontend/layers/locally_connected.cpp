// LocallyConnected1D and 2D, which Keras 2 had: convolutions whose kernel is another one at each place.
#include "frontend/einsum.h"
#include "frontend/layers/tables.h"
#include "ir/text.h"

namespace keratin {
namespace {

constexpr Arg kArgs[] = {
    {"filters", ArgKind::count},
    {"kernel_size", ArgKind::ints},
    {"strides", ArgKind::ints, "1"},
    {"padding", ArgKind::fixed, "\"valid\""},
    {"data_format", ArgKind::choice, "channels_last", "channels_last|channels_first"},
    {"activation", ArgKind::any, "null"},
    {"use_bias", ArgKind::boolean, "true"},
    {"implementation", ArgKind::fixed, "1"},  // others store the same numbers in other arrays
};

/// What the kernel at each place sees: [batch, places…, taps, channels].
Expr patches(const Expr& x, const Ints& size, const Ints& strides) {
  const size_t rank = size.size();
  std::vector<Expr> taps;
  Ints tap(rank, 0);
  for (bool more = true; more;) {
    Expr seen = x;
    for (size_t i = 0; i < rank; ++i) {
      const int64_t axis = static_cast<int64_t>(i) + 1, extent = x.extent(axis);
      seen = slice(seen, axis, tap[i], extent - size[i] + tap[i] + 1, strides[i]);
    }
    taps.push_back(expand_dims(seen, -2));
    more = false;
    for (size_t i = rank; i-- > 0 && !more;) {
      more = ++tap[i] < size[i];
      if (!more) tap[i] = 0;
    }
  }
  return concat(taps, -2);
}

/// Places are in a row, and so are what they see: kernel [places, taps · channels, filters], bias [places…, filters].
template <int64_t rank>
Outputs locally_connected(Call& call) {
  const Args& args = call.args();
  const bool first = args.choice("data_format") == "channels_first";
  const int64_t filters = args.integer("filters");
  const Ints size = args.ints("kernel_size", rank), strides = args.ints("strides", rank);
  Expr x = call.float_input(rank + 2);
  const auto channels_last = [](bool back) {
    Ints order{0};
    for (int64_t axis = 1; axis < rank + 2; ++axis)
      order.push_back(back ? (axis == 1 ? rank + 1 : axis - 1) : (axis == rank + 1 ? 1 : axis + 1));
    return order;
  };
  if (first) x = transpose(x, channels_last(false));
  for (int64_t i = 0; i < rank; ++i)
    if (size[i] < 1 || strides[i] < 1 || x.extent(i + 1) < size[i])
      args.reject("kernel_size", cat("it does not fit the input ", to_text(x.shape())), {}, ErrorKind::data);
  Expr seen = patches(x, size, strides);
  if (first) {
    Ints order;
    for (int64_t axis = 0; axis < seen.rank() - 2; ++axis) order.push_back(axis);
    order.insert(order.end(), {seen.rank() - 1, seen.rank() - 2});
    seen = transpose(seen, order);
  }
  Shape out{x.dim(0)}, bias;
  int64_t places = 1;
  for (int64_t axis = 1; axis <= rank; ++axis) {
    out.push_back(seen.dim(axis));
    bias.push_back(seen.dim(axis));
    places *= seen.extent(axis);
  }
  out.push_back(filters);
  bias.push_back(filters);
  const int64_t inputs = seen.extent(-1) * seen.extent(-2);
  const Expr kernel = of_sane_size(call.variable({"kernel", {places, inputs, filters}, "glorot_uniform"}));
  Expr y = reshape(einsum(reshape(seen, {x.dim(0), places, inputs}), "npc", kernel, "pcf", "npf"), out);
  if (args.boolean("use_bias")) y = y + call.variable({"bias", bias, "zeros"});
  return call.activate("activation", first ? transpose(y, channels_last(true)) : y);
}

constexpr LayerDef kLayers[] = {
    {"LocallyConnected1D", kArgs, Masks::drop, locally_connected<1>},
    {"LocallyConnected2D", kArgs, Masks::drop, locally_connected<2>},
};

}  // namespace

std::span<const LayerDef> locally_connected_layers() { return kLayers; }

}  // namespace keratin
