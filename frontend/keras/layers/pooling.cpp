#include <keratin/keras/layers/pooling.h>

#include "frontend/keras/make.h"

namespace keratin::keras::layers {
namespace {

Layer pooling(std::string_view class_name, size_t rank, const Value& pool_size, const PoolingOptions& o) {
  return make_layer(class_name, o.name, o.trainable,
                    {{"pool_size", repeated(pool_size, rank)},
                     {"padding", o.padding},
                     {"strides", repeated(o.strides.is_none() ? pool_size : o.strides, rank)},
                     {"data_format", o.data_format}});
}

Layer global_pooling(std::string_view class_name, const GlobalPoolingOptions& o) {
  return make_layer(class_name, o.name, o.trainable,
                    {{"data_format", o.data_format}, {"keepdims", o.keepdims}});
}

Layer adaptive_pooling(std::string_view class_name, size_t rank, const Value& output_size,
                       const AdaptivePoolingOptions& o) {
  return make_layer(class_name, o.name, o.trainable,
                    {{"output_size", repeated(output_size, rank)}, {"data_format", o.data_format}});
}

}  // namespace

Layer MaxPooling1D(const Value& pool_size, const PoolingOptions& options) {
  return pooling("MaxPooling1D", 1, pool_size, options);
}
Layer MaxPooling2D(const Value& pool_size, const PoolingOptions& options) {
  return pooling("MaxPooling2D", 2, pool_size, options);
}
Layer MaxPooling3D(const Value& pool_size, const PoolingOptions& options) {
  return pooling("MaxPooling3D", 3, pool_size, options);
}
Layer AveragePooling1D(const Value& pool_size, const PoolingOptions& options) {
  return pooling("AveragePooling1D", 1, pool_size, options);
}
Layer AveragePooling2D(const Value& pool_size, const PoolingOptions& options) {
  return pooling("AveragePooling2D", 2, pool_size, options);
}
Layer AveragePooling3D(const Value& pool_size, const PoolingOptions& options) {
  return pooling("AveragePooling3D", 3, pool_size, options);
}

Layer GlobalMaxPooling1D(const GlobalPoolingOptions& options) {
  return global_pooling("GlobalMaxPooling1D", options);
}
Layer GlobalMaxPooling2D(const GlobalPoolingOptions& options) {
  return global_pooling("GlobalMaxPooling2D", options);
}
Layer GlobalMaxPooling3D(const GlobalPoolingOptions& options) {
  return global_pooling("GlobalMaxPooling3D", options);
}
Layer GlobalAveragePooling1D(const GlobalPoolingOptions& options) {
  return global_pooling("GlobalAveragePooling1D", options);
}
Layer GlobalAveragePooling2D(const GlobalPoolingOptions& options) {
  return global_pooling("GlobalAveragePooling2D", options);
}
Layer GlobalAveragePooling3D(const GlobalPoolingOptions& options) {
  return global_pooling("GlobalAveragePooling3D", options);
}

Layer AdaptiveMaxPooling1D(const Value& output_size, const AdaptivePoolingOptions& options) {
  return adaptive_pooling("AdaptiveMaxPooling1D", 1, output_size, options);
}
Layer AdaptiveMaxPooling2D(const Value& output_size, const AdaptivePoolingOptions& options) {
  return adaptive_pooling("AdaptiveMaxPooling2D", 2, output_size, options);
}
Layer AdaptiveMaxPooling3D(const Value& output_size, const AdaptivePoolingOptions& options) {
  return adaptive_pooling("AdaptiveMaxPooling3D", 3, output_size, options);
}
Layer AdaptiveAveragePooling1D(const Value& output_size, const AdaptivePoolingOptions& options) {
  return adaptive_pooling("AdaptiveAveragePooling1D", 1, output_size, options);
}
Layer AdaptiveAveragePooling2D(const Value& output_size, const AdaptivePoolingOptions& options) {
  return adaptive_pooling("AdaptiveAveragePooling2D", 2, output_size, options);
}
Layer AdaptiveAveragePooling3D(const Value& output_size, const AdaptivePoolingOptions& options) {
  return adaptive_pooling("AdaptiveAveragePooling3D", 3, output_size, options);
}

}  // namespace keratin::keras::layers
