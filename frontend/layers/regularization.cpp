// Layers that act in training only.
#include "frontend/layers/dropout.h"
#include "frontend/layers/tables.h"
#include "frontend/window.h"
#include "ir/text.h"

namespace keratin {
namespace {

constexpr Arg kDropoutArgs[] = {
    {"rate", ArgKind::real}, {"noise_shape", ArgKind::any, "null"},  // null in it is the input's extent
};

Outputs dropout(Call& call) {
  const Expr x = call.input();
  Shape noise = x.shape();
  const Json& given = call.args().json("noise_shape");
  if (!given.is_null() && given.size() != noise.size())
    call.args().reject("noise_shape", cat("expected ", noise.size(), " entries"), {}, ErrorKind::data);
  for (size_t i = 0; i < given.size(); ++i)
    if (!given.at(i).is_null()) noise[i] = given.at(i).as_int();
  return drop(call, x, noise);
}

constexpr Arg kSpatialArgs[] = {{"rate", ArgKind::real}, kDataFormatArg};

/// Drops whole channels.
template <size_t rank>
Outputs spatial_dropout(Call& call) {
  const Expr x = call.float_input(rank + 2);
  Shape noise = x.shape();
  for (int64_t axis : space_axes(call.args(), x.rank()).space) noise[axis] = 1;
  return drop(call, x, noise);
}

/// Layers of which only the inference is there.
Outputs inert(Call& call) {
  if (call.training()) call.fail("is supported at inference only");
  return call.input();
}

/// Its input, whose size is penalised.
Outputs activity_regularization(Call& call) {
  const Expr& x = call.input();
  const Expr size = sum(unary(Op::abs, x), axes_from(x, 0)) * call.args().real("l1") +
                    sum(x * x, axes_from(x, 0)) * call.args().real("l2");
  call.add_loss(size / count(x, {0}));
  return x;
}

constexpr Arg kAlphaDropoutArgs[] = {{"rate", ArgKind::real}, {"noise_shape", ArgKind::any, "null"}};
constexpr Arg kGaussianDropoutArgs[] = {{"rate", ArgKind::real}};
constexpr Arg kGaussianNoiseArgs[] = {{"stddev", ArgKind::real}};
constexpr Arg kActivityArgs[] = {{"l1", ArgKind::real, "0.0"}, {"l2", ArgKind::real, "0.0"}};

constexpr LayerDef kLayers[] = {
    {"Dropout", kDropoutArgs, Masks::pass, dropout},
    {"SpatialDropout1D", kSpatialArgs, Masks::pass, spatial_dropout<1>},
    {"SpatialDropout2D", kSpatialArgs, Masks::pass, spatial_dropout<2>},
    {"SpatialDropout3D", kSpatialArgs, Masks::pass, spatial_dropout<3>},
    {"AlphaDropout", kAlphaDropoutArgs, Masks::pass, inert},
    {"GaussianDropout", kGaussianDropoutArgs, Masks::pass, inert},
    {"GaussianNoise", kGaussianNoiseArgs, Masks::pass, inert},
    {"ActivityRegularization", kActivityArgs, Masks::pass, activity_regularization},
};

}  // namespace

Expr drop(Call& call, const Expr& x, const Shape& noise, std::string_view argument) {
  const double rate = call.args().real(argument);
  if (rate < 0 || rate > 1)
    call.args().reject(argument, "expected a number between 0 and 1", {}, ErrorKind::data);
  if (!call.training() || rate == 0) return x;
  const Expr kept = broadcast_to(greater_equal(call.uniform(noise), rate), x.shape());
  return where(kept, x * (1 / (1 - rate)), number(x, 0));
}

std::span<const LayerDef> regularization_layers() { return kLayers; }

}  // namespace keratin
