#include <keratin/keras/layers/merging.h>

#include "frontend/keras/make.h"

namespace keratin::keras::layers {

Layer Add(const LayerOptions& o) { return make_layer("Add", o.name, o.trainable, {}); }
Layer Subtract(const LayerOptions& o) { return make_layer("Subtract", o.name, o.trainable, {}); }
Layer Multiply(const LayerOptions& o) { return make_layer("Multiply", o.name, o.trainable, {}); }
Layer Average(const LayerOptions& o) { return make_layer("Average", o.name, o.trainable, {}); }
Layer Maximum(const LayerOptions& o) { return make_layer("Maximum", o.name, o.trainable, {}); }
Layer Minimum(const LayerOptions& o) { return make_layer("Minimum", o.name, o.trainable, {}); }

Layer Concatenate(const ConcatenateOptions& o) {
  return make_layer("Concatenate", o.name, o.trainable, {{"axis", o.axis}});
}

Layer Dot(const Value& axes, const DotOptions& o) {
  return make_layer("Dot", o.name, o.trainable, {{"axes", axes}, {"normalize", o.normalize}});
}

}  // namespace keratin::keras::layers
