// Callbacks in C++: Keras's, and a user's own.
#include <gtest/gtest.h>
#include <keratin/keras.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "tests/frontend/files.h"

namespace keratin::keras {
namespace {

using namespace layers;
namespace fs = std::filesystem;

/// y = sin(x) and some of its neighbours.
struct Data {
  xt::xarray<float> x = xt::xarray<float>::from_shape({64, 2}), y = xt::xarray<float>::from_shape({64, 1});
  Data() {
    for (size_t i = 0; i < 64; ++i) {
      x(i, 0) = static_cast<float>(i % 16) / 8 - 1;
      x(i, 1) = static_cast<float>(i / 16) / 2 - 1;
      y(i, 0) = x(i, 0) * x(i, 1) + 0.3f * x(i, 0);
    }
  }
};

Sequential model_of(const Value& optimizer = optimizers::SGD(0.1)) {
  clear_session();
  set_random_seed(4);
  Sequential model({Input({2}), Dense(8, {.activation = "tanh"}), Dropout(0.1), Dense(1)});
  model.compile({.optimizer = optimizer, .loss = "mse", .metrics = {"mae"}});
  return model;
}

std::vector<float> weights_of(const Model& model) {
  std::vector<float> all;
  for (const Layer& layer : model.layers())
    for (const Array& weight : layer.get_weights()) {
      const xt::xarray<float> values = weight;
      all.insert(all.end(), values.begin(), values.end());
    }
  return all;
}

struct Watch : callbacks::Callback {
  void on_train_begin(callbacks::Training& training) override { told.push_back(training.epochs()); }
  void on_epoch_begin(callbacks::Training& training, int64_t epoch) override {
    training.set_learning_rate(epoch == 0 ? 0.1 : 0.025);
  }
  bool wants_batch_logs() const override { return true; }
  void on_train_batch_end(callbacks::Training& training, int64_t batch, double loss,
                          const Logs& logs) override {
    if (batch == 0) first_difference = loss - logs.at("loss");
    batches = batch + 1;
    EXPECT_EQ(training.steps(), 6);
  }
  void on_test_end(callbacks::Training&, const Logs& logs) override { judged = logs; }
  void on_epoch_end(callbacks::Training& training, int64_t epoch, Logs& logs) override {
    logs["rate"] = training.learning_rate();
    first_weight = weights_of(training.model())[0];
    if (epoch == 2) training.stop();
  }
  void on_train_end(callbacks::Training&) override { told.push_back(-1); }

  std::vector<int64_t> told;
  int64_t batches = 0;
  Logs judged;
  float first_weight = 0;
  double first_difference = 1;
};

TEST(CallbacksInCpp, OnesOwn) {
  const Data data;
  Sequential model = model_of();
  const auto watch = std::make_shared<Watch>();
  const History history = model.fit(
      data.x, data.y,
      {.batch_size = 8, .epochs = 10, .verbose = 0, .callbacks = {watch}, .validation_split = 0.25});
  EXPECT_EQ(history.epoch, (std::vector<int64_t>{0, 1, 2}));
  EXPECT_EQ(watch->told, (std::vector<int64_t>{10, -1}));
  EXPECT_EQ(watch->batches, 6);
  EXPECT_NEAR(watch->first_difference, 0, 1e-6);
  EXPECT_EQ(watch->judged.at("val_mae"), history.history.at("val_mae").back());
  ASSERT_EQ(history.history.at("rate").size(), 3u);
  EXPECT_NEAR(history.history.at("rate")[0], 0.1, 1e-6);
  EXPECT_NEAR(history.history.at("rate")[2], 0.025, 1e-6);
  EXPECT_EQ(watch->first_weight, weights_of(model)[0]);
}

/// What a callback puts into a layer is trained on.
TEST(CallbacksInCpp, WeightsThatAreSet) {
  struct Zero : callbacks::Callback {
    void on_epoch_end(callbacks::Training& training, int64_t, Logs&) override {
      for (const Layer& layer : training.model().layers()) {
        std::vector<Array> zeros;
        for (const Array& weight : layer.get_weights()) {
          const xt::xarray<float> values = weight;
          zeros.emplace_back(xt::xarray<float>(values * 0));
        }
        if (!zeros.empty()) Layer(layer).set_weights(zeros);
      }
    }
  };
  const Data data;
  Sequential model = model_of();
  model.fit(data.x, data.y, {.epochs = 2, .verbose = 0, .callbacks = {std::make_shared<Zero>()}});
  EXPECT_EQ(weights_of(model), std::vector<float>(33, 0.0f));
}

TEST(CallbacksInCpp, OfKeras) {
  const Data data;
  const TempFolder folder;
  Sequential model = model_of(optimizers::Adam({.learning_rate = 0.05, .use_ema = true}));
  const History history =
      model.fit(data.x, data.y,
                {.epochs = 60,
                 .verbose = 0,
                 .callbacks = {callbacks::LearningRateScheduler(
                                   [](int64_t epoch, double rate) { return epoch < 40 ? rate : 0.0; }),
                               callbacks::EarlyStopping(
                                   {.monitor = "loss", .patience = 5, .restore_best_weights = true}),
                               callbacks::ModelCheckpoint(folder / "{epoch:02d}.keras",
                                                          {.monitor = "loss", .save_best_only = true}),
                               callbacks::SwapEMAWeights(), callbacks::TerminateOnNaN()},
                 .validation_split = 0.25});
  EXPECT_LT(history.epoch.size(), 60u);
  EXPECT_EQ(history.history.at("learning_rate").back(),
            history.epoch.back() >= 40 ? 0 : history.history.at("learning_rate")[0]);
  std::string last;
  for (const auto& file : fs::directory_iterator(folder.path())) last = std::max(last, file.path().string());
  EXPECT_EQ(weights_of(load_model(last)), weights_of(model));
}

TEST(CallbacksInCpp, Logs) {
  const Data data;
  const TempFolder folder;
  Sequential model = model_of();
  const History history =
      model.fit(data.x, data.y,
                {.epochs = 2,
                 .verbose = 0,
                 .callbacks = {callbacks::TensorBoard(folder / "logs", {.histogram_freq = 1}),
                               callbacks::CSVLogger(folder / "log.csv")},
                 .validation_split = 0.25});
  std::ifstream file(folder / "log.csv");
  std::string header, first;
  std::getline(std::getline(file, header), first);
  EXPECT_EQ(header, "epoch,loss,mae,val_loss,val_mae\r");
  EXPECT_EQ(std::stod(first.substr(2)), history.history.at("loss")[0]);
  for (const char* part : {"logs/train", "logs/validation"}) {
    const fs::directory_iterator files(folder / part);
    EXPECT_EQ(std::distance(begin(files), end(files)), 1) << part;
  }
}

TEST(CallbacksInCpp, TrainingGoesOnWhereItFailed) {
  struct Fail : callbacks::Callback {
    void on_train_batch_end(callbacks::Training&, int64_t, double, const Logs&) override {
      if (--left == 0) throw std::runtime_error("the lights went out");
    }
    int left = 13;
  };
  const Data data;
  const TempFolder folder;
  const auto fit = [&](std::vector<callbacks::CallbackPtr> with) {
    Sequential model = model_of(optimizers::Adam(0.01));
    with.push_back(callbacks::ReduceLROnPlateau({.monitor = "loss", .patience = 1, .min_delta = 1}));
    const History history =
        model.fit(data.x, data.y, {.batch_size = 8, .epochs = 5, .verbose = 0, .callbacks = with});
    return std::pair(history.history, weights_of(model));
  };
  const auto whole = fit({});
  const auto backup = callbacks::BackupAndRestore(folder / "c.ckpt", {.save_freq = 3});
  EXPECT_THROW(fit({backup, std::make_shared<Fail>()}), std::runtime_error);
  EXPECT_TRUE(fs::exists(folder / "c.ckpt"));
  EXPECT_THROW(fit({backup, std::make_shared<Fail>()}), std::runtime_error);
  EXPECT_EQ(fit({backup}), whole);
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(CallbacksInCpp, Refused) {
  const auto message = [](const callbacks::CallbackPtr& callback,
                          const Value& optimizer = optimizers::SGD(0.1)) {
    const Data data;
    try {
      model_of(optimizer).fit(data.x, data.y, {.verbose = 0, .callbacks = {callback}});
    } catch (const std::exception& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  EXPECT_NE(message(callbacks::EarlyStopping())
                .find("EarlyStopping: watches \"val_loss\", and there is no validation"),
            std::string::npos);
  EXPECT_NE(message(callbacks::EarlyStopping({.monitor = "man"})).find("did you mean mae?"),
            std::string::npos);
  EXPECT_NE(message(callbacks::SwapEMAWeights()).find("the optimizer averages no weights"),
            std::string::npos);
  EXPECT_NE(message(nullptr).find("a callback is null"), std::string::npos);
  const Value schedule = optimizers::schedules::CosineDecay(0.1, 10);
  EXPECT_NE(
      message(callbacks::ReduceLROnPlateau({.monitor = "loss"}), optimizers::SGD({.learning_rate = schedule}))
          .find("which a schedule makes"),
      std::string::npos);
  EXPECT_THROW(callbacks::EarlyStopping({.mode = "less"}), std::exception);
  EXPECT_THROW(callbacks::ReduceLROnPlateau({.factor = 2}), std::exception);
  EXPECT_THROW(callbacks::ModelCheckpoint("weights.h5"), std::exception);
}

}  // namespace
}  // namespace keratin::keras
