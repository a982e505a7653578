// Operations of neural networks: normalisations, losses per element, attention.
#include <algorithm>
#include <cmath>

#include "frontend/einsum.h"
#include "frontend/elementary.h"
#include "frontend/operations/tables.h"
#include "ir/text.h"

namespace keratin {
namespace {

constexpr double kEpsilon = 1e-7;  // Keras's own, where none is given

Expr wide_float(const Expr& x) { return cast(x, promote(to_float(x).dtype(), DType::f32)); }

double epsilon_of(OperationCall& call) {
  return call.args().is_null("epsilon") ? kEpsilon : call.args().json("epsilon").as_double();
}

// --- statistics and normalisations ---

constexpr Arg kMomentsParams[] = {
    {"axes", ArgKind::ints},
    {"keepdims", ArgKind::boolean, "false"},
    {"synchronized", ArgKind::fixed, "false"},
};

/// The mean and the variance. Those of 16-bit floats are computed in f32 and stay within what f16 can hold.
Outputs moments(OperationCall& call) {
  const Expr x = call.real(0), wide = wide_float(x);
  const Ints axes = call.args().ints("axes");
  const bool keep = call.args().boolean("keepdims");
  const auto narrowed = [&](const Expr& y) {
    const double greatest = greatest_finite(DType::f16);
    return byte_size(x.dtype()) == 2 ? cast(clip(y, -greatest, greatest), x.dtype()) : y;
  };
  const Expr center = mean(wide, axes, true);
  return {narrowed(keep ? center : squeeze(center, axes)), narrowed(variance(wide, center, axes, keep))};
}

constexpr Arg kBatchNormParams[] = {{"axis", ArgKind::integer}, {"epsilon", ArgKind::real, "0.001"}};

Outputs batch_norm(OperationCall& call) {
  const Expr x = call.real(0);
  const int64_t axis = x.axis(call.args().integer("axis"));
  Expr scale = unary(Op::rsqrt, call.real(2) + call.args().real("epsilon"));
  if (call.has(4)) scale = scale * call.tensor(4);
  Expr shift = -(call.real(1) * scale);
  if (call.has(3)) shift = shift + call.tensor(3);
  return x * align(scale, x, {axis}) + align(shift, x, {axis});
}

constexpr Arg kRmsNormParams[] = {{"axis", ArgKind::ints, "-1"}, {"epsilon", ArgKind::any, "null"}};

Outputs rms_norm(OperationCall& call) {
  const Expr x = call.tensor(0), wide = wide_float(x);
  Expr y = wide * unary(Op::rsqrt, mean(wide * wide, call.args().ints("axis"), true) + epsilon_of(call));
  if (call.has(1)) y = y * cast(call.tensor(1), y.dtype());
  return cast(y, x.dtype());
}

constexpr Arg kLayerNormParams[] = {
    {"axis", ArgKind::ints, "-1"},
    {"epsilon", ArgKind::any, "null"},
    {"rms_scaling", ArgKind::boolean, "false"},
};

/// With rms_scaling the mean is not taken away, though the spread is about it.
Outputs layer_norm(OperationCall& call) {
  const Expr x = call.tensor(0), wide = wide_float(x);
  const Ints axes = normalized_axes(wide, call.args().ints("axis"));
  const Expr center = mean(wide, axes, true);
  const Expr inverse = unary(Op::rsqrt, variance(wide, center, axes, true) + epsilon_of(call));
  const bool is_rms = call.args().boolean("rms_scaling");
  Expr y = (is_rms ? wide : wide - center) * inverse;
  const auto aligned = [&](size_t i) {
    const Expr factor = cast(call.tensor(i), y.dtype());
    return factor.rank() == static_cast<int64_t>(axes.size()) ? align(factor, y, axes) : factor;
  };
  if (call.has(1)) y = y * aligned(1);
  if (call.has(2) && !is_rms) y = y + aligned(2);
  return cast(y, x.dtype());
}

constexpr Arg kNormalizeParams[] = {
    {"axis", ArgKind::ints, "-1"},
    {"order", ArgKind::count, "2"},
    {"epsilon", ArgKind::any, "null"},
};

Outputs normalize(OperationCall& call) {
  const Expr x = call.real(0);
  const Ints axes = call.args().ints("axis");
  const auto order = static_cast<double>(call.args().integer("order"));
  const double epsilon = epsilon_of(call);
  if (order == 2) return x * minimum(unary(Op::rsqrt, sum(x * x, axes, true)), 1 / epsilon);
  const Expr size = unary(Op::abs, x);
  const Expr total = sum(order == 1 ? size : binary(Op::pow, size, number(x, order)), axes, true);
  return x / maximum(order == 1 ? total : binary(Op::pow, total, number(total, 1 / order)), epsilon);
}

// --- losses per element ---

constexpr Arg kBinaryParams[] = {{"from_logits", ArgKind::boolean, "false"}};
constexpr Arg kCategoricalParams[] = {{"from_logits", ArgKind::boolean, "false"},
                                      {"axis", ArgKind::integer, "-1"}};

Outputs binary_crossentropy(OperationCall& call) {
  const auto [target, output] = call.real_pair();
  if (call.args().boolean("from_logits"))
    return target * unary(Op::softplus, -output) + (1.0 - target) * unary(Op::softplus, output);
  const Expr p = clip(output, kEpsilon, 1 - kEpsilon);
  return -(target * unary(Op::log, p) + (1.0 - target) * unary(Op::log, 1.0 - p));
}

Expr log_probability(OperationCall& call, const Expr& output) {
  const int64_t axis = call.args().integer("axis");
  if (call.args().boolean("from_logits")) return log_softmax(output, {axis});
  return unary(Op::log, clip(output / sum(output, {axis}, true), kEpsilon, 1 - kEpsilon));
}

Outputs categorical_crossentropy(OperationCall& call) {
  const auto [target, output] = call.real_pair();
  return -sum(target * log_probability(call, output), {call.args().integer("axis")});
}

Outputs sparse_categorical_crossentropy(OperationCall& call) {
  const Expr output = call.real(1);
  Expr target = cast(call.tensor(0), DType::i32);
  if (target.rank() == output.rank() && target.dim(-1).is(1)) target = squeeze(target, {-1});
  const int64_t axis = output.axis(call.args().integer("axis"));
  const Expr is_target = equal(places(output, axis), expand_dims(target, axis));
  const Expr log_p = log_probability(call, output);
  return -sum(where(is_target, log_p, number(log_p, 0)), {axis});
}

constexpr Arg kPsnrParams[] = {{"max_val", ArgKind::real}};

/// The peak signal-to-noise ratio, in decibels, over all elements.
Outputs psnr(OperationCall& call) {
  const auto [a, b] = call.real_pair();
  const Expr difference = a - b;
  const Expr error = mean(difference * difference, axes_from(difference, 0));
  return 20 * std::log10(call.args().real("max_val")) - unary(Op::log, error) * (10 / std::log(10.0));
}

// --- attention ---

constexpr Arg kAttentionParams[] = {
    {"is_causal", ArgKind::boolean, "false"},
    {"flash_attention", ArgKind::any, "null"},  // how it is computed
    {"attn_logits_soft_cap", ArgKind::fixed, "null"},
};

/// Query, key and value are [batch, steps, heads, features]; several heads of the query may share one of the others. Bias and mask are
/// [batch, heads, steps of query, steps of key]. What is masked out gets the least logit that has room for a bias.
Outputs dot_product_attention(OperationCall& call) {
  const Expr query = call.real(0);
  Expr key = call.real(1), value = call.real(2);
  if (query.rank() != 4 || key.rank() != 4 || value.rank() != 4)
    call.fail("query, key and value must have rank 4", ErrorKind::data);
  const int64_t heads = query.extent(2), shared = key.extent(2);
  if (shared < 1 || heads % shared != 0)
    call.fail(cat(heads, " heads of the query cannot share ", shared, " of the key"), ErrorKind::data);
  key = repeat(key, 2, heads / shared);
  value = repeat(value, 2, heads / shared);
  const double scale =
      call.has(5) ? call.operand(5).data->as_double() : 1 / std::sqrt(static_cast<double>(query.extent(3)));
  Expr logits = wide_float(einsum(query, "btnh", key, "bsnh", "bnts")) * scale;
  if (call.has(3)) logits = logits + cast(call.tensor(3), logits.dtype());
  const Expr least = number(logits, -0.7 * greatest_finite(logits.dtype()));
  if (call.has(4)) logits = where(as_boolean(call.tensor(4)), logits, least);
  if (call.args().boolean("is_causal"))
    logits = where(less_equal(places(logits, 3), places(logits, 2)), logits, least);
  return einsum(cast(softmax(logits, {-1}), value.dtype()), "bnts", value, "bsnh", "btnh");
}

constexpr OperationDef kRows[] = {
    {"Moments", "x", moments, kMomentsParams},
    {"BatchNorm", "x mean variance offset scale", batch_norm, kBatchNormParams},
    {"RMSNorm", "x scale", rms_norm, kRmsNormParams},
    {"LayerNorm", "x gamma beta", layer_norm, kLayerNormParams},
    {"Normalize", "x", normalize, kNormalizeParams},
    {"BinaryCrossentropy", "target output", binary_crossentropy, kBinaryParams},
    {"CategoricalCrossentropy", "target output", categorical_crossentropy, kCategoricalParams},
    {"SparseCategoricalCrossentropy", "target output", sparse_categorical_crossentropy, kCategoricalParams},
    {"PSNR", "x1 x2", psnr, kPsnrParams},
    {"DotProductAttention", "query key value bias mask scale", dot_product_attention, kAttentionParams},
};

}  // namespace

std::span<const OperationDef> nn_operations() { return kRows; }

}  // namespace keratin
