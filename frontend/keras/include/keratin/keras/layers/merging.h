// Layers that are called on several tensors: `Add()({x, y})`.
#pragma once

#include <keratin/keras/layer.h>
#include <keratin/keras/layers/core.h>

namespace keratin::keras::layers {

/// x + y + …, element by element, broadcast: [N,…], [N,…], … → [N,…].
Layer Add(const LayerOptions& options = {});
/// x − y: [N,…], [N,…] → [N,…].
Layer Subtract(const LayerOptions& options = {});
/// x · y · …, element by element: [N,…], [N,…], … → [N,…].
Layer Multiply(const LayerOptions& options = {});
/// The mean, element by element: [N,…], [N,…], … → [N,…].
Layer Average(const LayerOptions& options = {});
/// The larger one, element by element: [N,…], [N,…], … → [N,…].
Layer Maximum(const LayerOptions& options = {});
/// The smaller one, element by element: [N,…], [N,…], … → [N,…].
Layer Minimum(const LayerOptions& options = {});

struct ConcatenateOptions {
  int64_t axis = -1;
  std::string name = {};
  bool trainable = true;
};
/// One after the other along `axis`: [N,…,a], [N,…,b], … → [N,…,a+b+…].
Layer Concatenate(const ConcatenateOptions& options = {});

struct DotOptions {
  bool normalize = false;  ///< to length 1 before: the cosine
  std::string name = {};
  bool trainable = true;
};
/// The product of two tensors, summed along `axes`: one that both have, or one of each: [N,a,d], [N,b,d] → [N,a,b].
Layer Dot(const Value& axes, const DotOptions& options = {});

}  // namespace keratin::keras::layers
