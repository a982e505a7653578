// LSTM, GRU, SimpleRNN: [N,steps,d] → [N,units], the last step's output, or [N,steps,units] with return_sequences.
//
// With return_state, the states after the last step, [N,units] each, come after the output.
#pragma once

#include <keratin/keras/layer.h>

namespace keratin::keras::layers {

struct LSTMOptions {
  Value activation = "tanh";
  Value recurrent_activation = "sigmoid";
  bool use_bias = true;
  Value kernel_initializer = "glorot_uniform";
  Value recurrent_initializer = "orthogonal";
  Value bias_initializer = "zeros";
  bool unit_forget_bias = true;  ///< the forget gate's bias starts as ones
  Value kernel_regularizer = {};
  Value recurrent_regularizer = {};
  Value bias_regularizer = {};
  Value activity_regularizer = {};
  Value kernel_constraint = {};
  Value recurrent_constraint = {};
  Value bias_constraint = {};
  double dropout = 0.0;
  double recurrent_dropout = 0.0;
  Value seed = {};
  bool return_sequences = false;
  bool return_state = false;
  bool go_backwards = false;
  bool stateful = false;
  bool unroll = false;
  bool zero_output_for_mask = false;  ///< masked steps give zeros, not the output before
  std::string name = {};
  bool trainable = true;
};
/// Long short-term memory. Its states are h and c.
Layer LSTM(int64_t units, const LSTMOptions& options = {});

struct GRUOptions {
  Value activation = "tanh";
  Value recurrent_activation = "sigmoid";
  bool use_bias = true;
  Value kernel_initializer = "glorot_uniform";
  Value recurrent_initializer = "orthogonal";
  Value bias_initializer = "zeros";
  Value kernel_regularizer = {};
  Value recurrent_regularizer = {};
  Value bias_regularizer = {};
  Value activity_regularizer = {};
  Value kernel_constraint = {};
  Value recurrent_constraint = {};
  Value bias_constraint = {};
  double dropout = 0.0;
  double recurrent_dropout = 0.0;
  Value seed = {};
  bool return_sequences = false;
  bool return_state = false;
  bool go_backwards = false;
  bool stateful = false;
  bool unroll = false;
  bool reset_after = true;            ///< the reset gate comes after the product with the recurrent kernel
  bool zero_output_for_mask = false;  ///< masked steps give zeros, not the output before
  std::string name = {};
  bool trainable = true;
};
/// Gated recurrent units. The state is the output.
Layer GRU(int64_t units, const GRUOptions& options = {});

/// Without activity_regularizer, which Keras takes and forgets.
struct SimpleRNNOptions {
  Value activation = "tanh";
  bool use_bias = true;
  Value kernel_initializer = "glorot_uniform";
  Value recurrent_initializer = "orthogonal";
  Value bias_initializer = "zeros";
  Value kernel_regularizer = {};
  Value recurrent_regularizer = {};
  Value bias_regularizer = {};
  Value kernel_constraint = {};
  Value recurrent_constraint = {};
  Value bias_constraint = {};
  double dropout = 0.0;
  double recurrent_dropout = 0.0;
  bool return_sequences = false;
  bool return_state = false;
  bool go_backwards = false;
  bool stateful = false;
  bool unroll = false;
  bool zero_output_for_mask = false;  ///< masked steps give zeros, not the output before
  std::string name = {};
  bool trainable = true;
};
/// activation(x · kernel + h · recurrent_kernel + bias), where h is the output before.
Layer SimpleRNN(int64_t units, const SimpleRNNOptions& options = {});

}  // namespace keratin::keras::layers
