#include "frontend/model_file.h"

#include "frontend/load.h"
#include "frontend/npy.h"
#include "ir/executor.h"
#include "tests/frontend/files.h"
#include "tests/golden_cases.h"

namespace keratin {
namespace {

const std::vector<WantedVariable> kMlp = {{"dense", "layers/dense", 0, "kernel", {784, 32}},
                                          {"dense", "layers/dense", 1, "bias", {32}},
                                          {"dense_1", "layers/dense_1", 0, "kernel", {32, 10}},
                                          {"dense_1", "layers/dense_1", 1, "bias", {10}}};

void expect_not_taken(const std::string& file, const std::vector<WantedVariable>& wanted,
                      const std::string& part) {
  expect_error(ErrorKind::data, part, [&] { ModelFile::open(golden(file)).take_weights(wanted); });
}

TEST(ModelFile, EveryGoldenModelOpens) {
  int opened = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(in_tests("golden"))) {
    const std::string path = entry.path().string(), name = entry.path().filename().string();
    if (path.find("/reject_") != std::string::npos || !name.starts_with("model") ||
        name == "model.weights.h5")
      continue;
    try {
      const ModelFile file = ModelFile::open(path);
      EXPECT_EQ(file.is_legacy(), name == "model.h5") << path;
      EXPECT_FALSE(file.keras_version().empty()) << path;
      EXPECT_TRUE(file.config()["config"]["layers"].is_array()) << path;
      ++opened;
    } catch (const Error& error) {
      ADD_FAILURE() << error.what();
    }
  }
  EXPECT_GE(opened, 98);
}

TEST(ModelFile, ArchiveAndLegacyFileHoldTheSameWeights) {
  ModelFile archive = ModelFile::open(golden("layers/seed_mlp/model.keras"));
  ModelFile legacy = ModelFile::open(golden("layers/seed_mlp/model.h5"));
  const std::vector<Tensor> weights = archive.take_weights(kMlp);
  EXPECT_EQ(weights, legacy.take_weights(kMlp));
  ASSERT_EQ(weights.size(), 4u);
  EXPECT_EQ(weights[2].shape(), (std::vector<int64_t>{32, 10}));
  expect_error(ErrorKind::data, "missing", [&] { archive.take_weights(kMlp); });  // they have left
}

TEST(ModelFile, WeightsThatDoNotFit) {
  const std::string file = "layers/seed_mlp/model.keras";
  std::vector<WantedVariable> wanted = kMlp;
  wanted[2].shape = {32, 11};
  expect_not_taken(
      file, wanted,
      "model.keras: layer \"dense_1\": layers/dense_1/vars/0: variable kernel has the shape [32,10]; the "
      "configuration asks for [32,11]");
  wanted = kMlp;
  wanted.push_back({"dense_1", "layers/dense_1", 2, "scale", {10}});
  expect_not_taken(file, wanted, "layers/dense_1/vars/2: variable is missing (scale, of shape [10])");
  wanted = kMlp;
  wanted.pop_back();
  expect_not_taken(file, wanted, "layers/dense_1/vars: holds 2 variables; the configuration asks for 1");
  expect_not_taken("layers/seed_mlp/model.h5", wanted,
                   "layer \"dense_1\": holds 2 weights; the configuration asks for 1");
  expect_not_taken("layers/reject_missing_variable/model.keras", kMlp, "variable is missing");
}

TEST(ModelFile, LegacyListsTrainableWeightsFirst) {
  // The nested model's layers, in the order of its configuration.
  std::vector<WantedVariable> wanted;
  for (const auto& [name, in, out] : {std::tuple{"skip", 6, 6}, {"p1", 6, 5}, {"p2", 5, 4}}) {
    const std::string group = cat("layers/functional/", name);
    wanted.push_back({"middle", group, 0, "kernel", {in, out}});
    wanted.push_back({"middle", group, 1, "bias", {out}});
  }
  const std::vector<Tensor> inner =
      ModelFile::open(golden("layers/nested_functional/model.h5")).take_weights(wanted);
  const std::string below = "layers/functional/layers/";
  for (size_t i = 0; i < wanted.size(); ++i) {
    wanted[i].group = cat(below, i < 2   ? "dense"
                                 : i < 4 ? "functional/layers/dense"
                                         : "functional/layers/dense_1");
  }
  EXPECT_EQ(inner, ModelFile::open(golden("layers/nested_functional/model.keras")).take_weights(wanted));

  wanted[0].trainable = false;  // a frozen kernel would stand last
  expect_not_taken("layers/nested_functional/model.h5", wanted, "variable bias has the shape [6,6]");
}

TEST(ModelFile, UnderscoredGroups) {
  const WantedVariable query = {"mha", "layers/multi_head_attention/query_dense", 0, "kernel", {8, 2, 4}};
  const WantedVariable bias = {"mha", "layers/multi_head_attention/query_dense", 1, "bias", {2, 4}};
  const std::vector<WantedVariable> wanted = {query, bias};
  EXPECT_EQ(ModelFile::open(golden("layers/multi_head_attention/model.keras")).take_weights(wanted).size(),
            2u);
  const std::string keras2 = golden("legacy/keras2_attention/model.keras");
  ModelFile file = ModelFile::open(keras2);
  std::vector<WantedVariable> asked = {query, bias};
  try {
    EXPECT_EQ(file.take_weights(asked).size(), 2u);
  } catch (const Error& error) {  // found under its other name, with the shape of that model
    EXPECT_NE(std::string(error.what()).find("_query_dense/vars/0: variable kernel has the shape"),
              std::string::npos)
        << error.what();
  }
}

TEST(ModelFile, OptimizerState) {
  EXPECT_EQ(ModelFile::open(golden("layers/compiled_and_trained/model.keras")).take_optimizer_state().size(),
            10u);
  EXPECT_TRUE(ModelFile::open(golden("layers/seed_mlp/model.keras")).take_optimizer_state().empty());
  ModelFile legacy = ModelFile::open(golden("legacy/keras2_compiled/model.h5"));
  EXPECT_TRUE(legacy.compile_config().is_object());
  const std::vector<Tensor> state = legacy.take_optimizer_state();
  ASSERT_FALSE(state.empty());
  EXPECT_EQ(state[0].rank(), 0);  // the iteration
}

TEST(ModelFile, Rejected) {
  const auto expect_rejected = [](const std::string& name, const std::string& part) {
    expect_error(ErrorKind::data, part,
                 [&] { ModelFile::open(golden(cat("layers/", name, "/model.keras"))); });
  };
  expect_rejected("reject_bad_json", "not valid JSON");
  expect_rejected("reject_no_weights", "has no model.weights.h5");
  expect_rejected("reject_not_a_zip", "is no Keras model file");
  expect_rejected("reject_truncated_weights", "not a readable HDF5 file");
  expect_rejected("reject_truncated_zip", "not a complete zip file");
  expect_error(ErrorKind::no_input, "cannot open", [] { ModelFile::open("/nonexistent.keras"); });
  expect_error(ErrorKind::data, "holds no model configuration",
               [] { ModelFile::open(golden("layers/unzipped_directory/model/model.weights.h5")); });
  const TempFolder empty;
  expect_error(ErrorKind::data, "has no config.json", [&] { ModelFile::open(empty.path()); });
}

TEST(ModelFile, WeightsAsNpz) {
  const TempFolder folder;
  const Archive archive = Archive::open(golden("layers/seed_mlp/model.keras"));
  const std::vector<Tensor> weights =
      ModelFile::open(golden("layers/seed_mlp/model.keras")).take_weights(kMlp);
  std::map<std::string, Tensor> arrays;
  for (size_t i = 0; i < kMlp.size(); ++i)
    arrays.emplace(cat(kMlp[i].group, "/vars/", kMlp[i].index), weights[i]);
  write_npz(folder / "model.weights.npz", arrays);
  for (const char* name : {"config.json", "metadata.json"})
    write_file(folder / name, archive.read(name, 1 << 20));
  EXPECT_EQ(ModelFile::open(folder.path()).take_weights(kMlp), weights);
}

TEST(GroupNames, SnakeCase) {
  const std::pair<const char*, const char*> cases[] = {{"Dense", "dense"},
                                                       {"Conv2D", "conv2d"},
                                                       {"Conv2DTranspose", "conv2d_transpose"},
                                                       {"SeparableConv1D", "separable_conv1d"},
                                                       {"DepthwiseConv2D", "depthwise_conv2d"},
                                                       {"LSTM", "lstm"},
                                                       {"GRU", "gru"},
                                                       {"LSTMCell", "lstm_cell"},
                                                       {"ConvLSTM2D", "conv_lstm2d"},
                                                       {"PReLU", "p_re_lu"},
                                                       {"ReLU", "re_lu"},
                                                       {"ELU", "elu"},
                                                       {"LeakyReLU", "leaky_re_lu"},
                                                       {"SimpleRNN", "simple_rnn"},
                                                       {"GlobalAveragePooling2D", "global_average_pooling2d"},
                                                       {"TimeDistributed", "time_distributed"},
                                                       {"RMSNormalization", "rms_normalization"},
                                                       {"EinsumDense", "einsum_dense"},
                                                       {"InputLayer", "input_layer"},
                                                       {"GroupQueryAttention", "grouped_query_attention"},
                                                       {"UpSampling2D", "up_sampling2d"},
                                                       {"ZeroPadding1D", "zero_padding1d"},
                                                       {"RNN", "rnn"},
                                                       {"StackedRNNCells", "stacked_rnn_cells"}};
  for (const auto& [name, expected] : cases) EXPECT_EQ(snake_case(name), expected);
}

TEST(GroupNames, Numbering) {
  GroupNames names;
  EXPECT_EQ(names.next("Dense"), "dense");
  EXPECT_EQ(names.next("Conv2D"), "conv2d");
  EXPECT_EQ(names.next("Dense"), "dense_1");
  EXPECT_EQ(names.next("Dense"), "dense_2");
}

/// What Keras computes with tests/data/weights, made by make_weights.py.
void expect_keras_outputs(const std::string& model, const std::string& weights) {
  SCOPED_TRACE(weights);
  const std::string folder = in_tests("data/weights/");
  const Module module = load_model(folder + model, {}, folder + weights);
  const std::vector<Tensor> inputs = {read_npz(folder + "inputs.npz").at("x")};
  expect_close(make_interpreter()->compile(module)->call("predict", inputs)[0],
               read_npz(folder + "outputs.npz").at("y"), 1e-6, 1e-5, "y");
}

TEST(WeightsFile, OfKeras3) { expect_keras_outputs("model.json", "keras3.weights.h5"); }
TEST(WeightsFile, OfKeras2) { expect_keras_outputs("model.json", "keras2.h5"); }

TEST(WeightsFile, Refused) {
  const std::string folder = in_tests("data/weights/"), model = folder + "model.json",
                    weights = folder + "keras3.weights.h5", other = golden("layers/conv1d/model.keras");
  expect_error(ErrorKind::data, "model.json: holds no weights, only the model", [&] { load_model(model); });
  expect_error(ErrorKind::data, "inputs.npz: is no file of weights: not HDF5",
               [&] { load_model(model, {}, folder + "inputs.npz"); });
  expect_error(ErrorKind::data, "keras3.weights.h5: layer", [&] { load_model(other, {}, weights); });
  expect_error(ErrorKind::no_input, "none.h5", [&] { load_model(model, {}, folder + "none.h5"); });
}

}  // namespace
}  // namespace keratin
