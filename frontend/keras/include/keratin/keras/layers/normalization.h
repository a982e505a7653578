// BatchNormalization, LayerNormalization, GroupNormalization, RMSNormalization, UnitNormalization: [N,…] → [N,…].
#pragma once

#include <keratin/keras/layer.h>

namespace keratin::keras::layers {

struct BatchNormalizationOptions {
  int64_t axis = -1;  ///< of the channels
  double momentum = 0.99;
  double epsilon = 0.001;
  bool center = true;  ///< adds beta
  bool scale = true;   ///< multiplies by gamma
  Value beta_initializer = "zeros";
  Value gamma_initializer = "ones";
  Value moving_mean_initializer = "zeros";
  Value moving_variance_initializer = "ones";
  Value beta_regularizer = {};
  Value gamma_regularizer = {};
  Value beta_constraint = {};
  Value gamma_constraint = {};
  bool renorm = false;
  Value renorm_clipping = {};
  double renorm_momentum = 0.99;
  bool synchronized = false;
  std::string name = {};
  bool trainable = true;
};
/// Mean 0 and variance 1 of each channel: those of the batch in training, moving averages otherwise.
Layer BatchNormalization(const BatchNormalizationOptions& options = {});

struct LayerNormalizationOptions {
  Value axis = -1;  ///< one or several
  double epsilon = 0.001;
  bool center = true;  ///< adds beta
  bool scale = true;   ///< multiplies by gamma
  Value beta_initializer = "zeros";
  Value gamma_initializer = "ones";
  Value beta_regularizer = {};
  Value gamma_regularizer = {};
  Value beta_constraint = {};
  Value gamma_constraint = {};
  std::string name = {};
  bool trainable = true;
};
/// Mean 0 and variance 1 along `axis`, of each sample by itself.
Layer LayerNormalization(const LayerNormalizationOptions& options = {});

struct GroupNormalizationOptions {
  int64_t groups = 32;  ///< -1: a group per channel
  int64_t axis = -1;    ///< of the channels
  double epsilon = 0.001;
  bool center = true;  ///< adds beta
  bool scale = true;   ///< multiplies by gamma
  Value beta_initializer = "zeros";
  Value gamma_initializer = "ones";
  Value beta_regularizer = {};
  Value gamma_regularizer = {};
  Value beta_constraint = {};
  Value gamma_constraint = {};
  std::string name = {};
  bool trainable = true;
};
/// Mean 0 and variance 1 of each group of channels, of each sample by itself.
Layer GroupNormalization(const GroupNormalizationOptions& options = {});

struct RMSNormalizationOptions {
  Value axis = -1;  ///< one or several
  double epsilon = 1e-6;
  std::string name = {};
  bool trainable = true;
};
/// Divides by the root of the mean square along `axis`, and scales.
Layer RMSNormalization(const RMSNormalizationOptions& options = {});

struct UnitNormalizationOptions {
  Value axis = -1;  ///< one or several
  std::string name = {};
  bool trainable = true;
};
/// Length 1 along `axis`.
Layer UnitNormalization(const UnitNormalizationOptions& options = {});

}  // namespace keratin::keras::layers
