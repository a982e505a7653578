#include "frontend/keras/graph.h"

#include <algorithm>
#include <map>
#include <set>

#include "frontend/keras/call_writer.h"
#include "frontend/keras/graph_order.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin::keras {
namespace {

using Call = std::shared_ptr<const CallNode>;

void check_names(const std::vector<std::shared_ptr<LayerNode>>& layers) {
  std::set<std::string> names;
  for (const auto& layer : layers)
    if (!names.insert(layer->name).second)
      throw Error(ErrorKind::usage, cat("two layers are called ", quoted(layer->name)), "Model",
                  "give one of them another name");
}

/// An input in the place of a tensor in the middle of another graph.
Tensor input_like(const Tensor& tensor) {
  const Type& type = tensor.call()->outputs.at(tensor.output());
  return make_input(batch_shape(type.shape), std::string(dtype_name(type.dtype)), {});
}

/// Copies of calls, each behind those that it needs, with some tensors replaced: what lies behind new inputs.
class CallCopies {
 public:
  CallCopies(const std::vector<Call>& calls, std::vector<std::pair<Tensor, Tensor>> replaced)
      : replaced_(std::move(replaced)) {
    for (const Call& original : calls) {
      if (original->is_input()) continue;
      auto call = std::make_shared<CallNode>();
      call->layer = original->layer;
      for (const CallArgument& argument : original->arguments) call->arguments.push_back(copy(argument));
      for (const auto& [name, argument] : original->keywords)
        call->keywords.emplace_back(name, copy(argument));
      call->outputs = original->outputs;
      call->layer->calls.push_back(call);
      made_[original.get()] = call;
    }
  }

  Tensor copy(const Tensor& tensor) const {
    for (const auto& [from, to] : replaced_)
      if (from == tensor) return to;
    if (tensor.call()->is_input()) return tensor;
    const auto made = made_.find(tensor.call().get());
    if (made == made_.end())
      throw Error(ErrorKind::usage,
                  cat("an output needs ", quoted(tensor.name()), ", of which another output is an input"),
                  "Model");
    return {made->second, tensor.output()};
  }

 private:
  CallArgument copy(const CallArgument& argument) const {
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
  call->outputs = {type_of(config["dtype"], config["batch_shape"], cat("Input ", quoted(layer->name)))};
  Builder builder("input");
  of_sane_size(Expr(builder, builder.param("x", call->outputs[0])));
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
    const CallCopies copies(order_graph(inputs, outputs).calls, std::move(replaced));
    for (const Tensor& output : outputs) new_outputs.push_back(copies.copy(output));
    inputs = inputs.is_list() ? Tensors(std::move(new_inputs)) : Tensors(new_inputs.at(0));
    outputs = outputs.is_list() ? Tensors(std::move(new_outputs)) : Tensors(new_outputs.at(0));
  }
  if (inputs.size() == 0 || outputs.size() == 0)
    throw Error(ErrorKind::usage, "has no inputs or no outputs", "Model");

  const GraphOrder order = order_graph(inputs, outputs);
  check_names(order.layers);
  const CallWriter writer(order.calls);
  auto model = std::make_unique<ModelState>();
  for (const auto& layer : order.layers) model->members.push_back({layer, writer.inbound_nodes(*layer)});
  model->input_layers = writer.listed(inputs);
  model->output_layers = writer.listed(outputs);
  model->inputs = inputs;
  model->outputs = outputs;
  return model;
}

void connect_sequential(ModelState& model) {
  model.inputs = model.outputs = {};
  if (model.members.empty() || model.members[0].layer->class_name != "InputLayer") return;
  const std::shared_ptr<LayerNode>& first = model.members[0].layer;
  Tensors x(input_of(first));
  model.inputs = x;
  for (size_t i = 1; i < model.members.size(); ++i) {
    std::vector<CallArgument> arguments;
    for (const Tensor& tensor : x) arguments.push_back({.tensor = tensor});
    x = outputs_of(make_call(model.members[i].layer, std::move(arguments), {}));
  }
  model.outputs = x;
}

}  // namespace keratin::keras
