#include <keratin/keras/layers/convolutional.h>

#include "frontend/keras/layers/arguments.h"

namespace keratin::keras::layers {
namespace {

/// What all convolutions have.
template <typename Options>
Arguments common(const Value& kernel_size, const Options& o, size_t rank) {
  return {{"kernel_size", repeated(kernel_size, rank)},
          {"strides", repeated(o.strides, rank)},
          {"padding", o.padding},
          {"data_format", o.data_format},
          {"dilation_rate", repeated(o.dilation_rate, rank)},
          {"activation", activation_of(o.activation)},
          {"use_bias", o.use_bias},
          {"bias_initializer", o.bias_initializer},
          {"bias_regularizer", o.bias_regularizer},
          {"activity_regularizer", o.activity_regularizer},
          {"bias_constraint", o.bias_constraint}};
}

Layer make(std::string_view class_name, const std::string& name, bool trainable, Arguments arguments,
           Arguments others) {
  arguments.insert(arguments.end(), others.begin(), others.end());
  return make_layer(class_name, name, trainable, std::move(arguments));
}

Layer conv(std::string_view class_name, size_t rank, int64_t filters, const Value& kernel_size,
           const ConvOptions& o) {
  return make(class_name, o.name, o.trainable, common(kernel_size, o, rank),
              {{"filters", filters},
               {"groups", o.groups},
               {"kernel_initializer", o.kernel_initializer},
               {"kernel_regularizer", o.kernel_regularizer},
               {"kernel_constraint", o.kernel_constraint}});
}

Layer depthwise_conv(std::string_view class_name, size_t rank, const Value& kernel_size,
                     const DepthwiseConvOptions& o) {
  return make(class_name, o.name, o.trainable, common(kernel_size, o, rank),
              {{"depth_multiplier", o.depth_multiplier},
               {"depthwise_initializer", o.depthwise_initializer},
               {"depthwise_regularizer", o.depthwise_regularizer},
               {"depthwise_constraint", o.depthwise_constraint}});
}

Layer separable_conv(std::string_view class_name, size_t rank, int64_t filters, const Value& kernel_size,
                     const SeparableConvOptions& o) {
  return make(class_name, o.name, o.trainable, common(kernel_size, o, rank),
              {{"filters", filters},
               {"depth_multiplier", o.depth_multiplier},
               {"depthwise_initializer", o.depthwise_initializer},
               {"pointwise_initializer", o.pointwise_initializer},
               {"depthwise_regularizer", o.depthwise_regularizer},
               {"pointwise_regularizer", o.pointwise_regularizer},
               {"depthwise_constraint", o.depthwise_constraint},
               {"pointwise_constraint", o.pointwise_constraint}});
}

Layer conv_transpose(std::string_view class_name, size_t rank, int64_t filters, const Value& kernel_size,
                     const ConvTransposeOptions& o) {
  return make(class_name, o.name, o.trainable, common(kernel_size, o, rank),
              {{"filters", filters},
               {"output_padding", repeated(o.output_padding, rank)},
               {"kernel_initializer", o.kernel_initializer},
               {"kernel_regularizer", o.kernel_regularizer},
               {"kernel_constraint", o.kernel_constraint}});
}

}  // namespace

Layer Conv1D(int64_t filters, const Value& kernel_size, const ConvOptions& options) {
  return conv("Conv1D", 1, filters, kernel_size, options);
}
Layer Conv2D(int64_t filters, const Value& kernel_size, const ConvOptions& options) {
  return conv("Conv2D", 2, filters, kernel_size, options);
}
Layer Conv3D(int64_t filters, const Value& kernel_size, const ConvOptions& options) {
  return conv("Conv3D", 3, filters, kernel_size, options);
}

Layer DepthwiseConv1D(const Value& kernel_size, const DepthwiseConvOptions& options) {
  return depthwise_conv("DepthwiseConv1D", 1, kernel_size, options);
}
Layer DepthwiseConv2D(const Value& kernel_size, const DepthwiseConvOptions& options) {
  return depthwise_conv("DepthwiseConv2D", 2, kernel_size, options);
}

Layer SeparableConv1D(int64_t filters, const Value& kernel_size, const SeparableConvOptions& options) {
  return separable_conv("SeparableConv1D", 1, filters, kernel_size, options);
}
Layer SeparableConv2D(int64_t filters, const Value& kernel_size, const SeparableConvOptions& options) {
  return separable_conv("SeparableConv2D", 2, filters, kernel_size, options);
}

Layer Conv1DTranspose(int64_t filters, const Value& kernel_size, const ConvTransposeOptions& options) {
  return conv_transpose("Conv1DTranspose", 1, filters, kernel_size, options);
}
Layer Conv2DTranspose(int64_t filters, const Value& kernel_size, const ConvTransposeOptions& options) {
  return conv_transpose("Conv2DTranspose", 2, filters, kernel_size, options);
}
Layer Conv3DTranspose(int64_t filters, const Value& kernel_size, const ConvTransposeOptions& options) {
  return conv_transpose("Conv3DTranspose", 3, filters, kernel_size, options);
}

}  // namespace keratin::keras::layers
