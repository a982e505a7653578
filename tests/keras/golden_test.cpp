// Golden cases through the C++ API: models read, cut from each other, predicted, trained and saved as users do it.
#include <gtest/gtest.h>
#include <keratin/keras.h>

#include <filesystem>

#include "frontend/keras/arrays.h"
#include "frontend/keras/node.h"
#include "frontend/load.h"
#include "frontend/nodes.h"
#include "frontend/npy.h"
#include "ir/text.h"
#include "tests/frontend/files.h"
#include "tests/golden_cases.h"
#include "tests/golden_training.h"

namespace keratin::keras {
namespace {

namespace fs = std::filesystem;

LoadOptions options_of(const GoldenCase& golden) {
  LoadOptions options;
  for (const auto& [input, shape] : golden.free_extents().extents)
    for (const Dim extent : shape) options.shapes[input].push_back(extent.value());
  return options;
}

Arrays arrays_named(const std::vector<std::pair<std::string, keratin::Tensor>>& tensors) {
  Arrays::Named named;
  for (const auto& [name, tensor] : tensors)
    named.emplace_back(name, to_array(std::make_shared<const keratin::Tensor>(tensor)));
  return named;
}

/// Every tensor that the calls of a serialized Functional mention, in order.
std::vector<std::string> calls_of(const Json& model) {
  std::vector<std::string> calls;
  const auto add = [&](const std::string& what, const std::vector<TensorRef>& refs) {
    std::string text = what;
    for (const TensorRef& ref : refs) text += cat(" ", ref.layer, "[", ref.node, "][", ref.tensor, "]");
    calls.push_back(text);
  };
  for (const Json& layer : model["config"]["layers"].items())
    for (const LayerCall& call : read_calls(layer)) {
      std::vector<TensorRef> refs;
      for (const Argument& argument : call.arguments) collect_tensors(argument, refs);
      for (const auto& [name, argument] : call.keywords) collect_tensors(argument, refs);
      add(name_in_model(layer), refs);
    }
  add("inputs", read_tensor_refs(model["config"]["input_layers"]));
  add("outputs", read_tensor_refs(model["config"]["output_layers"]));
  return calls;
}

/// What predicting has to get right beyond the layers, which other tests go through: several inputs and outputs by name,
/// rows that are no samples, fixed batches, extents that the user fixes, models within models, files of Keras 2.
constexpr std::string_view kPredicted[] = {
    "layers/degenerate_outputs", "layers/dict_io",          "layers/fixed_batch",
    "layers/free_dimensions",    "layers/multi_io",         "layers/nested_functional",
    "layers/ops_shape",          "layers/rnn_states",       "layers/shared_layers",
    "layers/sequential_nested",  "layers/awkward_names",    "layers/submodel_from_middle",
    "legacy/keras2_cnn",         "legacy/keras2_functional"};

void expect_prediction(Model& model, const GoldenCase& golden, const std::string& file) {
  const Module module = keratin::load_model(file, golden.free_extents());
  std::vector<std::pair<std::string, keratin::Tensor>> inputs;
  const std::vector<keratin::Tensor> given = golden.inputs(module);
  for (size_t i = 0; i < given.size(); ++i)
    inputs.emplace_back(module.function("predict").params[i]->as<NameAttrs>().name, given[i]);
  const Arrays outputs = model.predict(arrays_named(inputs));
  std::vector<keratin::Tensor> got;
  for (size_t i = 0; i < outputs.size(); ++i) got.push_back(*to_tensor(view_of(outputs[i])));
  golden.expect_outputs(module, got);
}

// What lies between a model's inputs and outputs is the model: in Keras's order, with Keras's numbers of calls.
TEST(Golden, RebuiltFromItsEnds) {
  int rebuilt = 0;
  walk_golden_cases("C++ API", Suite::inference, [&](const GoldenCase& golden, const fs::path& file) {
    Model model = load_model(file.string(), options_of(golden));
    const bool is_functional = model.class_name() == "Functional" && !model.node()->model->is_keras2;
    if (is_functional && golden.free_extents().extents.empty()) {
      Model again(model.inputs(), model.outputs());
      EXPECT_EQ(calls_of(serialized(*again.node())), calls_of(serialized(*model.node())));
      model = again;
      ++rebuilt;
    }
    if (std::find(std::begin(kPredicted), std::end(kPredicted), golden.name) != std::end(kPredicted))
      expect_prediction(model, golden, file.string());
  });
  EXPECT_GT(rebuilt, 20);
}

// fit gives Keras's history, and what is saved then has Keras's weights.
TEST(Golden, Trained) {
  walk_golden_cases("C++ API", Suite::training, [](const GoldenCase& golden, const fs::path& file) {
    Model model = load_model(file.string());
    std::vector<std::pair<std::string, keratin::Tensor>> x, y;
    FitOptions options{.batch_size = golden.info["batch_size"].as_int(),
                       .epochs = golden.info["epochs"].as_int(),
                       .verbose = 0,
                       .validation_split = golden.info["validation_split"].as_double(),
                       .shuffle = false};
    for (const auto& [name, tensor] : read_npz((golden.folder / "data.npz").string())) {
      if (name.starts_with("x:")) x.emplace_back(name.substr(2), tensor);
      if (name.starts_with("y:")) y.emplace_back(name.substr(2), tensor);
      if (name == "sample_weight") options.sample_weight = arrays_named({{name, tensor}});
    }
    if (const Json& weights = golden.info["class_weight"]; weights.is_object())
      for (const auto& [number, weight] : weights.members())
        options.class_weight[std::stoll(number)] = weight.as_double();
    expect_history(golden, model.fit(arrays_named(x), arrays_named(y), options).history);

    const TempFolder scratch;
    const std::string saved = scratch / "saved.keras";
    model.save(saved);
    const Module module = keratin::load_model(saved);
    expect_final_weights(golden, [&](const std::string& name) {
      const Variable* variable = module.find_variable(name);
      if (variable == nullptr) throw std::runtime_error(cat("no weight ", name));
      return *variable->data;
    });
  });
}

}  // namespace
}  // namespace keratin::keras
