// Models that were read: their members, and the calls of these.
#pragma once

#include "frontend/keras/node.h"

namespace keratin::keras {

/// Layers may be in several places.
using NodesOfLayers = std::map<const keratin::Layer*, std::shared_ptr<LayerNode>>;

/// The members of a model that was read and traced, with their calls.
std::unique_ptr<ModelState> read_model(const Json& object, const keratin::Layer& traced,
                                       NodesOfLayers& nodes);

}  // namespace keratin::keras
