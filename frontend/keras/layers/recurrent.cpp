#include <keratin/keras/layers/recurrent.h>

#include "frontend/keras/layers/arguments.h"

namespace keratin::keras::layers {
namespace {

/// A layer with what all recurrent ones have, and its `own`.
template <typename Options>
Layer recurrent(std::string_view class_name, int64_t units, const Options& o, Arguments own) {
  Arguments arguments = {{"return_sequences", o.return_sequences},
                         {"return_state", o.return_state},
                         {"go_backwards", o.go_backwards},
                         {"stateful", o.stateful},
                         {"unroll", o.unroll},
                         {"zero_output_for_mask", o.zero_output_for_mask},
                         {"units", units},
                         {"activation", activation_of(o.activation)},
                         {"use_bias", o.use_bias},
                         {"kernel_initializer", o.kernel_initializer},
                         {"recurrent_initializer", o.recurrent_initializer},
                         {"bias_initializer", o.bias_initializer},
                         {"kernel_regularizer", o.kernel_regularizer},
                         {"recurrent_regularizer", o.recurrent_regularizer},
                         {"bias_regularizer", o.bias_regularizer},
                         {"kernel_constraint", o.kernel_constraint},
                         {"recurrent_constraint", o.recurrent_constraint},
                         {"bias_constraint", o.bias_constraint},
                         {"dropout", o.dropout},
                         {"recurrent_dropout", o.recurrent_dropout}};
  arguments.insert(arguments.end(), own.begin(), own.end());
  return make_layer(class_name, o.name, o.trainable, std::move(arguments));
}

}  // namespace

Layer LSTM(int64_t units, const LSTMOptions& o) {
  return recurrent("LSTM", units, o,
                   {{"recurrent_activation", activation_of(o.recurrent_activation)},
                    {"unit_forget_bias", o.unit_forget_bias},
                    {"activity_regularizer", o.activity_regularizer},
                    {"seed", o.seed}});
}

Layer GRU(int64_t units, const GRUOptions& o) {
  return recurrent("GRU", units, o,
                   {{"recurrent_activation", activation_of(o.recurrent_activation)},
                    {"activity_regularizer", o.activity_regularizer},
                    {"reset_after", o.reset_after},
                    {"seed", o.seed}});
}

Layer SimpleRNN(int64_t units, const SimpleRNNOptions& o) {
  return recurrent("SimpleRNN", units, o, {{"activity_regularizer", {}}});
}

}  // namespace keratin::keras::layers
