// Normalisations.
#include "frontend/layers/tables.h"
#include "ir/text.h"

namespace keratin {
namespace {

constexpr Arg kBatchNormArgs[] = {
    {"axis", ArgKind::ints, "-1"},       {"momentum", ArgKind::real, "0.99"},
    {"epsilon", ArgKind::real, "0.001"}, {"center", ArgKind::boolean, "true"},
    {"scale", ArgKind::boolean, "true"}, {"synchronized", ArgKind::fixed, "false"},
};

/// One value per channel: mean and variance are those of the batch in training, which also moves the running ones; at
/// inference, and in a frozen layer, the running ones.
Outputs batch_normalization(Call& call) {
  const Args& args = call.args();
  const Expr x = call.float_input();
  const Ints axes = normalized_axes(x, args.ints("axis"));
  if (axes.size() != 1) args.reject("axis", "expected one axis");
  const Shape channels{x.dim(axes[0])};
  Expr gamma, beta;
  if (args.boolean("scale")) gamma = call.variable({"gamma", channels, "ones"});
  if (args.boolean("center")) beta = call.variable({"beta", channels, "zeros"});
  const VariableSpec mean_spec{"moving_mean", channels, "zeros", false};
  const VariableSpec variance_spec{"moving_variance", channels, "ones", false};
  Expr mean_of_x = call.variable(mean_spec), variance_of_x = call.variable(variance_spec);

  if (call.training() && call.layer().trainable()) {
    if (call.traced_input().mask) call.fail("statistics of masked batches are not supported in training");
    Ints others;
    for (int64_t axis = 0; axis < x.rank(); ++axis)
      if (axis != axes[0]) others.push_back(axis);
    const double momentum = args.real("momentum");
    const Expr batch_mean = mean(x, others);
    const Expr batch_variance = variance(x, align(batch_mean, x, axes), others);
    call.update(mean_spec, mean_of_x * momentum + batch_mean * (1 - momentum));
    call.update(variance_spec, variance_of_x * momentum + batch_variance * (1 - momentum));
    mean_of_x = batch_mean;
    variance_of_x = batch_variance;
  }

  Expr scale = unary(Op::rsqrt, variance_of_x + args.real("epsilon"));
  if (gamma) scale = scale * gamma;
  const Expr shift = beta ? beta - mean_of_x * scale : -(mean_of_x * scale);
  return x * align(scale, x, axes) + align(shift, x, axes);
}

constexpr Arg kLayerNormArgs[] = {
    {"axis", ArgKind::ints, "-1"},
    {"epsilon", ArgKind::real, "0.001"},
    {"center", ArgKind::boolean, "true"},
    {"scale", ArgKind::boolean, "true"},
    {"rms_scaling", ArgKind::fixed, "false"},
};

Outputs layer_normalization(Call& call) {
  const Args& args = call.args();
  const Expr x = call.float_input();
  const Ints axes = normalized_axes(x, args.ints("axis"));
  Shape shape;
  for (int64_t axis : axes) shape.push_back(x.extent(axis));
  const Expr center = mean(x, axes, true);
  const Expr spread = variance(x, center, axes, true);
  Expr y = (x - center) * unary(Op::rsqrt, spread + args.real("epsilon"));
  if (args.boolean("scale")) y = y * align(call.variable({"gamma", shape, "ones"}), y, axes);
  if (args.boolean("center")) y = y + align(call.variable({"beta", shape, "zeros"}), y, axes);
  return y;
}

constexpr Arg kGroupNormArgs[] = {
    {"groups", ArgKind::integer, "32"},  {"axis", ArgKind::integer, "-1"},
    {"epsilon", ArgKind::real, "0.001"}, {"center", ArgKind::boolean, "true"},
    {"scale", ArgKind::boolean, "true"},
};

/// Consecutive channels make a group, which is normalised together with all that is not channel or batch.
Outputs group_normalization(Call& call) {
  const Args& args = call.args();
  const Expr x = call.float_input();
  const int64_t axis = x.axis(args.integer("axis")), channels = x.extent(axis);
  const int64_t groups = args.integer("groups") == -1 ? channels : args.integer("groups");
  if (groups < 1 || channels % groups != 0)
    args.reject("groups", cat("it must divide ", channels, " channels"), {}, ErrorKind::data);
  Shape grouped = x.shape();
  grouped[axis] = groups;
  grouped.insert(grouped.begin() + axis + 1, Dim(channels / groups));
  const Expr parts = reshape(x, grouped);
  Ints axes;
  for (int64_t i = 1; i < parts.rank(); ++i)
    if (i != axis) axes.push_back(i);
  const Expr center = mean(parts, axes, true);
  const Expr spread = variance(parts, center, axes, true);
  Expr y = reshape((parts - center) * unary(Op::rsqrt, spread + args.real("epsilon")), x.shape());
  if (args.boolean("scale")) y = y * align(call.variable({"gamma", {channels}, "ones"}), y, {axis});
  if (args.boolean("center")) y = y + align(call.variable({"beta", {channels}, "zeros"}), y, {axis});
  return y;
}

constexpr Arg kRmsNormArgs[] = {
    {"axis", ArgKind::ints, "-1"},
    {"epsilon", ArgKind::real, "1e-6"},
};

Outputs rms_normalization(Call& call) {
  const Expr x = call.float_input();
  const Ints axes = normalized_axes(x, call.args().ints("axis"));
  Shape shape;
  for (int64_t axis : axes) shape.push_back(x.extent(axis));
  const Expr y = x * unary(Op::rsqrt, mean(x * x, axes, true) + call.args().real("epsilon"));
  return y * align(call.variable({"scale", shape, "ones"}), y, axes);
}

constexpr Arg kUnitNormArgs[] = {{"axis", ArgKind::ints, "-1"}};

Outputs unit_normalization(Call& call) {
  constexpr double kSmallest = 1e-12;
  const Expr x = call.float_input();
  return x * unary(Op::rsqrt, maximum(sum(x * x, call.args().ints("axis"), true), kSmallest));
}

constexpr LayerDef kLayers[] = {
    {"BatchNormalization", kBatchNormArgs, Masks::pass, batch_normalization},
    {"LayerNormalization", kLayerNormArgs, Masks::pass, layer_normalization},
    {"GroupNormalization", kGroupNormArgs, Masks::pass, group_normalization},
    {"RMSNormalization", kRmsNormArgs, Masks::pass, rms_normalization},
    {"UnitNormalization", kUnitNormArgs, Masks::pass, unit_normalization},
};

}  // namespace

std::span<const LayerDef> norm_layers() { return kLayers; }

}  // namespace keratin
