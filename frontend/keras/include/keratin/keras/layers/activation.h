// Activations that have arguments: ReLU, LeakyReLU, PReLU, ELU, Softmax.
#pragma once

#include <keratin/keras/layer.h>

namespace keratin::keras::layers {

struct ReLUOptions {
  Value max_value = {};  ///< None: no limit
  double negative_slope = 0.0;
  double threshold = 0.0;
  std::string name = {};
  bool trainable = true;
};
/// x from `threshold` to `max_value`; below, negative_slope · (x − threshold): [N,…] → [N,…].
Layer ReLU(const ReLUOptions& options = {});

struct LeakyReLUOptions {
  double negative_slope = 0.3;
  std::string name = {};
  bool trainable = true;
};
/// x above 0, negative_slope · x below: [N,…] → [N,…].
Layer LeakyReLU(const LeakyReLUOptions& options = {});

struct PReLUOptions {
  Value alpha_initializer = "zeros";
  Value alpha_regularizer = {};
  Value alpha_constraint = {};
  Value shared_axes = {};  ///< axes, from 1 on, along which there is one slope
  std::string name = {};
  bool trainable = true;
};
/// x above 0, alpha · x below, where alpha is trained: [N,…] → [N,…].
Layer PReLU(const PReLUOptions& options = {});

struct ELUOptions {
  double alpha = 1.0;
  std::string name = {};
  bool trainable = true;
};
/// x above 0, alpha · (eˣ − 1) below: [N,…] → [N,…].
Layer ELU(const ELUOptions& options = {});

struct SoftmaxOptions {
  Value axis = -1;  ///< one or several
  std::string name = {};
  bool trainable = true;
};
/// Positive numbers that sum up to 1 along `axis`: [N,…] → [N,…]. A mask hides elements.
Layer Softmax(const SoftmaxOptions& options = {});

}  // namespace keratin::keras::layers
