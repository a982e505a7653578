// Shapes: Flatten, Reshape, Permute, RepeatVector, padding, cropping, up-sampling.
//
// Shapes below are those of data_format "channels_last".
#pragma once

#include <keratin/keras/layer.h>
#include <keratin/keras/layers/core.h>

namespace keratin::keras::layers {

struct FlattenOptions {
  std::string data_format = "channels_last";
  std::string name = {};
  bool trainable = true;
};
/// [N,a,b,…] → [N,a·b·…].
Layer Flatten(const FlattenOptions& options = {});

/// [N,…] → [N,target_shape]; a -1 in it is what remains.
Layer Reshape(const Value& target_shape, const LayerOptions& options = {});

/// Axes in the order of `dims`, which counts from 1 and leaves the batch where it is: {2, 1} is [N,a,b] → [N,b,a].
Layer Permute(const Value& dims, const LayerOptions& options = {});

/// [N,d] → [N,n,d].
Layer RepeatVector(int64_t n, const LayerOptions& options = {});

struct ZeroPaddingOptions {
  std::string data_format = "channels_last";
  std::string name = {};
  bool trainable = true;
};
/// Zeros around: `padding` of them at both ends, or {before, after}: [N,steps,c] → [N,steps',c].
Layer ZeroPadding1D(const Value& padding = 1, const ZeroPaddingOptions& options = {});
/// `padding`: p, {p, q} or {{before, after}, {before, after}}: [N,height,width,c] → [N,height',width',c].
Layer ZeroPadding2D(const Value& padding = 1, const ZeroPaddingOptions& options = {});
/// [N,depth,height,width,c] → [N,depth',height',width',c].
Layer ZeroPadding3D(const Value& padding = 1, const ZeroPaddingOptions& options = {});

struct CroppingOptions {
  std::string data_format = "channels_last";
  std::string name = {};
  bool trainable = true;
};
/// Takes away `cropping` steps at both ends, or {before, after}: [N,steps,c] → [N,steps',c].
Layer Cropping1D(const Value& cropping = 1, const LayerOptions& options = {});
/// `cropping`: p, {p, q} or {{before, after}, {before, after}}: [N,height,width,c] → [N,height',width',c].
Layer Cropping2D(const Value& cropping = 0, const CroppingOptions& options = {});
/// [N,depth,height,width,c] → [N,depth',height',width',c].
Layer Cropping3D(const Value& cropping = 1, const CroppingOptions& options = {});

/// Every step `size` times: [N,steps,c] → [N,steps·size,c].
Layer UpSampling1D(int64_t size = 2, const LayerOptions& options = {});

struct UpSampling2DOptions {
  std::string data_format = "channels_last";
  std::string interpolation = "nearest";  ///< or "bilinear"
  std::string name = {};
  bool trainable = true;
};
/// `size` times as large, each axis by itself if it is two numbers: [N,height,width,c] → [N,height',width',c].
Layer UpSampling2D(const Value& size = 2, const UpSampling2DOptions& options = {});

struct UpSampling3DOptions {
  std::string data_format = "channels_last";
  std::string name = {};
  bool trainable = true;
};
/// [N,depth,height,width,c] → [N,depth',height',width',c].
Layer UpSampling3D(const Value& size = 2, const UpSampling3DOptions& options = {});

}  // namespace keratin::keras::layers
