// Normalisations.
#include <cmath>
#include <optional>
#include <tuple>
#include <utility>

#include "frontend/layers/tables.h"
#include "ir/text.h"

namespace keratin {
namespace {

/// A variable that normalisations use as it is stored: they compute in f32 at least, whatever they are asked to give.
VariableSpec uncast(std::string_view name, Shape shape, std::string_view initializer, bool trainable = true,
                    std::string_view argument = {}) {
  return {.name = name,
          .shape = std::move(shape),
          .initializer = initializer,
          .trainable = trainable,
          .argument = argument,
          .autocast = false};
}

constexpr Arg kBatchNormArgs[] = {
    {"axis", ArgKind::ints, "-1"},
    {"momentum", ArgKind::real, "0.99"},
    {"epsilon", ArgKind::real, "0.001"},
    {"center", ArgKind::boolean, "true"},
    {"scale", ArgKind::boolean, "true"},
    {"synchronized", ArgKind::boolean, "false"},
    {"renorm", ArgKind::boolean, "false"},
    {"renorm_clipping", ArgKind::any, "{}"},
    {"renorm_momentum", ArgKind::real, "0.99"},
};

/// What the batch says of each channel.
struct Moments {
  Expr mean, variance;
};

Moments moments_of(const Expr& x, int64_t channels_axis) {
  Ints others = axes_from(x, 0);
  others.erase(others.begin() + channels_axis);
  const Expr center = mean(x, others);
  return {center, variance(x, align(center, x, {channels_axis}), others)};
}

/// Elements that the mask leaves out do not count. Keras adds a little to their number, in case that there are none.
Moments masked_moments(Call& call, const Expr& x, const Expr& mask, int64_t channels_axis) {
  constexpr double kLittle = 1e-7;
  if (mask.rank() != x.rank() - 1)
    call.fail(cat("its mask is ", to_text(mask.shape()), ", expected one axis less than its input ",
                  to_text(x.shape())),
              {}, ErrorKind::data);
  Ints others = axes_from(x, 0);
  others.erase(others.begin() + channels_axis);
  const Expr kept = cast(broadcast_to(expand_dims(mask, -1), x.shape()), x.dtype());
  const Expr kept_count = sum(kept, others) + kLittle;
  const Expr center = sum(x * kept, others) / kept_count;
  const Expr difference = (x - align(center, x, {channels_axis})) * kept;
  return {center, sum(difference * difference, others) / kept_count};
}

Expr moved(const Expr& old, const Expr& value, double momentum) {
  return old * momentum + value * (1 - momentum);
}

/// Batch renormalization (S. Ioffe, NIPS 2017): x·r + d instead of the normalised x, where r and d make of the batch's statistics
/// the running ones, within limits. It moves statistics of its own; the running variance is made of a running deviation.
class Renormalization {
 public:
  Renormalization(Call& call, const Shape& channels)
      : call_(call),
        stddev_(uncast("moving_stddev", channels, "ones", false, "moving_variance")),
        slow_mean_(uncast("renorm_mean", channels, "zeros", false, "moving_mean")),
        slow_stddev_(uncast("renorm_stddev", channels, "ones", false, "moving_variance")) {
    check_initializer();
    for (const VariableSpec* spec : {&stddev_, &slow_mean_, &slow_stddev_}) call.variable(*spec);
  }

  /// r and d.
  std::pair<Expr, Expr> correction(const Moments& batch) {
    const double epsilon = call_.args().real("epsilon");
    const Expr slow_stddev = maximum(call_.variable(slow_stddev_), std::sqrt(epsilon));
    Expr r = unary(Op::sqrt, batch.variance + epsilon) / slow_stddev;
    Expr d = (batch.mean - call_.variable(slow_mean_)) / slow_stddev;
    if (const auto limit = clipping("rmin")) r = maximum(r, *limit);
    if (const auto limit = clipping("rmax")) r = minimum(r, *limit);
    if (const auto limit = clipping("dmax")) d = clip(d, -*limit, *limit);
    return {unary(Op::stop_gradient, r), unary(Op::stop_gradient, d)};
  }

  /// Moves its statistics, and gives what the running variance becomes.
  Expr update(const Moments& batch) {
    const Args& args = call_.args();
    const double epsilon = args.real("epsilon"), slowness = args.real("renorm_momentum");
    const Expr stddev = unary(Op::sqrt, batch.variance + epsilon);
    call_.update(slow_mean_, moved(call_.variable(slow_mean_), batch.mean, slowness));
    call_.update(slow_stddev_, moved(call_.variable(slow_stddev_), stddev, slowness));
    const Expr moving = moved(call_.variable(stddev_), stddev, args.real("momentum"));
    call_.update(stddev_, moving);
    return maximum(moving * moving - epsilon, 0);
  }

 private:
  /// Deviations start as the root of what variances start as.
  void check_initializer() const {
    const Json& initializer = call_.args().config()["moving_variance_initializer"];
    const Json& name = initializer.is_object() ? initializer["class_name"] : initializer;
    for (const char* own_root : {"Ones", "ones", "Zeros", "zeros"})
      if (name.is_null() || (name.is_string() && name.as_string() == own_root)) return;
    call_.fail("with renorm, moving_variance_initializer is not supported", "ones and zeros are");
  }
  std::optional<double> clipping(std::string_view limit) const {
    const Json& given = call_.args().json("renorm_clipping")[limit];
    if (given.is_null()) return std::nullopt;
    if (!given.is_number())
      call_.args().reject("renorm_clipping", cat(limit, " is no number"), {}, ErrorKind::data);
    return given.as_double();
  }

  Call& call_;
  VariableSpec stddev_, slow_mean_, slow_stddev_;
};

/// One value per channel: mean and variance are those of the batch in training, which also moves the running ones; at
/// inference, and in a frozen layer, the running ones.
Outputs batch_normalization(Call& call) {
  const Args& args = call.args();
  const Expr x = at_least_f32(call.float_input());
  const Ints axes = normalized_axes(x, args.ints("axis"));
  if (axes.size() != 1) args.reject("axis", "expected one axis");
  const Shape channels{x.dim(axes[0])};
  Expr gamma, beta;
  if (args.boolean("scale")) gamma = cast(call.variable(uncast("gamma", channels, "ones")), x.dtype());
  if (args.boolean("center")) beta = cast(call.variable(uncast("beta", channels, "zeros")), x.dtype());
  const VariableSpec mean_spec = uncast("moving_mean", channels, "zeros", false);
  const VariableSpec variance_spec = uncast("moving_variance", channels, "ones", false);
  Moments moments{cast(call.variable(mean_spec), x.dtype()), cast(call.variable(variance_spec), x.dtype())};
  std::optional<Renormalization> renormalization;
  if (args.boolean("renorm")) {
    if (call.layer().context().keras2)
      call.fail("renorm in files of Keras 2 is not supported", "save the model again with Keras 3.15");
    renormalization.emplace(call, channels);
  }
  Expr r, d;

  if (call.training() && call.layer().trainable()) {
    const Expr& mask = call.traced_input().mask;
    const Moments batch = mask ? masked_moments(call, x, mask, axes[0]) : moments_of(x, axes[0]);
    const double momentum = args.real("momentum");
    call.update(mean_spec, moved(moments.mean, batch.mean, momentum));
    if (renormalization) std::tie(r, d) = renormalization->correction(batch);
    call.update(variance_spec, renormalization ? renormalization->update(batch)
                                               : moved(moments.variance, batch.variance, momentum));
    moments = batch;
  }

  // y = ((x - mean) / √(variance + ε) · r + d) · gamma + beta, as one product and one sum.
  Expr scale = unary(Op::rsqrt, moments.variance + args.real("epsilon"));
  if (r) scale = scale * r;
  Expr shift = -(moments.mean * scale);
  if (d) shift = shift + d;
  if (gamma) {
    scale = scale * gamma;
    shift = d ? shift * gamma : -(moments.mean * scale);
  }
  if (beta) shift = d ? shift + beta : beta - moments.mean * scale;
  return x * align(scale, x, axes) + align(shift, x, axes);
}

constexpr Arg kLayerNormArgs[] = {
    {"axis", ArgKind::ints, "-1"},
    {"epsilon", ArgKind::real, "0.001"},
    {"center", ArgKind::boolean, "true"},
    {"scale", ArgKind::boolean, "true"},
    {"rms_scaling", ArgKind::boolean, "false"},
};

/// With rms_scaling, which Keras keeps for old models, nothing is subtracted and added; there is a scale always.
Outputs layer_normalization(Call& call) {
  const Args& args = call.args();
  const Expr x = at_least_f32(call.float_input());
  const Ints axes = normalized_axes(x, args.ints("axis"));
  Shape shape;
  for (int64_t axis : axes) shape.push_back(x.extent(axis));
  const Expr center = mean(x, axes, true);
  const Expr spread = variance(x, center, axes, true);
  const bool only_scales = args.boolean("rms_scaling");
  Expr y = (only_scales ? x : x - center) * unary(Op::rsqrt, spread + args.real("epsilon"));
  if (args.boolean("scale") || only_scales)
    y = y * align(call.variable(uncast("gamma", shape, "ones")), y, axes);
  if (args.boolean("center") && !only_scales)
    y = y + align(call.variable(uncast("beta", shape, "zeros")), y, axes);
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
  const Expr x = at_least_f32(call.float_input());
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
  if (args.boolean("scale")) y = y * align(call.variable(uncast("gamma", {channels}, "ones")), y, {axis});
  if (args.boolean("center")) y = y + align(call.variable(uncast("beta", {channels}, "zeros")), y, {axis});
  return y;
}

constexpr Arg kRmsNormArgs[] = {
    {"axis", ArgKind::ints, "-1"},
    {"epsilon", ArgKind::real, "1e-6"},
};

Outputs rms_normalization(Call& call) {
  const Expr x = at_least_f32(call.float_input());
  const Ints axes = normalized_axes(x, call.args().ints("axis"));
  Shape shape;
  for (int64_t axis : axes) shape.push_back(x.extent(axis));
  const Expr y = x * unary(Op::rsqrt, mean(x * x, axes, true) + call.args().real("epsilon"));
  return y * align(call.variable({"scale", shape, "ones"}), y, axes);
}

constexpr Arg kUnitNormArgs[] = {{"axis", ArgKind::ints, "-1"}};

Outputs unit_normalization(Call& call) {
  constexpr double kSmallest = 1e-12;
  const Expr x = at_least_f32(call.float_input());
  return x * unary(Op::rsqrt, maximum(sum(x * x, call.args().ints("axis"), true), kSmallest));
}

constexpr LayerDef kLayers[] = {
    {"BatchNormalization", kBatchNormArgs, Masks::pass, batch_normalization},
    {.class_name = "LayerNormalization",
     .args = kLayerNormArgs,
     .masks = Masks::pass,
     .trace = layer_normalization,
     .casts_inputs = false},
    {.class_name = "GroupNormalization",
     .args = kGroupNormArgs,
     .masks = Masks::pass,
     .trace = group_normalization,
     .casts_inputs = false},
    {"RMSNormalization", kRmsNormArgs, Masks::pass, rms_normalization},
    {"UnitNormalization", kUnitNormArgs, Masks::pass, unit_normalization},
};

}  // namespace

std::span<const LayerDef> norm_layers() { return kLayers; }

}  // namespace keratin
