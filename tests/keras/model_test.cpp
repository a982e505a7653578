// Models as users write them: what they compute, share, keep and refuse.
#include <gtest/gtest.h>
#include <keratin/keras.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include <xtensor/xtensor.hpp>
#include <xtensor/xview.hpp>

#include "frontend/model_file.h"
#include "ir/text.h"
#include "tests/frontend/files.h"

namespace keratin::keras {
namespace {

using namespace layers;

/// Numbers in [0, 1) that look random.
xt::xarray<float> numbers(const std::vector<size_t>& shape, uint32_t seed = 1) {
  xt::xarray<float> x;
  x.resize(shape);
  for (float& value : x)
    value = static_cast<float>((seed = seed * 1664525u + 1013904223u) >> 8) / 16777216.0f;
  return x;
}

/// 0 or 1: whether the first of the features is above a half.
xt::xarray<int> labels(const xt::xarray<float>& x) {
  xt::xarray<int> y = xt::xarray<int>::from_shape({x.shape(0)});
  for (size_t i = 0; i < x.shape(0); ++i) y(i) = x(i, 0) > 0.5f;
  return y;
}

Sequential small_model() {
  Sequential model({Input({4}), Dense(8, {.activation = "relu"}), Dense(2, {.activation = "softmax"})});
  model.compile({.optimizer = "adam", .loss = "sparse_categorical_crossentropy", .metrics = {"accuracy"}});
  return model;
}

std::string message_of(const std::function<void()>& attempt) {
  try {
    attempt();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "no error";
}

class ModelTest : public ::testing::Test {
 protected:
  void SetUp() override {
    clear_session();
    set_random_seed(0);
  }
};

TEST_F(ModelTest, MetricsWhoseClassTheShapesDecide) {
  Sequential model({Input({4}), Dense(2, {.activation = "softmax"})});
  model.compile({.loss = "sparse_categorical_crossentropy", .metrics = {"acc", "ce"}});
  const xt::xarray<float> x = numbers({64, 4});
  const auto logs = model.evaluate(x, labels(x));
  EXPECT_NEAR(logs.at("ce"), logs.at("loss"), 1e-6);
  EXPECT_LE(logs.at("acc"), 1);
}

TEST_F(ModelTest, Learns) {
  Sequential model = small_model();
  const xt::xarray<float> x = numbers({256, 4});
  const xt::xarray<int> y = labels(x);
  const double before = model.evaluate(x, y).at("accuracy");
  const History history =
      model.fit(x, y, {.batch_size = 16, .epochs = 80, .verbose = 0, .validation_split = 0.25});
  EXPECT_EQ(history.epoch.size(), 80u);
  ASSERT_EQ(history.history.at("val_loss").size(), 80u);
  EXPECT_LT(history.history.at("loss").back(), 0.5 * history.history.at("loss").front());
  EXPECT_GT(model.evaluate(x, y).at("accuracy"), 0.9);
  EXPECT_LT(before, 0.8);
}

TEST_F(ModelTest, EqualSeedsGiveEqualModels) {
  const xt::xarray<float> x = numbers({64, 4});
  const xt::xarray<int> y = labels(x);
  const auto trained = [&](uint64_t seed, unsigned threads) {
    set_random_seed(seed);
    set_num_threads(threads);
    Sequential model({Input({4}), Dense(8, {.activation = "relu"}), Dropout(0.5), Dense(2)});
    model.compile({.optimizer = "sgd", .loss = "mse"});
    model.fit(x, numbers({64, 2}, 7), {.epochs = 2, .verbose = 0});
    set_num_threads(0);
    return model.predict(x).one().to<float>();
  };
  EXPECT_EQ(trained(1, 1), trained(1, 2));
  EXPECT_NE(trained(1, 1), trained(2, 1));
}

TEST_F(ModelTest, InitializersWithSeedsGiveTheSameEachTime) {
  const auto kernel = [](const Value& initializer) {
    Sequential model({Input({4}), Dense(3), Dense(3, {.kernel_initializer = initializer})});
    return model.get_layer(1).get_weights()[0].to<float>();
  };
  const Value seeded = initializers::HeNormal({.seed = 7});
  EXPECT_EQ(kernel(seeded), kernel(seeded));
  EXPECT_NE(kernel(seeded), kernel(initializers::HeNormal({.seed = 8})));
  EXPECT_NE(kernel("he_normal"), kernel("he_normal"));
}

TEST_F(ModelTest, ModelsShareTheirLayers) {
  const Tensor x = Input({4});
  const Tensors code = Dense(3, {.activation = "tanh"})(x);
  Model encoder(x, code), autoencoder(x, Dense(4)(code));
  autoencoder.compile({.optimizer = "sgd", .loss = "mse"});
  const xt::xarray<float> data = numbers({32, 4});
  const xt::xarray<float> before = encoder.predict(data);
  autoencoder.fit(data, data, {.epochs = 3, .verbose = 0});
  const xt::xarray<float> after = encoder.predict(data);
  EXPECT_NE(before, after);
  EXPECT_EQ(after,
            Model(autoencoder.inputs(), autoencoder.get_layer(1).output()).predict(data).one().to<float>());
}

TEST_F(ModelTest, SharedLayersAndSeveralEnds) {
  const Tensor left = Input({4}, {.name = "left"}), right = Input({4}, {.name = "right"});
  const Layer shared = Dense(5, {.activation = "relu", .name = "shared"});
  const Tensors joined = Concatenate()({shared(left), shared(right)});
  const Tensors sum = Dense(1, {.name = "sum"})(joined),
                sign = Dense(2, {.activation = "softmax", .name = "sign"})(joined);
  Model model({left, right}, {sum, sign}, {.name = "twins"});
  EXPECT_EQ(model.count_params(), 4 * 5 + 5 + 10 * 1 + 1 + 10 * 2 + 2);
  model.compile({.optimizer = optimizers::Adam({.learning_rate = 0.01}),
                 .loss = Dict{{"sum", "mse"}, {"sign", "sparse_categorical_crossentropy"}},
                 .loss_weights = Dict{{"sum", 0.5}, {"sign", 1.0}},
                 .metrics = Dict{{"sign", {"accuracy"}}}});
  const xt::xarray<float> a = numbers({128, 4}), b = numbers({128, 4}, 9);
  const xt::xarray<float> total = xt::sum(a + b, {1}, xt::keep_dims);
  const xt::xarray<int> class_of = labels(a);
  const History history = model.fit({{"left", a}, {"right", b}}, {{"sum", total}, {"sign", class_of}},
                                    {.batch_size = 16, .epochs = 30, .verbose = 0});
  EXPECT_LT(history.history.at("sum_loss").back(), 0.2 * history.history.at("sum_loss").front());
  EXPECT_GT(history.history.at("sign_accuracy").back(), 0.8);
  const Arrays outputs = model.predict({a, b});
  EXPECT_EQ(outputs["sum"].shape(), (std::vector<int64_t>{128, 1}));
  EXPECT_EQ(outputs[1].shape(), (std::vector<int64_t>{128, 2}));
  // By order and by name are the same.
  EXPECT_EQ(model.evaluate({a, b}, {total, class_of}),
            model.evaluate({{"right", b}, {"left", a}}, {{"sign", class_of}, {"sum", total}}));
}

TEST_F(ModelTest, NestedModelsAndStates) {
  Sequential tower({Input({6, 3}), Conv1D(4, 2, {.padding = "same"}), BatchNormalization()});
  const Tensor x = Input({6, 3});
  const Tensors y = LSTM(5, {.return_sequences = true, .return_state = true})(tower(x));
  ASSERT_EQ(y.size(), 3u);
  EXPECT_EQ(y[0].shape(), (std::vector<int64_t>{-1, 6, 5}));
  EXPECT_EQ(y[1].shape(), (std::vector<int64_t>{-1, 5}));
  const Tensors z = LSTM(5)(y[0], {.initial_state = {y[1], y[2]}});
  Model model(x, Dense(1)(z));
  model.compile({.loss = "mse"});
  const xt::xarray<float> data = numbers({16, 6, 3});
  model.fit(data, numbers({16, 1}), {.verbose = 0});
  // The statistics of a member are those of the model that trained it.
  const std::vector<Array> statistics = tower.get_layer(1).get_weights();
  ASSERT_EQ(statistics.size(), 4u);
  EXPECT_NE(statistics[2].to<float>()(0), 0.0f);
}

TEST_F(ModelTest, SavedModelsGoOn) {
  const TempFolder folder;
  Sequential model = small_model();
  const xt::xarray<float> x = numbers({64, 4});
  const xt::xarray<int> y = labels(x);
  model.fit(x, y, {.epochs = 2, .verbose = 0});
  const std::string path = folder / "model.keras";
  model.save(path);
  Model loaded = load_model(path);
  EXPECT_EQ(loaded.predict(x).one().to<float>(), model.predict(x).one().to<float>());
  const FitOptions options{.epochs = 2, .verbose = 0, .shuffle = false};
  EXPECT_EQ(loaded.fit(x, y, options).history, model.fit(x, y, options).history);
  // What was never trained is saved, too.
  small_model().save(path);
  EXPECT_EQ(load_model(path).fit(x, y, {.verbose = 0}).epoch.size(), 1u);
}

TEST_F(ModelTest, ModelsOfMixedFloat16ScaleTheLoss) {
  const TempFolder folder;
  const std::string path = folder / "m.keras";
  Model model = load_model(golden("training/mixed_float16_by_policy/model.keras"));
  model.save(path);
  std::vector<keratin::Tensor> state = ModelFile::open(path).take_optimizer_state();
  ASSERT_GT(state.size(), 6u);
  EXPECT_EQ(state[3].get(0), 16384);  // as in the golden file
  EXPECT_EQ(state[4].get(0), 2);

  model.compile({.optimizer = "sgd", .loss = {"mse", "sparse_categorical_crossentropy"}});
  model.save(path);
  state = ModelFile::open(path).take_optimizer_state();
  ASSERT_EQ(state.size(), 6u);
  EXPECT_EQ(state[3].get(0), 32768);
  EXPECT_EQ(load_model(path)
                .fit({{"tokens", xt::xarray<int>(xt::zeros<int>({8, 6}))}},
                     {{"one", xt::xarray<float>(xt::zeros<float>({8, 1}))},
                      {"many", xt::xarray<int>(xt::zeros<int>({8}))}},
                     {.verbose = 0})
                .epoch.size(),
            1u);
}

TEST_F(ModelTest, FrozenLayersStay) {
  Sequential model = small_model();
  const xt::xarray<float> x = numbers({64, 4});
  const xt::xarray<int> y = labels(x);
  model.get_layer(0).set_trainable(false);
  model.compile({.optimizer = "sgd", .loss = "sparse_categorical_crossentropy"});
  const xt::xarray<float> frozen = model.get_layer(0).get_weights()[0],
                          free = model.get_layer(1).get_weights()[0];
  model.fit(x, y, {.verbose = 0});
  EXPECT_EQ(model.get_layer(0).get_weights()[0].to<float>(), frozen);
  EXPECT_NE(model.get_layer(1).get_weights()[0].to<float>(), free);
}

TEST_F(ModelTest, OutputsWithoutLossMayHaveTargets) {
  const Tensor x = Input({4});
  Model model(x, {Dense(2)(x), Dense(3)(x), Dense(1)(x)});
  model.compile({.optimizer = "sgd", .loss = {"mse", Value(), "mae"}});
  const xt::xarray<float> data = numbers({8, 4}), two = numbers({8, 2}), three = numbers({8, 3}),
                          one = numbers({8, 1});
  EXPECT_EQ(model.evaluate(data, {two, three, one}), model.evaluate(data, {two, one}));
}

TEST_F(ModelTest, WeightsAreSetAndGot) {
  Sequential model({Input({2}), Dense(1)});
  const xt::xtensor<float, 2> kernel = {{2.0f}, {3.0f}};
  const xt::xtensor<float, 1> bias = {10.0f};
  model.set_weights({kernel, bias});
  const xt::xtensor<float, 2> x = {{1.0f, 100.0f}};
  EXPECT_EQ(model.predict(x).one().to<float>()(0, 0), 312.0f);
  model.get_layer(0).set_weights({kernel, xt::xtensor<float, 1>{0.0f}});
  EXPECT_EQ(model.predict(x).one().to<float>()(0, 0), 302.0f);
  EXPECT_EQ(model.get_weights()[0].to<float>(), kernel);
}

TEST_F(ModelTest, ASequentialTakesTheShapeOfItsData) {
  Sequential model;
  model.add(Flatten());
  model.add(Dense(1));
  EXPECT_NE(message_of([&] { model.summary(); }).find("does not know the shape"), std::string::npos);
  model.compile({.optimizer = "sgd", .loss = "mse"});
  model.fit(numbers({8, 3, 2}), numbers({8, 1}), {.verbose = 0});
  EXPECT_EQ(model.count_params(), 7);
  EXPECT_EQ(model.get_layer("dense").output().shape(), (std::vector<int64_t>{-1, 1}));
  model.pop();
  EXPECT_EQ(model.outputs().shape(), (std::vector<int64_t>{-1, 6}));
}

TEST_F(ModelTest, WeightsOfSamplesAndClasses) {
  const xt::xarray<float> x = numbers({64, 4});
  const xt::xarray<int> y = labels(x);
  xt::xarray<float> weight = xt::xarray<float>::from_shape({64});
  for (size_t i = 0; i < 64; ++i) weight(i) = y(i) == 1 ? 3.0f : 1.0f;
  const auto loss = [&](const FitOptions& options) {
    set_random_seed(0);
    return small_model().fit(x, y, options).history.at("loss");
  };
  EXPECT_EQ(loss({.verbose = 0, .class_weight = {{1, 3.0}}}), loss({.verbose = 0, .sample_weight = weight}));
  EXPECT_NE(loss({.verbose = 0}), loss({.verbose = 0, .sample_weight = weight}));
  const double judged = small_model().evaluate(x, y, {.sample_weight = weight}).at("loss");
  EXPECT_TRUE(std::isfinite(judged));
}

TEST_F(ModelTest, WeightsOfSteps) {
  Sequential model({Input({3, 4}), Dense(1)});
  model.compile({.loss = "mse", .weighted_metrics = {"mae"}, .sample_weight_mode = "temporal"});
  const xt::xarray<float> x = numbers({8, 3, 4}), y = numbers({8, 3, 1}, 2), weight = numbers({8, 3}, 3);
  const xt::xarray<float> p = model.predict(x);
  double squares = 0, sizes = 0, weights = 0;
  for (size_t i = 0; i < 8; ++i)
    for (size_t t = 0; t < 3; ++t) {
      const double error = p(i, t, 0) - y(i, t, 0);
      squares += weight(i, t) * error * error;
      sizes += weight(i, t) * std::abs(error);
      weights += weight(i, t);
    }
  const Logs judged = model.evaluate(x, y, {.sample_weight = weight});
  EXPECT_NEAR(judged.at("loss"), squares / 24, 1e-5);
  EXPECT_NEAR(judged.at("mae"), sizes / weights, 1e-5);
  const xt::xarray<float> of_samples = numbers({8});
  EXPECT_NE(message_of([&] { model.evaluate(x, y, {.sample_weight = of_samples}); }).find("wanted is (N, 3)"),
            std::string::npos);
}

TEST_F(ModelTest, ALossWhoseClassTheShapesDecide) {
  Sequential one({Input({4}), Dense(1, {.activation = "sigmoid"})});
  one.compile({.loss = "crossentropy"});
  const xt::xarray<float> x = numbers({8, 4});
  const xt::xarray<int> y = labels(x);
  const double judged = one.evaluate(x, y).at("loss");
  one.compile({.loss = "binary_crossentropy"});
  EXPECT_EQ(one.evaluate(x, y).at("loss"), judged);
  Sequential several({Input({4}), Dense(2, {.activation = "softmax"})});
  EXPECT_NE(
      message_of([&] { several.compile({.loss = "ce"}); }).find("sparse_categorical_crossentropy is for"),
      std::string::npos);
}

TEST_F(ModelTest, StringsBecomeNumbers) {
  const Tensor text = Input({1}, {.dtype = "string", .name = "text"});
  const Tensor tags = Input({2}, {.dtype = "string", .name = "tags"});
  EXPECT_EQ(text.dtype(), "string");
  const Model model(
      {text, tags},
      {TextVectorization({.output_sequence_length = 3, .vocabulary = {"the", "cat"}, .name = "words"})(text),
       StringLookup({.vocabulary = {"a", "b"}, .output_mode = "multi_hot", .name = "kinds"})(tags)});
  const std::vector<std::string> texts = {"The cat sat on the mat.", ""};
  const xt::xtensor<std::string, 2> letters = {{"a", "c"}, {"b", "b"}};
  const Arrays outputs = model.predict({texts, letters});
  EXPECT_EQ(outputs["words"].to<int>(), (xt::xarray<int>{{2, 3, 1}, {0, 0, 0}}));
  EXPECT_EQ(outputs["kinds"].to<int>(), (xt::xarray<int>{{1, 1, 0}, {0, 0, 1}}));
  const xt::xarray<int> indices = {{2, 3, 1}};  // what strings become is taken, too
  EXPECT_EQ(
      model.predict({{"text", indices}, {"tags", xt::view(letters, xt::range(0, 1))}})["words"].to<int>(),
      indices);
}

TEST_F(ModelTest, LearnsFromTexts) {
  const TempFolder folder;
  Sequential model({TextVectorization({.output_sequence_length = 4, .vocabulary = {"good", "bad", "not"}}),
                    Embedding(5, 3), Flatten(), Dense(1, {.activation = "sigmoid"})});
  model.compile({.optimizer = "adam", .loss = "binary_crossentropy"});
  const std::vector<std::string> texts = {"good", "bad", "so good!", "very, very bad", "Good", "BAD"};
  const xt::xarray<float> y = {1, 0, 1, 0, 1, 0};
  const std::vector<double> losses = model.fit(texts, y, {.epochs = 5, .verbose = 0}).history.at("loss");
  EXPECT_LT(losses.back(), losses.front());
  model.save(folder / "m.keras");
  EXPECT_EQ(load_model(folder / "m.keras").predict(texts).one().to<float>(),
            model.predict(texts).one().to<float>());
  model.export_library(folder / "m.so");
}

TEST_F(ModelTest, WeightsOfVocabulariesAreSavedWhereKerasReadsThem) {
  const TempFolder folder;
  const Tensor tags = Input({2}, {.dtype = "string"}), text = Input({1}, {.dtype = "string"});
  const Value words = {"good", "bad"}, weights = {1.0, 2.0};
  Model({tags, text},
        {StringLookup(
             {.num_oov_indices = 2, .vocabulary = words, .idf_weights = weights, .output_mode = "tf_idf"})(
             tags),
         TextVectorization({.max_tokens = 5,
                            .output_mode = "tf_idf",
                            .pad_to_max_tokens = true,
                            .vocabulary = words,
                            .idf_weights = weights})(text)})
      .save(folder / "m.keras");
  const ModelFile file = ModelFile::open(folder / "m.keras");
  const auto stored = [&](const std::string& group) {
    const keratin::Tensor* found = file.dataset(cat("layers/", group, "/vars/idf_weights"));
    std::vector<double> numbers;
    for (int64_t i = 0; found != nullptr && i < found->elements(); ++i) numbers.push_back(found->get(i));
    return numbers;
  };
  EXPECT_EQ(stored("string_lookup"), (std::vector<double>{1.5, 1.5, 1, 2}));
  EXPECT_EQ(stored("text_vectorization"), (std::vector<double>{1.5, 1, 2, 0, 0}));
  EXPECT_EQ(stored("text_vectorization/_lookup_layer"), (std::vector<double>{1.5, 1, 2, 0, 0}));
}

// A layer that was adapted has its vocabulary in a file beside its weights.
TEST_F(ModelTest, VocabulariesOfLoadedModels) {
  const TempFolder folder;
  Model model = load_model(in_tests("data/strings/classifier/model.keras"), {.shapes = {{"text", {12}}}});
  const std::vector<std::string> texts = {"the cat sat on the mat", "", "A b c d e f g h i j k l"};
  const xt::xarray<float> scores = model.predict(texts);
  EXPECT_NEAR(scores(0, 0), 0.3317, 5e-5);
  EXPECT_NEAR(scores(2, 1), 0.3337, 5e-5);
  model.save(folder / "m.keras");
  EXPECT_EQ(load_model(folder / "m.keras", {.shapes = {{"text", {12}}}}).predict(texts).one().to<float>(),
            scores);
}

TEST_F(ModelTest, ArraysOfAllKinds) {
  Sequential model({Input({2}), Dense(1, {.kernel_initializer = "ones"})});
  const xt::xarray<double> doubles = {{1.5, 2.5}};
  const xt::xtensor<int64_t, 2> integers = {{1, 2}};
  const xt::xarray<float, xt::layout_type::column_major> columns = {{1.0f, 2.0f}, {3.0f, 4.0f}};
  EXPECT_EQ(model.predict(doubles).one().to<double>()(0, 0), 4.0);
  EXPECT_EQ(model.predict(integers).one().to<int>()(0, 0), 3);
  EXPECT_EQ(model.predict(columns).one().to<float>()(1, 0), 7.0f);
  EXPECT_EQ(model.predict(columns + 1.0f).one().to<float>()(0, 0), 5.0f);
}

TEST_F(ModelTest, LibrariesAreWhatKeratinCompiles) {
  const TempFolder folder;
  small_model().export_library(folder / "small.so", {.name = "net", .cpu = "x86-64"});
  std::ifstream header(folder / "small.h");
  const std::string text((std::istreambuf_iterator<char>(header)), {});
  EXPECT_NE(text.find("int net_predict("), std::string::npos);
  EXPECT_TRUE(std::filesystem::exists(folder / "small.so"));
}

TEST_F(ModelTest, NamesAreKeras) {
  EXPECT_EQ(Dense(1).name(), "dense");
  EXPECT_EQ(Dense(1).name(), "dense_1");
  EXPECT_EQ(Conv2DTranspose(1, 3).name(), "conv2d_transpose");
  EXPECT_EQ(Sequential().name(), "sequential");
  EXPECT_EQ(Input({1}).name(), "input_layer");
}

// --- what a review with real Keras found ---

TEST_F(ModelTest, ViewsAreWhatTheyShow) {
  Sequential same({Input({3}), Identity()});
  const xt::xarray<float> x = numbers({4, 3});
  auto last = xt::view(x, xt::range(2, 4));
  auto column = xt::view(x, xt::all(), xt::range(0, 1));
  EXPECT_EQ(same.predict(last).one().to<float>(), xt::xarray<float>(last));
  EXPECT_EQ(Sequential({Input({1}), Identity()}).predict(column).one().to<float>(),
            xt::xarray<float>(column));
  const xt::xtensor<float, 2> rank2 = same.predict(x);
  EXPECT_EQ(rank2, x);
}

TEST_F(ModelTest, WrappersHaveTheVeryLayer) {
  const Layer dense = Dense(2);
  const Tensor x = Input({3}), steps = Input({4, 3});
  Model alone(x, dense(x)), repeated(steps, TimeDistributed(dense)(steps));
  const xt::xarray<float> data = numbers({5, 4, 3});
  const xt::xarray<float> first = xt::view(data, xt::all(), 0);
  const xt::xarray<float> on_steps = repeated.predict(data);
  EXPECT_TRUE(xt::allclose(alone.predict(first).one().to<float>(), xt::view(on_steps, xt::all(), 0)));
  repeated.compile({.loss = "mse"});
  repeated.fit(data, numbers({5, 4, 2}), {.verbose = 0});
  EXPECT_TRUE(xt::allclose(alone.predict(first).one().to<float>(),
                           xt::view(repeated.predict(data).one().to<float>(), xt::all(), 0)));
}

TEST_F(ModelTest, EveryLayerHasAFlagOfItsOwn) {
  Sequential base({Input({3}), Dense(4), Dense(4)});
  Sequential model({Input({3}), base, Dense(2)});
  base.set_trainable(false);
  base.layers()[1].set_trainable(true);
  model.compile({.optimizer = "sgd", .loss = "mse"});
  const std::vector<Array> before = model.get_weights();
  model.fit(numbers({16, 3}), numbers({16, 2}), {.verbose = 0});
  const std::vector<Array> after = model.get_weights();
  for (size_t i = 0; i < before.size(); ++i)
    EXPECT_EQ(before[i].to<float>() == after[i].to<float>(), i < 2) << i;
  model.get_layer(1).set_trainable(false);
  EXPECT_NE(message_of([&] { model.fit(numbers({16, 3}), numbers({16, 2})); }).find("call compile() again"),
            std::string::npos);
}

TEST_F(ModelTest, EveryFitShufflesAnew) {
  const xt::xarray<float> x = numbers({64, 4});
  const xt::xarray<int> y = labels(x);
  Sequential model = small_model();
  model.compile({.optimizer = "sgd", .loss = "sparse_categorical_crossentropy"});
  const std::vector<Array> start = model.get_weights();
  const auto trained = [&] {
    model.set_weights(start);
    model.fit(x, y, {.verbose = 0});
    return model.get_weights()[0].to<float>();
  };
  const xt::xarray<float> first = trained();
  EXPECT_NE(first, trained());
}

TEST_F(ModelTest, FixedBatches) {
  const Tensor x = Input({3}, {.batch_size = 4});
  Model model(x, Dense(2)(x));
  EXPECT_EQ(model.predict(numbers({8, 3})).one().shape(), (std::vector<int64_t>{8, 2}));
  model.compile({.loss = "mse"});
  model.fit(numbers({8, 3}), numbers({8, 2}), {.verbose = 0});
  EXPECT_EQ(message_of([&] { model.predict(numbers({6, 3})); }),
            "predict: has 6 samples, and the model takes 4 at a time\nhint: leave out 2 of them");
}

TEST_F(ModelTest, WhatASequentialIsPartOfStaysAsItIs) {
  Sequential inner({Input({3}), Dense(2)});
  const Tensor x = Input({3});
  Model outer(x, inner(x));
  EXPECT_NE(message_of([&] { inner.pop(); }).find("is part of another model"), std::string::npos);
  EXPECT_NE(message_of([&] { inner.add(Dense(1)); }).find("is part of another model"), std::string::npos);
  Sequential loop;
  EXPECT_NE(message_of([&] { loop.add(loop); }).find("a part of itself"), std::string::npos);
}

TEST_F(ModelTest, WhatIsInAWrapperAndBesideItIsOneLayer) {
  const Layer dense = Dense(3);
  const Tensor x = Input({2, 3});
  const Tensors each = TimeDistributed(dense)(x);
  const Tensor y = Input({3});
  Model model({x, y}, {each, dense(y)});
  EXPECT_EQ(model.predict({numbers({1, 2, 3}), numbers({1, 3})}).size(), 2u);
  model.compile({.loss = "mse"});
  model.fit({numbers({4, 2, 3}), numbers({4, 3})}, {numbers({4, 2, 3}, 2), numbers({4, 3}, 3)},
            {.verbose = 0});
  const Arrays outputs = model.predict({numbers({1, 2, 3}), numbers({1, 3})});
  const xt::xarray<float> steps = outputs[0].to<float>(), other = outputs[1].to<float>();
  // The first step has the features that the other input has.
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(steps(0, 0, i), other(0, i)) << i;
}

TEST_F(ModelTest, CutFromTheMiddleOfADeepGraph) {
  const Tensor x = Input({2});
  Tensors h = Dense(2)(x);
  const Tensor middle = h;
  const Layer step = Activation("tanh");
  for (int i = 0; i < 20'000; ++i) h = step(h);
  EXPECT_EQ(Model(middle, h).inputs().shape(), (std::vector<int64_t>{-1, 2}));
}

struct Refusal {
  const char* name;
  std::function<void()> attempt;
  const char* message;
};

void PrintTo(const Refusal& refusal, std::ostream* out) { *out << refusal.name; }

class Refused : public ::testing::TestWithParam<Refusal> {};

TEST_P(Refused, ByName) {
  clear_session();
  EXPECT_EQ(message_of(GetParam().attempt).substr(0, std::string(GetParam().message).size()),
            GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Models, Refused,
    ::testing::Values(
        Refusal{"Shape", [] { Conv2D(8, 3)(Input({28})); },
                "layer \"conv2d\" (Conv2D): its input is f32[N,28], expected rank 4"},
        Refusal{"Argument", [] { Dense(-1)(Input({28})); },
                "layer \"dense\" (Dense): argument units is -1: expected an integer from 1 to 2^28"},
        Refusal{"SharedShapes",
                [] {
                  const Layer dense = Dense(1);
                  dense(Input({2}));
                  dense(Input({3}));
                },
                "layer \"dense\" (Dense): is called with inputs of different shapes: its kernel "
                "would be f32[2,1] and f32[3,1]"},
        Refusal{"Disconnected", [] { Model(Input({2}), Dense(1)(Input({2}))); },
                "Model: an output needs \"input_layer\", which is not among the inputs"},
        Refusal{"Names",
                [] {
                  const Tensor x = Input({2});
                  Model(x, Dense(1, {.name = "a"})(Dense(1, {.name = "a"})(x)));
                },
                "Model: two layers are called \"a\"\nhint: give one of them another name"},
        Refusal{"NotCompiled",
                [] { Sequential({Input({2}), Dense(1)}).fit(numbers({4, 2}), numbers({4, 1})); },
                "model \"sequential\" (Sequential): is not compiled: call compile() before fit()"},
        Refusal{
            "Loss", [] { Sequential({Input({2}), Dense(1)}).compile({.loss = "mee"}); },
            "model \"sequential\" (Sequential): the loss \"mee\" is not supported\nhint: supported are: MeanSquaredError, "},
        Refusal{"Optimizer",
                [] { Sequential({Input({2}), Dense(1)}).compile({.optimizer = "leo", .loss = "mse"}); },
                "model \"sequential\" (Sequential): the optimizer \"leo\" is not "
                "supported\nhint: supported are: SGD, RMSprop, "},
        Refusal{"DataShape", [] { small_model().fit(numbers({8, 5}), numbers({8})); },
                "fit: array \"x:input_layer\": has the shape (8, 5), wanted is (N, 4)"},
        Refusal{"Strings", [] { small_model().predict(std::vector<std::string>{"abcd"}); },
                "predict: x has strings for the input \"input_layer\", which takes numbers"},
        Refusal{
            "TextLength", [] { TextVectorization({.vocabulary = {"a"}})(Input({1}, {.dtype = "string"})); },
            "layer \"text_vectorization\" (TextVectorization): gives i64[N,T]: as many numbers as a text has "
            "words\nhint: lengths are fixed here: give output_sequence_length"},
        Refusal{"DataCount", [] { small_model().fit(numbers({8, 4}), xt::xarray<int>({1, 0})); },
                "fit: array \"y:dense_1\": has 2 samples, \"x:input_layer\" has 8"},
        Refusal{"Label", [] { small_model().fit(numbers({1, 4}), xt::xarray<int>({2})); },
                "fit: array \"y:dense_1\", row 0: the label 2 is no class; classes are whole "
                "numbers from 0 to 1"},
        Refusal{"NaN", [] { small_model().predict(xt::xarray<float>({{0, 0, NAN, 0}})); },
                "predict: array \"x:input_layer\", row 0: holds NaN\nhint: fill gaps, or leave "
                "such samples out, before training"},
        Refusal{"Arrays", [] { small_model().predict({numbers({8, 4}), numbers({8, 4})}); },
                "predict: x has 2 arrays, expected 1: input_layer"},
        Refusal{"ArrayName", [] { small_model().predict({{"input", numbers({8, 4})}}); },
                "predict: x names \"input\", which the model does not have\nhint: it has input_layer"},
        Refusal{"Batch", [] { small_model().predict(numbers({1, 4}), {.batch_size = 0}); },
                "predict: batch_size is 0\nhint: it is at least 1"},
        Refusal{
            "NoLoss", [] { Sequential({Input({2}), Dense(1)}).compile({}); },
            "model \"sequential\" (Sequential): is compiled without a loss\nhint: compile({.loss = \"mse\"})"},
        Refusal{"FreeExtent", [] { Input({nullptr, 3}); },
                "Input: an extent is free: [null,null,3]\nhint: only the batch may be free"},
        Refusal{"InputShape", [] { Input({"a"}); },
                "Input: its shape is [\"a\"]\nhint: give a list of numbers: Input({784})"},
        Refusal{
            "EinsumEquation", [] { EinsumDense("ab,bc", 3)(Input({2})); },
            "layer \"einsum_dense\" (EinsumDense): argument equation is \"ab,bc\": expected [X],[Y]->[Z]"},
        Refusal{
            "EinsumShape", [] { EinsumDense("abc,cd->abd", {nullptr, 3})(Input({2})); },
            "layer \"einsum_dense\" (EinsumDense): argument equation is \"abc,cd->abd\": it does not fit the "
            "input [N,2]"},
        Refusal{
            "EinsumOpen", [] { EinsumDense("abc,cd->abd", {3, nullptr})(Input({2, 4})); },
            "layer \"einsum_dense\" (EinsumDense): argument output_shape is [3,null]: it leaves the kernel's "
            "axis d open"},
        Refusal{
            "AttentionInputs", [] { MultiHeadAttention(2, 3)(Input({4, 6})); },
            "layer \"multi_head_attention\" (MultiHeadAttention): is called with 1 inputs, expected query, value "
            "and perhaps key"},
        Refusal{"AttentionShapes", [] { MultiHeadAttention(2, 3)({Input({4, 6}), Input({4, 3, 6})}); },
                "layer \"multi_head_attention\" (MultiHeadAttention): query [N,4,6], value [N,4,3,6] and key "
                "[N,4,3,6] do not fit together"},
        Refusal{
            "AttentionMask",
            [] {
              MultiHeadAttention(2, 3)({Input({4, 6}), Input({5, 6})}, {.attention_mask = Input({4, 4})});
            },
            "layer \"multi_head_attention\" (MultiHeadAttention): its masks make [N,1,4,4], which does not fit "
            "scores [N,2,4,5]"},
        Refusal{
            "AttentionAxes",
            [] { MultiHeadAttention(2, 3, {.attention_axes = 2})({Input({4, 6}), Input({5, 6})}); },
            "layer \"multi_head_attention\" (MultiHeadAttention): argument attention_axes is [2]: expected axes "
            "of the query between 1 and 1"},
        Refusal{
            "AttentionHeads", [] { GroupQueryAttention(3, 4, 3)({Input({4, 6}), Input({5, 6})}); },
            "layer \"grouped_query_attention\" (GroupQueryAttention): 4 query heads cannot share 3 heads of key "
            "and value"},
        Refusal{"CallArgument", [] { Dense(3)(Input({4}), {.use_causal_mask = true}); },
                "layer \"dense\" (Dense): takes no use_causal_mask"},
        Refusal{"Concatenated", [] { Concatenate()({Input({3, 2}), Input({4})}); },
                "layer \"concatenate\" (Concatenate): "},
        Refusal{"Epochs", [] { small_model().fit(numbers({1, 4}), xt::xarray<int>({1}), {.epochs = 0}); },
                "fit: epochs = 0, batch_size = 32, validation_split = 0, verbose = 1\nhint: "
                "epochs and batch_size are at least 1, validation_split is below 1, verbose is 0, "
                "1 or 2"},
        Refusal{"Tensors",
                [] {
                  const Tensors y = LSTM(2, {.return_state = true})(Input({3, 4}));
                  const Tensor one = y;
                },
                "layer \"lstm\" (LSTM): there are 3 tensors where one is expected\nhint: take one "
                "of them: y[0]"},
        Refusal{"Folder", [] { small_model().save("/nowhere/model.keras"); },
                "/nowhere/model.keras: cannot create: No such file or directory"},
        Refusal{"Ending", [] { small_model().save("model.h5"); },
                "model.h5: a model is saved as a .keras file\nhint: export_library() makes libraries"},
        Refusal{"Weights", [] { small_model().set_weights({numbers({4, 8})}); },
                "model \"sequential\" (Sequential): has 4 weights, given are 1"},
        Refusal{"WeightShape",
                [] {
                  Sequential model({Input({4}), Dense(2)});
                  model.set_weights({numbers({2, 4}), numbers({2})});
                },
                "model \"sequential\" (Sequential): kernel: has the shape (2, 4), expected (4, 2)"},
        Refusal{"Uncalled", [] { Dense(3).set_weights({numbers({4, 3}), numbers({3})}); },
                "layer \"dense\" (Dense): has 0 weights, given are 2\nhint: it has none before it "
                "is called"}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace keratin::keras
