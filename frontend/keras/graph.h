// Models made of calls: what lies between inputs and outputs, in Keras's order and form.
#pragma once

#include "frontend/keras/node.h"

namespace keratin::keras {

/// The Functional between the two. An input that another layer gives becomes an input of its own.
/// Throws Error(usage) if an output needs what no input gives, and if two layers have one name.
std::unique_ptr<ModelState> make_functional(const Tensors& inputs, const Tensors& outputs);

/// Calls the members of a Sequential one after the other, if it begins with an input.
void connect_sequential(ModelState& model);

/// The input that an InputLayer gives.
Tensor input_of(const std::shared_ptr<LayerNode>& input_layer);
/// A new one. `batch_shape`: null where it is free.
Tensor make_input(const Json& batch_shape, const std::string& dtype, const std::string& name);

}  // namespace keratin::keras
