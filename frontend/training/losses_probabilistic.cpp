// Probabilities against probabilities or classes: cross-entropies and their kin.
#include <algorithm>

#include "frontend/training/loss_values.h"
#include "ir/text.h"

namespace keratin {
namespace {

Expr log(const Expr& x) { return unary(Op::log, x); }
Expr clip_probability(const Expr& p) { return clip(p, kEpsilon, 1 - kEpsilon); }
Expr power(const Expr& x, double exponent) { return binary(Op::pow, x, number(x, exponent)); }

/// The prediction's logits, if it is known to be `link` of them or is said to be logits itself.
Expr logits_of(const Traced& prediction, bool from_logits, Traced::Link link) {
  if (from_logits) return prediction.value;
  return prediction.link == link ? prediction.logits : Expr();
}

/// The probabilities along the axis, with sum 1.
Expr probabilities(const Expr& p, int64_t axis) { return clip_probability(p / sum(p, {axis}, true)); }

/// The logarithms of the probabilities along the axis.
Expr log_probabilities(const Traced& prediction, const Crossentropy& options) {
  const bool is_last = prediction.value.axis(options.axis) == prediction.value.rank() - 1;
  const Traced::Link link = is_last ? Traced::Link::softmax : Traced::Link::none;
  if (const Expr logits = logits_of(prediction, options.from_logits, link))
    return log_softmax(logits, {options.axis});
  return log(probabilities(prediction.value, options.axis));
}

Expr smooth_binary(const Expr& y, double smoothing) {
  return smoothing == 0 ? y : y * (1 - smoothing) + smoothing / 2;
}

/// Keras takes the last axis for that of the classes here, whatever `axis` says.
Expr smooth_classes(const Expr& y, double smoothing) {
  return smoothing == 0 ? y : y * (1 - smoothing) + smoothing / static_cast<double>(y.extent(-1));
}

/// −(y · log p + (1 − y) · log(1 − p)), element by element.
Expr binary_surprise(const Expr& y, const Expr& probability) {
  const Expr p = clip_probability(probability);
  return -(y * log(p) + (1 - y) * log(1 - p));
}

}  // namespace

Expr poisson(const Expr& y, const Expr& p) { return mean(p - y * log(p + kEpsilon), {-1}); }

Expr kl_divergence(const Expr& y, const Expr& p) {
  const Expr from = clip(y, kEpsilon, 1), to = clip(p, kEpsilon, 1);
  return sum(from * log(from / to), {-1});
}

Crossentropy crossentropy_of(const Args& args) {
  return {args.boolean("from_logits"), args.real("label_smoothing"), args.integer("axis")};
}

Expr binary_crossentropy(const Expr& target, const Traced& prediction, const Crossentropy& options) {
  const Expr y = smooth_binary(target, options.smoothing);
  if (const Expr x = logits_of(prediction, options.from_logits, Traced::Link::sigmoid))
    return mean(unary(Op::softplus, x) - x * y, {options.axis});
  return mean(binary_surprise(y, prediction.value), {options.axis});
}

Expr categorical_crossentropy(const Expr& target, const Traced& prediction, const Crossentropy& options) {
  return -sum(smooth_classes(target, options.smoothing) * log_probabilities(prediction, options),
              {options.axis});
}

LossValues sparse_categorical_crossentropy(const Expr& labels, const Traced& prediction,
                                           const Crossentropy& options, std::optional<int64_t> ignored) {
  if (!ignored) {
    const Expr logarithms = log_probabilities(prediction, options);
    return -sum(one_hot(labels, logarithms, options.axis) * logarithms, {options.axis});
  }
  const Expr counted = not_equal(labels, static_cast<double>(*ignored));
  // What is ignored must not come back as a gradient that is no number.
  const auto kept = [&](const Expr& x) {
    return x ? where(expand_dims(counted, x.axis(options.axis)), x, number(x, 1)) : x;
  };
  Traced seen = prediction;
  seen.value = kept(prediction.value);
  seen.logits = kept(prediction.logits);
  const Expr values =
      sparse_categorical_crossentropy(where(counted, labels, number(labels, 0)), seen, options, std::nullopt)
          .values;
  return {where(counted, values, number(values, 0)), counted};
}

Expr one_hot(const Expr& labels, const Expr& like, int64_t axis) {
  Builder& builder = like.builder();
  axis = like.axis(axis);
  const Expr classes(builder, builder.make(Op::iota, {}, IotaAttrs{axis, labels.dtype(), like.shape()}));
  Ints axes = axes_from(like, 0);
  axes.erase(axes.begin() + axis);
  return cast(equal(classes, align(labels, like, axes)), like.dtype());
}

namespace {

template <Expr (*F)(const Expr&, const Expr&)>
LossValues of(const LossCall& call) {
  return F(call.target, call.prediction.value);
}

template <Expr (*F)(const Expr&, const Traced&, const Crossentropy&)>
LossValues crossentropy(const LossCall& call) {
  return F(call.target, call.prediction, crossentropy_of(call.args));
}

LossValues sparse_crossentropy(const LossCall& call) {
  return sparse_categorical_crossentropy(call.target, call.prediction,
                                         {call.args.boolean("from_logits"), 0, call.args.integer("axis")},
                                         optional_integer(call.args, "ignore_class"));
}

// ---- focal losses: T.-Y. Lin et al., Focal loss for dense object detection, ICCV 2017 ----

constexpr Arg kBinaryFocalArgs[] = {
    {"apply_class_balancing", ArgKind::boolean, "false"},
    {"alpha", ArgKind::real, "0.25"},
    {"gamma", ArgKind::real, "2.0"},
    {"from_logits", ArgKind::boolean, "false"},
    {"label_smoothing", ArgKind::real, "0.0"},
    {"axis", ArgKind::integer, "-1"},
};
constexpr Arg kCategoricalFocalArgs[] = {
    {"alpha", ArgKind::any, "0.25"},
    {"gamma", ArgKind::real, "2.0"},
    {"from_logits", ArgKind::boolean, "false"},
    {"label_smoothing", ArgKind::real, "0.0"},
    {"axis", ArgKind::integer, "-1"},
};

LossValues binary_focal(const LossCall& call) {
  const Expr y = smooth_binary(call.target, call.args.real("label_smoothing")),
             p = call.args.boolean("from_logits") ? unary(Op::sigmoid, call.prediction.value)
                                                  : call.prediction.value;
  const Expr of_truth = y * p + (1 - y) * (1 - p);
  Expr values = power(1 - of_truth, call.args.real("gamma")) * binary_surprise(y, p);
  const double alpha = call.args.real("alpha");
  if (call.args.boolean("apply_class_balancing")) values = (y * alpha + (1 - y) * (1 - alpha)) * values;
  return mean(values, {call.args.integer("axis")});
}

/// One weight for all classes, or a list with one for each along the last axis.
Expr class_weights(const Args& args, const Expr& like) {
  const Json& alpha = args.json("alpha");
  if (alpha.is_number()) return number(like, alpha.as_double());
  const int64_t classes = like.extent(-1);
  const auto is_number = [](const Json& item) { return item.is_number(); };
  if (!alpha.is_array() || static_cast<int64_t>(alpha.size()) != classes ||
      !std::all_of(alpha.items().begin(), alpha.items().end(), is_number))
    args.reject("alpha", cat("expected a number, or a list of ", classes, " numbers"), {}, ErrorKind::data);
  auto weights = std::make_shared<Tensor>(DType::f32, std::vector<int64_t>{classes});
  for (int64_t i = 0; i < classes; ++i) weights->set(i, alpha.at(static_cast<size_t>(i)).as_double());
  Builder& builder = like.builder();
  return cast(Expr(builder, builder.constant(std::move(weights))), like.dtype());
}

LossValues categorical_focal(const LossCall& call) {
  const int64_t axis = call.args.integer("axis");
  const Expr &given = call.prediction.value,
             y = smooth_classes(call.target, call.args.real("label_smoothing"));
  const Expr p = probabilities(call.args.boolean("from_logits") ? softmax(given, {axis}) : given, axis);
  const Expr focus = power(1 - p, call.args.real("gamma")) * class_weights(call.args, p);
  return -sum(focus * y * log(p), {axis});
}

// ---- Z. Zhang, M. Sabuncu, Generalized cross entropy loss for training deep neural networks with noisy labels, NeurIPS 2018

constexpr Arg kGeneralizedArgs[] = {{"q", ArgKind::real, "0.5"}};

LossValues generalized_crossentropy(const LossCall& call) {
  const double q = call.args.real("q");
  if (q <= 0 || q >= 1) call.args.reject("q", "expected a number between 0 and 1", {}, ErrorKind::data);
  const Expr& p = call.prediction.value;
  return (1 - power(sum(one_hot(call.target, p) * p, {-1}), q)) / q;
}

constexpr LossDef kLosses[] = {
    {{"Poisson", "", {}}, LossTarget::values, of<poisson>},
    {{"KLDivergence", "kld|KLD|kullback_leibler_divergence", {}}, LossTarget::values, of<kl_divergence>},
    {{"BinaryCrossentropy", "bce|BCE", kCrossentropyArgs},
     LossTarget::values,
     crossentropy<binary_crossentropy>},
    {{"BinaryFocalCrossentropy", "", kBinaryFocalArgs}, LossTarget::values, binary_focal},
    {{"CategoricalCrossentropy", "", kCrossentropyArgs},
     LossTarget::values,
     crossentropy<categorical_crossentropy>},
    {{"CategoricalFocalCrossentropy", "", kCategoricalFocalArgs}, LossTarget::values, categorical_focal},
    {{"CategoricalGeneralizedCrossEntropy", "", kGeneralizedArgs},
     LossTarget::classes,
     generalized_crossentropy},
    {{"SparseCategoricalCrossentropy", "", kSparseCrossentropyArgs},
     LossTarget::classes,
     sparse_crossentropy},
};

}  // namespace

std::span<const LossDef> probabilistic_losses() { return kLosses; }

}  // namespace keratin
