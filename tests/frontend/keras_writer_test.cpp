// Exported .keras files: what they hold, and what is refused.
#include "frontend/keras_writer.h"

#include "frontend/archive.h"
#include "frontend/h5_file.h"
#include "frontend/load.h"
#include "tests/frontend/files.h"
#include "tests/golden_cases.h"

namespace keratin {
namespace {

const std::string kTrained = golden("layers/compiled_and_trained/model.keras");

TensorStore weights_of(const Module& module) {
  TensorStore weights;
  for (const Variable& variable : module.variables)
    if (variable.role == Role::weight) weights.emplace(variable.name, variable.data);
  return weights;
}

/// Equal names and values.
void expect_same(const TensorStore& got, const TensorStore& want) {
  ASSERT_EQ(got.size(), want.size());
  for (const auto& [name, tensor] : want) {
    ASSERT_TRUE(got.contains(name)) << name;
    EXPECT_EQ(*got.find(name)->second, *tensor) << name;
  }
}

std::shared_ptr<const Tensor> changed(const Tensor& tensor) {
  Tensor other = tensor;
  for (int64_t i = 0; i < other.elements(); ++i) other.set(i, static_cast<double>(i % 7));
  return std::make_shared<const Tensor>(std::move(other));
}

TensorStore changed(const TensorStore& tensors) {
  TensorStore others;
  for (const auto& [name, tensor] : tensors) others.emplace(name, changed(*tensor));
  return others;
}

H5File weights_file(const Archive& archive) {
  return parse_h5(archive.read("model.weights.h5", uint64_t{1} << 30), archive.where("model.weights.h5"));
}

/// The optimizer's variables, as `keratin export` names and orders them.
TensorStore optimizer_of(const TrainableModule& model) {
  TensorStore state;
  for (const Variable& slot : model.signature.optimizer_state)
    for (const Variable& variable : model.module.variables)
      if (variable.name == slot.name && variable.data) state.emplace(variable.name, variable.data);
  return state;
}

TEST(KerasWriter, EveryGoldenModelWithItsOwnWeights) {
  const TempFolder folder;
  int exported = 0;
  for (const GoldenCase& golden : golden_cases()) {
    if (golden.expect != GoldenCase::Expect::match) continue;
    for (const std::filesystem::path& file : golden.files) {
      if (file.extension() == ".h5") continue;
      SCOPED_TRACE(file.string());
      const ShapeOverrides shapes = golden.free_extents();
      const TensorStore weights = weights_of(load_model(file.string(), shapes));
      const std::string zip = export_keras(file.string(), weights, "w.safetensors", shapes);
      EXPECT_EQ(zip, export_keras(file.string(), weights, "w.safetensors", shapes));
      write_file(folder / "model.keras", zip);
      expect_same(weights_of(load_model(folder / "model.keras", shapes)), weights);

      const Archive before = Archive::open(file.string());
      const Archive after = Archive::from_zip(zip, "model.keras");
      for (const char* member : {"config.json", "metadata.json"})
        EXPECT_EQ(after.read(member, 1 << 30), before.read(member, 1 << 30));
      if (!before.names().empty()) {
        EXPECT_EQ(after.names(), before.names());
      }
      const H5File old = weights_file(before), now = weights_file(after);
      EXPECT_EQ(now.datasets, old.datasets);
      EXPECT_EQ(now.attributes, old.attributes);
      ++exported;
    }
  }
  EXPECT_GE(exported, 80);
}

TEST(KerasWriter, OtherWeightsAndTheOptimizersOwn) {
  const TempFolder folder;
  const TrainableModule model = load_trainable(kTrained);
  const TensorStore weights = changed(weights_of(model.module));
  write_file(folder / "model.keras", export_keras(kTrained, weights, "w.safetensors"));
  const TrainableModule again = load_trainable(folder / "model.keras");
  expect_same(weights_of(again.module), weights);
  expect_same(optimizer_of(again), optimizer_of(model));
  EXPECT_GT(optimizer_of(model).size(), 2u);
}

TEST(KerasWriter, OtherStateOfTheOptimizer) {
  const TempFolder folder;
  const TrainableModule model = load_trainable(kTrained);
  const TensorStore weights = weights_of(model.module), state = changed(optimizer_of(model));
  ASSERT_EQ(state.size(), model.signature.optimizer_state.size());
  TensorStore all = weights;
  all.insert(state.begin(), state.end());
  write_file(folder / "model.keras", export_keras(kTrained, all, "w.safetensors"));
  const TrainableModule again = load_trainable(folder / "model.keras");
  expect_same(weights_of(again.module), weights);
  expect_same(optimizer_of(again), state);

  const std::string last = model.signature.optimizer_state.back().name;
  all.erase(last);
  expect_error(ErrorKind::data, cat("w.safetensors: has no ", last, ", which the model has"),
               [&] { export_keras(kTrained, all, "w.safetensors"); });
}

TEST(KerasWriter, OtherMembersStay) {
  const TempFolder folder;
  const Archive archive = Archive::open(kTrained);
  const TensorStore weights = weights_of(load_model(kTrained));
  const auto member = [&](const char* name) { return archive.read(name, 1 << 30); };
  write_file(folder / "model.keras", make_zip({{"config.json", member("config.json")},
                                               {"metadata.json", member("metadata.json")},
                                               {"model.weights.h5", member("model.weights.h5")},
                                               {"assets/text/vocabulary.txt", "a\nb\n"}}));
  std::filesystem::create_directories(folder / "model/assets/text");
  for (const char* name : {"config.json", "metadata.json", "model.weights.h5"})
    write_file(folder / cat("model/", name), member(name));
  write_file(folder / "model/assets/text/vocabulary.txt", "a\nb\n");
  write_file(folder / "model/notes.txt", "not of the model");

  const std::string zip = export_keras(folder / "model.keras", weights, "w.safetensors");
  EXPECT_EQ(Archive::from_zip(zip, "zip").read("assets/text/vocabulary.txt", 100), "a\nb\n");
  EXPECT_EQ(export_keras(folder / "model", weights, "w.safetensors"), zip);

  std::filesystem::create_symlink("/etc/passwd", folder / "model/assets/link");
  expect_error(ErrorKind::data, "is a symbolic link",
               [&] { export_keras(folder / "model", weights, "w.safetensors"); });
}

TEST(KerasWriter, WeightsThatDoNotFit) {
  const TensorStore good = weights_of(load_model(kTrained));
  const auto refused = [&](const TensorStore& weights, const std::string& part) {
    expect_error(ErrorKind::data, part, [&] { export_keras(kTrained, weights, "w.safetensors"); });
  };
  const std::string name = good.begin()->first;
  TensorStore weights = good;
  weights.erase(name);
  refused(weights, cat("w.safetensors: has no ", name, ", which the model has"));
  weights = good;
  weights["strange/kernel"] = good.begin()->second;
  refused(weights, "w.safetensors: has strange/kernel, which the model has not");
  weights = good;
  weights[name] = std::make_shared<const Tensor>(DType::f32, std::vector<int64_t>{99});
  refused(weights, cat("w.safetensors: ", name, " is f32[99], expected f32["));
  weights = good;
  weights[name] = std::make_shared<const Tensor>(DType::f64, good.begin()->second->shape());
  refused(weights, cat("w.safetensors: ", name, " is f64["));
  weights = good;
  weights["optimizer/iteration"] = good.begin()->second;
  refused(weights, "w.safetensors: optimizer/iteration is f32[");
}

TEST(KerasWriter, FilesThatAreRefused) {
  expect_error(ErrorKind::unsupported, "is a legacy .h5 file",
               [] { export_keras(golden("layers/seed_mlp/model.h5"), {}, "w.safetensors"); });
  expect_error(ErrorKind::data, "variable is missing", [] {
    export_keras(golden("layers/reject_missing_variable/model.keras"), {}, "w.safetensors");
  });
  expect_error(ErrorKind::no_input, "nowhere.keras",
               [] { export_keras("/nowhere.keras", {}, "w.safetensors"); });
}

}  // namespace
}  // namespace keratin
