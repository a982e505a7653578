// The weights of layers, before and between the models that have them; what they start from.
#pragma once

#include <memory>
#include <vector>

#include "frontend/keras/node.h"

namespace keratin::keras {

/// The weights of a layer and, of a model, of its members.
std::vector<Weight*> weights_of(LayerNode& layer);
void set_value(Weight& weight, std::shared_ptr<const keratin::Tensor> value);
bool has_values(LayerNode& layer);

/// Gives the weights of a layer, which is no model, values by their initializers, in the reference interpreter. Throws Error(usage) if
/// it has not been called.
void initialize_layer(LayerNode& layer);

/// What initializers, shuffling and dropout draw from: each time something else, the same after the seed is set again.
uint64_t next_seed();

}  // namespace keratin::keras
