// LSTM, GRU, SimpleRNN, RNN around cells, ConvLSTM: [N,steps,d] → [N,units], the last step's output, or [N,steps,units] with return_sequences.
//
// With return_state, the states after the last step, [N,units] each, come after the output.
#pragma once

#include <keratin/keras/layer.h>

#include <vector>

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

// ---- cells: one step, of RNN or by themselves ----

struct LSTMCellOptions {
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
  Value kernel_constraint = {};
  Value recurrent_constraint = {};
  Value bias_constraint = {};
  double dropout = 0.0;
  double recurrent_dropout = 0.0;
  Value seed = {};
  std::string name = {};
  bool trainable = true;
};
/// One step of LSTM: `LSTMCell(3)(x, {.states = {h, c}})` is output, h and c.
Layer LSTMCell(int64_t units, const LSTMCellOptions& options = {});

struct GRUCellOptions {
  Value activation = "tanh";
  Value recurrent_activation = "sigmoid";
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
  bool reset_after = true;  ///< the reset gate comes after the product with the recurrent kernel
  Value seed = {};
  std::string name = {};
  bool trainable = true;
};
/// One step of GRU: output and state, which are the same.
Layer GRUCell(int64_t units, const GRUCellOptions& options = {});

struct SimpleRNNCellOptions {
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
  Value seed = {};
  std::string name = {};
  bool trainable = true;
};
/// One step of SimpleRNN: output and state, which are the same.
Layer SimpleRNNCell(int64_t units, const SimpleRNNCellOptions& options = {});

struct StackedRNNCellsOptions {
  std::string name = {};
  bool trainable = true;
};
/// Cells one upon the other: the output of each is the input of the next. States are those of the first, then those of the second, …
Layer StackedRNNCells(const std::vector<Layer>& cells, const StackedRNNCellsOptions& options = {});

struct RNNOptions {
  bool return_sequences = false;
  bool return_state = false;
  bool go_backwards = false;
  bool stateful = false;
  bool unroll = false;
  bool zero_output_for_mask = false;  ///< masked steps give zeros, not the output before
  std::string name = {};
  bool trainable = true;
};
/// A cell, step by step: [N,steps,d] → [N,units]. The layer has a copy of the cell.
Layer RNN(const Layer& cell, const RNNOptions& options = {});

// ---- convolutions for products ----

struct ConvLSTMOptions {
  Value strides = 1;
  std::string padding = "valid";  ///< or "same"
  std::string data_format = "channels_last";
  Value dilation_rate = 1;
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
/// LSTM of sequences of rows of pixels (X. Shi et al., Convolutional LSTM Network, 2015): [N,steps,width,c] → [N,width',filters].
Layer ConvLSTM1D(int64_t filters, const Value& kernel_size, const ConvLSTMOptions& options = {});
/// [N,steps,height,width,c] → [N,height',width',filters].
Layer ConvLSTM2D(int64_t filters, const Value& kernel_size, const ConvLSTMOptions& options = {});
/// [N,steps,depth,height,width,c] → [N,depth',height',width',filters].
Layer ConvLSTM3D(int64_t filters, const Value& kernel_size, const ConvLSTMOptions& options = {});

}  // namespace keratin::keras::layers
