#include <keratin/keras/layers/recurrent.h>

#include "frontend/keras/layers/arguments.h"

namespace keratin::keras::layers {
namespace {

/// How a layer walks over time.
template <typename Options>
Arguments walk(const Options& o) {
  return {{"return_sequences", o.return_sequences},
          {"return_state", o.return_state},
          {"go_backwards", o.go_backwards},
          {"stateful", o.stateful},
          {"unroll", o.unroll},
          {"zero_output_for_mask", o.zero_output_for_mask}};
}

/// What all cells have.
template <typename Options>
Arguments step(const Options& o) {
  return {{"activation", activation_of(o.activation)},
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
}

template <typename Options>
Layer make(std::string_view class_name, const Options& o, std::initializer_list<Arguments> parts) {
  Arguments arguments;
  for (const Arguments& part : parts) arguments.insert(arguments.end(), part.begin(), part.end());
  return make_layer(class_name, o.name, o.trainable, std::move(arguments));
}

template <typename Options>
Layer recurrent(std::string_view class_name, int64_t units, const Options& o, const Arguments& own) {
  return make(class_name, o, {walk(o), {{"units", units}}, step(o), own});
}

template <typename Options>
Layer cell(std::string_view class_name, int64_t units, const Options& o, const Arguments& own) {
  return make(class_name, o, {{{"units", units}}, step(o), {{"seed", o.seed}}, own});
}

Layer conv_lstm(std::string_view class_name, size_t rank, int64_t filters, const Value& kernel_size,
                const ConvLSTMOptions& o) {
  return make(class_name, o,
              {walk(o),
               step(o),
               {{"filters", filters},
                {"kernel_size", repeated(kernel_size, rank)},
                {"strides", repeated(o.strides, rank)},
                {"padding", o.padding},
                {"data_format", o.data_format},
                {"dilation_rate", repeated(o.dilation_rate, rank)},
                {"recurrent_activation", activation_of(o.recurrent_activation)},
                {"unit_forget_bias", o.unit_forget_bias},
                {"activity_regularizer", o.activity_regularizer},
                {"seed", o.seed}}});
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

Layer LSTMCell(int64_t units, const LSTMCellOptions& o) {
  return cell("LSTMCell", units, o,
              {{"recurrent_activation", activation_of(o.recurrent_activation)},
               {"unit_forget_bias", o.unit_forget_bias}});
}

Layer GRUCell(int64_t units, const GRUCellOptions& o) {
  return cell(
      "GRUCell", units, o,
      {{"recurrent_activation", activation_of(o.recurrent_activation)}, {"reset_after", o.reset_after}});
}

Layer SimpleRNNCell(int64_t units, const SimpleRNNCellOptions& o) {
  return cell("SimpleRNNCell", units, o, {});
}

Layer StackedRNNCells(const std::vector<Layer>& cells, const StackedRNNCellsOptions& o) {
  return make("StackedRNNCells", o, {{{"cells", Value(cells)}}});
}

Layer RNN(const Layer& cell, const RNNOptions& o) {
  return make("RNN", o, {walk(o), {{"cell", Value(cell)}}});
}

Layer ConvLSTM1D(int64_t filters, const Value& kernel_size, const ConvLSTMOptions& options) {
  return conv_lstm("ConvLSTM1D", 1, filters, kernel_size, options);
}
Layer ConvLSTM2D(int64_t filters, const Value& kernel_size, const ConvLSTMOptions& options) {
  return conv_lstm("ConvLSTM2D", 2, filters, kernel_size, options);
}
Layer ConvLSTM3D(int64_t filters, const Value& kernel_size, const ConvLSTMOptions& options) {
  return conv_lstm("ConvLSTM3D", 3, filters, kernel_size, options);
}

}  // namespace keratin::keras::layers
