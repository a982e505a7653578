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

}  // namespace

bool is_training_function(std::string_view name) {
  constexpr std::string_view kNames[] = {"train_step",    "evaluate_step", "metrics",
                                         "reset_metrics", "initialize",    "finish_training"};
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

TrainableModule read_trainable(const Arguments& arguments) {
  return read_trainable(arguments, shape_overrides(arguments));
}

TrainableModule read_trainable(const Arguments& arguments, const ShapeOverrides& shapes) {
  const std::string path = arguments.get("MODEL");
  if (path.ends_with(".kir"))
    throw Error(ErrorKind::usage, "a trainer is made of a Keras model: IR text does not say how to train it",
                path);
  CompileConfig config;
  config.loss = object_option(arguments, "loss");
  config.optimizer = object_option(arguments, "optimizer");
  config.metrics = list_option(arguments, "metrics");
  return load_trainable(path, config, shapes);
}

}  // namespace keratin
