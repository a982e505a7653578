// The calls of a Functional as Keras writes them: a tensor is the place of its call among those of its layer that the model has.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "frontend/keras/node.h"

namespace keratin::keras {

class CallWriter {
 public:
  explicit CallWriter(const std::vector<std::shared_ptr<const CallNode>>& calls);

  /// A layer's "inbound_nodes".
  Json inbound_nodes(const LayerNode& layer) const;
  /// As "input_layers" and "output_layers" list tensors: there a Functional has been called once when it was made.
  Json listed(const Tensors& tensors) const;

 private:
  Json triple(const Tensor& tensor, int64_t first = 0) const;
  Json written(const CallArgument& argument) const;

  std::map<const LayerNode*, std::vector<std::shared_ptr<const CallNode>>> calls_of_;
  std::map<const CallNode*, int64_t> places_;
};

}  // namespace keratin::keras
