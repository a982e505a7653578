#include <keratin/keras/layers/reshaping.h>

#include "frontend/keras/layers/arguments.h"

namespace keratin::keras::layers {

Layer Flatten(const FlattenOptions& o) {
  return make_layer("Flatten", o.name, o.trainable, {{"data_format", o.data_format}});
}

Layer Reshape(const Value& target_shape, const LayerOptions& o) {
  return make_layer("Reshape", o.name, o.trainable, {{"target_shape", repeated(target_shape, 1)}});
}

Layer Permute(const Value& dims, const LayerOptions& o) {
  return make_layer("Permute", o.name, o.trainable, {{"dims", repeated(dims, 1)}});
}

Layer RepeatVector(int64_t n, const LayerOptions& o) {
  return make_layer("RepeatVector", o.name, o.trainable, {{"n", n}});
}

Layer ZeroPadding1D(const Value& padding, const ZeroPaddingOptions& o) {
  return make_layer("ZeroPadding1D", o.name, o.trainable,
                    {{"padding", both_ends(padding)}, {"data_format", o.data_format}});
}
Layer ZeroPadding2D(const Value& padding, const ZeroPaddingOptions& o) {
  return make_layer("ZeroPadding2D", o.name, o.trainable,
                    {{"padding", both_ends(padding, 2)}, {"data_format", o.data_format}});
}
Layer ZeroPadding3D(const Value& padding, const ZeroPaddingOptions& o) {
  return make_layer("ZeroPadding3D", o.name, o.trainable,
                    {{"padding", both_ends(padding, 3)}, {"data_format", o.data_format}});
}

Layer Cropping1D(const Value& cropping, const LayerOptions& o) {
  return make_layer("Cropping1D", o.name, o.trainable, {{"cropping", both_ends(cropping)}});
}
Layer Cropping2D(const Value& cropping, const CroppingOptions& o) {
  return make_layer("Cropping2D", o.name, o.trainable,
                    {{"cropping", both_ends(cropping, 2)}, {"data_format", o.data_format}});
}
Layer Cropping3D(const Value& cropping, const CroppingOptions& o) {
  return make_layer("Cropping3D", o.name, o.trainable,
                    {{"cropping", both_ends(cropping, 3)}, {"data_format", o.data_format}});
}

Layer UpSampling1D(int64_t size, const LayerOptions& o) {
  return make_layer("UpSampling1D", o.name, o.trainable, {{"size", size}});
}
Layer UpSampling2D(const Value& size, const UpSampling2DOptions& o) {
  return make_layer(
      "UpSampling2D", o.name, o.trainable,
      {{"size", repeated(size, 2)}, {"data_format", o.data_format}, {"interpolation", o.interpolation}});
}
Layer UpSampling3D(const Value& size, const UpSampling3DOptions& o) {
  return make_layer("UpSampling3D", o.name, o.trainable,
                    {{"size", repeated(size, 3)}, {"data_format", o.data_format}});
}

}  // namespace keratin::keras::layers
