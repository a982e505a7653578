// Layers that act in training only.
#include <cmath>
#include <numbers>

#include "frontend/layers/dropout.h"
#include "frontend/layers/tables.h"
#include "frontend/window.h"
#include "ir/text.h"

namespace keratin {
namespace {

constexpr Arg kDropoutArgs[] = {
    {"rate", ArgKind::real}, {"noise_shape", ArgKind::any, "null"},  // null in it is the input's extent
};

/// The shape of what is drawn.
Shape noise_shape(Call& call, const Expr& x) {
  Shape noise = x.shape();
  const Json& given = call.args().json("noise_shape");
  if (!given.is_null() && given.size() != noise.size())
    call.args().reject("noise_shape", cat("expected ", noise.size(), " entries"), {}, ErrorKind::data);
  for (size_t i = 0; i < given.size(); ++i)
    if (!given.at(i).is_null()) noise[i] = given.at(i).as_int();
  return noise;
}

Outputs dropout(Call& call) {
  const Expr x = call.input();
  return drop(call, x, noise_shape(call, x));
}

/// The argument `rate`, of what is dropped.
double rate_of(Call& call, std::string_view argument = "rate") {
  const double rate = call.args().real(argument);
  if (rate < 0 || rate > 1)
    call.args().reject(argument, "expected a number between 0 and 1", {}, ErrorKind::data);
  return rate;
}

/// Dropout for selu (G. Klambauer et al., Self-Normalizing Neural Networks, 2017): what is dropped gets selu's value for -∞, and all is
/// scaled and shifted so that mean and variance stay.
Outputs alpha_dropout(Call& call) {
  constexpr double kLowest = -1.6732632423543772848170429916717 * 1.0507009873554804934193349852946;
  const Expr x = call.float_input();
  const double rate = rate_of(call);
  if (!call.training() || rate == 0) return x;
  const double scale = 1 / std::sqrt((1 - rate) * (1 + rate * kLowest * kLowest));
  const Expr kept = broadcast_to(greater_equal(call.uniform(noise_shape(call, x)), rate), x.shape());
  return where(kept, x, number(x, kLowest)) * scale - scale * kLowest * rate;
}

/// Numbers of the standard normal distribution, by Box and Muller's transformation of two uniform ones.
Expr normal(Call& call, const Shape& shape) {
  const Expr radius = unary(Op::sqrt, unary(Op::log, 1 - call.uniform(shape)) * -2);
  return radius * unary(Op::cos, call.uniform(shape) * (2 * std::numbers::pi));
}

/// Multiplies by numbers around 1 whose variance is what dropout of the same rate has.
Outputs gaussian_dropout(Call& call) {
  const Expr x = call.float_input();
  const double rate = rate_of(call);
  if (!call.training() || rate == 0) return x;
  return x * (normal(call, x.shape()) * std::sqrt(rate / (1 - rate)) + 1);
}

Outputs gaussian_noise(Call& call) {
  const Expr x = call.float_input();
  const double stddev = call.args().real("stddev");
  if (stddev < 0) call.args().reject("stddev", "expected a number of at least 0", {}, ErrorKind::data);
  if (!call.training() || stddev == 0) return x;
  return x + normal(call, x.shape()) * stddev;
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
    {"AlphaDropout", kAlphaDropoutArgs, Masks::pass, alpha_dropout},
    {"GaussianDropout", kGaussianDropoutArgs, Masks::pass, gaussian_dropout},
    {"GaussianNoise", kGaussianNoiseArgs, Masks::pass, gaussian_noise},
    {"ActivityRegularization", kActivityArgs, Masks::pass, activity_regularization},
};

}  // namespace

Expr drop(Call& call, const Expr& x, const Shape& noise, std::string_view argument) {
  const double rate = rate_of(call, argument);
  if (!call.training() || rate == 0) return x;
  if (rate == 1) return broadcast_to(number(x, 0), x.shape());
  const Expr kept = broadcast_to(greater_equal(call.uniform(noise), rate), x.shape());
  return where(kept, x * (1 / (1 - rate)), number(x, 0));
}

std::span<const LayerDef> regularization_layers() { return kLayers; }

}  // namespace keratin
