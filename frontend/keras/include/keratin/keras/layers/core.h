// Dense, TernaryDense, EinsumDense, Embedding, ReversibleEmbedding, Masking, Identity, Activation.
#pragma once

#include <keratin/keras/layer.h>

namespace keratin::keras::layers {

/// Of layers without arguments of their own.
struct LayerOptions {
  std::string name = {};
  bool trainable = true;
};

struct DenseOptions {
  Value activation = {};
  bool use_bias = true;
  Value kernel_initializer = "glorot_uniform";
  Value bias_initializer = "zeros";
  Value kernel_regularizer = {};
  Value bias_regularizer = {};
  Value activity_regularizer = {};
  Value kernel_constraint = {};
  Value bias_constraint = {};
  std::string name = {};
  bool trainable = true;
};
/// activation(x · kernel + bias): [N,…,d] → [N,…,units].
Layer Dense(int64_t units, const DenseOptions& options = {});

struct TernaryDenseOptions {
  Value threshold = {};  ///< weights that are larger count, all the same; None: half of their mean magnitude
  Value activation = {};
  bool use_bias = true;
  Value kernel_initializer = "glorot_uniform";
  Value bias_initializer = "zeros";
  Value kernel_regularizer = {};
  Value bias_regularizer = {};
  Value activity_regularizer = {};
  Value kernel_constraint = {};
  Value bias_constraint = {};
  std::string name = {};
  bool trainable = true;
};
/// Dense with weights -1, 0 and 1.
Layer TernaryDense(int64_t units, const TernaryDenseOptions& options = {});

struct EinsumDenseOptions {
  Value activation = {};
  Value bias_axes = {};  ///< the letters of the output's axes along which there is a bias: "d"
  Value kernel_initializer = "glorot_uniform";
  Value bias_initializer = "zeros";
  Value kernel_regularizer = {};
  Value bias_regularizer = {};
  Value activity_regularizer = {};
  Value kernel_constraint = {};
  Value bias_constraint = {};
  std::string name = {};
  bool trainable = true;
};
/// activation(x · kernel + bias), where the equation says which axes are summed: `EinsumDense("abc,cd->abd", {nullptr, 64})`.
/// `output_shape` is without the batch and without what an ellipsis stands for; None where the input says it.
Layer EinsumDense(const std::string& equation, const Value& output_shape,
                  const EinsumDenseOptions& options = {});

struct EmbeddingOptions {
  Value embeddings_initializer = "uniform";
  Value embeddings_regularizer = {};
  Value embeddings_constraint = {};
  bool mask_zero = false;  ///< makes a mask that hides the steps where the input is 0
  std::string name = {};
  bool trainable = true;
};
/// A vector for each integer below `input_dim`: [N,…] → [N,…,output_dim].
Layer Embedding(int64_t input_dim, int64_t output_dim, const EmbeddingOptions& options = {});

struct ReversibleEmbeddingOptions {
  bool tie_weights = true;  ///< the way back is the same table
  Value embeddings_initializer = "uniform";
  Value embeddings_regularizer = {};
  Value embeddings_constraint = {};
  bool mask_zero = false;
  Value reverse_dtype = {};
  Value logit_soft_cap = {};  ///< c makes c · tanh(y / c) of scores
  std::string name = {};
  bool trainable = true;
};
/// Like Embedding; called with `.reverse = true` it scores all integers: [N,…,output_dim] → [N,…,input_dim].
Layer ReversibleEmbedding(int64_t input_dim, int64_t output_dim,
                          const ReversibleEmbeddingOptions& options = {});

struct MaskingOptions {
  double mask_value = 0.0;
  std::string name = {};
  bool trainable = true;
};
/// Makes a mask that hides the steps all of whose features are `mask_value`: [N,steps,d] → [N,steps,d].
Layer Masking(const MaskingOptions& options = {});

/// What goes in comes out.
Layer Identity(const LayerOptions& options = {});

/// `activation` by its name, element by element or along the last axis: [N,…] → [N,…].
Layer Activation(const Value& activation, const LayerOptions& options = {});

}  // namespace keratin::keras::layers
