// LoRA (E. Hu et al., 2021): a kernel plus a product of two narrow ones, the adapters, which alone are trained.
//
// Files do not have the adapters: Keras adds their product to the kernel when it saves. When it loads, it sets both to zero, from where
// no gradient leads away. Here they begin as enable_lora() makes them: the second one is zero, so the layer computes what it did, and is
// trained. Where nothing is trained there are none.
#pragma once

#include "frontend/layer.h"
#include "ir/safetensors.h"

namespace keratin {

inline constexpr Arg kLoraRankArg{"lora_rank", ArgKind::any, "null"},
    kLoraAlphaArg{"lora_alpha", ArgKind::any, "null"};

/// Whether the layer has adapters beside its kernel. Throws Error(unsupported) in training, if they
/// would be beside a quantized one.
bool has_adapters(const Call& call);
/// `kernel`, which is not trained if there are adapters.
VariableSpec frozen_by_adapters(const Call& call, VariableSpec kernel);
/// The value of `kernel` with what the adapters add. Makes them: Keras does after the bias.
Expr with_adapters(Call& call, const VariableSpec& kernel, const Expr& value);

/// Adapters of `layer` and of all in it, beside their kernels; variables are names and types. Requires: it was traced.
struct Adapters {
  Variable kernel, a, b;
  double scale = 1;
};
std::vector<Adapters> find_adapters(const Layer& layer);

/// What a kernel is with what its adapters add.
std::string merged_name(const std::string& kernel);
/// A function that computes those from the kernels and adapters, in the module's variables; no function if there are no adapters.
Module merging_of_adapters(const Layer& layer);

/// Adds to the kernels of `layer`, and of all in it, what their adapters add, which then leave `weights`.
void merge_adapters(const Layer& layer, TensorStore& weights);

}  // namespace keratin
