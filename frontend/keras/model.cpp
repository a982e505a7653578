#include <keratin/keras/model.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "frontend/file.h"
#include "frontend/keras/arrays.h"
#include "frontend/keras/call_reader.h"
#include "frontend/keras/callbacks.h"
#include "frontend/keras/engine.h"
#include "frontend/keras/graph.h"
#include "frontend/keras/session.h"
#include "frontend/keras_writer.h"
#include "frontend/load.h"
#include "frontend/model_file.h"
#include "frontend/summary.h"
#include "frontend/training/optimizers.h"
#include "ir/error.h"
#include "ir/text.h"
#include "runtime/trainer/fit.h"
#include "runtime/trainer/progress.h"

namespace keratin::keras {
namespace {

using Named = std::vector<std::pair<std::string, Json>>;

Json text(std::string value) { return Json::of(std::move(value)); }

/// A model's own object; its members are put in when it is serialized.
Json model_object(bool is_sequential, const ModelOptions& options, Named more) {
  const std::string class_name = is_sequential ? "Sequential" : "Functional";
  Named config = {{"name", text(options.name.empty() ? unique_name(class_name) : options.name)},
                  {"trainable", Json::of(options.trainable)}};
  if (is_sequential) config.emplace_back("dtype", text("float32"));
  config.emplace_back("layers", Json::null());
  config.insert(config.end(), more.begin(), more.end());
  return Json::object({{"module", text(is_sequential ? "keras" : "keras.src.models.functional")},
                       {"class_name", text(class_name)},
                       {"config", Json::object(std::move(config))},
                       {"registered_name", is_sequential ? Json::null() : text(class_name)}});
}

std::shared_ptr<LayerNode> functional_node(const Tensors& inputs, const Tensors& outputs,
                                           const ModelOptions& options) {
  std::unique_ptr<ModelState> model = make_functional(inputs, outputs);
  auto node = std::make_shared<LayerNode>(model_object(
      false, options, {{"input_layers", model->input_layers}, {"output_layers", model->output_layers}}));
  node->model = std::move(model);
  return node;
}

std::shared_ptr<LayerNode> sequential_node(const ModelOptions& options) {
  auto node = std::make_shared<LayerNode>(model_object(true, options, {}));
  node->model = std::make_unique<ModelState>();
  node->model->is_sequential = true;
  return node;
}

Json parsed(const Value& value, const char* what) { return Json::parse(value.json(), what); }

/// The model's input is what the data have, if it does not know better.
void build_from(LayerNode& node, const Arrays& x) {
  if (x.empty() || x[0].shape().empty()) return;
  const bool is_string = x[0].dtype() == kStringDType;
  build(node, {x[0].shape().begin(), x[0].shape().end()}, is_string ? x[0].dtype() : "float32");
}

void expect_batch(int64_t batch_size, const char* call) {
  if (batch_size < 1)
    throw Error(ErrorKind::usage, cat("batch_size is ", batch_size), call, "it is at least 1");
}

void expect_compiled(const LayerNode& node, const char* before) {
  if (!node.model->compiled)
    throw Error(ErrorKind::usage, cat("is not compiled: call compile() before ", before, "()"),
                place_of(node));
}

void expect_tensors(const LayerNode& node) {
  expect_built(node);
  if (node.model->inputs.size() == 0)
    throw Error(ErrorKind::unsupported, "does not tell the shapes between its layers", node.model->file,
                "models from files of Keras 3 do");
}

std::vector<std::string> names_of(const std::vector<trainer::Signature>& signatures) {
  std::vector<std::string> names;
  for (const trainer::Signature& signature : signatures) names.push_back(signature.name);
  return names;
}

/// Those of the outputs that have a loss: by order, they may come for all outputs.
Arrays with_loss(const Arrays& y, const trainer::TrainableInfo& info) {
  const std::vector<std::string> targets = names_of(info.targets), outputs = names_of(info.outputs);
  if (y.size() != outputs.size() || y.size() == targets.size() || !y.named()[0].first.empty()) return y;
  Arrays::Named compared;
  for (size_t i = 0; i < outputs.size(); ++i)
    if (std::find(targets.begin(), targets.end(), outputs[i]) != targets.end())
      compared.push_back(y.named()[i]);
  return compared;
}

/// Bytes of strings would be numbers to an input of numbers.
void expect_no_strings(const Arrays& x, const trainer::TrainableInfo& info) {
  for (size_t i = 0; i < x.size(); ++i) {
    const auto& [name, array] = x.named()[i];
    if (array.dtype() != kStringDType) continue;
    for (size_t k = 0; k < info.inputs.size(); ++k)
      if (info.inputs[k].strings == nullptr && (name.empty() ? k == i : name == info.inputs[k].name))
        throw Error(ErrorKind::usage, cat("x has strings for the input ", quoted(info.inputs[k].name),
                                          ", which takes numbers"));
  }
}

/// Checked data. `call`: for errors.
trainer::Dataset dataset(const trainer::TrainableInfo& info, const Arrays& x, const Arrays* y,
                         const Arrays& sample_weight, const std::string& call) {
  std::map<std::string, trainer::Array> arrays;
  try {
    expect_no_strings(x, info);
    add_arrays("x", x, names_of(info.inputs), arrays);
    if (y != nullptr) add_arrays("y", with_loss(*y, info), names_of(info.targets), arrays);
    if (info.weights[0].name.empty() && !sample_weight.empty())
      arrays["sample_weight"] = view_of(sample_weight.one());
    else if (!sample_weight.empty())
      add_arrays("sample_weight", sample_weight, names_of(info.weights), arrays);
  } catch (const Error& error) {
    throw error.within(call);
  }
  return trainer::make_dataset(arrays, call, info,
                               y != nullptr ? trainer::Needs::inputs_and_targets : trainer::Needs::inputs);
}

void expect_sensible(const FitOptions& options) {
  if (options.epochs < 1 || options.batch_size < 1 || options.validation_split < 0 ||
      options.validation_split >= 1 || options.verbose < 0 || options.verbose > 2)
    throw Error(ErrorKind::usage,
                cat("epochs = ", options.epochs, ", batch_size = ", options.batch_size,
                    ", validation_split = ", options.validation_split, ", verbose = ", options.verbose),
                "fit",
                "epochs and batch_size are at least 1, validation_split is below 1, verbose is 0, 1 or 2");
  if (options.initial_epoch < 0 || options.steps_per_epoch < 0 || options.validation_steps < 0 ||
      options.validation_batch_size < 0 || options.validation_freq < 1)
    throw Error(
        ErrorKind::usage,
        cat("initial_epoch = ", options.initial_epoch, ", steps_per_epoch = ", options.steps_per_epoch,
            ", validation_steps = ", options.validation_steps, ", validation_batch_size = ",
            options.validation_batch_size, ", validation_freq = ", options.validation_freq),
        "fit", "none is below 0, and validation_freq is at least 1");
}

/// All but seed, data and callbacks.
trainer::FitOptions options_of(const FitOptions& options) {
  trainer::FitOptions made;
  made.epochs = options.epochs;
  made.initial_epoch = options.initial_epoch;
  made.batch_size = options.batch_size;
  made.steps_per_epoch = options.steps_per_epoch;
  made.validation_split = options.validation_split;
  made.validation_batch_size = options.validation_batch_size;
  made.validation_steps = options.validation_steps;
  made.validation_freq = options.validation_freq;
  made.shuffle = options.shuffle;
  made.class_weight = options.class_weight;
  return made;
}

Json compile_json(const CompileConfig& config) {
  return Json::object({{"optimizer", config.optimizer},
                       {"loss", config.loss},
                       {"loss_weights", config.loss_weights},
                       {"metrics", config.metrics},
                       {"weighted_metrics", config.weighted_metrics},
                       {"sample_weight_mode", config.sample_weight_mode}});
}

}  // namespace

Model::Model(const Tensors& inputs, const Tensors& outputs, const ModelOptions& options)
    : Layer(functional_node(inputs, outputs, options)) {}

void Model::compile(const CompileOptions& options) {
  CompileConfig config;
  config.optimizer = parsed(options.optimizer, "optimizer");
  config.loss = parsed(options.loss, "loss");
  config.loss_weights = parsed(options.loss_weights, "loss_weights");
  config.metrics = parsed(options.metrics, "metrics");
  config.weighted_metrics = parsed(options.weighted_metrics, "weighted_metrics");
  config.sample_weight_mode = parsed(options.sample_weight_mode, "sample_weight_mode");
  if (config.loss.is_null())
    throw Error(ErrorKind::usage, "is compiled without a loss", place_of(*node_),
                "compile({.loss = \"mse\"})");
  if (node_->model->is_mixed_float16) config.optimizer = scaling_the_loss(config.optimizer);
  std::optional<CompileConfig> before = std::exchange(node_->model->compiled, std::move(config));
  try {  // what cannot be compiled is better known now
    if (node_->model->inputs.size() > 0) TracedModel(*node_).add_training(*node_);
  } catch (...) {
    node_->model->compiled = std::move(before);
    throw;
  }
  node_->model->optimizer_state.clear();
  node_->model->session.reset();
}

History Model::fit(const Arrays& x, const Arrays& y, const FitOptions& options) {
  expect_compiled(*node_, "fit");
  expect_sensible(options);
  build_from(*node_, x);
  Session& session = session_of(*node_, true);
  trainer::Trainable& model = session.trainable();
  trainer::FitOptions fit_options = options_of(options);
  fit_options.seed = next_seed();
  const trainer::Dataset data = dataset(model.info(), x, &y, options.sample_weight, "fit");
  std::optional<trainer::Dataset> validation;
  if (const ValidationData& given = options.validation_data; !given.x.empty())
    fit_options.validation =
        &validation.emplace(dataset(model.info(), given.x, &given.y, given.sample_weight, "validation_data"));
  FitCallbacks callbacks(options.callbacks, {.take = [&]() -> Model& {
                                               session.take_weights();
                                               return *this;
                                             },
                                             .give = [&] { session.trainable(); }});
  callbacks.add_to(fit_options);
  trainer::Progress progress(stdout, stderr, static_cast<trainer::Verbose>(options.verbose),
                             ::isatty(STDOUT_FILENO) == 1, trainer::monotonic_seconds);
  fit_options.callbacks.push_back(&progress);
  trainer::History seen;
  try {
    seen = trainer::fit(model, data, fit_options);
  } catch (...) {
    session.take_weights();  // those of the steps that were done
    throw;
  }
  session.take_weights();
  callbacks.finish();

  History history;
  for (const trainer::Logs& logs : seen.epochs) {
    history.epoch.push_back(seen.first_epoch + static_cast<int64_t>(history.epoch.size()));
    for (const auto& [name, value] : logs) history.history[name].push_back(value);
  }
  return history;
}

Logs Model::evaluate(const Arrays& x, const Arrays& y, const EvaluateOptions& options) const {
  expect_compiled(*node_, "evaluate");
  expect_batch(options.batch_size, "evaluate");
  build_from(*node_, x);
  trainer::Trainable& model = session_of(*node_, true).trainable();
  const trainer::Dataset data = dataset(model.info(), x, &y, options.sample_weight, "evaluate");
  const trainer::Logs logs = trainer::evaluate(model, data, options.batch_size);
  return {logs.begin(), logs.end()};
}

Arrays Model::predict(const Arrays& x, const PredictOptions& options) const {
  expect_batch(options.batch_size, "predict");
  build_from(*node_, x);
  trainer::Trainable& model = session_of(*node_, false).trainable();
  const trainer::Dataset data = dataset(model.info(), x, nullptr, {}, "predict");
  const std::map<std::string, trainer::Array> outputs = trainer::predict(model, data, options.batch_size);
  Arrays::Named named;
  for (const std::string& name : names_of(model.info().outputs))
    named.emplace_back(name, to_array(outputs.at(name)));
  return named;
}

void Model::summary() const {
  expect_built(*node_);
  TracedModel traced(*node_);
  Amount optimizer;
  if (node_->model->compiled) {
    const TrainingSignature signature = traced.add_training(*node_);
    for (const Variable& variable : signature.optimizer_state) optimizer.add(variable.type);
  }
  const std::string shown = model_summary(traced.model, optimizer);
  std::fwrite(shown.data(), 1, shown.size(), stdout);
}

void Model::save(const std::string& path) const {
  ModelState& model = *node_->model;
  expect_built(*node_);
  if (model.is_keras2)
    throw Error(ErrorKind::unsupported, "a model from a file of Keras 2 is not written as one of Keras 3",
                path, "save it with Keras 3 first");
  if (!path.ends_with(".keras"))
    throw Error(ErrorKind::usage, "a model is saved as a .keras file", path,
                "export_library() makes libraries");
  materialize(*node_);
  TracedModel traced(*node_);
  Named members = traced.object.members();
  std::vector<Variable> optimizer;
  if (model.compiled) {
    std::erase_if(members, [](const auto& member) { return member.first == "compile_config"; });
    members.emplace_back("compile_config", compile_json(*model.compiled));
    if (model.session && model.session->trains() && model.session->has_flags_of(*node_)) {
      optimizer = model.session->optimizer_state();
    } else {
      optimizer = traced.add_training(*node_).optimizer_state;
      if (model.optimizer_state.size() == optimizer.size())
        restore_optimizer(optimizer, optimizer, model.optimizer_state);
    }
  }
  write_file(
      path, format_keras(Json::object(std::move(members)), traced.model, traced.module.variables, optimizer));
}

void Model::export_library(const std::string& path, const LibraryOptions& options) const {
  expect_built(*node_);
  materialize(*node_);
  TracedModel traced(*node_);
  write_library(traced.module, path, options.name, options.cpu);
}

std::vector<Layer> Model::layers() const {
  std::vector<Layer> layers;
  for (const Member& member : node_->model->members)
    if (!node_->model->is_sequential || member.layer->class_name != "InputLayer")
      layers.emplace_back(member.layer);
  return layers;
}

Layer Model::get_layer(const std::string& name) const {
  std::vector<std::string> names;
  for (const Member& member : node_->model->members) {
    if (member.layer->name == name) return Layer(member.layer);
    names.push_back(member.layer->name);
  }
  throw Error(ErrorKind::usage, cat("has no layer ", quoted(name)), place_of(*node_),
              cat("its layers are ", join(names, ", ")));
}

Layer Model::get_layer(size_t index) const {
  const std::vector<Layer> all = layers();
  if (index >= all.size())
    throw Error(ErrorKind::usage, cat("has no layer ", index, ": it has ", all.size()), place_of(*node_));
  return all[index];
}

Tensors Model::inputs() const {
  expect_tensors(*node_);
  return node_->model->inputs;
}

Tensors Model::outputs() const {
  expect_tensors(*node_);
  return node_->model->outputs;
}

// --- Sequential ---

SequentialItem::SequentialItem(const Tensor& input) : layer(input.call()->layer) {
  if (!input.call()->is_input())
    throw Error(ErrorKind::usage, "is made of layers and an Input, not of what a layer gives", "Sequential");
}

Sequential::Sequential(const ModelOptions& options) : Model(sequential_node(options)) {}

Sequential::Sequential(std::initializer_list<SequentialItem> layers, const ModelOptions& options)
    : Sequential(options) {
  for (const SequentialItem& item : layers) add(item);
}

namespace {

/// What others were made of must stay as it was.
void expect_free(const LayerNode& sequential) {
  for (const auto& call : sequential.calls)
    if (!call.expired())
      throw Error(ErrorKind::usage, "is part of another model, and cannot be changed any more",
                  place_of(sequential), "finish it before it is called");
}

}  // namespace

void Sequential::add(const SequentialItem& item) {
  ModelState& model = *node_->model;
  expect_free(*node_);
  if (contains(*item.layer.node(), *node_))
    throw Error(ErrorKind::usage, "cannot be a part of itself", place_of(*node_));
  const bool is_input = item.layer.node()->class_name == "InputLayer";
  if (is_input && !model.members.empty())
    throw Error(ErrorKind::usage, "the Input comes first", place_of(*node_));
  for (const Member& member : model.members)
    if (member.layer->name == item.layer.name())
      throw Error(ErrorKind::usage, cat("has a layer ", quoted(item.layer.name()), " already"),
                  place_of(*node_), "give this one another name");
  model.members.push_back({item.layer.node(), {}});
  try {
    if (is_input)
      connect_sequential(model);
    else if (model.inputs.size() > 0)
      model.outputs = item.layer(model.outputs);
  } catch (...) {
    model.members.pop_back();
    throw;
  }
  model.session.reset();
}

void Sequential::pop() {
  ModelState& model = *node_->model;
  if (model.members.empty()) throw Error(ErrorKind::usage, "has no layers", place_of(*node_));
  expect_free(*node_);
  model.members.pop_back();
  connect_sequential(model);
  model.session.reset();
}

// --- files ---

Model load_model(const std::string& path, const LoadOptions& options) try {
  ModelFile file = ModelFile::open(path);
  ShapeOverrides shapes;
  for (const auto& [name, extents] : options.shapes)
    shapes.extents.emplace(name, Shape(extents.begin(), extents.end()));
  keratin::Model traced = open_model(file, shapes);
  traced.make_what_is_trained();
  Module module = load_predict(traced, file);
  auto node = std::make_shared<LayerNode>(file.config());
  NodesOfLayers nodes;
  node->model = read_model(file.config(), traced.root(), nodes);
  ModelState& model = *node->model;
  model.file = path;
  model.is_keras2 = !file.keras_version().starts_with('3');
  model.shapes = shapes;
  const WeightsByPath weights = adopt_weights(traced.root(), *node);
  for (Variable& variable : module.variables)
    if (variable.role == Role::weight) set_value(*weights.at(variable.name), std::move(variable.data));
  CompileConfig compiled = CompileConfig::read(file.compile_config());
  model.is_mixed_float16 = file.is_mixed_float16();
  if (!compiled.loss.is_null() && !compiled.optimizer.is_null()) {
    if (file.scales_loss()) compiled.optimizer = scaling_the_loss(compiled.optimizer);
    model.compiled = std::move(compiled);
    model.optimizer_state = file.take_optimizer_state();
  }
  return Model(node);
} catch (const Error& error) {
  throw error.where().starts_with(path) ? error : error.within(path);
}

}  // namespace keratin::keras
