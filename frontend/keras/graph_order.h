// The calls between inputs and outputs, and the order in which Keras keeps their layers: the weights file numbers them by it.
#pragma once

#include <memory>
#include <vector>

#include "frontend/keras/node.h"

namespace keratin::keras {

struct GraphOrder {
  std::vector<std::shared_ptr<const CallNode>> calls;  ///< each behind those that it needs
  std::vector<std::shared_ptr<LayerNode>>
      layers;  ///< by how many calls are at most between them and an output, then as found
};

/// As keras/src/ops/function.py, map_graph, has it. What lies before an input that is a layer's output is left
/// out. Throws Error(usage) if an output needs an Input that is not among `inputs`.
GraphOrder order_graph(const Tensors& inputs, const Tensors& outputs);

}  // namespace keratin::keras
