// Layers that are in several places of a model: one set of weights, where Keras put it. What they compute is in golden cases.
#include <gtest/gtest.h>

#include <algorithm>
#include <regex>

#include "frontend/archive.h"
#include "frontend/load.h"
#include "frontend/model.h"
#include "frontend/model_file.h"
#include "frontend/summary.h"
#include "ir/text.h"
#include "tests/frontend/files.h"

namespace keratin {
namespace {

int64_t count_named(const Module& module, std::string_view part) {
  return std::count_if(module.variables.begin(), module.variables.end(), [&](const Variable& variable) {
    return variable.name.find(part) != std::string::npos;
  });
}

TEST(SharedLayers, HaveOneSetOfWeights) {
  const Module module = load_model(golden("layers/shared_between_models/model.keras"));
  EXPECT_EQ(count_named(module, "shared/"), 2);
  EXPECT_EQ(count_named(module, "norm/"), 4);
  EXPECT_EQ(count_named(module, "first_own/"), 2);
  EXPECT_EQ(module.variables.size(), 16u);
}

TEST(SharedLayers, OfWrappersAndActivationsToo) {
  const Module module = load_model(golden("layers/shared_in_wrappers/model.keras"));
  EXPECT_EQ(count_named(module, "slope/"), 1);
  EXPECT_EQ(count_named(module, "step_own/"), 2);
  EXPECT_EQ(module.variables.size(), 9u);
}

/// A text of the model has no ids. Where the weights are tells.
TEST(SharedLayers, AreKnownByWhereTheirWeightsAre) {
  const std::string with_ids = golden("layers/shared_between_models/model.keras");
  const Archive archive = Archive::open(with_ids);
  const std::string text = archive.read("config.json", 1 << 20);
  const std::regex id(R"(, "shared_object_id": \d+)");
  ASSERT_TRUE(std::regex_search(text, id));
  const TempFolder folder;
  write_file(folder / "model.json", std::regex_replace(text, id, ""));
  write_file(folder / "model.weights.h5", archive.read("model.weights.h5", 1 << 20));
  const Module module = load_model(folder / "model.json", {}, folder / "model.weights.h5");
  EXPECT_EQ(module.variables.size(), load_model(with_ids).variables.size());
}

std::string model_with(const std::string& layers, const std::string& name) {
  return cat(R"({"class_name": "Sequential", "config": {"name": ")", name, R"(", "layers": [)", layers,
             "]}}");
}

std::string input(int64_t features) {
  return cat(R"({"class_name": "InputLayer", "config": {"name": "x", "batch_shape": [null, )", features,
             "]}}");
}

std::string dense(const std::string& id) {
  return cat(R"({"class_name": "Dense", "config": {"name": "d", "units": 4})",
             id.empty() ? "" : cat(R"(, "shared_object_id": )", id), "}");
}

int64_t variables_of_text(const std::string& text) {
  const Json config = Json::parse(text, "config");
  Model model(config, "", false, {});
  model.trace_predict();
  return static_cast<int64_t>(variables_of(model).size());
}

TEST(SharedLayers, AreKnownByTheirIdOrByWhatTheyAre) {
  const std::string in = input(4);
  const auto two = [&](const std::string& first, const std::string& second) {
    return model_with(cat(in, ", ", model_with(dense(first), "a"), ", ", model_with(dense(second), "b")),
                      "m");
  };
  EXPECT_EQ(variables_of_text(two("", "")), 4);
  EXPECT_EQ(variables_of_text(two("7", "7")), 2);
  EXPECT_EQ(variables_of_text(two("", "7")), 2);
  EXPECT_EQ(variables_of_text(two("7", "8")), 4);
}

TEST(SharedLayers, AreRefusedWhereItIsNotClearWhichOneIsMeant) {
  const std::string text = model_with(cat(input(4), ", ", model_with(dense(""), "a"), ", ",
                                          model_with(dense(""), "b"), ", ", model_with(dense("7"), "c")),
                                      "m");
  try {
    variables_of_text(text);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.message(), "the file does not tell whether it is the layer \"a/d\" or \"b/d\"");
  }
}

}  // namespace
}  // namespace keratin
