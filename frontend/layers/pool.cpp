// Pooling over windows and over whole images: one function for every rank.
#include "frontend/pool.h"

#include "frontend/layers/tables.h"
#include "frontend/window.h"
#include "ir/text.h"

namespace keratin {
namespace {

constexpr Arg kPoolArgs[] = {
    {"pool_size", ArgKind::ints, "2"},
    kStridesArg,
    kPaddingArg,
    kDataFormatArg,
};

template <size_t rank, Expr (*pool)(const Args&, const Expr&)>
Outputs pooling(Call& call) {
  return pool(call.args(), call.float_input(rank + 2));
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

constexpr LayerDef kLayers[] = {
    {"MaxPooling1D", kPoolArgs, Masks::drop, pooling<1, max_pool>},
    {"MaxPooling2D", kPoolArgs, Masks::drop, pooling<2, max_pool>},
    {"MaxPooling3D", kPoolArgs, Masks::drop, pooling<3, max_pool>},
    {"AveragePooling1D", kPoolArgs, Masks::drop, pooling<1, average_pool>},
    {"AveragePooling2D", kPoolArgs, Masks::drop, pooling<2, average_pool>},
    {"AveragePooling3D", kPoolArgs, Masks::drop, pooling<3, average_pool>},
    {"GlobalMaxPooling1D", kGlobalArgs, Masks::drop, global_max_pooling<1>},
    {"GlobalMaxPooling2D", kGlobalArgs, Masks::drop, global_max_pooling<2>},
    {"GlobalMaxPooling3D", kGlobalArgs, Masks::drop, global_max_pooling<3>},
    {"GlobalAveragePooling1D", kGlobalArgs, Masks::drop, global_average_pooling<1>},
    {"GlobalAveragePooling2D", kGlobalArgs, Masks::drop, global_average_pooling<2>},
    {"GlobalAveragePooling3D", kGlobalArgs, Masks::drop, global_average_pooling<3>},
    {"AdaptiveMaxPooling1D", kAdaptiveArgs, Masks::drop, pooling<1, adaptive_max_pool>},
    {"AdaptiveMaxPooling2D", kAdaptiveArgs, Masks::drop, pooling<2, adaptive_max_pool>},
    {"AdaptiveMaxPooling3D", kAdaptiveArgs, Masks::drop, pooling<3, adaptive_max_pool>},
    {"AdaptiveAveragePooling1D", kAdaptiveArgs, Masks::drop, pooling<1, adaptive_average_pool>},
    {"AdaptiveAveragePooling2D", kAdaptiveArgs, Masks::drop, pooling<2, adaptive_average_pool>},
    {"AdaptiveAveragePooling3D", kAdaptiveArgs, Masks::drop, pooling<3, adaptive_average_pool>},
};

}  // namespace

std::span<const LayerDef> pool_layers() { return kLayers; }

}  // namespace keratin
