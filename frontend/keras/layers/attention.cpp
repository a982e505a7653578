#include <keratin/keras/layers/attention.h>

#include "frontend/keras/layers/arguments.h"

namespace keratin::keras::layers {
namespace {

/// A layer with what those with heads have, after its `own`.
template <typename Options>
Layer with_heads(std::string_view class_name, Arguments own, const Options& o) {
  const Arguments common = {{"dropout", o.dropout},
                            {"use_bias", o.use_bias},
                            {"use_gate", o.use_gate},
                            {"sliding_window", o.sliding_window},
                            {"kernel_initializer", o.kernel_initializer},
                            {"bias_initializer", o.bias_initializer},
                            {"kernel_regularizer", o.kernel_regularizer},
                            {"bias_regularizer", o.bias_regularizer},
                            {"activity_regularizer", o.activity_regularizer},
                            {"kernel_constraint", o.kernel_constraint},
                            {"bias_constraint", o.bias_constraint},
                            {"seed", o.seed}};
  own.insert(own.end(), common.begin(), common.end());
  return make_layer(class_name, o.name, o.trainable, std::move(own));
}

}  // namespace

Layer MultiHeadAttention(int64_t num_heads, int64_t key_dim, const MultiHeadAttentionOptions& o) {
  return with_heads("MultiHeadAttention",
                    {{"num_heads", num_heads},
                     {"key_dim", key_dim},
                     {"value_dim", o.value_dim.is_none() ? Value(key_dim) : o.value_dim},
                     {"output_shape", repeated(o.output_shape, 1)},
                     {"attention_axes", repeated(o.attention_axes, 1)}},
                    o);
}

Layer GroupQueryAttention(int64_t head_dim, int64_t num_query_heads, int64_t num_key_value_heads,
                          const GroupQueryAttentionOptions& o) {
  return with_heads("GroupQueryAttention",
                    {{"head_dim", head_dim},
                     {"num_query_heads", num_query_heads},
                     {"num_key_value_heads", num_key_value_heads}},
                    o);
}

Layer Attention(const AttentionOptions& o) {
  return make_layer(
      "Attention", o.name, o.trainable,
      {{"use_scale", o.use_scale}, {"score_mode", o.score_mode}, {"dropout", o.dropout}, {"seed", o.seed}});
}

Layer AdditiveAttention(const AdditiveAttentionOptions& o) {
  return make_layer("AdditiveAttention", o.name, o.trainable,
                    {{"use_scale", o.use_scale}, {"dropout", o.dropout}, {"seed", o.seed}});
}

}  // namespace keratin::keras::layers
