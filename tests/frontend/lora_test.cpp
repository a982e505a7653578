// Layers with low-rank adapters in training: Keras's own run, from the same adapters, and what is exported of it.
#include <gtest/gtest.h>

#include "frontend/file.h"
#include "frontend/keras_writer.h"
#include "frontend/npy.h"
#include "tests/frontend/files.h"
#include "tests/golden_training.h"

namespace keratin {
namespace {

GoldenCase lora_run() {
  GoldenCase golden;
  golden.folder = in_tests("data/lora");
  const std::string info = (golden.folder / "case.json").string();
  golden.info = Json::parse(read_file(info), info);
  return golden;
}

std::vector<Tensor> predictions(const GoldenCase& golden, Executable& executable) {
  const Tensor all = read_npz((golden.folder / "data.npz").string()).at("x:tokens");
  Tensor tokens(DType::i32, {8, all.shape()[1]});
  for (int64_t i = 0; i < tokens.elements(); ++i) tokens.set(i, all.get(i));
  return executable.call("predict", {&tokens, 1});
}

TEST(Lora, TrainsTheAdaptersAndExportsWhatTheyAdd) {
  const GoldenCase golden = lora_run();
  const std::string path = (golden.folder / "model.keras").string();
  const TrainableModule model = load_trainable(path);
  const auto executable = make_interpreter()->compile(model.module);
  for (const auto& [name, value] : read_npz((golden.folder / "adapters.npz").string()))
    executable->set_variable(name, value);
  expect_training_run(golden, model, *executable);

  TensorStore weights;
  for (const Variable& variable : model.module.variables)
    if (variable.role == Role::weight)
      weights.emplace(variable.name, std::make_shared<const Tensor>(executable->get_variable(variable.name)));
  EXPECT_TRUE(weights.contains("hidden/lora_kernel_a"));
  const TempFolder folder;
  write_file(folder / "trained.keras", export_keras(path, weights, "w.safetensors", {}));
  const Module exported = load_model(folder / "trained.keras"),
               of_keras = load_model((golden.folder / "saved.keras").string());
  ASSERT_EQ(exported.variables.size(), of_keras.variables.size());
  for (size_t i = 0; i < exported.variables.size(); ++i)
    expect_close(*exported.variables[i].data, *of_keras.variables[i].data, 2e-4, 2e-4,
                 exported.variables[i].name);
  expect_close(predictions(golden, *make_interpreter()->compile(exported))[0],
               predictions(golden, *executable)[0], 1e-5, 1e-4, "predictions");
}

/// The second adapter is zero, so nothing changes until something is trained; the first one is not.
TEST(Lora, BeginsWithWhatTheFileComputes) {
  const GoldenCase golden = lora_run();
  const std::string path = (golden.folder / "model.keras").string();
  const TrainableModule model = load_trainable(path);
  const auto trained = make_interpreter()->compile(model.module);
  expect_close(predictions(golden, *trained)[0],
               predictions(golden, *make_interpreter()->compile(load_model(path)))[0], 1e-6, 1e-6,
               "predictions");
  const Tensor first = trained->get_variable("hidden/lora_kernel_a"),
               second = trained->get_variable("hidden/lora_kernel_b");
  double size = 0;
  for (int64_t i = 0; i < first.elements(); ++i) size += std::abs(first.get(i));
  EXPECT_GT(size, 0);
  for (int64_t i = 0; i < second.elements(); ++i) EXPECT_EQ(second.get(i), 0);
  for (const Variable& variable : model.module.variables) {
    if (variable.name != "hidden/kernel") continue;
    EXPECT_FALSE(variable.trainable);
  }
}

}  // namespace
}  // namespace keratin
