// keratin export, as users type it.
#include <gtest/gtest.h>

#include "frontend/load.h"
#include "ir/safetensors.h"
#include "tests/tools/cli.h"

namespace keratin::testing {
namespace {

/// The weights of digits_mlp, each 0.5.
TensorStore halves() {
  TensorStore weights;
  for (const Variable& variable : load_model(KERATIN_SOURCE_DIR "/models/digits_mlp.keras").variables) {
    Tensor half(variable.type.dtype, variable.data->shape());
    for (float& value : half.as<float>()) value = 0.5f;
    weights.emplace(variable.name, std::make_shared<const Tensor>(std::move(half)));
  }
  return weights;
}

Outcome exported(const Shell& shell, const TensorStore& weights, const std::string& output) {
  shell.write("w.safetensors", format_safetensors(weights));
  return shell.run(cat("$keratin export $models/digits_mlp.keras --weights w.safetensors -o ", output));
}

void expect_refused(const Shell& shell, const TensorStore& weights, const std::string& says) {
  const Outcome outcome = exported(shell, weights, "out.keras");
  EXPECT_EQ(outcome.status, 65) << outcome.err;
  EXPECT_EQ(outcome.err.find("error: w.safetensors: " + says), 0u) << outcome.err;
  EXPECT_EQ(shell.run("ls out.keras*").out, "") << "something was written";
}

TEST(Export, WritesAModelWithTheseWeights) {
  const Shell shell;
  const TensorStore weights = halves();
  const Outcome outcome = exported(shell, weights, "out.keras");
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(outcome.out + outcome.err, "");
  for (const Variable& variable : load_model((shell / "out.keras").string()).variables)
    EXPECT_EQ(*variable.data, *weights.at(variable.name)) << variable.name;
  EXPECT_EQ(shell.run("$keratin summary out.keras").out,
            shell.run("$keratin summary $models/digits_mlp.keras").out);
}

TEST(Export, TakesWhatATrainerSaves) {
  const Shell shell;
  const std::string model = KERATIN_SOURCE_DIR "/tests/golden/training/digits_mlp";
  const Outcome outcome = shell.run(
      cat("$keratin compile ", model, "/model.keras --trainer -o trainer && ./trainer fit --data ", model,
          "/data.npz --epochs 1 --no-shuffle --verbose 0 --save w.safetensors && $keratin export ", model,
          "/model.keras --weights w.safetensors -o out.keras"));
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const TensorStore saved = parse_safetensors(read_all(shell / "w.safetensors"), "w.safetensors");
  for (const Variable& variable : load_model((shell / "out.keras").string()).variables)
    EXPECT_EQ(*variable.data, *saved.at(variable.name)) << variable.name;
}

TEST(Export, WeightsThatDoNotFit) {
  const Shell shell;
  TensorStore weights = halves();
  weights.erase("dense/bias");
  expect_refused(shell, weights, "has no dense/bias, which the model has");
  weights = halves();
  weights["dense_9/bias"] = weights["dense/bias"];
  expect_refused(shell, weights, "has dense_9/bias, which the model has not");
  weights = halves();
  weights["dense/bias"] = weights["dense_1/bias"];
  expect_refused(shell, weights, "dense/bias is f32[10], expected f32[32]");
}

TEST(Export, FilesThatCannotBe) {
  const Shell shell;
  const Outcome unwritable = exported(shell, halves(), "nowhere/out.keras");
  EXPECT_EQ(unwritable.status, 73) << unwritable.err;
  EXPECT_NE(unwritable.err.find("nowhere/out.keras: cannot create"), std::string::npos) << unwritable.err;
  EXPECT_EQ(shell.run("$keratin export $models/digits_mlp.keras --weights none -o out.keras").status, 66);
  EXPECT_EQ(shell.run("$keratin export none.keras --weights w.safetensors -o out.keras").status, 66);
  EXPECT_EQ(shell.run("$keratin export $models/digits_mlp.keras -o out.keras").status, 2);
  shell.write("m.kir", "module @m {}");
  EXPECT_NE(shell.run("$keratin export m.kir --weights w.safetensors -o out.keras").status, 0);
  EXPECT_EQ(shell.run("ls out.keras*").out, "");
}

}  // namespace
}  // namespace keratin::testing
