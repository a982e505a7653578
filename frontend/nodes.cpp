#include "frontend/nodes.h"

#include <algorithm>

#include "ir/error.h"
#include "ir/text.h"

namespace keratin {
namespace {

/// ["x", 0, 0] or ["x", 0, 0, {…}]
bool is_triple(const Json& value) {
  return value.is_array() && value.size() >= 3 && value.at(0).is_string() &&
         value.at(1).kind() == Json::Kind::integer && value.at(2).kind() == Json::Kind::integer;
}

/// ["_CONSTANT_VALUE", -1, 1.0, {…}]: an argument in the place of a tensor that is none.
bool is_constant(const Json& value) {
  return value.is_array() && value.size() >= 3 && value.at(0).is_string() &&
         value.at(0).as_string() == "_CONSTANT_VALUE";
}

TensorRef read_triple(const Json& value) {
  return {value.at(0).as_string(), value.at(1).as_int(), value.at(2).as_int()};
}

/// The members of an object in the order of their keys.
std::vector<const Json*> sorted_members(const Json& object) {
  std::vector<const std::pair<std::string, Json>*> members;
  for (const auto& member : object.members()) members.push_back(&member);
  std::sort(members.begin(), members.end(), [](const auto* a, const auto* b) { return a->first < b->first; });
  std::vector<const Json*> values;
  for (const auto* member : members) values.push_back(&member->second);
  return values;
}

Argument tensor_argument(TensorRef ref) { return {.kind = Argument::Kind::tensor, .tensor = std::move(ref)}; }

/// A keyword argument in the form of Keras 2: tensors are triples.
Argument read_old_argument(const Json& value) {
  if (is_triple(value)) return tensor_argument(read_triple(value));
  Argument out{.data = &value};
  if (value.is_array()) {
    out.kind = Argument::Kind::list;
    for (const Json& item : value.items()) out.items.push_back(read_old_argument(item));
  }
  return out;
}

void read_old_keywords(const Json& keywords, LayerCall& call) {
  if (!keywords.is_object()) return;
  for (const auto& [key, value] : keywords.members())
    call.keywords.emplace_back(key, read_old_argument(value));
}

/// A call in the form of Keras 2: [tensor, tensor, …] or one tensor, each with the keyword arguments at its end.
LayerCall read_old_call(const Json& node) {
  LayerCall call;
  const auto add = [&](const Json& entry) {
    call.arguments.push_back(is_constant(entry) ? Argument{.data = &entry.at(2)}
                                                : tensor_argument(read_triple(entry)));
    if (entry.size() > 3) read_old_keywords(entry.at(3), call);
  };
  if (is_constant(node) || is_triple(node)) {
    add(node);
    return call;
  }
  for (const Json* entry : node.is_object() ? sorted_members(node) : [&] {
         std::vector<const Json*> entries;
         for (const Json& item : node.items()) entries.push_back(&item);
         return entries;
       }())
    add(*entry);
  return call;
}

LayerCall read_call(const Json& node) {
  if (!node.is_object() || !node.has("args")) return read_old_call(node);
  LayerCall call;
  for (const Json& item : node["args"].items()) call.arguments.push_back(read_argument(item));
  for (const auto& [key, value] : node["kwargs"].members())
    call.keywords.emplace_back(key, read_argument(value));
  return call;
}

void add_refs(const Json& structure, std::vector<TensorRef>& refs) {
  if (is_triple(structure)) {
    refs.push_back(read_triple(structure));
  } else if (structure.is_object()) {
    for (const Json* item : sorted_members(structure)) add_refs(*item, refs);
  } else {
    for (const Json& item : structure.items()) add_refs(item, refs);
  }
}

}  // namespace

Argument read_argument(const Json& value) {
  Argument out{.data = &value};
  if (value.is_array()) {
    out.kind = Argument::Kind::list;
    for (const Json& item : value.items()) out.items.push_back(read_argument(item));
  } else if (value.is_object() && value.has("class_name")) {
    if (value["class_name"].as_string() == "__keras_tensor__")
      return tensor_argument(read_triple(value["config"]["keras_history"]));
  } else if (value.is_object()) {
    out.kind = Argument::Kind::list;
    for (const Json* item : sorted_members(value)) out.items.push_back(read_argument(*item));
  }
  return out;
}

const std::string& name_in_model(const Json& object) {
  return (object["name"].is_null() ? object["config"]["name"] : object["name"]).as_string();
}

std::vector<LayerCall> read_calls(const Json& layer) {
  std::vector<LayerCall> calls;
  for (const Json& node : layer["inbound_nodes"].items()) calls.push_back(read_call(node));
  return calls;
}

std::vector<TensorRef> read_tensor_refs(const Json& structure) {
  std::vector<TensorRef> refs;
  add_refs(structure, refs);
  return refs;
}

void collect_tensors(const Argument& argument, std::vector<TensorRef>& tensors) {
  if (argument.kind == Argument::Kind::tensor) tensors.push_back(argument.tensor);
  for (const Argument& item : argument.items) collect_tensors(item, tensors);
}

}  // namespace keratin
