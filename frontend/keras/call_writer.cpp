#include "frontend/keras/call_writer.h"

#include <set>

namespace keratin::keras {

using Call = std::shared_ptr<const CallNode>;

CallWriter::CallWriter(const std::vector<Call>& calls) {
  for (const Call& call : calls) calls_of_[call->layer.get()].push_back(call);
  for (auto& [layer, own] : calls_of_) {
    // In the order in which they were made.
    const std::set<Call> wanted(own.begin(), own.end());
    std::vector<Call> ordered;
    for (const auto& made : layer->calls)
      if (const Call call = made.lock(); wanted.contains(call)) ordered.push_back(call);
    own = std::move(ordered);
    for (size_t i = 0; i < own.size(); ++i) places_[own[i].get()] = static_cast<int64_t>(i);
  }
}

Json CallWriter::inbound_nodes(const LayerNode& layer) const {
  std::vector<Json> nodes;
  for (const Call& call : calls_of_.at(&layer)) {
    if (call->is_input()) continue;
    std::vector<Json> positional;
    for (const CallArgument& argument : call->arguments) positional.push_back(written(argument));
    std::vector<std::pair<std::string, Json>> keywords;
    for (const auto& [name, argument] : call->keywords) keywords.emplace_back(name, written(argument));
    nodes.push_back(Json::object(
        {{"args", Json::array(std::move(positional))}, {"kwargs", Json::object(std::move(keywords))}}));
  }
  return Json::array(std::move(nodes));
}

Json CallWriter::listed(const Tensors& tensors) const {
  std::vector<Json> triples;
  for (const Tensor& tensor : tensors) {
    const LayerNode& layer = *tensor.call()->layer;
    const bool counts_own_call = layer.model && !layer.model->is_sequential;
    triples.push_back(triple(tensor, counts_own_call ? 1 : 0));
  }
  if (tensors.size() == 1 && !tensors.is_list()) return triples[0];
  return Json::array(std::move(triples));
}

Json CallWriter::triple(const Tensor& tensor, int64_t first) const {
  return Json::array({Json::of(tensor.call()->layer->name), Json::of(places_.at(tensor.call().get()) + first),
                      Json::of(static_cast<int64_t>(tensor.output()))});
}

Json CallWriter::written(const CallArgument& argument) const {
  if (argument.tensor) {
    const std::vector<Type>& outputs = argument.tensor->call()->outputs;
    const Type type = outputs.empty() ? Type(DType::f32, {}) : outputs[argument.tensor->output()];
    return Json::object({{"class_name", Json::of(std::string("__keras_tensor__"))},
                         {"config", Json::object({{"shape", batch_shape(type.shape)},
                                                  {"dtype", Json::of(std::string(dtype_name(type.dtype)))},
                                                  {"keras_history", triple(*argument.tensor)}})}});
  }
  if (!argument.is_list) return argument.data;
  std::vector<Json> items;
  for (const CallArgument& item : argument.items) items.push_back(written(item));
  return Json::array(std::move(items));
}

}  // namespace keratin::keras
