// Pooling: in windows of a given size, in a given number of windows, and of everything.
//
// Sizes are a number, which stands for all axes, or one number per axis. Shapes below are those of data_format "channels_last".
#pragma once

#include <keratin/keras/layer.h>

namespace keratin::keras::layers {

struct PoolingOptions {
  Value strides = {};             ///< None: pool_size
  std::string padding = "valid";  ///< or "same"
  std::string data_format = "channels_last";
  std::string name = {};
  bool trainable = true;
};
/// The largest of each window: [N,steps,c] → [N,steps',c].
Layer MaxPooling1D(const Value& pool_size = 2, const PoolingOptions& options = {});
/// [N,height,width,c] → [N,height',width',c].
Layer MaxPooling2D(const Value& pool_size = 2, const PoolingOptions& options = {});
/// [N,depth,height,width,c] → [N,depth',height',width',c].
Layer MaxPooling3D(const Value& pool_size = 2, const PoolingOptions& options = {});
/// The mean of each window, padding not counted: [N,steps,c] → [N,steps',c].
Layer AveragePooling1D(const Value& pool_size, const PoolingOptions& options = {});
/// [N,height,width,c] → [N,height',width',c].
Layer AveragePooling2D(const Value& pool_size, const PoolingOptions& options = {});
/// [N,depth,height,width,c] → [N,depth',height',width',c].
Layer AveragePooling3D(const Value& pool_size, const PoolingOptions& options = {});

struct GlobalPoolingOptions {
  std::string data_format = "channels_last";
  bool keepdims = false;  ///< pooled axes stay, with extent 1
  std::string name = {};
  bool trainable = true;
};
/// The largest of each channel: [N,steps,c] → [N,c].
Layer GlobalMaxPooling1D(const GlobalPoolingOptions& options = {});
/// [N,height,width,c] → [N,c].
Layer GlobalMaxPooling2D(const GlobalPoolingOptions& options = {});
/// [N,depth,height,width,c] → [N,c].
Layer GlobalMaxPooling3D(const GlobalPoolingOptions& options = {});
/// The mean of each channel, of the steps that a mask leaves: [N,steps,c] → [N,c].
Layer GlobalAveragePooling1D(const GlobalPoolingOptions& options = {});
/// [N,height,width,c] → [N,c].
Layer GlobalAveragePooling2D(const GlobalPoolingOptions& options = {});
/// [N,depth,height,width,c] → [N,c].
Layer GlobalAveragePooling3D(const GlobalPoolingOptions& options = {});

struct AdaptivePoolingOptions {
  std::string data_format = "channels_last";
  std::string name = {};
  bool trainable = true;
};
/// The largest of each of `output_size` windows of nearly the same size: [N,steps,c] → [N,steps',c].
Layer AdaptiveMaxPooling1D(const Value& output_size, const AdaptivePoolingOptions& options = {});
/// [N,height,width,c] → [N,height',width',c].
Layer AdaptiveMaxPooling2D(const Value& output_size, const AdaptivePoolingOptions& options = {});
/// [N,depth,height,width,c] → [N,depth',height',width',c].
Layer AdaptiveMaxPooling3D(const Value& output_size, const AdaptivePoolingOptions& options = {});
/// The mean of each of `output_size` windows: [N,steps,c] → [N,steps',c].
Layer AdaptiveAveragePooling1D(const Value& output_size, const AdaptivePoolingOptions& options = {});
/// [N,height,width,c] → [N,height',width',c].
Layer AdaptiveAveragePooling2D(const Value& output_size, const AdaptivePoolingOptions& options = {});
/// [N,depth,height,width,c] → [N,depth',height',width',c].
Layer AdaptiveAveragePooling3D(const Value& output_size, const AdaptivePoolingOptions& options = {});

}  // namespace keratin::keras::layers
