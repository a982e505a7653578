// Layers in which every query sums the values by how well it fits their keys.
//
// They are called on {query, value} or {query, value, key}: `Attention()({query, value})`. Without a key, the value is the key.
// Masks that come with the tensors count; more of them are CallOptions, as is `return_attention_scores`, which gives the
// weights after the output.
#pragma once

#include <keratin/keras/layer.h>

namespace keratin::keras::layers {

struct MultiHeadAttentionOptions {
  Value value_dim = {};  ///< None: key_dim
  double dropout = 0.0;  ///< of the weights
  bool use_bias = true;
  Value output_shape = {};    ///< None: the features of the query
  Value attention_axes = {};  ///< None: all between the batch and the features
  Value sliding_window = {};  ///< keys that are as far from the query or farther are not seen
  Value kernel_initializer = "glorot_uniform";
  Value bias_initializer = "zeros";
  Value kernel_regularizer = {};
  Value bias_regularizer = {};
  Value activity_regularizer = {};
  Value kernel_constraint = {};
  Value bias_constraint = {};
  bool use_gate = false;  ///< what the heads give is multiplied by a sigmoid of the query
  Value seed = {};
  std::string name = {};
  bool trainable = true;
};
/// softmax(query · key / √key_dim) · value for each head, with projections before and after: [N,t,d], [N,s,e] → [N,t,d].
Layer MultiHeadAttention(int64_t num_heads, int64_t key_dim, const MultiHeadAttentionOptions& options = {});

struct GroupQueryAttentionOptions {
  double dropout = 0.0;  ///< of the weights
  bool use_bias = true;
  Value sliding_window = {};  ///< keys that are as far from the query or farther are not seen
  Value kernel_initializer = "glorot_uniform";
  Value bias_initializer = "zeros";
  Value kernel_regularizer = {};
  Value bias_regularizer = {};
  Value activity_regularizer = {};
  Value kernel_constraint = {};
  Value bias_constraint = {};
  bool use_gate = false;  ///< what the heads give is multiplied by a sigmoid of the query
  Value seed = {};
  std::string name = {};
  bool trainable = true;
};
/// The same, where several heads of the query share one of key and value: [N,t,d], [N,s,d] → [N,t,d].
Layer GroupQueryAttention(int64_t head_dim, int64_t num_query_heads, int64_t num_key_value_heads,
                          const GroupQueryAttentionOptions& options = {});

struct AttentionOptions {
  bool use_scale = false;    ///< a learned factor of the scores
  Value score_mode = "dot";  ///< or "concat": tanh(query + key), summed
  double dropout = 0.0;      ///< of the weights
  Value seed = {};
  std::string name = {};
  bool trainable = true;
};
/// softmax(query · key) · value: [N,t,d], [N,s,d] → [N,t,d].
Layer Attention(const AttentionOptions& options = {});

struct AdditiveAttentionOptions {
  bool use_scale = true;  ///< a learned factor for each feature
  double dropout = 0.0;   ///< of the weights
  Value seed = {};
  std::string name = {};
  bool trainable = true;
};
/// softmax(Σ scale · tanh(query + key)) · value: [N,t,d], [N,s,d] → [N,t,d].
Layer AdditiveAttention(const AdditiveAttentionOptions& options = {});

}  // namespace keratin::keras::layers
