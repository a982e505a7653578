// Convolutions: plain, depthwise, separable, transposed.
//
// Sizes are a number, which stands for all axes, or one number per axis. Shapes below are those of data_format "channels_last".
#pragma once

#include <keratin/keras/layer.h>

namespace keratin::keras::layers {

struct ConvOptions {
  Value strides = 1;
  std::string padding = "valid";  ///< or "same", or "causal" (Conv1D)
  std::string data_format = "channels_last";
  Value dilation_rate = 1;
  int64_t groups = 1;
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
/// activation(x ∗ kernel + bias): [N,steps,c] → [N,steps',filters].
Layer Conv1D(int64_t filters, const Value& kernel_size, const ConvOptions& options = {});
/// [N,height,width,c] → [N,height',width',filters].
Layer Conv2D(int64_t filters, const Value& kernel_size, const ConvOptions& options = {});
/// [N,depth,height,width,c] → [N,depth',height',width',filters].
Layer Conv3D(int64_t filters, const Value& kernel_size, const ConvOptions& options = {});

struct DepthwiseConvOptions {
  Value strides = 1;
  std::string padding = "valid";  ///< or "same"
  int64_t depth_multiplier = 1;
  std::string data_format = "channels_last";
  Value dilation_rate = 1;
  Value activation = {};
  bool use_bias = true;
  Value depthwise_initializer = "glorot_uniform";
  Value bias_initializer = "zeros";
  Value depthwise_regularizer = {};
  Value bias_regularizer = {};
  Value activity_regularizer = {};
  Value depthwise_constraint = {};
  Value bias_constraint = {};
  std::string name = {};
  bool trainable = true;
};
/// Each channel by itself: [N,steps,c] → [N,steps',c·depth_multiplier].
Layer DepthwiseConv1D(const Value& kernel_size, const DepthwiseConvOptions& options = {});
/// [N,height,width,c] → [N,height',width',c·depth_multiplier].
Layer DepthwiseConv2D(const Value& kernel_size, const DepthwiseConvOptions& options = {});

struct SeparableConvOptions {
  Value strides = 1;
  std::string padding = "valid";  ///< or "same"
  std::string data_format = "channels_last";
  Value dilation_rate = 1;
  int64_t depth_multiplier = 1;
  Value activation = {};
  bool use_bias = true;
  Value depthwise_initializer = "glorot_uniform";
  Value pointwise_initializer = "glorot_uniform";
  Value bias_initializer = "zeros";
  Value depthwise_regularizer = {};
  Value pointwise_regularizer = {};
  Value bias_regularizer = {};
  Value activity_regularizer = {};
  Value depthwise_constraint = {};
  Value pointwise_constraint = {};
  Value bias_constraint = {};
  std::string name = {};
  bool trainable = true;
};
/// Each channel by itself, then mixed place by place: [N,steps,c] → [N,steps',filters].
Layer SeparableConv1D(int64_t filters, const Value& kernel_size, const SeparableConvOptions& options = {});
/// [N,height,width,c] → [N,height',width',filters].
Layer SeparableConv2D(int64_t filters, const Value& kernel_size, const SeparableConvOptions& options = {});

struct ConvTransposeOptions {
  Value strides = 1;
  std::string padding = "valid";  ///< or "same"
  Value output_padding = {};      ///< None: as much as the strides ask for
  std::string data_format = "channels_last";
  Value dilation_rate = 1;
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
/// A convolution backwards, which strides make larger: [N,steps,c] → [N,steps',filters].
Layer Conv1DTranspose(int64_t filters, const Value& kernel_size, const ConvTransposeOptions& options = {});
/// [N,height,width,c] → [N,height',width',filters].
Layer Conv2DTranspose(int64_t filters, const Value& kernel_size, const ConvTransposeOptions& options = {});
/// [N,depth,height,width,c] → [N,depth',height',width',filters].
Layer Conv3DTranspose(int64_t filters, const Value& kernel_size, const ConvTransposeOptions& options = {});

}  // namespace keratin::keras::layers
