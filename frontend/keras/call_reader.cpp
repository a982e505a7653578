#include "frontend/keras/call_reader.h"

#include <deque>
#include <map>
#include <optional>

#include "frontend/graph_call.h"
#include "frontend/keras/graph.h"
#include "frontend/layers/lookup.h"
#include "frontend/model_file.h"
#include "frontend/nodes.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin::keras {
namespace {

using Call = std::shared_ptr<const CallNode>;

/// Makes the calls of a serialized Functional. The types of what they give stand where others take it.
class CallReader {
 public:
  CallReader(ModelState& model, const std::vector<Type>& output_types) : model_(model) {
    for (const Member& member : model.members) {
      members_[member.layer->name] = &member;
      note_types(member.inbound_nodes);
      layers_.push_back(Json::object({{"inbound_nodes", member.inbound_nodes}}));
      read_[member.layer->name] = read_calls(layers_.back());
    }
    const std::vector<TensorRef> outputs = output_refs();
    for (size_t i = 0; i < outputs.size() && i < output_types.size(); ++i) note(outputs[i], output_types[i]);
    for (const TensorRef& input : read_tensor_refs(model.input_layers)) make(input);
    for (const TensorRef& output : outputs) make(output);
    for (const auto& [key, call] : made_)
      call->layer->calls.push_back(call);  // in the order in which they were made
    model.inputs = tensors(read_tensor_refs(model.input_layers), model.input_layers);
    model.outputs = tensors(outputs, model.output_layers);
  }

 private:
  using Key = std::pair<std::string, int64_t>;

  std::vector<TensorRef> output_refs() const {
    std::vector<TensorRef> refs = read_tensor_refs(model_.output_layers);
    for (TensorRef& ref : refs) {
      const ModelState* nested = members_.at(ref.layer)->layer->model.get();
      if (nested != nullptr && !nested->is_sequential) --ref.node;
    }
    return refs;
  }

  void note(const TensorRef& ref, Type type) {
    std::vector<Type>& types = types_[{ref.layer, ref.node}];
    if (types.size() <= static_cast<size_t>(ref.tensor)) types.resize(static_cast<size_t>(ref.tensor) + 1);
    types[static_cast<size_t>(ref.tensor)] = std::move(type);
  }

  void note_types(const Json& argument) {
    if (argument.is_array()) {
      for (const Json& item : argument.items()) note_types(item);
    } else if (argument.is_object()) {
      const Json& config = argument["config"];
      const Json& history = config["keras_history"];
      if (history.is_array() && is_known(config["shape"]))
        note({history.at(0).as_string(), history.at(1).as_int(), history.at(2).as_int()},
             type_of(config["dtype"], config["shape"], ""));
      else
        for (const auto& [name, member] : argument.members()) note_types(member);
    }
  }

  /// The call that makes a tensor, and those that it needs: with a stack of its own.
  void make(const TensorRef& wanted) {
    std::vector<Key> stack{{wanted.layer, wanted.node}};
    while (!stack.empty()) {
      const Key key = stack.back();
      if (made_.contains(key)) {
        stack.pop_back();
        continue;
      }
      const Member& member = *members_.at(key.first);
      const std::vector<LayerCall>& calls = read_.at(key.first);
      const LayerCall none;
      const LayerCall& read = calls.empty() ? none : calls.at(static_cast<size_t>(key.second));
      std::vector<TensorRef> needed;
      for (const Argument& argument : read.arguments) collect_tensors(argument, needed);
      for (const auto& [name, argument] : read.keywords) collect_tensors(argument, needed);
      bool is_ready = true;
      for (const TensorRef& ref : needed)
        if (!made_.contains({ref.layer, ref.node})) {
          stack.emplace_back(ref.layer, ref.node);
          is_ready = false;
        }
      if (is_ready) made_[key] = call_of(member.layer, key, read);
    }
  }

  Call call_of(const std::shared_ptr<LayerNode>& layer, const Key& key, const LayerCall& read) {
    auto call = std::make_shared<CallNode>();
    call->layer = layer;
    for (const Argument& argument : read.arguments) call->arguments.push_back(converted(argument));
    for (const auto& [name, argument] : read.keywords) call->keywords.emplace_back(name, converted(argument));
    call->outputs = types_[key];
    return call;
  }

  CallArgument converted(const Argument& argument) const {
    CallArgument out;
    if (argument.kind == Argument::Kind::tensor) out.tensor = tensor(argument.tensor);
    if (argument.kind == Argument::Kind::data) out.data = *argument.data;
    out.is_list = argument.kind == Argument::Kind::list;
    for (const Argument& item : argument.items) out.items.push_back(converted(item));
    return out;
  }

  Tensor tensor(const TensorRef& ref) const {
    return {made_.at({ref.layer, ref.node}), static_cast<size_t>(ref.tensor)};
  }

  Tensors tensors(const std::vector<TensorRef>& refs, const Json& written) const {
    std::vector<Tensor> list;
    for (const TensorRef& ref : refs) list.push_back(tensor(ref));
    const bool is_list = written.size() == 0 || !written.is_array() || !written.at(0).is_string();
    return is_list ? Tensors(std::move(list)) : Tensors(list.at(0));
  }

  ModelState& model_;
  std::map<std::string, const Member*> members_;
  std::deque<Json> layers_;  // calls refer to them
  std::map<std::string, std::vector<LayerCall>> read_;
  std::map<Key, std::vector<Type>> types_;
  std::map<Key, Call> made_;
};

}  // namespace

namespace {

/// A layer that was adapted, with its vocabulary among the arguments: it then needs no file.
Json with_vocabulary(const Json& object, const keratin::Layer& traced) {
  const std::optional<std::vector<std::string>> lines =
      object["config"]["vocabulary"].is_null() ? stored_vocabulary(traced) : std::nullopt;
  if (!lines) return object;
  std::vector<Json> tokens, weights;
  const bool has_integers = object["class_name"].as_string() == "IntegerLookup";
  for (const std::string& line : *lines)
    tokens.push_back(has_integers ? Json::parse(line, "vocabulary.txt") : Json::of(line));
  const keratin::Tensor* stored = traced.context().stored->dataset(cat(traced.group(), "/vars/idf_weights"));
  for (size_t i = 0; stored != nullptr && i < lines->size(); ++i)
    weights.push_back(Json::of(stored->get(static_cast<int64_t>(i))));
  Json config = with(object["config"], "vocabulary", Json::array(std::move(tokens)));
  if (stored != nullptr) config = with(config, "idf_weights", Json::array(std::move(weights)));
  return with(object, "config", std::move(config));
}

}  // namespace

std::unique_ptr<ModelState> read_model(const Json& object, const keratin::Layer& traced,
                                       NodesOfLayers& nodes) {
  auto model = std::make_unique<ModelState>();
  const Json& config = object["config"];
  model->is_sequential = !config.has("output_layers");
  model->input_layers = config["input_layers"];
  model->output_layers = config["output_layers"];
  auto inner = traced.members().begin();
  for (const Json& layer : config["layers"].items()) {
    const keratin::Layer* of_member = *inner++;
    std::shared_ptr<LayerNode>& known = nodes[of_member];
    const bool is_shared = of_member != nullptr && known != nullptr;
    if (!is_shared)
      known = std::make_shared<LayerNode>(of_member != nullptr ? with_vocabulary(layer, *of_member) : layer);
    Member member{known, layer["inbound_nodes"]};
    if (const Json& name = layer["name"]; !name.is_null() && name.as_string() != member.layer->name)
      throw Error(ErrorKind::data,
                  cat("a layer is called ", quoted(name.as_string()), " and ", quoted(member.layer->name)));
    if (of_member != nullptr && !is_shared && layer["config"].has("layers"))
      member.layer->model = read_model(layer, *of_member, nodes);
    model->members.push_back(std::move(member));
  }
  const bool is_keras2 = traced.context().keras2;
  if (is_keras2) return model;  // its files do not tell what calls give
  if (model->is_sequential)
    connect_sequential(*model);
  else
    CallReader(*model, traced.output_types());
  return model;
}

}  // namespace keratin::keras
