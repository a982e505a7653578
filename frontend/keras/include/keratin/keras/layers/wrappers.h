// Layers around a layer.
#pragma once

#include <keratin/keras/layer.h>
#include <keratin/keras/layers/core.h>

namespace keratin::keras::layers {

struct BidirectionalOptions {
  Value merge_mode = "concat";  ///< or "sum", "mul", "ave"; None: two outputs
  Value backward_layer = {};    ///< a layer that goes backwards; None: as `layer`
  std::string name = {};
  bool trainable = true;
};
/// Runs a recurrent layer over the steps in both directions: [N,steps,d] → [N,2·units]. The layers within are new ones, made
/// like `layer`. Throws if the two do not fit together.
Layer Bidirectional(const Layer& layer, const BidirectionalOptions& options = {});

/// `layer` itself, weights included, on every step: [N,steps,…] → [N,steps,…].
Layer TimeDistributed(const Layer& layer, const LayerOptions& options = {});

struct SpectralNormalizationOptions {
  int64_t power_iterations = 1;
  std::string name = {};
  bool trainable = true;
};
/// `layer` itself, with its kernel divided by the kernel's largest singular value. Not in training yet.
Layer SpectralNormalization(const Layer& layer, const SpectralNormalizationOptions& options = {});

}  // namespace keratin::keras::layers
