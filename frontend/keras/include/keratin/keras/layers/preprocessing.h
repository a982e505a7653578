// Layers that turn raw inputs into numbers to compute with.
#pragma once

#include <keratin/keras/layer.h>

namespace keratin::keras::layers {

struct RescalingOptions {
  Value offset = 0.0;
  std::string name = {};
  bool trainable = true;
};
/// x · scale + offset: [N,…] → [N,…]. Both are a number, or a list that is broadcast.
Layer Rescaling(const Value& scale, const RescalingOptions& options = {});

struct NormalizationOptions {
  Value axis = -1;  ///< that have a mean each: one, several, or None
  Value mean = {};  ///< a number or a list
  Value variance = {};
  bool invert = false;  ///< x · √variance + mean
  std::string name = {};
  bool trainable = true;
};
/// (x − mean) / √variance: [N,…] → [N,…].
Layer Normalization(const NormalizationOptions& options = {});

/// Keras has no `trainable` for it.
struct DiscretizationOptions {
  double epsilon = 0.01;
  std::string output_mode = "int";  ///< or "one_hot", "multi_hot", "count"
  bool sparse = false;
  std::string name = {};
};
/// How many of the boundaries, which ascend, are not above each element: [N,…] → [N,…], integers.
Layer Discretization(const Value& bin_boundaries, const DiscretizationOptions& options = {});

struct CategoryEncodingOptions {
  std::string output_mode = "multi_hot";  ///< or "one_hot", "count"
  bool sparse = false;
  std::string name = {};
  bool trainable = true;
};
/// Which integers below `num_tokens` are in a row: [N,d] → [N,num_tokens].
Layer CategoryEncoding(int64_t num_tokens, const CategoryEncodingOptions& options = {});

struct ResizingOptions {
  std::string interpolation = "bilinear";  ///< or "nearest"
  bool crop_to_aspect_ratio = false;
  bool pad_to_aspect_ratio = false;
  std::string fill_mode = "constant";
  double fill_value = 0.0;
  bool antialias = false;
  std::string data_format = "channels_last";
  std::string name = {};
  bool trainable = true;
};
/// [N,h,w,c] → [N,height,width,c].
Layer Resizing(int64_t height, int64_t width, const ResizingOptions& options = {});

struct CenterCropOptions {
  std::string data_format = "channels_last";
  std::string name = {};
  bool trainable = true;
};
/// The middle of each image: [N,h,w,c] → [N,height,width,c].
Layer CenterCrop(int64_t height, int64_t width, const CenterCropOptions& options = {});

}  // namespace keratin::keras::layers
