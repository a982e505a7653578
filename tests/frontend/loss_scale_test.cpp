// Models of mixed_float16, of which Keras's compile() lets the optimizer scale the loss: the file names the optimizer alone.
#include <map>
#include <string>
#include <vector>

#include "frontend/archive.h"
#include "frontend/h5_file.h"
#include "frontend/h5_writer.h"
#include "frontend/keras_writer.h"
#include "frontend/load.h"
#include "frontend/model_file.h"
#include "tests/frontend/files.h"

namespace keratin {
namespace {

const std::string kScaled = golden("training/mixed_float16_by_policy/model.keras");

/// What a file has of its optimizer.
enum class Stored { scaled, plain, none };

/// The golden model, of which the config's `from` is `to`.
std::string edited(const TempFolder& folder, Stored stored, const std::string& from = {},
                   const std::string& to = {}) {
  const Archive archive = Archive::open(kScaled);
  std::string config = archive.read("config.json", 1 << 20);
  config.replace(config.find(from), from.size(), to);
  H5File weights = parse_h5(archive.read("model.weights.h5", 1 << 20), "model.weights.h5");
  if (stored != Stored::scaled) {
    std::map<std::string, Tensor, std::less<>> kept;
    for (const auto& [path, tensor] : weights.datasets) {
      const std::string inner = "optimizer/inner_optimizer/";
      if (!path.starts_with("optimizer/"))
        kept.emplace(path, tensor);
      else if (stored == Stored::plain && path.starts_with(inner))
        kept.emplace(cat("optimizer/", path.substr(inner.size())), tensor);
    }
    weights.datasets = std::move(kept);
    std::erase_if(weights.attributes, [](const auto& each) { return each.first.starts_with("optimizer"); });
  }
  const std::string path = folder / "model.keras";
  write_file(path, make_zip({{"metadata.json", archive.read("metadata.json", 1 << 20)},
                             {"config.json", config},
                             {"model.weights.h5", format_h5(weights, "model.weights.h5")}}));
  return path;
}

const std::string kModel = "{\"name\": \"mixed_float16_by_policy\"";
std::string model_of(const std::string& policy) { return cat(kModel, ", \"dtype\": \"", policy, "\""); }

/// The first variables of the optimizer that trains it.
std::vector<std::string> first_of_optimizer(const std::string& path, const CompileConfig& given = {}) {
  std::vector<std::string> names;
  for (const Variable& variable : load_trainable(path, given).signature.optimizer_state)
    if (names.size() < 4) names.push_back(variable.name);
  return names;
}

const std::vector<std::string> kOfScaled = {"optimizer/iteration", "optimizer/learning_rate",
                                            "optimizer/step_counter", "optimizer/dynamic_scale"};

double value(const TrainableModule& model, const std::string& name) {
  for (const Variable& variable : model.module.variables)
    if (variable.name == name) return variable.data->get(0);
  ADD_FAILURE() << name;
  return 0;
}

TEST(LossScale, StoredVariablesTell) {
  const TempFolder folder;
  EXPECT_EQ(first_of_optimizer(kScaled), kOfScaled);
  EXPECT_EQ(value(load_trainable(kScaled), "optimizer/dynamic_scale"), 16384);
  EXPECT_EQ(value(load_trainable(kScaled), "optimizer/inner/iteration"), 2);
  // As after compile(auto_scale_loss=False), whatever the policy.
  for (const std::string& model : {kModel, model_of("mixed_float16")}) {
    const TrainableModule plain = load_trainable(edited(folder, Stored::plain, kModel, model));
    EXPECT_EQ(plain.signature.optimizer_state[2].name.find("optimizer/step_counter"), std::string::npos);
    EXPECT_EQ(value(plain, "optimizer/iteration"), 2);
  }
}

TEST(LossScale, WithoutThemThePolicyTells) {
  const TempFolder folder;
  EXPECT_EQ(first_of_optimizer(edited(folder, Stored::none)), kOfScaled);  // its layers are of it
  EXPECT_EQ(first_of_optimizer(edited(folder, Stored::none, kModel, model_of("mixed_float16"))), kOfScaled);
  for (const char* policy : {"float32", "mixed_bfloat16", "int8_from_mixed_float16"})
    EXPECT_NE(first_of_optimizer(edited(folder, Stored::none, kModel, model_of(policy))), kOfScaled)
        << policy;
  EXPECT_NE(first_of_optimizer(edited(folder, Stored::none, "\"compile_config\": {",
                                      "\"compile_config\": {\"auto_scale_loss\": false, ")),
            kOfScaled);
}

TEST(LossScale, OfAnotherOptimizer) {
  const TempFolder folder;
  CompileConfig given;
  given.optimizer = Json::of(std::string("sgd"));
  EXPECT_EQ(first_of_optimizer(kScaled, given), kOfScaled);
  EXPECT_EQ(first_of_optimizer(edited(folder, Stored::plain, kModel, model_of("mixed_float16")), given),
            kOfScaled);
  EXPECT_NE(first_of_optimizer(edited(folder, Stored::plain), given), kOfScaled);
  // One that scales is not put into another.
  given.optimizer = Json::parse(
      R"({"class_name": "LossScaleOptimizer", "config": {"inner_optimizer": "sgd", "initial_scale": 8}})",
      "given");
  const TrainableModule model = load_trainable(kScaled, given);
  EXPECT_EQ(value(model, "optimizer/dynamic_scale"), 8);
  EXPECT_EQ(model.signature.optimizer_state.size(), 6u);
}

TEST(LossScale, ExportedFilesTellIt) {
  const TempFolder folder;
  for (const std::string& path : {kScaled, edited(folder, Stored::none)}) {
    TensorStore all;
    const TrainableModule model = load_trainable(path);
    for (const Variable& variable : model.module.variables) {
      if (variable.role != Role::weight && !variable.name.starts_with("optimizer/")) continue;
      Tensor data = variable.data ? *variable.data : Tensor(variable.type.dtype, {});
      if (!variable.data) {
        std::vector<int64_t> shape;
        for (const Dim extent : variable.type.shape) shape.push_back(extent.value());
        data = Tensor(variable.type.dtype, shape);
      }
      if (variable.name == "optimizer/dynamic_scale") data.set(0, 64);
      all.emplace(variable.name, std::make_shared<const Tensor>(std::move(data)));
    }
    write_file(folder / "exported.keras", export_keras(path, all, "w.safetensors"));
    EXPECT_TRUE(ModelFile::open(folder / "exported.keras").scales_loss());
    EXPECT_EQ(value(load_trainable(folder / "exported.keras"), "optimizer/dynamic_scale"), 64);
  }
}

}  // namespace
}  // namespace keratin
