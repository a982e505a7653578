// Dropout, noise, penalties: [N,…] → [N,…], the same unless a model is trained.
#pragma once

#include <keratin/keras/layer.h>

namespace keratin::keras::layers {

struct DropoutOptions {
  Value noise_shape =
      {};  ///< the shape of what is drawn, which the input's is broadcast from; None in it is the input's extent
  Value seed = {};
  std::string name = {};
  bool trainable = true;
};
/// Sets elements to 0 with probability `rate`, and scales up the others.
Layer Dropout(double rate, const DropoutOptions& options = {});
/// For selu: sets elements to its negative limit with probability `rate`, keeping mean and variance. Not in training yet.
Layer AlphaDropout(double rate, const DropoutOptions& options = {});

/// Keras has no `trainable` for these.
struct SpatialDropout1DOptions {
  Value seed = {};
  std::string name = {};
};
/// Drops whole channels: [N,steps,c].
Layer SpatialDropout1D(double rate, const SpatialDropout1DOptions& options = {});

struct SpatialDropoutOptions {
  std::string data_format = "channels_last";
  Value seed = {};
  std::string name = {};
};
/// Drops whole channels: [N,height,width,c].
Layer SpatialDropout2D(double rate, const SpatialDropoutOptions& options = {});
/// Drops whole channels: [N,depth,height,width,c].
Layer SpatialDropout3D(double rate, const SpatialDropoutOptions& options = {});

struct GaussianOptions {
  Value seed = {};
  std::string name = {};
  bool trainable = true;
};
/// Multiplies by normal numbers around 1 with deviation √(rate / (1 − rate)). Not in training yet.
Layer GaussianDropout(double rate, const GaussianOptions& options = {});
/// Adds normal numbers around 0. Not in training yet.
Layer GaussianNoise(double stddev, const GaussianOptions& options = {});

struct ActivityRegularizationOptions {
  double l1 = 0.0;
  double l2 = 0.0;
  std::string name = {};
  bool trainable = true;
};
/// Adds l1 · Σ|x| + l2 · Σx² to the loss.
Layer ActivityRegularization(const ActivityRegularizationOptions& options = {});

}  // namespace keratin::keras::layers
