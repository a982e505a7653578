#include "frontend/layer.h"

#include <algorithm>

#include "frontend/activations.h"
#include "frontend/class_key.h"
#include "frontend/legacy.h"
#include "frontend/model_file.h"
#include "frontend/training/regularizers.h"
#include "ir/error.h"
#include "ir/string_table.h"
#include "ir/text.h"

namespace keratin {
namespace {

std::string describe(const std::string& file, const std::string& layer, const std::string& class_name) {
  return cat(file, file.empty() ? "" : ": ", "layer ", quoted(layer), " (", class_name, ")");
}

constexpr std::string_view kAbstract = "it is what other classes are made from, and computes nothing";
constexpr RefusedLayer kRefusedLayers[] = {
    {"Lambda", "what it computes is Python byte code, which is never run",
     "replace it by layers or keras.ops operations"},
    {"JaxLayer", "what it computes is a function in Python",
     "keratin_export traces it; docs/extending.md shows how"},
    {"FlaxLayer", "what it computes is a module in Python",
     "keratin_export traces it; docs/extending.md shows how"},
    {"TorchModuleWrapper",
     "what it computes is a module of PyTorch, saved by pickle, which may run anything",
     {}},
    {"TFSMLayer", "what it computes is a SavedModel of TensorFlow",
     "build the model from Keras's own layers"},
    {"RandomFourierFeatures", "it was an experiment of Keras 2", "Dense and keras.ops.cos compute the same"},
    {"Layer", kAbstract, {}},
    {"Wrapper", kAbstract, {}},
};

[[noreturn]] void fail_for_class(const std::string& key, const std::string& where) {
  if (is_of_package(key))
    throw Error(ErrorKind::unsupported, cat("class ", key, " is not part of Keras"), where,
                std::string(kPluginHint));
  for (const RefusedLayer& row : kRefusedLayers)
    if (row.class_name == key)
      throw Error(ErrorKind::unsupported, cat("layers of class ", key, " are not supported: ", row.reason),
                  where, std::string(row.hint));
  throw Error(ErrorKind::unsupported, cat("layers of class ", key, " are not supported"), where);
}

}  // namespace

std::span<const RefusedLayer> refused_layers() { return kRefusedLayers; }

bool ModelContext::has_place(const std::string& where) const {
  if (!file.empty()) return where.starts_with(file);
  return where.starts_with("layer \"") || where.starts_with("operation \"");
}

Layer::Layer(ModelContext& context, const Json& object, const Layer* parent, std::string group)
    : context_(context), group_(std::move(group)) {
  class_name_ = object["class_name"].as_string();
  const Json& stored = object["config"];
  const Json& stored_name = stored["name"].is_null() ? object["name"] : stored["name"];
  name_ = stored_name.is_null() ? snake_case(class_name_) : stored_name.as_string();
  // The outermost model has no part in what users call their layers.
  if (parent != nullptr) origin_ = parent->origin_.empty() ? name_ : cat(parent->origin_, "/", name_);
  path_ = name_;
  keras_path_ = parent == nullptr || parent->def_ == nullptr || parent->def_->is_model
                    ? name_
                    : cat(parent->keras_path_, "/", name_);
  const std::string key = class_key(object);
  def_ = find_layer_def(class_of_keras3(key));
  if (def_ == nullptr) fail_for_class(key, where());
  const Json* config = &stored;
  if (std::optional<Json> changed = adapt_config(key, stored, context_.keras2)) {
    adapted_ = std::move(*changed);
    config = &adapted_;
  }
  trainable_ = stored["trainable"].is_null() || stored["trainable"].as_bool();
  const Json& dtype = stored["dtype"];
  const bool is_string = def_->takes_strings && dtype.is_string() && dtype.as_string() == "string";
  policy_ = is_string ? DTypePolicy() : read_dtype_policy(dtype, keras_path_, where());
  const bool quantizes = std::any_of(def_->args.begin(), def_->args.end(),
                                     [](const Arg& arg) { return arg.name == "quantization_config"; });
  if (policy_.quantization != Quantization::none && !quantizes && !def_->is_model)
    throw Error(ErrorKind::data, "Keras does not quantize layers of this class", where());
  autocast_ = stored["autocast"].is_null() || stored["autocast"].as_bool();
  args_ = Args(def_->args, *config, where());
}

Layer::Layer(ModelContext& context, std::string name, const Layer* parent, std::string group)
    : context_(context), name_(std::move(name)), class_name_("part"), group_(std::move(group)) {
  origin_ = cat(parent->origin_, "/", name_);
  path_ = cat(parent->path_, "/", name_);
  keras_path_ = cat(parent->keras_path_, "/", name_);
  policy_ = read_dtype_policy(parent->args_.config()["dtype"], keras_path_, parent->where());
  autocast_ = parent->autocast_;
  trainable_ = parent->trainable_;
}

std::string Layer::where() const {
  return describe(context_.file, origin_.empty() ? name_ : origin_, class_name_);
}

Layer* Layer::find_child(const std::string& group) const {
  for (const std::unique_ptr<Layer>& child : children_)
    if (child->group_ == group) return child.get();
  return nullptr;
}

Layer& Layer::add_child(const Json& object, const std::string& group) {
  // Files of Keras 2 have the weights at each place.
  const bool may_share = context_.stored == nullptr || !context_.stored->is_legacy();
  if (Layer* same = may_share ? context_.shared.find(object, group, context_.stored) : nullptr) {
    if (std::find(members_.begin(), members_.end(), same) == members_.end()) members_.push_back(same);
    return *same;
  }
  Layer& made = *children_.emplace_back(std::make_unique<Layer>(context_, object, this, group));
  members_.push_back(&made);
  if (may_share) context_.shared.add(object, made);
  return made;
}

Layer& Layer::child(const Json& object, const std::string& group) {
  Layer* found = find_child(group);
  return found != nullptr ? *found : add_child(object, group);
}

Layer& Layer::child(const Json& object, const std::string& group,
                    std::vector<std::pair<std::string, Json>> changes) {
  if (Layer* found = find_child(group)) return *found;
  std::vector<std::pair<std::string, Json>> config = std::move(changes);
  const size_t changed = config.size();
  for (const auto& [key, value] : object["config"].members())
    if (std::none_of(config.begin(), config.begin() + changed,
                     [&](const auto& member) { return member.first == key; }))
      config.emplace_back(key, value);
  changed_objects_.push_back(
      std::make_unique<const Json>(Json::object({{"class_name", object["class_name"]},
                                                 {"config", Json::object(std::move(config))},
                                                 {"registered_name", object["registered_name"]}})));
  return add_child(*changed_objects_.back(), group);
}

void Layer::move(const std::string& group) {
  for (const std::unique_ptr<Layer>& child : children_)
    if (child->group_.starts_with(group_)) child->move(cat(group, child->group_.substr(group_.size())));
  group_ = group;
}

Layer& Layer::part(std::string_view name, std::string_view group) {
  for (const std::unique_ptr<Layer>& child : children_)
    if (child->def_ == nullptr && child->name_ == name) return *child;
  children_.push_back(std::make_unique<Layer>(context_, std::string(name), this, cat(group_, "/", group)));
  return *children_.back();
}

std::string Layer::unique_path(std::string_view variable) const {
  std::string path = cat(path_, "/", variable);
  if (context_.variable_paths.contains(path)) path = cat(origin_, "/", variable);
  for (int64_t copy = 1; context_.variable_paths.contains(path); ++copy)
    path = cat(origin_, "/", variable, "_", copy);
  context_.variable_paths.insert(path);
  return path;
}

const LayerVariable& Layer::variable(const VariableSpec& spec, const Json& config) {
  const Type type(spec.dtype.value_or(policy_.variable), spec.shape);
  for (const LayerVariable& variable : variables_) {
    if (variable.name != spec.name) continue;
    if (variable.type != type)
      throw Error(ErrorKind::data,
                  cat("is called with inputs of different shapes: its ", spec.name, " would be ",
                      to_text(variable.type), " and ", to_text(type)),
                  where());
    return variable;
  }
  if (spec.role == Role::weight && !type.is_static())
    throw Error(ErrorKind::unsupported, cat("its ", spec.name, " would be ", to_text(type)), where(),
                std::string(kFixLength));
  const std::string argument(spec.argument.empty() ? spec.name : spec.argument);
  const Json& initializer = spec.start.is_null() ? config[argument + "_initializer"] : spec.start;
  const Json regularizer = spec.is_bare ? Json() : config[argument + "_regularizer"];
  const Json constraint = spec.is_bare ? Json() : config[argument + "_constraint"];
  variables_.push_back({std::string(spec.name), unique_path(spec.name), type, spec.role,
                        spec.trainable && trainable_,
                        initializer.is_null() ? Json::of(std::string(spec.initializer)) : initializer,
                        regularizer, constraint, spec.ones, spec.fans, spec.is_stored});
  return variables_.back();
}

void Layer::add_copy(const LayerVariable& variable) {
  for (const LayerVariable& copy : copies_)
    if (copy.path == variable.path) return;
  copies_.push_back(variable);
}

// --- calls ---

bool is_one_of(std::span<const std::string_view> names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// Models that call a model twice, which calls a model twice, … are small files and endless graphs.
constexpr int64_t kMostCalls = 100'000;

namespace {

/// An output that is an input as it came is the same tensor, and loses its mask when that does.
void identify_tensors(const std::vector<Traced>& inputs, Outputs& outputs) {
  for (Traced& output : outputs)
    for (const Traced& input : inputs)
      if (input.value.value() == output.value.value()) output.is_mask_lost = input.is_mask_lost;
}

/// A float as another float; what is none stays as it is.
Expr cast_float(const Expr& x, DType dtype) {
  return is_float(x.dtype()) && is_float(dtype) ? cast(x, dtype) : x;
}

void refuse_strings(const Layer& layer, const CallArguments& arguments) {
  bool has_strings = false;
  for (const auto& [name, tensors] : arguments.tensors)
    for (const Traced& tensor : tensors) has_strings = has_strings || tensor.strings != nullptr;
  if (!layer.def()->takes_strings && !layer.def()->is_model)
    for (const Traced& tensor : arguments.inputs) has_strings = has_strings || tensor.strings != nullptr;
  if (has_strings)
    throw Error(ErrorKind::unsupported, "is called with strings", layer.where(),
                "strings go from an input to a StringLookup or a TextVectorization");
}

void cast_inputs(const Layer& layer, CallArguments& arguments) {
  if (!layer.def()->casts_inputs || !layer.autocast()) return;
  const auto cast_all = [&](std::vector<Traced>& tensors) {
    for (Traced& tensor : tensors)
      if (is_float(tensor.value.dtype())) tensor.value = cast(tensor.value, layer.policy().compute);
  };
  cast_all(arguments.inputs);
  for (auto& [name, tensors] : arguments.tensors) cast_all(tensors);
}

}  // namespace

Outputs call_layer(Layer& layer, Tracer& tracer, CallArguments arguments) {
  const Origin outer = tracer.builder.origin();
  if (!layer.origin().empty()) tracer.builder.set_origin(std::make_shared<const std::string>(layer.origin()));
  try {
    if (++layer.context().calls > kMostCalls)
      throw Error(ErrorKind::unsupported, cat("the model makes more than ", kMostCalls, " calls of layers"));
    refuse_strings(layer, arguments);
    cast_inputs(layer, arguments);
    Call call(layer, tracer, std::move(arguments));
    Outputs outputs = layer.def()->trace(call);
    if (layer.def()->casts_outputs)
      for (Traced& output : outputs) output.value = cast_float(output.value, layer.policy().compute);
    if (!layer.def()->penalizes_parts_only)
      for (const Traced& output : outputs) call.penalize(output.value);
    for (const Traced& output : outputs) of_sane_size(output.value);
    if (layer.def()->masks == Masks::pass && !call.inputs().empty())
      for (Traced& output : outputs) output.set_mask(call.inputs()[0]);
    identify_tensors(call.inputs(), outputs);
    std::vector<Type> types;
    for (const Traced& output : outputs) types.push_back(output.value.value().type());
    layer.set_output_types(std::move(types));
    tracer.builder.set_origin(outer);
    return outputs;
  } catch (Error& error) {
    if (!layer.context().has_place(error.where())) error.move_to(layer.where());
    throw;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& error) {
    throw Error(ErrorKind::data, cat("its plug-in's function threw ", quoted(error.what())), layer.where());
  }
}

const Traced& Call::traced_input() const {
  if (inputs().size() != 1)
    fail(cat("is called with ", inputs().size(), " inputs, expected 1"), {}, ErrorKind::data);
  return inputs()[0];
}

Expr Call::float_input(int64_t rank) const {
  const Expr& x = input();
  if (rank != 0 && x.rank() != rank)
    fail(cat("its input is ", to_text(x.value().type()), ", expected rank ", rank), {}, ErrorKind::data);
  return to_float(x);
}

Expr Call::encode(std::shared_ptr<const Tensor> table, const Shape& shape) {
  StringInput* from = traced_input().strings.get();
  if (from == nullptr)
    fail("is called with numbers", "it reads strings, which only an input can give", ErrorKind::data);
  if (from->table == nullptr) {
    from->table = std::move(table);
    from->type = Type(DType::i64, shape);
  } else if (*from->table != *table) {
    fail(cat("reads the input ", quoted(from->name), " in another way than a layer before it"),
         "give each of them an input of its own");
  }
  if (input().value().type() == from->type) return input();
  return {builder(), builder().var(string_table_of(from->name),
                                   from->type)};  // of a function that is only traced to find out
}

DType Call::compute_dtype() const {
  const DType dtype = layer_.policy().compute;
  return is_float(dtype) ? dtype : DType::f32;
}

Expr Call::to_float(const Expr& x) const { return is_float(x.dtype()) ? x : cast(x, compute_dtype()); }

Expr Call::variable(Layer& part, const VariableSpec& spec) {
  const LayerVariable& variable = part.variable(spec, layer_.args().config());
  Expr value(builder(), builder().var(variable.path, variable.type));
  for (const Update& update : builder().updates())
    if (update.variable == variable.path) value = {builder(), update.value};
  if (const auto other = tracer_.replaced.find(variable.path); other != tracer_.replaced.end())
    value = other->second;
  return spec.autocast ? cast_float(value, part.policy().compute) : value;
}

void Call::update(const VariableSpec& spec, const Expr& value) {
  const LayerVariable& variable = layer_.variable(spec, args().config());
  builder().update(variable.path, cast(value, variable.type.dtype).value());
}

const std::vector<Traced>& Call::tensors(std::string_view argument) const {
  static const std::vector<Traced> none;
  const auto found = arguments_.tensors.find(argument);
  return found == arguments_.tensors.end() ? none : found->second;
}

Expr Call::tensor(std::string_view argument) const {
  const std::vector<Traced>& given = tensors(argument);
  if (given.size() > 1)
    fail(cat("is called with ", given.size(), " tensors as ", argument, ", expected 1"), {}, ErrorKind::data);
  return given.empty() ? Expr() : given[0].value;
}

void Call::penalize(const Expr& output) {
  const Json& regularizer = args().config()["activity_regularizer"];
  if (!regularizer.is_null())
    add_loss(penalty(regularizer, cast_float(output, DType::f32), layer_.where()) / count(output, {0}));
}

void Call::take_masks() {
  for (const Traced& input : inputs()) *input.is_mask_lost = true;
}

void Call::add_loss(const Expr& loss) {
  if (tracer_.losses != nullptr) tracer_.losses->push_back(loss);
}

Expr Call::uniform(Shape shape) {
  KERATIN_CHECK(training() && tracer_.random_key && tracer_.random_counter,
                "no random numbers outside training");
  constexpr double kDropped = 8, kScale = 1.0 / (1 << 24);  // the 24 bits that an f32 holds
  const Expr bits(builder(), builder().make(Op::random_bits, {tracer_.random_key, tracer_.random_counter},
                                            RandomAttrs{std::move(shape), tracer_.random_streams++}));
  return cast(binary(Op::shr, bits, number(bits, kDropped)), DType::f32) * kScale;
}

Traced Call::activate(std::string_view argument, const Expr& x) {
  const Json& given = args().json(argument);
  if (given.is_null()) return x;
  if (given.is_string())
    return apply_activation(given.as_string(), x, layer_.context().keras2, args(), argument);
  if (given["class_name"].is_string() && given["class_name"].as_string() == "function" &&
      given["config"].is_string())
    return apply_activation(given["config"].as_string(), x, layer_.context().keras2, args(), argument);
  if (!given.is_object())
    args().reject(argument, "expected the name of an activation or a layer", {}, ErrorKind::data);
  Tracer tracer{x.builder(), training()};
  return call_layer(layer_.child(given, cat(layer_.group(), "/", argument)), tracer, {.inputs = {x}}).at(0);
}

void Call::fail(std::string message, std::string hint, ErrorKind kind) const {
  throw Error(kind, std::move(message), layer_.where(), std::move(hint));
}

}  // namespace keratin
