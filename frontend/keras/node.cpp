#include "frontend/keras/node.h"

#include <algorithm>
#include <functional>
#include <map>
#include <mutex>

#include "frontend/graph_call.h"
#include "frontend/model_file.h"
#include "frontend/shared_layers.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin::keras {
namespace {

/// How often each name was given out: as in Keras, for the whole process.
class Names {
 public:
  std::string next(std::string_view prefix) {
    const std::lock_guard lock(mutex_);
    const int64_t number = used_[std::string(prefix)]++;
    return number == 0 ? std::string(prefix) : cat(prefix, "_", number);
  }
  void forget() {
    const std::lock_guard lock(mutex_);
    used_.clear();
  }

 private:
  std::mutex mutex_;
  std::map<std::string, int64_t> used_;
};

Names& names() {
  static Names all;
  return all;
}

Json without(const Json& object, std::string_view name) {
  std::vector<std::pair<std::string, Json>> members = object.members();
  std::erase_if(members, [&](const auto& member) { return member.first == name; });
  return Json::object(std::move(members));
}

/// Keras's ids of layers that are in several places.
using SharedIds = std::map<const LayerNode*, int64_t>;

void count_places(const LayerNode& layer, std::map<const LayerNode*, int64_t>& counts) {
  ++counts[&layer];
  if (layer.wrapped) count_places(*layer.wrapped, counts);
  if (layer.model)
    for (const Member& member : layer.model->members) count_places(*member.layer, counts);
}

SharedIds shared_ids(const LayerNode& layer) {
  std::map<const LayerNode*, int64_t> counts;
  count_places(layer, counts);
  SharedIds ids;
  const std::function<void(const LayerNode&)> number = [&](const LayerNode& node) {
    if (counts[&node] > 1) ids.emplace(&node, static_cast<int64_t>(ids.size()) + 1);
    if (node.wrapped) number(*node.wrapped);
    if (node.model)
      for (const Member& member : node.model->members) number(*member.layer);
  };
  number(layer);
  return ids;
}

Json serialized(const LayerNode& layer, const SharedIds& ids);

Json serialized_members(const ModelState& model, const SharedIds& ids) {
  std::vector<Json> layers;
  for (const Member& member : model.members) {
    Json layer = serialized(*member.layer, ids);
    if (!model.is_sequential) {
      layer = with(layer, "name", Json::of(member.layer->name));
      layer = with(layer, "inbound_nodes", member.inbound_nodes);
    }
    layers.push_back(std::move(layer));
  }
  return Json::array(std::move(layers));
}

bool is_string(const Json& dtype) { return dtype.is_string() && dtype.as_string() == kStringDType; }

/// As many as a text has words.
const Dim kAnyLength(1, Symbol("T"));

void expect_fixed(const Type& type) {
  for (const Dim dim : type.shape)
    if (dim.symbol.root() == kAnyLength.symbol)
      throw Error(
          ErrorKind::unsupported, cat("gives ", to_text(type), ": as many numbers as a text has words"), {},
          "lengths are fixed here: give output_sequence_length, or the output_mode multi_hot or count");
}

/// The arguments of a call in the form in which layers are traced.
class ProbedCall {
 public:
  ProbedCall(Builder& builder, const LayerDef& def) : builder_(builder), def_(def) {}

  keratin::CallArguments arguments(const std::vector<CallArgument>& positional,
                                   const std::vector<std::pair<std::string, CallArgument>>& keywords) {
    for (const CallArgument& argument : positional) add(argument, made_.inputs);
    for (const std::string_view input : def_.inputs)
      for (const auto& [name, argument] : keywords)
        if (name == input) add(argument, made_.inputs);
    for (const auto& [name, argument] : keywords) {
      if (is_one_of(def_.inputs, name)) continue;
      if (name == "mask") {
        std::vector<Traced> masks;
        add(argument, masks);
        for (size_t i = 0; i < masks.size() && i < made_.inputs.size(); ++i)
          made_.inputs[i].mask = cast(masks[i].value, keratin::DType::boolean);
      } else if (is_one_of(def_.tensors, name)) {
        add(argument, made_.tensors[name]);
      } else if (is_one_of(def_.flags, name)) {
        made_.flags.insert(name);
      } else {
        throw Error(ErrorKind::usage, cat("takes no ", name));
      }
    }
    return std::move(made_);
  }

 private:
  void add(const CallArgument& argument, std::vector<Traced>& tensors) {
    if (argument.tensor) {
      const CallNode& from = *argument.tensor->call();
      const Type& type = from.outputs[argument.tensor->output()];
      tensors.emplace_back(Expr(builder_, builder_.param(cat("x", count_++), type)));
      if (from.gives_strings())
        tensors.back().strings = std::make_shared<StringInput>(from.layer->name, type.shape, kAnyLength);
    }
    for (const CallArgument& item : argument.items) add(item, tensors);
  }

  Builder& builder_;
  const LayerDef& def_;
  int64_t count_ = 0;
  keratin::CallArguments made_;
};

void collect(const CallArgument& argument, std::vector<Tensor>& tensors) {
  if (argument.tensor) tensors.push_back(*argument.tensor);
  for (const CallArgument& item : argument.items) collect(item, tensors);
}

void collect_weights(const keratin::Layer& layer, bool also_inner,
                     std::vector<const LayerVariable*>& variables) {
  for (const LayerVariable& variable : layer.variables())
    if (variable.role == Role::weight) variables.push_back(&variable);
  if (!also_inner) return;
  for (const auto& child : layer.children()) collect_weights(*child, true, variables);
}

/// Some operations have it beside their config only.
const std::string& name_of(const Json& object) {
  const Json& own = object["config"]["name"];
  return (own.is_null() ? object["name"] : own).as_string();
}

}  // namespace

Probe::Probe(Json serialized) : object(std::move(serialized)), layer(context, object, nullptr, "") {
  context.trains = true;
}

LayerNode::LayerNode(Json serialized_object)
    : name(name_of(serialized_object)),
      class_name(serialized_object["class_name"].as_string()),
      object(without(serialized_object, kSharedId)) {
  const Json& stored = object["config"]["trainable"];
  trainable = stored.is_null() || stored.as_bool();
}

std::vector<Tensor> CallNode::inputs() const {
  std::vector<Tensor> tensors;
  for (const CallArgument& argument : arguments) collect(argument, tensors);
  for (const auto& [name, argument] : keywords) collect(argument, tensors);
  return tensors;
}

bool CallNode::is_input() const { return layer->class_name == "InputLayer"; }

bool CallNode::gives_strings() const { return is_input() && is_string(layer->object["config"]["dtype"]); }

Type type_of(const Json& dtype, const Json& shape, const std::string& where) {
  return Type(is_string(dtype) ? keratin::DType::i64 : read_dtype(dtype, where), shape_of(shape));
}

std::string place_of(const LayerNode& layer) {
  return cat(layer.model ? "model " : "layer ", quoted(layer.name), " (", layer.class_name, ")");
}

bool contains(const LayerNode& whole, const LayerNode& part) {
  if (&whole == &part || (whole.wrapped && contains(*whole.wrapped, part))) return true;
  return whole.model && std::any_of(whole.model->members.begin(), whole.model->members.end(),
                                    [&](const Member& member) { return contains(*member.layer, part); });
}

std::string unique_name(std::string_view class_name) { return names().next(snake_case(class_name)); }

void clear_session() { names().forget(); }

Json with(const Json& object, const std::string& name, Json value) {
  std::vector<std::pair<std::string, Json>> members = object.members();
  for (auto& member : members) {
    if (member.first != name) continue;
    member.second = std::move(value);
    return Json::object(std::move(members));
  }
  members.emplace_back(name, std::move(value));
  return Json::object(std::move(members));
}

namespace {

Json serialized(const LayerNode& layer, const SharedIds& ids) {
  Json config = layer.object["config"];
  // Some layers without weights do not take it.
  if (layer.model || layer.wrapped || !layer.weights.empty() || config.has("trainable"))
    config = with(config, "trainable", Json::of(layer.trainable));
  if (layer.model) config = with(config, "layers", serialized_members(*layer.model, ids));
  if (layer.wrapped) config = with(config, "layer", serialized(*layer.wrapped, ids));
  Json object = with(layer.object, "config", std::move(config));
  const auto id = ids.find(&layer);
  return id == ids.end() ? object : with(object, std::string(kSharedId), Json::of(id->second));
}

}  // namespace

Json serialized(const LayerNode& layer) { return serialized(layer, shared_ids(layer)); }

std::vector<const LayerVariable*> weights_made(const keratin::Layer& traced, bool also_inner) {
  std::vector<const LayerVariable*> variables;
  collect_weights(traced, also_inner, variables);
  return variables;
}

WeightsByPath adopt_weights(const keratin::Layer& traced, LayerNode& layer) {
  WeightsByPath by_path;
  if (layer.model) {
    auto inner = traced.members().begin();
    for (const Member& member : layer.model->members)
      if (const keratin::Layer* of_member = *inner++) by_path.merge(adopt_weights(*of_member, *member.layer));
    return by_path;
  }
  const std::vector<const LayerVariable*> variables = weights_made(traced, layer.wrapped == nullptr);
  if (layer.wrapped) by_path = adopt_weights(*traced.members().at(0), *layer.wrapped);
  if (layer.weights.empty())
    for (const LayerVariable* variable : variables)
      layer.weights.push_back({variable->name, variable->type, nullptr});
  for (size_t i = 0; i < variables.size(); ++i) {
    if (variables.size() == layer.weights.size() && variables[i]->type == layer.weights[i].type) {
      by_path.emplace(variables[i]->path, &layer.weights[i]);
      continue;
    }
    throw Error(ErrorKind::data,
                cat("is called with inputs of different shapes: its ", variables[i]->name, " would be ",
                    to_text(layer.weights[i].type), " and ", to_text(variables[i]->type)),
                traced.where());
  }
  return by_path;
}

std::shared_ptr<const CallNode> make_call(const std::shared_ptr<LayerNode>& layer,
                                          std::vector<CallArgument> arguments,
                                          std::vector<std::pair<std::string, CallArgument>> keywords) {
  auto call = std::make_shared<CallNode>();
  call->layer = layer;
  call->arguments = std::move(arguments);
  call->keywords = std::move(keywords);
  for (const Tensor& input : call->inputs())
    if (input.call()->outputs.empty())
      throw Error(ErrorKind::unsupported, "is called on a tensor whose shape the model file does not tell",
                  cat("layer ", quoted(layer->name)));
  if (layer->model && layer->model->is_keras2)
    throw Error(ErrorKind::unsupported, "a model from a file of Keras 2 cannot be part of another",
                layer->model->file, "save it with Keras 3 first");

  if (!layer->probe || layer->model) layer->probe = std::make_unique<Probe>(serialized(*layer));
  Builder builder("call");
  Tracer tracer{builder};
  try {
    ProbedCall probed(builder, *layer->probe->layer.def());
    for (const Traced& output :
         call_layer(layer->probe->layer, tracer, probed.arguments(call->arguments, call->keywords)))
      call->outputs.push_back(output.value.value().type());
    for (const Type& output : call->outputs) expect_fixed(output);
  } catch (const Error& error) {
    throw layer->probe->context.has_place(error.where()) ? error : error.within(layer->probe->layer.where());
  }
  adopt_weights(layer->probe->layer, *layer);
  layer->calls.push_back(call);
  return call;
}

Tensors outputs_of(const std::shared_ptr<const CallNode>& call) {
  if (call->outputs.size() == 1) return Tensor(call, 0);
  std::vector<Tensor> outputs;
  for (size_t i = 0; i < call->outputs.size(); ++i) outputs.emplace_back(call, i);
  return outputs;
}

Json batch_shape(const Shape& shape) {
  std::vector<Json> dims;
  for (const Dim dim : shape) dims.push_back(dim.is_static() ? Json::of(dim.value()) : Json::null());
  return Json::array(std::move(dims));
}

Shape shape_of(const Json& batch_shape) {
  Shape shape;
  for (size_t i = 0; i < batch_shape.size(); ++i) {
    const Json& extent = batch_shape.at(i);
    if (extent.is_null() && i > 0)
      throw Error(ErrorKind::unsupported, cat("an extent is free: ", batch_shape.dump()), "Input",
                  "only the batch may be free");
    if (!extent.is_null() && extent.as_int() < 0)
      throw Error(ErrorKind::usage, cat("an extent is negative: ", batch_shape.dump()), "Input");
    shape.push_back(extent.is_null() ? Dim::batch() : Dim(extent.as_int()));
  }
  return shape;
}

bool is_known(const Json& batch_shape) {
  if (!batch_shape.is_array()) return false;
  for (size_t i = 1; i < batch_shape.size(); ++i)
    if (batch_shape.at(i).is_null()) return false;
  return true;
}

}  // namespace keratin::keras
