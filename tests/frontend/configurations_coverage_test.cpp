// The recorded configurations leave no layer and no argument out.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "frontend/layer.h"
#include "ir/text.h"
#include "tests/configurations.h"

namespace keratin {
namespace {

constexpr int64_t kFewestPerClass = 8;
constexpr int64_t kFewest = 1000;

/// What is not drawn: a class, or one argument (of a class, or of all).
struct Exception {
  std::string_view class_name, argument, reason;
};

constexpr std::string_view kOfKeras2 = "only files of Keras 2 have it";

constexpr Exception kExceptions[] = {
    {"LocallyConnected1D", "", kOfKeras2},
    {"LocallyConnected2D", "", kOfKeras2},
    {"StringLookup", "", "inputs of configurations are numbers"},
    {"TextVectorization", "", "inputs of configurations are numbers"},
    {"LayerScale", "", "is in recorded models of keras.applications"},
    {"CustomScaleLayer", "", "is in recorded models of keras.applications"},
    {"GroupedQueryAttention", "", "files have its other name, GroupQueryAttention"},
    {"TernaryDense", "quantization_config", "no config has it"},
    {"GroupQueryAttention", "flash_attention", "no config has it"},
    {"MultiHeadAttention", "flash_attention", "no config has it"},
    {"MaxNumBoundingBoxes", "fill_value", "no config has it"},
    {"Conv1DTranspose", "groups", kOfKeras2},
    {"Conv2DTranspose", "groups", kOfKeras2},
    {"Conv3DTranspose", "groups", kOfKeras2},
    {"SpatialDropout1D", "data_format", kOfKeras2},
    {"Cropping1D", "data_format", kOfKeras2},
    {"UpSampling1D", "data_format", kOfKeras2},
    {"CategoryEncoding", "sparse", kOfKeras2},
    {"InputLayer", "sparse", "sparse tensors are of TensorFlow only"},
    {"InputLayer", "ragged", "ragged tensors are of TensorFlow only"},
    {"InputLayer", "optional", "an input that is not given is no number to compare"},
    {"BatchNormalization", "synchronized", "one machine has nothing to synchronize with"},
    {"IntegerLookup", "vocabulary_dtype", "Keras knows one value"},
};

bool is_exception(std::string_view class_name, std::string_view argument) {
  for (const Exception& each : kExceptions)
    if (each.class_name == class_name && each.argument == argument) return true;
  return false;
}

/// What configurations have of one class.
struct Covered {
  int64_t lines = 0;
  std::map<std::string, std::set<std::string>> values;  ///< of each argument, as JSON
};

/// Objects of Keras in `value`, to any depth: their classes, with their configs.
void collect(const Json& value, std::multimap<std::string, const Json*>& found) {
  if (value.is_object()) {
    if (value["class_name"].is_string() && value["config"].is_object())
      found.emplace(value["class_name"].as_string(), &value["config"]);
    for (const auto& [key, member] : value.members()) collect(member, found);
  } else if (value.is_array()) {
    for (const Json& item : value.items()) collect(item, found);
  }
}

std::map<std::string, Covered> covered_classes() {
  std::map<std::string, Covered> classes;
  for (const std::string& file : configuration_files())
    for (const Configuration& configuration : read_configurations(file)) {
      std::multimap<std::string, const Json*> objects;
      collect(configuration.model(), objects);
      std::set<std::string> counted;
      for (const auto& [name, config] : objects) {
        const LayerDef* def = find_layer_def(name);
        if (def == nullptr) continue;
        Covered& covered = classes[name];
        if (counted.insert(name).second) ++covered.lines;
        for (const Arg& arg : def->args)
          covered.values[std::string(arg.name)].insert((*config)[arg.name].dump());
      }
    }
  return classes;
}

TEST(ConfigurationsCoverage, EveryLayerAndArgument) {
  std::map<std::string, Covered> classes = covered_classes();
  for (const LayerDef& def : layer_defs()) {
    const std::string_view name = def.class_name;
    if (def.is_model || is_exception(name, "")) continue;
    Covered& covered = classes[std::string(name)];
    EXPECT_GE(covered.lines, kFewestPerClass) << name;
    for (const Arg& arg : def.args) {
      if (arg.kind == ArgKind::fixed || is_exception(name, arg.name)) continue;
      const std::set<std::string>& values = covered.values[std::string(arg.name)];
      EXPECT_GE(values.size(), 2U) << name << ": " << arg.name << " is only " << join(values, " ");
    }
  }
}

TEST(ConfigurationsCoverage, Number) {
  int64_t lines = 0;
  for (const std::string& file : configuration_files())
    lines += static_cast<int64_t>(read_configurations(file).size());
  EXPECT_GE(lines, kFewest);
}

}  // namespace
}  // namespace keratin
