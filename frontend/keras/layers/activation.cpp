#include <keratin/keras/layers/activation.h>

#include "frontend/keras/make.h"

namespace keratin::keras::layers {

Layer ReLU(const ReLUOptions& o) {
  return make_layer(
      "ReLU", o.name, o.trainable,
      {{"max_value", o.max_value}, {"negative_slope", o.negative_slope}, {"threshold", o.threshold}});
}

Layer LeakyReLU(const LeakyReLUOptions& o) {
  return make_layer("LeakyReLU", o.name, o.trainable, {{"negative_slope", o.negative_slope}});
}

Layer PReLU(const PReLUOptions& o) {
  return make_layer("PReLU", o.name, o.trainable,
                    {{"alpha_initializer", o.alpha_initializer},
                     {"alpha_regularizer", o.alpha_regularizer},
                     {"alpha_constraint", o.alpha_constraint},
                     {"shared_axes", o.shared_axes}});
}

Layer ELU(const ELUOptions& o) { return make_layer("ELU", o.name, o.trainable, {{"alpha", o.alpha}}); }

Layer Softmax(const SoftmaxOptions& o) {
  return make_layer("Softmax", o.name, o.trainable, {{"axis", o.axis}});
}

}  // namespace keratin::keras::layers
