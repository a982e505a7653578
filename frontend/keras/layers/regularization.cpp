#include <keratin/keras/layers/regularization.h>

#include "frontend/keras/make.h"

namespace keratin::keras::layers {
namespace {

Layer dropout(std::string_view class_name, double rate, const DropoutOptions& o) {
  return make_layer(class_name, o.name, o.trainable,
                    {{"rate", rate}, {"seed", o.seed}, {"noise_shape", o.noise_shape}});
}

Layer spatial_dropout(std::string_view class_name, double rate, const SpatialDropoutOptions& o) {
  return make_layer(class_name, o.name, true,
                    {{"rate", rate}, {"seed", o.seed}, {"data_format", o.data_format}});
}

}  // namespace

Layer Dropout(double rate, const DropoutOptions& options) { return dropout("Dropout", rate, options); }
Layer AlphaDropout(double rate, const DropoutOptions& options) {
  return dropout("AlphaDropout", rate, options);
}

Layer SpatialDropout1D(double rate, const SpatialDropout1DOptions& o) {
  return make_layer("SpatialDropout1D", o.name, true, {{"rate", rate}, {"seed", o.seed}});
}
Layer SpatialDropout2D(double rate, const SpatialDropoutOptions& options) {
  return spatial_dropout("SpatialDropout2D", rate, options);
}
Layer SpatialDropout3D(double rate, const SpatialDropoutOptions& options) {
  return spatial_dropout("SpatialDropout3D", rate, options);
}

Layer GaussianDropout(double rate, const GaussianOptions& o) {
  return make_layer("GaussianDropout", o.name, o.trainable, {{"rate", rate}, {"seed", o.seed}});
}
Layer GaussianNoise(double stddev, const GaussianOptions& o) {
  return make_layer("GaussianNoise", o.name, o.trainable, {{"stddev", stddev}, {"seed", o.seed}});
}

Layer ActivityRegularization(const ActivityRegularizationOptions& o) {
  return make_layer("ActivityRegularization", o.name, o.trainable, {{"l1", o.l1}, {"l2", o.l2}});
}

}  // namespace keratin::keras::layers
