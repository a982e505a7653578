// The order in which Keras runs the calls of a functional model.
#pragma once

#include <cstddef>
#include <vector>

namespace keratin {

/// A call: whose it is, and which calls it takes tensors from.
struct CallNeeds {
  const void* layer;
  std::vector<size_t> needs;
};

/// `calls` by their distance from the outputs, the farthest first. A layer's calls are as far as the farthest of them. Of calls
/// that are equally far, Keras takes those first that it has seen last. Requires: each call stands behind those that it
/// needs, in the order in which a search from the outputs, depth first, leaves them.
std::vector<size_t> keras_order(const std::vector<CallNeeds>& calls);

}  // namespace keratin
