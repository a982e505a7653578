#include "frontend/training/losses.h"

#include <cmath>
#include <numbers>
#include <utility>

#include "ir/error.h"
#include "ir/text.h"

namespace keratin {
namespace {

Expr clip_probability(const Expr& p) { return clip(p, kEpsilon, 1 - kEpsilon); }
Expr log(const Expr& x) { return unary(Op::log, x); }
Expr square(const Expr& x) { return x * x; }

/// Labels that are all 0 or 1 mean -1 and 1.
Expr signed_labels(const Expr& target) {
  const Expr is_binary = logical_or(equal(target, number(target, 0)), equal(target, number(target, 1)));
  const Expr all = reduce(Op::reduce_and, is_binary, axes_from(target, 0), true);
  return where(broadcast_to(all, target.shape()), target * 2 - 1, target);
}

/// The prediction's logits, if it is known to be `link` of them or is said to be logits itself.
Expr logits_of(const Traced& prediction, bool from_logits, Traced::Link link) {
  if (from_logits) return prediction.value;
  return prediction.link == link ? prediction.logits : Expr();
}

/// The logarithms of the probabilities along the last axis.
Expr log_probabilities(const Traced& prediction, bool from_logits) {
  if (const Expr logits = logits_of(prediction, from_logits, Traced::Link::softmax))
    return log_softmax(logits, {-1});
  const Expr& p = prediction.value;
  return log(clip_probability(p / sum(p, {-1}, true)));
}

}  // namespace

// ---- values ----

Expr squared_error(const Expr& y, const Expr& p) { return mean(square(p - y), {-1}); }
Expr absolute_error(const Expr& y, const Expr& p) { return mean(unary(Op::abs, p - y), {-1}); }

Expr absolute_percentage_error(const Expr& y, const Expr& p) {
  return mean(unary(Op::abs, (y - p) / maximum(unary(Op::abs, y), kEpsilon)), {-1}) * 100;
}

Expr squared_logarithmic_error(const Expr& y, const Expr& p) {
  auto logarithm = [](const Expr& x) { return log(maximum(x, kEpsilon) + 1); };
  return mean(square(logarithm(p) - logarithm(y)), {-1});
}

Expr log_cosh(const Expr& y, const Expr& p) {
  const Expr e = p - y;
  return mean(e + unary(Op::softplus, e * -2) - std::numbers::ln2, {-1});
}

Expr poisson(const Expr& y, const Expr& p) { return mean(p - y * log(p + kEpsilon), {-1}); }

Expr kl_divergence(const Expr& y, const Expr& p) {
  const Expr from = clip(y, kEpsilon, 1), to = clip(p, kEpsilon, 1);
  return sum(from * log(from / to), {-1});
}

Expr hinge(const Expr& y, const Expr& p) { return mean(maximum(1 - signed_labels(y) * p, 0), {-1}); }
Expr squared_hinge(const Expr& y, const Expr& p) {
  return mean(square(maximum(1 - signed_labels(y) * p, 0)), {-1});
}

Expr categorical_hinge(const Expr& y, const Expr& p) {
  const Expr right = sum(y * p, {-1}), wrong = reduce(Op::reduce_max, (1 - y) * p, {-1});
  return maximum(wrong - right + 1, 0);
}

Expr cosine_similarity(const Expr& y, const Expr& p) {
  constexpr double kSmallest = 1e-12;
  auto unit = [](const Expr& x) {
    return x * unary(Op::rsqrt, maximum(sum(square(x), {-1}, true), kSmallest));
  };
  return sum(unit(y) * unit(p), {-1});
}

Expr binary_crossentropy(const Expr& target, const Traced& prediction, bool from_logits, double smoothing) {
  const Expr y = smoothing == 0 ? target : target * (1 - smoothing) + smoothing / 2;
  if (const Expr x = logits_of(prediction, from_logits, Traced::Link::sigmoid))
    return mean(unary(Op::softplus, x) - x * y, {-1});
  const Expr p = clip_probability(prediction.value);
  return -mean(y * log(p) + (1 - y) * log(1 - p), {-1});
}

Expr categorical_crossentropy(const Expr& target, const Traced& prediction, bool from_logits,
                              double smoothing) {
  const int64_t classes = prediction.value.extent(-1);
  const Expr y =
      smoothing == 0 ? target : target * (1 - smoothing) + smoothing / static_cast<double>(classes);
  return -sum(y * log_probabilities(prediction, from_logits), {-1});
}

Expr sparse_categorical_crossentropy(const Expr& labels, const Traced& prediction, bool from_logits) {
  const Expr logarithms = log_probabilities(prediction, from_logits);
  return -sum(one_hot(labels, logarithms) * logarithms, {-1});
}

Expr one_hot(const Expr& labels, const Expr& like) {
  Builder& builder = like.builder();
  const int64_t last = like.rank() - 1;
  const Expr classes(builder, builder.make(Op::iota, {}, IotaAttrs{last, labels.dtype(), like.shape()}));
  Ints axes;
  for (int64_t axis = 0; axis < last; ++axis) axes.push_back(axis);
  return cast(equal(classes, align(labels, like, axes)), like.dtype());
}

Expr along_batch(const Expr& x, const Expr& like) { return align(x, like, {0}); }

// ---- the table ----

namespace {

template <Expr (*F)(const Expr&, const Expr&)>
Expr of(const LossCall& call) {
  return F(call.target, call.prediction.value);
}

constexpr Arg kHuberArgs[] = {{"delta", ArgKind::real, "1.0"}};

Expr huber(const LossCall& call) {
  const double delta = call.args.real("delta");
  const Expr e = call.prediction.value - call.target, size = unary(Op::abs, e);
  return mean(where(less_equal(size, delta), square(e) * 0.5, size * delta - 0.5 * delta * delta), {-1});
}

constexpr Arg kCosineArgs[] = {{"axis", ArgKind::fixed, "-1"}};
Expr negative_cosine(const LossCall& call) { return -cosine_similarity(call.target, call.prediction.value); }

constexpr Arg kCrossentropyArgs[] = {
    {"from_logits", ArgKind::boolean, "false"},
    {"label_smoothing", ArgKind::real, "0.0"},
    {"axis", ArgKind::fixed, "-1"},
};
constexpr Arg kSparseArgs[] = {
    {"from_logits", ArgKind::boolean, "false"},
    {"ignore_class", ArgKind::fixed, "null"},
    {"axis", ArgKind::fixed, "-1"},
};

constexpr LossDef kLosses[] = {
    {{"MeanSquaredError", "mse|MSE", {}}, false, of<squared_error>},
    {{"MeanAbsoluteError", "mae|MAE", {}}, false, of<absolute_error>},
    {{"MeanAbsolutePercentageError", "mape|MAPE", {}}, false, of<absolute_percentage_error>},
    {{"MeanSquaredLogarithmicError", "msle|MSLE", {}}, false, of<squared_logarithmic_error>},
    {{"Huber", "huber_loss", kHuberArgs}, false, huber},
    {{"LogCosh", "logcosh", {}}, false, of<log_cosh>},
    {{"Poisson", "", {}}, false, of<poisson>},
    {{"KLDivergence", "kld|KLD|kullback_leibler_divergence", {}}, false, of<kl_divergence>},
    {{"Hinge", "", {}}, false, of<hinge>},
    {{"SquaredHinge", "", {}}, false, of<squared_hinge>},
    {{"CategoricalHinge", "", {}}, false, of<categorical_hinge>},
    {{"CosineSimilarity", "cosine_similarity", kCosineArgs}, false, negative_cosine},
    {{"BinaryCrossentropy", "bce|BCE", kCrossentropyArgs},
     false,
     [](const LossCall& call) {
       return binary_crossentropy(call.target, call.prediction, call.args.boolean("from_logits"),
                                  call.args.real("label_smoothing"));
     }},
    {{"CategoricalCrossentropy", "", kCrossentropyArgs},
     false,
     [](const LossCall& call) {
       return categorical_crossentropy(call.target, call.prediction, call.args.boolean("from_logits"),
                                       call.args.real("label_smoothing"));
     }},
    {{"SparseCategoricalCrossentropy", "", kSparseArgs},
     true,
     [](const LossCall& call) {
       return sparse_categorical_crossentropy(call.target, call.prediction, call.args.boolean("from_logits"));
     }},
};

/// The arguments that every loss has, beside the row's own.
std::vector<Arg> all_args(const LossDef& def) {
  std::vector<Arg> args(def.args.begin(), def.args.end());
  args.push_back({"reduction", ArgKind::choice, "sum_over_batch_size",
                  "sum_over_batch_size|sum|mean|mean_with_sample_weight"});
  return args;
}

}  // namespace

Loss::Loss(const Json& object, const std::string& where) {
  const Serialized serialized = read_serialized(object, "the loss");
  def_ = &find_row<LossDef>(kLosses, serialized.class_name, "loss", where);
  name_ = def_->class_name;
  config_ = serialized.config;
  args_ = Args(all_args(*def_), config_, cat(where, ": loss ", name_));
  if (config_.has("reduction") && config_["reduction"].is_null())
    args_.reject("reduction", "a loss that is trained by is one number");
}

Type Loss::target_type(const Type& prediction) const {
  if (!def_->labels) return Type(DType::f32, prediction.shape);
  return Type(DType::i32, Shape(prediction.shape.begin(), prediction.shape.end() - 1));
}

Expr Loss::operator()(const Expr& target, const Traced& prediction, const Expr& sample_weight) const {
  Expr values = def_->values({args_, target, prediction});
  const Ints axes = axes_from(values, 0);
  const Expr elements = count(values, axes);
  Expr weight = along_batch(sample_weight, values);
  const std::string& reduction = args_.choice("reduction");
  if (prediction.mask && prediction.mask.rank() == values.rank()) {
    Expr kept = cast(prediction.mask, values.dtype());
    // Keras scales what is kept up to the number of all, so that the mean below counts only what is kept.
    if (reduction == "sum_over_batch_size" || reduction == "mean")
      kept = kept * broadcast_to(elements / (sum(kept, axes) + kEpsilon), kept.shape());
    weight = weight * kept;
  }
  const Expr total = sum(values * weight, axes);
  if (reduction == "sum") return total;
  if (reduction == "mean_with_sample_weight") return total / (sum(weight, axes) + kEpsilon);
  return total / elements;
}

}  // namespace keratin
