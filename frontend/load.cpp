#include "frontend/load.h"

#include <algorithm>
#include <set>
#include <utility>

#include "frontend/keras_writer.h"
#include "frontend/layers/lora.h"
#include "frontend/legacy_compile.h"
#include "frontend/model.h"
#include "frontend/model_file.h"
#include "frontend/training/initialize.h"
#include "frontend/training/optimizers.h"
#include "frontend/training/train.h"
#include "ir/error.h"
#include "ir/executor.h"
#include "ir/string_table.h"
#include "ir/text.h"

namespace keratin {
namespace {

/// Appends what `layer` and its inner layers made; states are in no file. `free`: no layer around it is frozen, which legacy files sort by.
void collect(const Layer& layer, bool free, const std::string& outermost, const std::string& class_name,
             std::vector<WantedVariable>& wanted, std::vector<Variable>& variables) {
  free = free && layer.trainable();
  size_t in_group = 0;
  const auto want = [&](const LayerVariable& made, bool is_copy) {
    WantedVariable one{outermost, layer.group(), in_group++, made.name, {}, made.trainable && free, is_copy};
    for (Dim d : made.type.shape) one.shape.push_back(d.value());
    one.form = stored_as(class_name, made.name);
    if (one.form != StoredAs::itself) one.gates = class_name.ends_with("LSTM") ? 4 : 3;
    wanted.push_back(std::move(one));
  };
  for (const LayerVariable& copy : layer.copies()) want(copy, true);
  for (const LayerVariable& made : layer.variables()) {
    variables.push_back({made.path, made.type, made.role, made.trainable, nullptr});
    if (made.role != Role::state && made.is_stored) want(made, false);
  }
  // A part has the form of the layer that it is of.
  for (const std::unique_ptr<Layer>& child : layer.children())
    collect(*child, free, outermost, child->def() == nullptr ? class_name : child->class_name(), wanted,
            variables);
}

/// Files may store half floats, or counters in another width.
std::shared_ptr<const Tensor> converted(Tensor stored, DType dtype) {
  if (stored.dtype() == dtype) return std::make_shared<const Tensor>(std::move(stored));
  Tensor out(dtype, stored.shape());
  for (int64_t i = 0; i < out.elements(); ++i) out.set(i, stored.get(i));
  return std::make_shared<const Tensor>(std::move(out));
}

/// What turns strings into the model's inputs.
void append_string_tables(const Model& model, std::vector<Variable>& variables) {
  for (const Model::Input& input : model.inputs())
    if (input.strings)
      variables.push_back({string_table_of(input.name), input.strings->table->type(), Role::strings, false,
                           input.strings->table});
}

void find_unstored(const Layer& layer, std::set<std::string>& paths) {
  for (const LayerVariable& variable : layer.variables())
    if (!variable.is_stored) paths.insert(variable.path);
  for (const std::unique_ptr<Layer>& child : layer.children()) find_unstored(*child, paths);
}

/// Values by their initializers, always the same, for what is in no file.
void initialize(std::vector<Variable>& variables, const std::set<std::string>& paths, const Layer& root) {
  Module module;
  for (const Variable& variable : variables)
    if (paths.contains(variable.name)) module.variables.push_back(variable);
  module.functions.push_back(trace_initialize(module, root));
  const auto executable = make_interpreter()->compile(module);
  const Tensor seed(DType::u32, {2});
  executable->call("initialize", {&seed, 1});
  for (Variable& variable : variables)
    if (paths.contains(variable.name))
      variable.data = std::make_shared<const Tensor>(executable->get_variable(variable.name));
}

Variable& variable_named(std::vector<Variable>& variables, const std::string& name) {
  const auto found = std::find_if(variables.begin(), variables.end(),
                                  [&](const Variable& each) { return each.name == name; });
  KERATIN_CHECK(found != variables.end(), name);
  return *found;
}

}  // namespace

std::vector<Variable> variables_of(const Model& model) {
  std::vector<WantedVariable> ignored;
  std::vector<Variable> variables;
  for (const std::unique_ptr<Layer>& layer : model.root().children())
    collect(*layer, true, layer->name(), layer->class_name(), ignored, variables);
  append_string_tables(model, variables);
  return variables;
}

std::vector<Variable> load_variables(const Model& model, ModelFile& file) {
  std::vector<WantedVariable> wanted;
  std::vector<Variable> variables;
  for (const std::unique_ptr<Layer>& layer : model.root().children())
    collect(*layer, true, layer->name(), layer->class_name(), wanted, variables);
  std::vector<Tensor> values = file.take_weights(wanted);
  std::set<std::string> unstored;
  find_unstored(model.root(), unstored);
  auto value = values.begin();
  for (Variable& variable : variables)
    if (variable.role == Role::weight && !unstored.contains(variable.name))
      variable.data = converted(std::move(*value++), variable.type.dtype);
  if (!unstored.empty()) initialize(variables, unstored, model.root());
  append_string_tables(model, variables);
  return variables;
}

Model open_model(const ModelFile& file, const ShapeOverrides& shapes) {
  return Model(file.config(), file.path(), !file.keras_version().starts_with('3'), shapes, &file);
}

Module load_predict(Model& model, ModelFile& file) {
  Module module;
  module.name = model.name();
  module.functions.push_back(model.trace_predict());
  model.move_to_weights(file);
  module.variables = load_variables(model, file);
  return module;
}

void restore_optimizer(std::vector<Variable>& variables, const std::vector<Variable>& state,
                       std::vector<Tensor> stored) {
  // Keras 2 kept the rate in the configuration alone.
  if (stored.size() > 1 && stored.size() + 1 == state.size() && state[1].type.shape.empty())
    stored.insert(stored.begin() + 1, *variable_named(variables, state[1].name).data);
  // One that was never used has no slots yet.
  std::vector<Variable> wanted;
  for (const Variable& each : state)
    if (each.name.ends_with("/iteration") || each.name.ends_with("/learning_rate")) wanted.push_back(each);
  if (stored.size() != wanted.size()) wanted = state;
  if (!stored.empty() && stored.size() != wanted.size())
    throw Error(ErrorKind::data,
                cat("the optimizer has ", stored.size(), " variables, expected ", state.size()), {},
                "compile the model again: the optimizer then starts afresh");
  for (size_t i = 0; i < stored.size(); ++i) {
    Variable& variable = variable_named(variables, wanted[i].name);
    if (stored[i].type().shape != variable.type.shape)
      throw Error(ErrorKind::data, cat(variable.name, " is ", to_text(stored[i].type()), ", expected ",
                                       to_text(variable.type)));
    variable.data = converted(std::move(stored[i]), variable.type.dtype);
  }
}

namespace {

template <typename Load>
auto naming_the_file(const std::string& path, const std::string& weights, const Load& load) try {
  return load();
} catch (const Error& error) {
  throw error.where().starts_with(path) || (!weights.empty() && error.where().starts_with(weights))
      ? error
      : error.within(path);
} catch (const std::bad_alloc&) {
  throw;
} catch (const std::exception& error) {
  throw Error(ErrorKind::data, cat("a plug-in's function threw ", quoted(error.what())), path);
}

ModelFile open_file(const std::string& path, const std::string& weights) {
  ModelFile file = ModelFile::open(path);
  if (!weights.empty()) file.read_weights(weights);
  return file;
}

}  // namespace

Module load_model(const std::string& path, const ShapeOverrides& shapes, const std::string& weights) {
  return naming_the_file(path, weights, [&] {
    ModelFile file = open_file(path, weights);
    Model model = open_model(file, shapes);
    return load_predict(model, file);
  });
}

namespace {

/// `given`, with the optimizer that the model gets of it.
CompileConfig for_model(CompileConfig given, const ModelFile& file) {
  if (file.is_mixed_float16()) given.optimizer = scaling_the_loss(given.optimizer);
  return given;
}

/// A model that is open, as it is loaded to be trained.
TrainableModule trainable_of(Model& model, ModelFile& file, const CompileConfig& given,
                             const std::string& path) {
  model.make_what_is_trained();
  TrainableModule loaded{load_predict(model, file), {}};
  CompileConfig config = CompileConfig::read(file.compile_config());
  if (model.is_of_keras2()) {
    config.optimizer = adapt_optimizer(config.optimizer, path);
    config.metrics = adapt_metrics(config.metrics);
    config.weighted_metrics = adapt_metrics(config.weighted_metrics);
  }
  const bool own_optimizer = given.optimizer.is_null();
  if (own_optimizer && file.scales_loss()) config.optimizer = scaling_the_loss(config.optimizer);
  const auto choose = [](Json& own, const Json& other) {
    if (!other.is_null()) own = other;
  };
  choose(config.optimizer, given.optimizer);
  choose(config.loss, given.loss);
  choose(config.loss_weights, given.loss_weights);
  choose(config.metrics, given.metrics);
  choose(config.weighted_metrics, given.weighted_metrics);
  choose(config.sample_weight_mode, given.sample_weight_mode);
  loaded.signature = add_training(loaded.module, model, config, path);
  if (own_optimizer)
    restore_optimizer(loaded.module.variables, loaded.signature.optimizer_state, file.take_optimizer_state());
  return loaded;
}

}  // namespace

TrainableModule load_trainable(const std::string& path, const CompileConfig& given,
                               const ShapeOverrides& shapes, const std::string& weights) {
  return naming_the_file(path, weights, [&] {
    ModelFile file = open_file(path, weights);
    Model model = open_model(file, shapes);
    return trainable_of(model, file, for_model(given, file), path);
  });
}

ExportableModule load_exportable(const std::string& path, const CompileConfig& given,
                                 const ShapeOverrides& shapes, const std::string& weights) {
  return naming_the_file(path, weights, [&] {
    ModelFile file = open_file(path, weights);
    Model model = open_model(file, shapes);
    const CompileConfig compiled = for_model(given, file);
    ExportableModule loaded{trainable_of(model, file, compiled, path), {}, {}, {}};
    loaded.merging = merging_of_adapters(model.root());
    try {
      loaded.keras = keras_template(path, model, loaded.trained.signature.optimizer_state, compiled);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::unsupported) throw;
      loaded.why_not_keras = error.what();
    }
    return loaded;
  });
}

}  // namespace keratin
