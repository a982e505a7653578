// The calls of a functional model, in the one form that tracing knows.
#pragma once

#include <string>
#include <vector>

#include "frontend/json.h"

namespace keratin {

/// A tensor of a functional model: output `tensor` of call `node` of `layer`.
struct TensorRef {
  std::string layer;
  int64_t node = 0, tensor = 0;
};

/// An argument of a call, as written: a tensor, a list, or plain data.
struct Argument {
  enum class Kind : uint8_t { tensor, list, data };
  Kind kind = Kind::data;
  TensorRef tensor;
  std::vector<Argument> items;
  const Json* data = nullptr;
};

/// One call of a layer.
struct LayerCall {
  std::vector<Argument> arguments;
  std::vector<std::pair<std::string, Argument>> keywords;
};

/// What a model calls a layer or an operation of its own. Configs of some operations have no name.
const std::string& name_in_model(const Json& object);

/// An argument in the form of Keras 3, in which tensors are objects that carry their history.
Argument read_argument(const Json& value);

/// The calls that a layer's "inbound_nodes" lists. Throws Error(data) if it has neither form.
std::vector<LayerCall> read_calls(const Json& layer);

/// A structure of [layer, call, tensor] triples, flattened as Keras does: dictionaries in the order of their keys.
std::vector<TensorRef> read_tensor_refs(const Json& structure);

/// All tensors in `argument`, in order.
void collect_tensors(const Argument& argument, std::vector<TensorRef>& tensors);

}  // namespace keratin
