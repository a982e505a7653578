// Dense, TernaryDense, Embedding, ReversibleEmbedding, Masking, Identity.
#include "frontend/layers/lora.h"
#include "frontend/layers/quantized.h"
#include "frontend/layers/tables.h"
#include "ir/text.h"

namespace keratin {
namespace {

constexpr Arg kDenseArgs[] = {
    {"units", ArgKind::count},
    {"activation", ArgKind::any, "null"},
    {"use_bias", ArgKind::boolean, "true"},
    kLoraRankArg,
    kLoraAlphaArg,
    kQuantizationArg,
};

/// What a dense layer is made of.
struct DenseParts {
  Expr x;
  VariableSpec kernel, bias;
  bool has_bias;
};

DenseParts dense_parts(Call& call) {
  const Expr x = call.float_input();
  if (x.rank() < 2)
    call.fail(cat("its input is ", to_text(x.shape()), ", expected at least rank 2"), {}, ErrorKind::data);
  const int64_t units = call.args().integer("units");
  return {.x = x,
          .kernel = {"kernel", {x.extent(-1), units}, "glorot_uniform"},
          .bias = {"bias", {units}, "zeros"},
          .has_bias = call.args().boolean("use_bias")};
}

/// Of a layer whose policy is quantized.
Expr quantized_dense(Call& call, const DenseParts& parts) {
  constexpr char kSummed = 'y', kUnit = 'z';
  std::string batch;
  for (int64_t axis = 0; axis + 1 < parts.x.rank(); ++axis) batch += static_cast<char>('a' + axis);
  return product(call, call.layer(),
                 {.x = parts.x,
                  .x_axes = batch + kSummed,
                  .kernel = parts.kernel,
                  .kernel_axes = {kSummed, kUnit},
                  .y_axes = batch + kUnit,
                  .bias = parts.has_bias ? std::optional(parts.bias) : std::nullopt,
                  .is_dense = true});
}

Outputs dense(Call& call) {
  const DenseParts parts = dense_parts(call);
  const VariableSpec kernel = frozen_by_adapters(call, parts.kernel);
  if (call.layer().policy().quantization != Quantization::none)
    return call.activate("activation", quantized_dense(call, parts));
  const Expr own = call.variable(kernel), bias = parts.has_bias ? call.variable(parts.bias) : Expr();
  Expr y = matmul(parts.x, with_adapters(call, kernel, own));
  if (bias) y = y + bias;
  return call.activate("activation", y);
}

constexpr Arg kTernaryDenseArgs[] = {
    {"units", ArgKind::count},
    {"threshold", ArgKind::any, "null"},
    {"activation", ArgKind::any, "null"},
    {"use_bias", ArgKind::boolean, "true"},
    kQuantizationArg,
};

/// A dense layer whose weights are used as -1, 0 or 1: by their signs, if they are larger than a threshold (S. Ma et al., 2024). Without
/// one it is half of their mean magnitude, which the results are multiplied with. Gradients pass as if weights were used as they are.
Outputs ternary_dense(Call& call) {
  const DenseParts parts = dense_parts(call);
  const Json& given = call.args().json("threshold");
  if (!given.is_null() && (!given.is_number() || given.as_double() < 0))
    call.args().reject("threshold", "expected a number that is not negative", {}, ErrorKind::data);
  if (call.layer().policy().quantization != Quantization::none) {
    if (call.layer().policy().quantization != Quantization::ternary)
      call.fail("is quantized in a way in which Keras quantizes no TernaryDense", {}, ErrorKind::data);
    return call.activate("activation", quantized_dense(call, parts));
  }
  const Expr kernel = call.variable(parts.kernel), magnitude = unary(Op::abs, kernel);
  const Expr average = mean(magnitude, {0, 1});
  const Expr threshold = given.is_null() ? average * 0.5 : number(average, given.as_double());
  const Expr ternary = unary(Op::sign, kernel) *
                       cast(less(broadcast_to(threshold, kernel.shape()), magnitude), kernel.dtype());
  Expr y = matmul(parts.x, kernel + unary(Op::stop_gradient, ternary - kernel));
  if (given.is_null()) y = y * average;
  if (parts.has_bias) y = y + call.variable(parts.bias);
  return call.activate("activation", y);
}

constexpr Arg kEmbeddingArgs[] = {
    {"input_dim", ArgKind::count},
    {"output_dim", ArgKind::count},
    {"mask_zero", ArgKind::boolean, "false"},
    kLoraRankArg,
    kLoraAlphaArg,
    kQuantizationArg,
};

Outputs embedding(Call& call) {
  const Expr indices = call.input();
  Traced out = embedded(call, is_integer(indices.dtype()) ? indices : cast(indices, DType::i32));
  out.value = cast(out.value, call.compute_dtype());
  if (call.args().boolean("mask_zero")) out.mask = not_equal(indices, 0);
  return out;
}

constexpr Arg kReversibleArgs[] = {
    {"input_dim", ArgKind::count},
    {"output_dim", ArgKind::count},
    {"mask_zero", ArgKind::boolean, "false"},
    {"tie_weights", ArgKind::boolean, "true"},
    {"reverse_dtype", ArgKind::any, "null"},
    {"logit_soft_cap", ArgKind::any, "null"},
    kLoraRankArg,
    kLoraAlphaArg,
    kQuantizationArg,
};
constexpr std::string_view kReverse[] = {"reverse"};

Expr unembedded_by_floats(Call& call, const Expr& x, const Expr& reversed) {
  const Json& wanted = call.args().json("reverse_dtype");
  const DType dtype =
      wanted.is_null() ? promote(x.dtype(), reversed.dtype()) : read_dtype(wanted, call.layer().where());
  return matmul(cast(x, dtype), cast(reversed, dtype));
}

/// An embedding or, called with reverse=True, how much a vector is like each of its rows: by the same table or by another, which has
/// its initializer only. A cap c makes c·tanh(y/c) of the results.
Outputs reversible_embedding(Call& call) {
  const bool is_quantized = call.layer().policy().quantization != Quantization::none;
  const bool is_tied = call.args().boolean("tie_weights");
  const int64_t rows = call.args().integer("input_dim"), columns = call.args().integer("output_dim");
  Expr reversed;
  if (is_quantized) {
    if (!is_tied) make_reverse_embeddings(call);
  } else {
    const VariableSpec spec = frozen_by_adapters(call, {"embeddings", {rows, columns}, "uniform"});
    const Expr own = call.variable(spec), table = with_adapters(call, spec, own);
    if (!is_tied)
      reversed = call.variable({.name = "reverse_embeddings",
                                .shape = {columns, rows},
                                .initializer = "uniform",
                                .argument = "embeddings",
                                .is_bare = true});
    if (is_tied) reversed = transpose(table, {1, 0});
  }
  if (!call.flag("reverse")) return embedding(call);
  const Expr x = call.float_input();
  const Expr y = is_quantized ? unembedded(call, x, is_tied) : unembedded_by_floats(call, x, reversed);
  if (call.args().is_null("logit_soft_cap")) return y;
  const Json& cap = call.args().json("logit_soft_cap");
  if (!cap.is_number()) call.args().reject("logit_soft_cap", "expected a number", {}, ErrorKind::data);
  return unary(Op::tanh, y / cap.as_double()) * cap.as_double();
}

constexpr Arg kMaskingArgs[] = {{"mask_value", ArgKind::real, "0.0"}};

/// A step counts if any of its features is not the mask value; one that does not is set to zero.
Outputs masking(Call& call) {
  const Expr x = call.input();
  const Expr differs = not_equal(x, call.args().real("mask_value"));
  const Expr kept = reduce(Op::reduce_or, differs, {-1}, true);
  return Traced(where(kept, x, number(x, 0)), squeeze(kept, {-1}));
}

Outputs identity(Call& call) { return call.input(); }

constexpr LayerDef kLayers[] = {
    {"Dense", kDenseArgs, Masks::pass, dense},
    {"TernaryDense", kTernaryDenseArgs, Masks::pass, ternary_dense},
    {.class_name = "Embedding",
     .args = kEmbeddingArgs,
     .masks = Masks::own,
     .trace = embedding,
     .casts_inputs = false},
    {.class_name = "ReversibleEmbedding",
     .args = kReversibleArgs,
     .masks = Masks::own,
     .trace = reversible_embedding,
     .casts_inputs = false,
     .casts_outputs = false,
     .flags = kReverse},
    {"Masking", kMaskingArgs, Masks::own, masking},
    {"Identity", {}, Masks::pass, identity},
};

}  // namespace

std::span<const LayerDef> core_layers() { return kLayers; }

}  // namespace keratin
