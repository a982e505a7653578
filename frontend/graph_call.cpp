#include "frontend/graph_call.h"

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "frontend/call_order.h"
#include "frontend/class_key.h"
#include "frontend/legacy.h"
#include "frontend/legacy_functions.h"
#include "frontend/model_file.h"
#include "frontend/nodes.h"
#include "frontend/operation.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {
namespace {

/// Operations in files of Keras 2.
constexpr std::string_view kOldOperator = "TFOpLambda", kOldSlice = "SlicingOpLambda";

/// Makes the model's layers, and those of models among them, in the file's order, which is that of their groups in the weights file.
void make_layers(Layer& model) {
  if (!model.members().empty()) return;
  const bool count_inputs = model.def()->trace != trace_sequential;
  GroupNames groups;
  const std::string prefix = model.group().empty() ? std::string("layers/") : cat(model.group(), "/layers/");
  for (const Json& object : model.args().json("layers").items()) {
    if (is_operation(object)) {
      model.add_operation();
      continue;
    }
    const std::string& class_name = object["class_name"].as_string();
    const bool counts = count_inputs || class_name != "InputLayer";
    Layer& member = model.add_child(object, counts ? cat(prefix, groups.next(class_name)) : std::string());
    if (member.def()->is_model) make_layers(member);
  }
}

/// What a model is called on has the dtype that its InputLayer declares.
Traced as_declared(Traced input, const Json& layer, const std::string& where) {
  const Json& dtype = layer["config"]["dtype"];
  if (input.strings != nullptr) return input;
  if (layer["class_name"].as_string() == "InputLayer" && !dtype.is_null())
    input.value = cast(input.value, read_dtype(dtype, where));
  return input;
}

/// A Functional while it is being called.
class GraphCall {
 public:
  explicit GraphCall(Call& call);
  Outputs run();

 private:
  struct Member {
    const Json* object = nullptr;
    Layer* layer = nullptr;  // null: an operation
    std::vector<LayerCall> calls;
    int64_t first_call = 0;         // what arguments call the first of them
    int64_t first_output_call = 0;  // what output_layers calls it
  };
  using Key = std::pair<const Member*, int64_t>;
  struct State {
    bool waiting = false, done = false;
    Outputs outputs;
  };

  const Member& member(const TensorRef& ref) const;
  Key key_of(const TensorRef& ref) const;
  void evaluate(Key key);
  std::vector<Key> keys_in_keras_order(const std::vector<TensorRef>& outputs) const;
  const Traced& tensor(const TensorRef& ref) const;
  std::vector<TensorRef> needs(const Key& key) const;

  Outputs call_member(const Member& member, const LayerCall& call);
  Outputs call_member_layer(Layer& layer, const LayerCall& call);
  Outputs call_operation(const Member& member, const LayerCall& call);
  void add_keywords(const LayerCall& call, const OperationDef& def, std::vector<Operand>& operands,
                    const std::string& where) const;
  Json add_old_keywords(const LayerCall& call, const OldFunction& function, const OperationDef& def,
                        std::vector<Operand>& operands, std::deque<Json>& values,
                        const std::string& where) const;
  void set_keyword(Layer& layer, const std::string& name, const Argument& value,
                   CallArguments& arguments) const;
  void set_masks(Layer& layer, const Argument& value, CallArguments& arguments) const;
  void add_tensors(const Argument& argument, std::vector<Traced>& tensors) const;
  Operand operand(const Argument& argument) const;

  Call& call_;
  std::map<std::string, Member, std::less<>> members_;
  std::map<Key, State> states_;
};

/// A model has been called once when it was made, which Keras 2 counts: other calls are numbered from 1.
bool has_own_call(const Json& object) {
  const Json& layers = object["config"]["layers"];
  return layers.is_array() && layers.size() > 0 && layers.at(0)["class_name"].as_string() == "InputLayer";
}

/// Keras 3 counts that call in output_layers only, and only if the model is a Functional.
bool counts_own_call_in_outputs(const Json& object) { return object["config"].has("output_layers"); }

/// Whether some layer of a model, or of one within it, takes masks away.
bool takes_masks(const Json& config) {
  for (const Json& layer : config["layers"].items()) {
    const LayerDef* def = find_layer_def(class_of_keras3(class_key(layer)));
    if (def != nullptr && (def->takes_masks || (def->is_model && takes_masks(layer["config"])))) return true;
  }
  return false;
}

GraphCall::GraphCall(Call& call) : call_(call) {
  Layer& model = call.layer();
  make_layers(model);
  auto layer = model.members().begin();
  for (const Json& object : model.args().json("layers").items()) {
    Member member{&object, *layer++, read_calls(object)};
    member.first_call = model.context().keras2 && has_own_call(object);
    member.first_output_call =
        model.context().keras2 ? member.first_call : counts_own_call_in_outputs(object);
    const bool is_new = members_.emplace(name_in_model(object), std::move(member)).second;
    if (!is_new)
      call.fail(cat("has two layers with the name ", quoted(name_in_model(object))), {}, ErrorKind::data);
  }
}

const GraphCall::Member& GraphCall::member(const TensorRef& ref) const {
  const auto found = members_.find(ref.layer);
  if (found == members_.end())
    call_.fail(cat("a call refers to layer ", quoted(ref.layer), ", which the model does not have"), {},
               ErrorKind::data);
  return found->second;
}

GraphCall::Key GraphCall::key_of(const TensorRef& ref) const {
  const Member& found = member(ref);
  return {&found, ref.node - found.first_call};
}

std::vector<TensorRef> GraphCall::needs(const Key& key) const {
  const auto& [member, index] = key;
  if (index < 0 || index >= static_cast<int64_t>(member->calls.size()))
    call_.fail(cat("a call refers to call ", index, " of layer ", quoted(name_in_model(*member->object)),
                   ", which has ", member->calls.size()),
               {}, ErrorKind::data);
  std::vector<TensorRef> tensors;
  for (const Argument& argument : member->calls[index].arguments) collect_tensors(argument, tensors);
  for (const auto& [name, argument] : member->calls[index].keywords) collect_tensors(argument, tensors);
  return tensors;
}

/// Depth first, with a stack of its own: models may be thousands of layers deep.
void GraphCall::evaluate(Key wanted) {
  std::vector<Key> stack{wanted};
  while (!stack.empty()) {
    const Key key = stack.back();
    State& state = states_[key];
    if (state.done) {
      stack.pop_back();
      continue;
    }
    bool ready = true;
    for (const TensorRef& ref : needs(key)) {
      const Key needed = key_of(ref);
      const State& other = states_[needed];
      if (other.done) continue;
      if (other.waiting || needed == key)
        call_.fail(cat("layer ", quoted(ref.layer), " needs its own output"), {}, ErrorKind::data);
      stack.push_back(needed);
      ready = false;
    }
    state.waiting = !ready;
    if (!ready) continue;
    state.outputs = call_member(*key.first, key.first->calls[key.second]);
    state.done = true;
    stack.pop_back();
  }
}

/// The calls that outputs need, in the order in which Keras runs them.
std::vector<GraphCall::Key> GraphCall::keys_in_keras_order(const std::vector<TensorRef>& outputs) const {
  std::map<Key, size_t> places;
  std::vector<Key> keys;
  std::vector<CallNeeds> calls;
  struct Frame {
    Key key;
    std::vector<TensorRef> needs;
    size_t next = 0;
  };
  std::set<Key> entered;
  std::vector<Frame> stack;
  const auto enter = [&](const TensorRef& ref) {
    const Key key = key_of(ref);
    const auto state = states_.find(key);
    const bool is_input = state != states_.end() && state->second.done;
    if (!is_input && entered.insert(key).second) stack.push_back({key, needs(key)});
  };
  for (const TensorRef& output : outputs) {
    enter(output);
    while (!stack.empty()) {
      Frame& frame = stack.back();
      if (frame.next < frame.needs.size()) {
        enter(frame.needs[frame.next++]);
        continue;
      }
      CallNeeds call{frame.key.first, {}};
      for (const TensorRef& ref : frame.needs)
        if (const auto place = places.find(key_of(ref)); place != places.end())
          call.needs.push_back(place->second);
      places[frame.key] = calls.size();
      keys.push_back(frame.key);
      calls.push_back(std::move(call));
      stack.pop_back();
    }
  }
  std::vector<Key> ordered;
  for (size_t i : keras_order(calls)) ordered.push_back(keys[i]);
  return ordered;
}

const Traced& GraphCall::tensor(const TensorRef& ref) const {
  const Outputs& outputs = states_.at(key_of(ref)).outputs;
  if (ref.tensor < 0 || ref.tensor >= static_cast<int64_t>(outputs.size()))
    call_.fail(cat("a call refers to output ", ref.tensor, " of layer ", quoted(ref.layer), ", which has ",
                   outputs.size()),
               {}, ErrorKind::data);
  return outputs[ref.tensor];
}

void GraphCall::add_tensors(const Argument& argument, std::vector<Traced>& tensors) const {
  std::vector<TensorRef> refs;
  collect_tensors(argument, refs);
  for (const TensorRef& ref : refs) tensors.push_back(tensor(ref));
}

/// A model sets them on the tensors themselves; other layers use them and forget them.
void GraphCall::set_masks(Layer& layer, const Argument& value, CallArguments& arguments) const {
  arguments.is_mask_given = true;
  const auto set = [&](Traced& input, const Argument& mask) {
    const bool is_given = mask.kind == Argument::Kind::tensor;
    if (layer.def()->is_model && !is_given) return;
    const std::shared_ptr<bool> is_lost = input.is_mask_lost;
    input = is_given ? Traced(input.value, as_boolean(tensor(mask.tensor).value)) : Traced(input.value);
    if (!layer.def()->is_model) return;
    input.is_mask_lost = is_lost;
    *is_lost = false;
  };
  if (value.kind == Argument::Kind::tensor && !arguments.inputs.empty()) set(arguments.inputs[0], value);
  for (size_t i = 0; i < value.items.size() && i < arguments.inputs.size(); ++i)
    set(arguments.inputs[i], value.items[i]);
}

void GraphCall::set_keyword(Layer& layer, const std::string& name, const Argument& value,
                            CallArguments& arguments) const {
  const bool is_data = value.kind == Argument::Kind::data;
  // Keras writes a mask that it knew of when the model was made; with none, it looks when the model runs.
  if (name == "mask" && is_data && value.data->is_null())
    for (Traced& input : arguments.inputs) input.mask = input.mask_at_run_time();
  if (is_data &&
      (value.data->is_null() || (value.data->kind() == Json::Kind::boolean && !value.data->as_bool())))
    return;
  if (name == "mask") return set_masks(layer, value, arguments);
  // In Keras 3, the mode that a model is called in comes before what its calls of layers say.
  if (name == "training" && (layer.def()->ignores_training || !layer.context().keras2)) return;
  if (!is_data && is_one_of(layer.def()->tensors, name)) return add_tensors(value, arguments.tensors[name]);
  if (is_data && value.data->kind() == Json::Kind::boolean && is_one_of(layer.def()->flags, name)) {
    arguments.flags.insert(name);
    return;
  }
  throw Error(ErrorKind::unsupported,
              cat("is called with the argument ", name,
                  is_data ? cat("=", value.data->dump()) : std::string(), ", which is not supported"),
              layer.where());
}

Outputs GraphCall::call_member_layer(Layer& layer, const LayerCall& call) {
  constexpr std::string_view kOneInput[] = {"inputs", "sequences"};
  const LayerDef& def = *layer.def();
  const std::span<const std::string_view> names = def.inputs.empty() ? kOneInput : def.inputs;
  CallArguments arguments;
  for (size_t i = 0; i < call.arguments.size(); ++i) {
    const Argument& argument = call.arguments[i];
    if (argument.kind == Argument::Kind::data && !argument.data->is_null())
      throw Error(ErrorKind::unsupported,
                  cat("is called with ", argument.data->dump(), ", which is no tensor"), layer.where());
    const bool is_named = !def.inputs.empty() && i >= def.inputs.size();
    if (is_named && i - def.inputs.size() >= def.tensors.size())
      throw Error(ErrorKind::data, cat("is called with ", call.arguments.size(), " arguments"),
                  layer.where());
    add_tensors(argument, is_named ? arguments.tensors[std::string(def.tensors[i - def.inputs.size()])]
                                   : arguments.inputs);
  }
  for (const std::string_view input : names)
    for (const auto& [name, value] : call.keywords)
      if (name == input) add_tensors(value, arguments.inputs);
  for (const auto& [name, value] : call.keywords)
    if (!is_one_of(names, name)) set_keyword(layer, name, value, arguments);
  return call_layer(layer, call_.tracer(), std::move(arguments));
}

Operand GraphCall::operand(const Argument& argument) const {
  Operand out{.data = argument.data};
  if (argument.kind == Argument::Kind::tensor) out.tensor = tensor(argument.tensor);
  if (out.tensor.strings != nullptr)
    throw Error(ErrorKind::unsupported,
                cat("the input ", quoted(out.tensor.strings->name), " is strings, and goes to an operation"),
                call_.layer().where(), "strings go from an input to a StringLookup or a TextVectorization");
  for (const Argument& item : argument.items) out.items.push_back(operand(item));
  return out;
}

/// Puts what a call of keras.ops has as keywords among its operands.
void GraphCall::add_keywords(const LayerCall& call, const OperationDef& def, std::vector<Operand>& operands,
                             const std::string& where) const {
  for (const auto& [key, value] : call.keywords) {
    if (value.kind == Argument::Kind::data && value.data->is_null()) continue;
    std::optional<size_t> position = operand_position(def, key);
    if (!position && def.operands.ends_with("**")) position = std::max(operands.size(), named_operands(def));
    if (!position)
      throw Error(ErrorKind::unsupported,
                  cat("is called with the argument ", key, ", which is not supported"), where);
    if (operands.size() <= *position) operands.resize(*position + 1);
    operands[*position] = operand(value);
    operands[*position].keyword = key;
  }
}

/// The same for a function of TensorFlow, whose keywords are parameters of the operation as well: returns those. `values` holds what operands
/// refer to.
Json GraphCall::add_old_keywords(const LayerCall& call, const OldFunction& function, const OperationDef& def,
                                 std::vector<Operand>& operands, std::deque<Json>& values,
                                 const std::string& where) const {
  std::vector<std::pair<std::string, Json>> config;
  std::vector<size_t> swapped;
  for (const auto& [key, value] : call.keywords) {
    const bool is_data = value.data != nullptr && value.kind != Argument::Kind::tensor;
    const bool is_off = is_data && (value.data->is_null() || value.data->dump() == "false");
    if (is_off || key == "name") continue;
    if (is_data && word_of(function, "-", key) == value.data->dump()) continue;
    if (const std::string_view index = word_of(function, "~", key); !index.empty()) {
      swapped.push_back(static_cast<size_t>(index[0] - '0'));
      continue;
    }
    const std::string_view renamed = word_of(function, "", key);
    const std::string name(renamed.empty() ? key : renamed);
    const bool is_param = std::any_of(def.params.begin(), def.params.end(),
                                      [&](const Arg& param) { return param.name == name; });
    if (is_param && is_data) {
      if (std::none_of(config.begin(), config.end(), [&](const auto& each) { return each.first == name; }))
        config.emplace_back(name, adapt_value(key, *value.data));
      continue;
    }
    const std::optional<size_t> position = operand_position(def, name);
    if (!position)
      throw Error(ErrorKind::unsupported,
                  cat("is called with the argument ", key, ", which is not supported"), where);
    if (operands.size() <= *position) operands.resize(*position + 1);
    std::vector<TensorRef> tensors;
    collect_tensors(value, tensors);
    if (is_data && tensors.empty()) {
      values.push_back(adapt_value(key, *value.data));
      operands[*position] = operand(read_argument(values.back()));
    } else {
      operands[*position] = operand(value);
    }
  }
  for (size_t place : swapped) {
    Expr& x = operands.at(place).tensor.value;
    if (!x || x.rank() < 2) throw Error(ErrorKind::data, "transposes what is no matrix", where);
    Ints order = axes_from(x, 0);
    std::swap(order[order.size() - 1], order[order.size() - 2]);
    x = transpose(x, order);
  }
  const Json given = given_arguments(function);
  for (const auto& [name, value] : given.members())
    if (std::none_of(config.begin(), config.end(), [&](const auto& each) { return each.first == name; }))
      config.emplace_back(name, value);
  return Json::object(std::move(config));
}

Outputs GraphCall::call_operation(const Member& member, const LayerCall& call) {
  const Json& object = *member.object;
  const std::string& name = name_in_model(object);
  const Layer& model = call_.layer();
  const std::string place = model.origin().empty() ? name : cat(model.origin(), "/", name);
  const std::string& class_name = object["class_name"].as_string();
  const bool is_old = class_name == kOldOperator || class_name == kOldSlice;
  const std::string& what = is_old ? object["config"]["function"].as_string() : class_name;
  const std::string where = cat(model.context().file, model.context().file.empty() ? "" : ": ", "operation ",
                                quoted(place), " (", what, ")");
  const OldFunction* function = is_old ? find_old_function(what) : nullptr;
  const OperationDef* def = nullptr;
  if (!is_old) def = find_operation_def(what);
  if (function != nullptr) def = find_operation_def(function->operation);
  if (def == nullptr)
    throw Error(ErrorKind::unsupported, cat("operation ", what, " is not supported"), where);
  if (def->trace == nullptr)
    throw Error(ErrorKind::unsupported, cat("operation ", what, " is not supported: ", def->refusal), where);

  std::vector<Operand> operands;
  for (const Argument& argument : call.arguments) operands.push_back(operand(argument));
  if (function == nullptr) {
    add_keywords(call, *def, operands, where);
    return call_operation_def(*def, call_.builder(), object["config"], operands, place, where);
  }
  if (function->takes_list) {
    Operand list;
    list.items = std::move(operands);
    operands = {std::move(list)};
  }
  std::deque<Json> values;
  const Json config = add_old_keywords(call, *function, *def, operands, values, where);
  return call_operation_def(*def, call_.builder(), config, operands, place, where);
}

Outputs GraphCall::call_member(const Member& member, const LayerCall& call) {
  return member.layer == nullptr ? call_operation(member, call) : call_member_layer(*member.layer, call);
}

Outputs GraphCall::run() {
  const std::vector<TensorRef> inputs = read_tensor_refs(call_.args().json("input_layers"));
  if (inputs.size() != call_.inputs().size())
    call_.fail(cat("is called with ", call_.inputs().size(), " inputs, expected ", inputs.size()), {},
               ErrorKind::data);
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Member& input = member(inputs[i]);
    State& state = states_[{&input, inputs[i].node}];
    state.done = true;
    state.outputs = as_declared(call_.inputs()[i], *input.object, call_.layer().where());
  }
  std::vector<TensorRef> refs = read_tensor_refs(call_.args().json("output_layers"));
  for (TensorRef& ref : refs) {
    const Member& source = member(ref);
    ref.node += source.first_call - source.first_output_call;
  }
  // Which tensors still have masks depends on what has been called before; in training, so do moving averages.
  if (call_.training() || takes_masks(call_.args().config()))
    for (const Key& key : keys_in_keras_order(refs)) evaluate(key);
  Outputs outputs;
  for (const TensorRef& ref : refs) evaluate(key_of(ref));
  for (const TensorRef& ref : refs) outputs.push_back(tensor(ref));
  return outputs;
}

}  // namespace

bool is_operation(const Json& object) {
  const Json& module = object["module"];
  return (module.is_string() && module.as_string().starts_with("keras.src.ops.")) ||
         object["class_name"].as_string() == kOldOperator || object["class_name"].as_string() == kOldSlice;
}

Outputs trace_functional(Call& call) { return GraphCall(call).run(); }

Outputs trace_sequential(Call& call) {
  make_layers(call.layer());
  const Json& layers = call.args().json("layers");
  Traced input = call.traced_input();
  if (layers.size() > 0) input = as_declared(std::move(input), layers.at(0), call.layer().where());
  Outputs outputs(std::move(input));
  for (Layer* layer : call.layer().members()) {
    if (layer->class_name() == "InputLayer") continue;
    if (outputs.size() != 1)
      call.fail(cat("a layer before ", quoted(layer->name()), " has several outputs"), {}, ErrorKind::data);
    outputs = call_layer(*layer, call.tracer(), {.inputs = {outputs[0]}});
  }
  return outputs;
}

}  // namespace keratin
