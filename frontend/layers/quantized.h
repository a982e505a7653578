// Layers whose policy is quantized: what Dense, EinsumDense, Embedding and the layers that have such inside them compute then.
#pragma once

#include <optional>
#include <string>

#include "frontend/layer.h"

namespace keratin {

/// An argument of layers whose policy may be quantized.
inline constexpr Arg kQuantizationArg{"quantization_config", ArgKind::any, "null"};

/// A product of a layer's input with its kernel, and its bias. Axes are letters, as in einsum().
struct Product {
  Expr x;
  std::string x_axes;
  VariableSpec kernel;  ///< as it is where nothing is quantized
  std::string kernel_axes, y_axes;
  std::optional<VariableSpec> bias = {};  ///< has the last axes of y
  bool is_dense = false;  ///< Dense's scales have the last axis of y only, EinsumDense's have all
};

/// The product and the bias, as the policy of `part` (the layer itself, or one in it) says. The layer's variables are made in the order in
/// which files have them.
Expr product(Call& call, Layer& part, const Product& product);

/// The rows of an embedding at `indices`, which are integers.
Expr embedded(Call& call, const Expr& indices);

/// How much `x` [N,…,c] is like each row of a quantized embedding: [N,…,rows]. Not tied: the rows of its table for this.
Expr unembedded(Call& call, const Expr& x, bool is_tied);
/// The variables of that table, in the order in which files have them.
void make_reverse_embeddings(Call& call);

}  // namespace keratin
