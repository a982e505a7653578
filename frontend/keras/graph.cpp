#include "frontend/keras/graph.h"

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <set>

#include "frontend/graph_call.h"
#include "frontend/nodes.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin::keras {
namespace {

using Call = std::shared_ptr<const CallNode>;

bool is_one_of(const Tensor& tensor, const Tensors& list) {
  return std::find(list.begin(), list.end(), tensor) != list.end();
}

/// The calls between inputs and outputs, and the layers in the order in which Keras keeps them (keras/src/ops/function.py, map_graph):
/// by how many calls are at most between them and an output, then as they are found from the outputs. The weights file
/// numbers layers by it.
class GraphOrder {
 public:
  GraphOrder(const Tensors& inputs, const Tensors& outputs) : inputs_(inputs) {
    for (const Tensor& output : outputs) visit(output);
    find_depths();
    for (const Tensor& input : inputs) {
      LayerNode* layer = input.call()->layer.get();
      if (layer_depths_.emplace(layer, 0).second) {
        calls_.push_back(input.call());
        found_[layer] = -1;
      }
    }
  }

  const std::vector<Call>& calls() const { return calls_; }  ///< each behind those that it needs

  std::vector<std::shared_ptr<LayerNode>> layers() const {
    std::vector<std::shared_ptr<LayerNode>> layers;
    for (const Call& call : calls_)
      if (std::find(layers.begin(), layers.end(), call->layer) == layers.end()) layers.push_back(call->layer);
    std::stable_sort(layers.begin(), layers.end(), [&](const auto& a, const auto& b) {
      const int64_t depth_a = layer_depths_.at(a.get()), depth_b = layer_depths_.at(b.get());
      return depth_a != depth_b ? depth_a > depth_b : found_.at(a.get()) < found_.at(b.get());
    });
    return layers;
  }

 private:
  /// Depth first, with a stack of its own: models may be thousands of layers deep.
  void visit(const Tensor& output) {
    struct Frame {
      Call call;
      std::vector<Tensor> inputs;
      size_t next = 0;
    };
    std::vector<Frame> stack;
    const auto enter = [&](const Tensor& tensor) {
      const Call& call = tensor.call();
      if (!seen_.insert(call.get()).second) return;
      found_.emplace(call->layer.get(), static_cast<int64_t>(found_.size()));
      if (call->is_input() && !is_one_of(tensor, inputs_))
        throw Error(ErrorKind::usage,
                    cat("an output needs ", quoted(call->layer->name), ", which is not among the inputs"),
                    "Model");
      stack.push_back({call, call->inputs()});
    };
    enter(output);
    while (!stack.empty()) {
      Frame& frame = stack.back();
      if (frame.next < frame.inputs.size()) {
        enter(frame.inputs[frame.next++]);
      } else {
        calls_.push_back(frame.call);
        stack.pop_back();
      }
    }
  }

  void find_depths() {
    std::map<const CallNode*, int64_t> depths;
    for (auto call = calls_.rbegin(); call != calls_.rend(); ++call) {
      int64_t& own = depths[call->get()];
      int64_t& of_layer = layer_depths_[(*call)->layer.get()];
      own = of_layer = std::max(own, of_layer);
      const int64_t next = own + 1;
      for (const Tensor& input : (*call)->inputs()) {
        int64_t& depth = depths[input.call().get()];
        depth = std::max(depth, next);
      }
    }
  }

  const Tensors& inputs_;
  std::vector<Call> calls_;
  std::set<const CallNode*> seen_;
  std::map<const LayerNode*, int64_t> found_, layer_depths_;
};

Json shape_json(const Shape& shape) {
  std::vector<Json> dims;
  for (const Dim dim : shape) dims.push_back(dim.is_static() ? Json::of(dim.value()) : Json::null());
  return Json::array(std::move(dims));
}

/// The batch that is free is N.
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

/// Whether nothing but the batch is free.
bool is_known(const Json& batch_shape) {
  if (!batch_shape.is_array()) return false;
  for (size_t i = 1; i < batch_shape.size(); ++i)
    if (batch_shape.at(i).is_null()) return false;
  return true;
}

/// Writes the calls of a Functional as Keras does: a tensor is the place of its call among those of its layer that the model has.
class CallWriter {
 public:
  explicit CallWriter(const std::vector<Call>& calls) {
    for (const Call& call : calls) calls_of_[call->layer.get()].push_back(call);
    for (auto& [layer, own] : calls_of_) {
      // In the order in which they were made.
      std::vector<Call> ordered;
      for (const auto& made : layer->calls)
        if (const Call call = made.lock(); std::find(own.begin(), own.end(), call) != own.end())
          ordered.push_back(call);
      own = std::move(ordered);
      for (size_t i = 0; i < own.size(); ++i) places_[own[i].get()] = static_cast<int64_t>(i);
    }
  }

  Json inbound_nodes(const LayerNode& layer) const {
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

  /// As input_layers and output_layers list tensors: there a Functional has been called once when it was made.
  Json listed(const Tensors& tensors) const {
    std::vector<Json> triples;
    for (const Tensor& tensor : tensors) {
      const LayerNode& layer = *tensor.call()->layer;
      const bool counts_own_call = layer.model && !layer.model->is_sequential;
      triples.push_back(triple(tensor, counts_own_call ? 1 : 0));
    }
    if (tensors.size() == 1 && !tensors.is_list()) return triples[0];
    return Json::array(std::move(triples));
  }

 private:
  Json triple(const Tensor& tensor, int64_t first = 0) const {
    return Json::array({Json::of(tensor.call()->layer->name),
                        Json::of(places_.at(tensor.call().get()) + first),
                        Json::of(static_cast<int64_t>(tensor.output()))});
  }

  Json written(const CallArgument& argument) const {
    if (argument.tensor) {
      const std::vector<Type>& outputs = argument.tensor->call()->outputs;
      const Type type = outputs.empty() ? Type(DType::f32, {}) : outputs[argument.tensor->output()];
      return Json::object({{"class_name", Json::of(std::string("__keras_tensor__"))},
                           {"config", Json::object({{"shape", shape_json(type.shape)},
                                                    {"dtype", Json::of(std::string(dtype_name(type.dtype)))},
                                                    {"keras_history", triple(*argument.tensor)}})}});
    }
    if (!argument.is_list) return argument.data;
    std::vector<Json> items;
    for (const CallArgument& item : argument.items) items.push_back(written(item));
    return Json::array(std::move(items));
  }

  std::map<const LayerNode*, std::vector<Call>> calls_of_;
  std::map<const CallNode*, int64_t> places_;
};

void check_names(const std::vector<std::shared_ptr<LayerNode>>& layers) {
  std::set<std::string> names;
  for (const auto& layer : layers)
    if (!names.insert(layer->name).second)
      throw Error(ErrorKind::usage, cat("two layers are called ", quoted(layer->name)), "Model",
                  "give one of them another name");
}

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
             Type(read_dtype(config["dtype"], ""), shape_of(config["shape"])));
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

/// An input in the place of a tensor in the middle of another graph.
Tensor input_like(const Tensor& tensor) {
  const Type& type = tensor.call()->outputs.at(tensor.output());
  return make_input(shape_json(type.shape), std::string(dtype_name(type.dtype)), {});
}

/// Copies of calls, with some tensors replaced: what lies behind new inputs.
class CallCopies {
 public:
  explicit CallCopies(std::vector<std::pair<Tensor, Tensor>> replaced) : replaced_(std::move(replaced)) {}

  Tensor copy(const Tensor& tensor) {
    for (const auto& [from, to] : replaced_)
      if (from == tensor) return to;
    if (tensor.call()->is_input()) return tensor;
    Call& made = made_[tensor.call().get()];
    if (made == nullptr) {
      const CallNode& original = *tensor.call();
      auto call = std::make_shared<CallNode>();
      call->layer = original.layer;
      for (const CallArgument& argument : original.arguments) call->arguments.push_back(copy(argument));
      for (const auto& [name, argument] : original.keywords)
        call->keywords.emplace_back(name, copy(argument));
      call->outputs = original.outputs;
      call->layer->calls.push_back(call);
      made = call;
    }
    return {made, tensor.output()};
  }

 private:
  CallArgument copy(const CallArgument& argument) {
    CallArgument out = argument;
    if (argument.tensor) out.tensor = copy(*argument.tensor);
    for (CallArgument& item : out.items) item = copy(item);
    return out;
  }

  std::vector<std::pair<Tensor, Tensor>> replaced_;
  std::map<const CallNode*, Call> made_;
};

}  // namespace

Tensor input_of(const std::shared_ptr<LayerNode>& layer) {
  for (const auto& made : layer->calls)
    if (const Call call = made.lock()) return {call, 0};
  const Json& config = layer->object["config"];
  auto call = std::make_shared<CallNode>();
  call->layer = layer;
  call->outputs = {
      Type(read_dtype(config["dtype"], cat("Input ", quoted(layer->name))), shape_of(config["batch_shape"]))};
  layer->calls.push_back(call);
  return {call, 0};
}

Tensor make_input(const Json& batch_shape, const std::string& dtype, const std::string& name) {
  const auto off = Json::of(false);
  const std::string known = name.empty() ? unique_name("InputLayer") : name;
  return input_of(
      std::make_shared<LayerNode>(Json::object({{"module", Json::of(std::string("keras.layers"))},
                                                {"class_name", Json::of(std::string("InputLayer"))},
                                                {"config", Json::object({{"batch_shape", batch_shape},
                                                                         {"dtype", Json::of(dtype)},
                                                                         {"sparse", off},
                                                                         {"ragged", off},
                                                                         {"name", Json::of(known)},
                                                                         {"optional", off}})},
                                                {"registered_name", Json::null()}})));
}

std::unique_ptr<ModelState> make_functional(const Tensors& given_inputs, const Tensors& given_outputs) {
  Tensors inputs = given_inputs, outputs = given_outputs;
  const auto is_input = [](const Tensor& tensor) { return tensor.call()->is_input(); };
  if (!std::all_of(inputs.begin(), inputs.end(), is_input)) {
    std::vector<std::pair<Tensor, Tensor>> replaced;
    std::vector<Tensor> new_inputs, new_outputs;
    for (const Tensor& input : inputs) {
      new_inputs.push_back(is_input(input) ? input : input_like(input));
      replaced.emplace_back(input, new_inputs.back());
    }
    CallCopies copies(std::move(replaced));
    for (const Tensor& output : outputs) new_outputs.push_back(copies.copy(output));
    inputs = inputs.is_list() ? Tensors(std::move(new_inputs)) : Tensors(new_inputs.at(0));
    outputs = outputs.is_list() ? Tensors(std::move(new_outputs)) : Tensors(new_outputs.at(0));
  }
  if (inputs.size() == 0 || outputs.size() == 0)
    throw Error(ErrorKind::usage, "has no inputs or no outputs", "Model");

  const GraphOrder order(inputs, outputs);
  const std::vector<std::shared_ptr<LayerNode>> layers = order.layers();
  check_names(layers);
  const CallWriter writer(order.calls());
  auto model = std::make_unique<ModelState>();
  for (const auto& layer : layers) model->members.push_back({layer, writer.inbound_nodes(*layer)});
  model->input_layers = writer.listed(inputs);
  model->output_layers = writer.listed(outputs);
  model->inputs = inputs;
  model->outputs = outputs;
  return model;
}

std::unique_ptr<ModelState> read_model(const Json& object, const keratin::Layer& traced) {
  auto model = std::make_unique<ModelState>();
  const Json& config = object["config"];
  model->is_sequential = !config.has("output_layers");
  model->input_layers = config["input_layers"];
  model->output_layers = config["output_layers"];
  auto child = traced.children().begin();
  for (const Json& layer : config["layers"].items()) {
    Member member{std::make_shared<LayerNode>(layer), layer["inbound_nodes"]};
    if (!is_operation(layer)) {
      const keratin::Layer& of_member = **child++;
      if (layer["config"].has("layers")) member.layer->model = read_model(layer, of_member);
    }
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

void connect_sequential(ModelState& model) {
  model.inputs = model.outputs = {};
  if (model.members.empty() || model.members[0].layer->class_name != "InputLayer") return;
  const std::shared_ptr<LayerNode>& first = model.members[0].layer;
  Tensors x(input_of(first));
  model.inputs = x;
  for (size_t i = 1; i < model.members.size(); ++i) x = Layer(model.members[i].layer)(x);
  model.outputs = x;
}

}  // namespace keratin::keras
