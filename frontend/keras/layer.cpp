#include <keratin/keras/array.h>
#include <keratin/keras/layer.h>

#include <algorithm>

#include "frontend/class_key.h"
#include "frontend/keras/arrays.h"
#include "frontend/keras/graph.h"
#include "frontend/keras/session.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin::keras {
namespace {

CallArgument argument_of(const Tensors& tensors) {
  CallArgument argument;
  if (!tensors.is_list()) {
    argument.tensor = tensors[0];
    return argument;
  }
  argument.is_list = true;
  for (const Tensor& tensor : tensors) argument.items.push_back(CallArgument{tensor, {}, false, {}});
  return argument;
}

/// A list is one argument, but for layers that take their inputs one by one.
std::vector<CallArgument> positional_of(const LayerNode& layer, const Tensors& inputs) {
  const LayerDef* def = find_layer_def(class_key(layer.object));
  if (def == nullptr || def->inputs.empty()) return {argument_of(inputs)};
  return argument_of(inputs.is_list() ? inputs : Tensors{inputs}).items;
}

std::vector<std::pair<std::string, CallArgument>> keywords_of(const CallOptions& options) {
  std::vector<std::pair<std::string, CallArgument>> keywords;
  for (const auto& [name, tensors] :
       {std::pair<const char*, const Tensors&>("initial_state", options.initial_state),
        {"states", options.states},
        {"mask", options.mask},
        {"value", options.value},
        {"key", options.key},
        {"query_mask", options.query_mask},
        {"value_mask", options.value_mask},
        {"key_mask", options.key_mask},
        {"attention_mask", options.attention_mask}})
    if (tensors.size() > 0) keywords.emplace_back(name, argument_of(tensors));
  for (const auto& [name, is_set] : {std::pair("return_attention_scores", options.return_attention_scores),
                                     {"use_causal_mask", options.use_causal_mask},
                                     {"reverse", options.reverse}})
    if (is_set) keywords.emplace_back(name, CallArgument{{}, {}, false, Json::of(true)});
  return keywords;
}

std::shared_ptr<const CallNode> only_call(const LayerNode& layer) {
  std::vector<std::shared_ptr<const CallNode>> calls;
  for (const auto& made : layer.calls)
    if (auto call = made.lock()) calls.push_back(std::move(call));
  if (calls.size() != 1)
    throw Error(ErrorKind::usage, cat("has been called ", calls.size(), " times: its output is not one"),
                place_of(layer));
  return calls[0];
}

}  // namespace

// --- tensors ---

Tensor::Tensor(std::shared_ptr<const CallNode> call, size_t output)
    : call_(std::move(call)), output_(output) {}

std::vector<int64_t> Tensor::shape() const {
  std::vector<int64_t> shape;
  for (const Dim dim : call_->outputs.at(output_).shape) shape.push_back(dim.is_static() ? dim.value() : -1);
  return shape;
}

const std::string& Tensor::name() const { return call_->layer->name; }

std::string Tensor::dtype() const {
  return std::string(call_->gives_strings() ? kStringDType : dtype_name(call_->outputs.at(output_).dtype));
}

Tensors::operator Tensor() const {
  if (list_.size() != 1)
    throw Error(ErrorKind::usage, cat("there are ", list_.size(), " tensors where one is expected"),
                list_.empty() ? "" : place_of(*list_[0].call()->layer), "take one of them: y[0]");
  return list_[0];
}

const Tensor& Tensors::operator[](size_t i) const {
  if (i >= list_.size())
    throw Error(ErrorKind::usage, cat("there is no tensor ", i, ": there are ", list_.size()));
  return list_[i];
}

// --- layers ---

const std::string& Layer::name() const { return node_->name; }
std::string Layer::class_name() const { return node_->class_name; }
bool Layer::trainable() const { return node_->trainable; }

void Layer::set_trainable(bool trainable) {
  node_->trainable = trainable;
  if (node_->model)
    for (const Member& member : node_->model->members) Layer(member.layer).set_trainable(trainable);
}

Layer::operator Value() const { return Value::from_json(serialized(*node_).dump()); }

Tensors Layer::operator()(const Tensors& inputs, const CallOptions& options) const {
  if (inputs.size() == 0) throw Error(ErrorKind::usage, "is called on nothing", place_of(*node_));
  if (node_->model && node_->model->is_sequential)
    build(*node_, inputs[0].call()->outputs.at(inputs[0].output()).shape, inputs[0].dtype());
  const auto call = make_call(node_, positional_of(*node_, inputs), keywords_of(options));
  return outputs_of(call);
}

std::vector<Array> Layer::get_weights() const {
  materialize(*node_);
  std::vector<Array> arrays;
  for (const Weight* weight : weights_of(*node_)) arrays.push_back(to_array(weight->value));
  return arrays;
}

void Layer::set_weights(const std::vector<Array>& arrays) {
  const std::vector<Weight*> weights = weights_of(*node_);
  if (weights.size() != arrays.size())
    throw Error(ErrorKind::usage, cat("has ", weights.size(), " weights, given are ", arrays.size()),
                place_of(*node_), weights.empty() ? "it has none before it is called" : "");
  std::vector<std::shared_ptr<const keratin::Tensor>> values;
  for (size_t i = 0; i < weights.size(); ++i)
    values.push_back(to_tensor(arrays[i], weights[i]->type, cat(place_of(*node_), ": ", weights[i]->name)));
  for (size_t i = 0; i < weights.size(); ++i) set_value(*weights[i], values[i]);
}

int64_t Layer::count_params() const {
  int64_t count = 0;
  for (const Weight* weight : weights_of(*node_)) count += weight->type.elements().value();
  return count;
}

Tensors Layer::output() const {
  const auto call = only_call(*node_);
  if (call->outputs.empty())
    throw Error(ErrorKind::unsupported, "the model file does not tell the shape of its output",
                place_of(*node_));
  return outputs_of(call);
}

Tensors Layer::input() const {
  const std::vector<Tensor> inputs = only_call(*node_)->inputs();
  return inputs.size() == 1 ? Tensors(inputs[0]) : Tensors(inputs);
}

Tensor Input(const Value& shape, const InputOptions& options) {
  std::vector<Json> batch_shape = {Json::parse(options.batch_size.json(), "Input: batch_size")};
  // {} is no list to C++, but means one.
  const Json extents = shape.is_none() ? Json::array({}) : Json::parse(shape.json(), "Input: shape");
  const auto is_extent = [](const Json& each) {
    return each.is_null() || each.kind() == Json::Kind::integer;
  };
  if (!extents.is_array() || !std::all_of(extents.items().begin(), extents.items().end(), is_extent))
    throw Error(ErrorKind::usage, cat("its shape is ", shape.json()), "Input",
                "give a list of numbers: Input({784})");
  batch_shape.insert(batch_shape.end(), extents.items().begin(), extents.items().end());
  return make_input(Json::array(std::move(batch_shape)), options.dtype, options.name);
}

}  // namespace keratin::keras
