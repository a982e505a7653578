#include <keratin/keras/layers/normalization.h>

#include "frontend/keras/make.h"

namespace keratin::keras::layers {
namespace {

/// A layer with gamma and beta, and its `own` arguments.
template <typename Options>
Layer affine(std::string_view class_name, const Options& o, Arguments own) {
  Arguments arguments = {{"axis", o.axis},
                         {"epsilon", o.epsilon},
                         {"center", o.center},
                         {"scale", o.scale},
                         {"beta_initializer", o.beta_initializer},
                         {"gamma_initializer", o.gamma_initializer},
                         {"beta_regularizer", o.beta_regularizer},
                         {"gamma_regularizer", o.gamma_regularizer},
                         {"beta_constraint", o.beta_constraint},
                         {"gamma_constraint", o.gamma_constraint}};
  arguments.insert(arguments.end(), own.begin(), own.end());
  return make_layer(class_name, o.name, o.trainable, std::move(arguments));
}

}  // namespace

Layer BatchNormalization(const BatchNormalizationOptions& o) {
  return affine("BatchNormalization", o,
                {{"momentum", o.momentum},
                 {"moving_mean_initializer", o.moving_mean_initializer},
                 {"moving_variance_initializer", o.moving_variance_initializer},
                 {"synchronized", o.synchronized},
                 {"renorm", o.renorm},
                 {"renorm_clipping", o.renorm_clipping},
                 {"renorm_momentum", o.renorm_momentum}});
}

Layer LayerNormalization(const LayerNormalizationOptions& o) {
  return affine("LayerNormalization", o, {{"rms_scaling", false}});
}

Layer GroupNormalization(const GroupNormalizationOptions& o) {
  return affine("GroupNormalization", o, {{"groups", o.groups}});
}

Layer RMSNormalization(const RMSNormalizationOptions& o) {
  return make_layer("RMSNormalization", o.name, o.trainable, {{"axis", o.axis}, {"epsilon", o.epsilon}});
}

Layer UnitNormalization(const UnitNormalizationOptions& o) {
  return make_layer("UnitNormalization", o.name, o.trainable, {{"axis", o.axis}});
}

}  // namespace keratin::keras::layers
