#include <keratin/keras/layers/core.h>

#include "frontend/keras/layers/arguments.h"

namespace keratin::keras::layers {

Layer Dense(int64_t units, const DenseOptions& o) {
  Arguments arguments = {{"units", units},
                         {"activation", activation_of(o.activation)},
                         {"use_bias", o.use_bias},
                         {"kernel_initializer", o.kernel_initializer},
                         {"bias_initializer", o.bias_initializer},
                         {"kernel_regularizer", o.kernel_regularizer},
                         {"bias_regularizer", o.bias_regularizer},
                         {"kernel_constraint", o.kernel_constraint},
                         {"bias_constraint", o.bias_constraint}};
  // Keras has this key here only where there is something to say.
  if (!o.activity_regularizer.is_none())
    arguments.emplace_back("activity_regularizer", o.activity_regularizer);
  return make_layer("Dense", o.name, o.trainable, std::move(arguments));
}

Layer TernaryDense(int64_t units, const TernaryDenseOptions& o) {
  return make_layer("TernaryDense", o.name, o.trainable,
                    {{"units", units},
                     {"threshold", o.threshold},
                     {"activation", activation_of(o.activation)},
                     {"use_bias", o.use_bias},
                     {"kernel_initializer", o.kernel_initializer},
                     {"bias_initializer", o.bias_initializer},
                     {"kernel_regularizer", o.kernel_regularizer},
                     {"bias_regularizer", o.bias_regularizer},
                     {"activity_regularizer", o.activity_regularizer},
                     {"kernel_constraint", o.kernel_constraint},
                     {"bias_constraint", o.bias_constraint}});
}

Layer EinsumDense(const std::string& equation, const Value& output_shape, const EinsumDenseOptions& o) {
  Arguments arguments = {{"output_shape", repeated(output_shape, 1)},
                         {"equation", equation},
                         {"activation", activation_of(o.activation)},
                         {"bias_axes", o.bias_axes},
                         {"kernel_initializer", o.kernel_initializer},
                         {"bias_initializer", o.bias_initializer},
                         {"kernel_regularizer", o.kernel_regularizer},
                         {"bias_regularizer", o.bias_regularizer},
                         {"activity_regularizer", o.activity_regularizer},
                         {"kernel_constraint", o.kernel_constraint},
                         {"bias_constraint", o.bias_constraint}};
  return make_layer("EinsumDense", o.name, o.trainable, std::move(arguments));
}

Layer Embedding(int64_t input_dim, int64_t output_dim, const EmbeddingOptions& o) {
  return make_layer("Embedding", o.name, o.trainable,
                    {{"input_dim", input_dim},
                     {"output_dim", output_dim},
                     {"embeddings_initializer", o.embeddings_initializer},
                     {"embeddings_regularizer", o.embeddings_regularizer},
                     {"activity_regularizer", {}},
                     {"embeddings_constraint", o.embeddings_constraint},
                     {"mask_zero", o.mask_zero}});
}

Layer ReversibleEmbedding(int64_t input_dim, int64_t output_dim, const ReversibleEmbeddingOptions& o) {
  return make_layer("ReversibleEmbedding", o.name, o.trainable,
                    {{"input_dim", input_dim},
                     {"output_dim", output_dim},
                     {"tie_weights", o.tie_weights},
                     {"embeddings_initializer", o.embeddings_initializer},
                     {"embeddings_regularizer", o.embeddings_regularizer},
                     {"activity_regularizer", {}},
                     {"embeddings_constraint", o.embeddings_constraint},
                     {"mask_zero", o.mask_zero},
                     {"reverse_dtype", o.reverse_dtype},
                     {"logit_soft_cap", o.logit_soft_cap}});
}

Layer Masking(const MaskingOptions& o) {
  return make_layer("Masking", o.name, o.trainable, {{"mask_value", o.mask_value}});
}

Layer Identity(const LayerOptions& o) { return make_layer("Identity", o.name, o.trainable, {}); }

Layer Activation(const Value& activation, const LayerOptions& o) {
  return make_layer("Activation", o.name, o.trainable, {{"activation", activation_of(activation)}});
}

}  // namespace keratin::keras::layers
