// Activations as layers.
#include <cmath>
#include <limits>

#include "frontend/activations.h"
#include "frontend/layers/tables.h"
#include "ir/text.h"

namespace keratin {
namespace {

constexpr Arg kActivationArgs[] = {{"activation", ArgKind::any}};

Outputs activation(Call& call) { return call.activate("activation", call.float_input()); }

constexpr Arg kReluArgs[] = {
    {"max_value", ArgKind::any, "null"},
    {"negative_slope", ArgKind::real, "0.0"},
    {"threshold", ArgKind::real, "0.0"},
};

Outputs relu_layer(Call& call) {
  const Args& args = call.args();
  const double max_value = args.is_null("max_value") ? std::numeric_limits<double>::infinity()
                                                     : args.json("max_value").as_double();
  return relu(call.float_input(), args.real("negative_slope"), max_value, args.real("threshold"));
}

constexpr Arg kLeakyReluArgs[] = {{"negative_slope", ArgKind::real, "0.3"}};

Outputs leaky_relu_layer(Call& call) {
  return leaky_relu(call.float_input(), call.args().real("negative_slope"));
}

constexpr Arg kEluArgs[] = {{"alpha", ArgKind::real, "1.0"}};

Outputs elu_layer(Call& call) { return elu(call.float_input(), call.args().real("alpha")); }

constexpr Arg kPReluArgs[] = {{"shared_axes", ArgKind::any, "null"}};

/// A learned slope per element, the same along shared axes.
Outputs prelu_layer(Call& call) {
  const Expr x = call.float_input();
  Shape shape(x.shape().begin() + 1, x.shape().end());
  const Json& shared = call.args().json("shared_axes");
  if (!shared.is_null())
    for (int64_t axis : normalized_axes(x, to_ints(shared))) {
      if (axis == 0) call.args().reject("shared_axes", "the batch is always shared", {}, ErrorKind::data);
      shape[axis - 1] = 1;
    }
  const Expr alpha = call.variable({"alpha", shape, "zeros"});
  return where(greater(x, 0), x, x * alpha);
}

constexpr Arg kSoftmaxArgs[] = {{"axis", ArgKind::ints, "-1"}};

/// Elements that the mask leaves out take no part and come out as 0. As in Keras they are set to a large negative number
/// before the exponential, so that a row with nothing left gives zeros, not NaN.
Outputs softmax_layer(Call& call) {
  constexpr double kLargeNegative = -1e9;
  const Expr x = call.float_input();
  const Ints axes = call.args().ints("axis");
  const Expr& mask = call.traced_input().mask;
  if (mask) return where(mask, softmax(where(mask, x, number(x, kLargeNegative)), axes), number(x, 0));
  Traced out = softmax(x, axes);
  const bool is_last = normalized_axes(x, axes) == Ints{x.rank() - 1};
  if (is_last) {
    out.logits = x;
    out.link = Traced::Link::softmax;
  }
  return out;
}

constexpr LayerDef kLayers[] = {
    {"Activation", kActivationArgs, Masks::pass, activation},
    {"ReLU", kReluArgs, Masks::pass, relu_layer},
    {"LeakyReLU", kLeakyReluArgs, Masks::pass, leaky_relu_layer},
    {"PReLU", kPReluArgs, Masks::pass, prelu_layer},
    {"ELU", kEluArgs, Masks::pass, elu_layer},
    {"Softmax", kSoftmaxArgs, Masks::pass, softmax_layer},
};

}  // namespace

std::span<const LayerDef> activation_layers() { return kLayers; }

}  // namespace keratin
