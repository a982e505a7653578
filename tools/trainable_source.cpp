#include "tools/trainable_source.h"

#include <algorithm>

#include "ir/error.h"
#include "ir/text.h"
#include "tools/model_source.h"

namespace keratin {
namespace {

/// A name, or JSON as in a model file; null if the option was not given.
Json object_option(const Arguments& arguments, std::string_view name) {
  if (!arguments.has(name)) return {};
  const std::string text = arguments.get(name);
  if (text.starts_with('{') || text.starts_with('[')) return Json::parse(text, cat("--", name));
  return Json::of(text);
}

/// The same, or names with commas between them.
Json list_option(const Arguments& arguments, std::string_view name) {
  const Json given = object_option(arguments, name);
  if (!given.is_string()) return given;
  std::vector<Json> names;
  std::string_view rest = given.as_string();
  while (!rest.empty()) {
    const size_t comma = std::min(rest.find(','), rest.size());
    names.push_back(Json::of(std::string(rest.substr(0, comma))));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return Json::array(std::move(names));
}

/// IR text says how to train it by the functions of frontend/training/train.h. What a trainer relies on is checked.
TrainableModule read_trainable_text(const std::string& path) {
  TrainableModule model{read_text(path), {}};
  const auto expect = [&](bool holds, const std::string& otherwise) {
    if (!holds)
      throw Error(ErrorKind::data, otherwise, path,
                  "docs/training.md lists what each function takes and gives");
  };
  for (const char* name : {"train_step", "evaluate_step", "metrics", "reset_metrics", "initialize"})
    if (model.module.find_function(name) == nullptr)
      throw Error(
          ErrorKind::usage,
          cat("a trainer is made of a Keras model, or of IR text that says how to train it: there is no function @",
              name),
          path, "python/keratin_export writes such text");
  const Function& predict = model.module.function("predict");
  const auto name_of = [](const Node* param) { return param->as<NameAttrs>().name; };
  const std::vector<const Node*>& inputs = predict.params;
  expect(!inputs.empty() && inputs[0]->type().rank() > 0, "@predict has no input");
  const auto has_weight = [&](const Function& step) {
    return !step.params.empty() && name_of(step.params.back()) == "sample_weight";
  };
  const bool weighs = has_weight(model.module.function("train_step"));
  for (const char* name : {"train_step", "evaluate_step"}) {
    const Function& step = model.module.function(name);
    const size_t count = step.params.size() - (weighs ? 1 : 0);
    expect(has_weight(step) == weighs,
           "of @train_step and @evaluate_step one ends with sample_weight, the other does not");
    expect(count > inputs.size(), cat("@", name, " has no target"));
    expect(!weighs || step.params.back()->type() == Type(DType::f32, {inputs[0]->type().shape[0]}),
           cat("sample_weight of @", name, " is not one f32 per sample"));
    for (size_t i = 0; i < count; ++i) {
      const bool is_input = i < inputs.size();
      expect(is_input ? name_of(step.params[i]) == name_of(inputs[i]) &&
                            step.params[i]->type() == inputs[i]->type()
                      : name_of(step.params[i]).starts_with("y:"),
             cat("parameter ", i, " of @", name, " is ", quoted(name_of(step.params[i])), ": expected ",
                 is_input ? "what @predict has there" : "a target, y:OUTPUT"));
      if (!is_input && step.name == "train_step")
        model.signature.targets.push_back({name_of(step.params[i]).substr(2), step.params[i]->type(), 0});
    }
    expect(step.results.size() == 1 && step.results[0].value.type() == Type(DType::f32, {}),
           cat("@", name, " does not give one number, the loss"));
    expect(count == inputs.size() + model.signature.targets.size(),
           "@train_step and @evaluate_step have different targets");
  }
  for (const Result& metric : model.module.function("metrics").results) {
    expect(metric.value.type() == Type(DType::f32, {}), cat("the metric ", metric.name, " is not one f32"));
    model.signature.metrics.push_back({metric.name, metric.name == "loss" ? -1 : 0});
  }
  for (const char* name : {"metrics", "reset_metrics"})
    expect(model.module.function(name).params.empty(), cat("@", name, " has parameters"));
  const Function& initialize = model.module.function("initialize");
  expect(initialize.params.size() == 1 && initialize.params[0]->type() == Type(DType::u32, {2}),
         "@initialize does not take a seed: u32[2]");
  for (const Variable& variable : model.module.variables)
    expect(variable.name.starts_with("metrics/") ||
               std::any_of(initialize.updates.begin(), initialize.updates.end(),
                           [&](const Update& update) { return update.variable == variable.name; }),
           cat("@initialize does not set ", variable.name));
  return model;
}

}  // namespace

bool is_training_function(std::string_view name) {
  constexpr std::string_view kNames[] = {
      "train_step",    "evaluate_step", "train_step.ranks", "evaluate_step.ranks", "metrics",
      "reset_metrics", "initialize",    "finish_training",  "swap_averages",       "learning_rates"};
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

std::vector<int> directions_of(const TrainingSignature& signature) {
  std::vector<int> directions;
  for (const TrainingMetric& metric : signature.metrics) directions.push_back(metric.direction);
  return directions;
}

TrainableModule read_trainable(const Arguments& arguments) {
  return read_trainable(arguments, shape_overrides(arguments));
}

namespace {

bool is_text(const Arguments& arguments) { return arguments.get("MODEL").ends_with(".kir"); }

/// Of MODEL, which is IR text.
TrainableModule read_text_alone(const Arguments& arguments) {
  const std::string path = arguments.get("MODEL");
  for (const char* option : {"loss", "optimizer", "metrics", "sample-weight-mode", "shape", "batch"})
    if (arguments.has(option))
      throw Error(ErrorKind::usage, cat("--", option, " is for Keras models: IR text says how it is trained"),
                  path);
  return read_trainable_text(path);
}

CompileConfig compile_config(const Arguments& arguments) {
  CompileConfig config;
  config.loss = object_option(arguments, "loss");
  config.optimizer = object_option(arguments, "optimizer");
  config.metrics = list_option(arguments, "metrics");
  config.sample_weight_mode = object_option(arguments, "sample-weight-mode");
  return config;
}

}  // namespace

TrainableModule read_trainable(const Arguments& arguments, const ShapeOverrides& shapes) {
  if (is_text(arguments)) return read_text_alone(arguments);
  return load_trainable(arguments.get("MODEL"), compile_config(arguments), shapes, keras_weights(arguments));
}

ExportableModule read_exportable(const Arguments& arguments) {
  if (is_text(arguments)) {
    ExportableModule model{read_text_alone(arguments), {}, {}, {}};
    model.why_not_keras = cat(arguments.get("MODEL"), ": IR text does not say what layers a model has");
    return model;
  }
  return load_exportable(arguments.get("MODEL"), compile_config(arguments), shape_overrides(arguments),
                         keras_weights(arguments));
}

}  // namespace keratin
