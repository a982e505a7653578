#include "runtime/trainer/fit.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "runtime/trainer/json.h"
#include "runtime/trainer/shuffle.h"
#include "tests/trainer/fixtures.h"

namespace keratin::trainer {
namespace {

using namespace std::string_literals;

/// Remembers what it was told.
struct Listener : Callback {
  void on_epoch_begin(Training& training, int64_t epoch) override {
    begun.emplace_back(epoch, training.steps());
  }
  void on_train_batch_end(Training&, int64_t step, double, const Logs&) override { last_step = step + 1; }
  void on_epoch_end(Training&, int64_t, Logs& logs) override { last_logs = logs; }
  void on_warning(const std::string& text) override { warnings.push_back(text); }

  std::vector<std::pair<int64_t, int64_t>> begun;
  int64_t last_step = 0;
  Logs last_logs;
  std::vector<std::string> warnings;
};

/// x = 0, 1, …, n - 1 and y = 2x + 1.
Dataset line(int64_t n) {
  std::vector<float> x, y;
  for (int64_t i = 0; i < n; ++i) {
    x.push_back(static_cast<float>(i));
    y.push_back(static_cast<float>(2 * i + 1));
  }
  const LinearModel model(1);
  return make_dataset({{"x", array({n, 1}, x)}, {"y", array({n}, y)}}, "line", model.info(),
                      Needs::inputs_and_targets);
}

FitOptions options(int64_t epochs, int64_t batch_size) {
  FitOptions options;
  options.epochs = epochs;
  options.batch_size = batch_size;
  return options;
}

History train(Trainable& model, const Dataset& data, FitOptions options, Callback& callback) {
  options.callbacks.push_back(&callback);
  return fit(model, data, options);
}

std::vector<float> flat(const std::vector<std::vector<float>>& steps) {
  std::vector<float> all;
  for (const std::vector<float>& step : steps) all.insert(all.end(), step.begin(), step.end());
  return all;
}

TEST(Fit, Learns) {
  LinearModel model(1);
  Listener listener;
  const History history = train(model, line(4), options(2000, 2), listener);
  ASSERT_EQ(history.epochs.size(), 2000u);
  EXPECT_NEAR(model.kernel_[0], 2, 1e-3);
  EXPECT_NEAR(model.bias_[0], 1, 1e-3);
  EXPECT_EQ(history.epochs[0][0].first, "error");  // in the order of names, as Keras has it
  EXPECT_EQ(history.epochs[0][1].first, "loss");
  EXPECT_LT(history.epochs.back()[1].second, 1e-5);
}

TEST(Fit, LastBatchIsShort) {
  LinearModel model(1, 0);
  Listener listener;
  FitOptions in_order = options(1, 4);
  in_order.shuffle = false;
  train(model, line(10), in_order, listener);
  ASSERT_EQ(model.seen_.size(), 3u);
  EXPECT_EQ(model.seen_[0], (std::vector<float>{0, 1, 2, 3}));
  EXPECT_EQ(model.seen_[2], (std::vector<float>{8, 9}));
  EXPECT_EQ(listener.begun, (std::vector<std::pair<int64_t, int64_t>>{{0, 3}}));
  EXPECT_EQ(listener.last_step, 3);
}

// In Keras, too, progress is shown of the steps that were asked for.
TEST(Fit, StepsAreThoseThatAreWanted) {
  LinearModel model(1, 0);
  Listener listener;
  FitOptions more = options(2, 4);
  more.steps_per_epoch = 7;
  train(model, line(10), more, listener);
  EXPECT_EQ(listener.begun, (std::vector<std::pair<int64_t, int64_t>>{{0, 7}, {1, 7}}));
  EXPECT_EQ(model.steps_, 6);
}

TEST(Fit, ShufflesAnewInEachEpochAndByItsSeed) {
  const auto seen = [](uint64_t seed) {
    LinearModel model(1, 0);
    Listener listener;
    FitOptions two = options(2, 3);
    two.seed = seed;
    train(model, line(20), two, listener);
    EXPECT_EQ(model.seed_, seed);
    return flat(model.seen_);
  };
  const std::vector<float> all = seen(1);
  std::vector<float> first(all.begin(), all.begin() + 20), second(all.begin() + 20, all.end());
  EXPECT_NE(first, second);
  EXPECT_EQ(all, seen(1));
  EXPECT_NE(all, seen(2));
  std::sort(first.begin(), first.end());
  std::sort(second.begin(), second.end());
  EXPECT_EQ(first, second);
}

TEST(Fit, OrdersAreEquallyLikely) {
  std::map<std::vector<int64_t>, int> counts;
  for (uint64_t epoch = 0; epoch < 6000; ++epoch) ++counts[shuffled(3, 7, epoch)];
  ASSERT_EQ(counts.size(), 6u);
  for (const auto& [order, count] : counts) EXPECT_NEAR(count, 1000, 150);
}

TEST(Fit, HoldsOutTheLastPart) {
  LinearModel model(1, 0);
  Listener listener;
  FitOptions split = options(1, 4);
  split.validation_split = 0.25;  // floor(10 * 0.75) = 7 for training
  const History history = train(model, line(10), split, listener);
  std::vector<float> seen = flat(model.seen_);
  std::sort(seen.begin(), seen.end());
  EXPECT_EQ(seen, (std::vector<float>{0, 1, 2, 3, 4, 5, 6}));
  ASSERT_EQ(history.epochs[0].size(), 4u);
  EXPECT_EQ(history.epochs[0][2].first, "val_error");
  EXPECT_DOUBLE_EQ(history.epochs[0][2].second, (15 + 17 + 19) / 3.0);  // the model answers 0
  EXPECT_DOUBLE_EQ(history.epochs[0][0].second, (1 + 3 + 5 + 7 + 9 + 11 + 13) / 7.0);
  EXPECT_EQ(listener.last_logs, history.epochs[0]);
  split.validation_split = 0.01;
  train(model, line(10), split, listener);  // 9 and 1
  split.validation_split = 0.99;
  expect_error(ErrorKind::usage, {"10 samples cannot be split"},
               [&] { train(model, line(10), split, listener); });
}

TEST(Fit, ValidatesOnOtherData) {
  LinearModel model(1, 0);
  Listener listener;
  const Dataset other = line(2);
  FitOptions with = options(1, 4);
  with.validation = &other;
  EXPECT_DOUBLE_EQ(train(model, line(10), with, listener).epochs[0][2].second, 2);
}

TEST(Fit, WeightsOfClassesAndSamples) {
  LinearModel model(1, 0);
  Listener listener;
  Dataset data = line(3);  // labels 1, 3, 5
  FitOptions weighted = options(1, 3);
  weighted.shuffle = false;
  weighted.class_weight = {{1, 2.0}, {5, 0.5}};
  train(model, data, weighted, listener);
  EXPECT_EQ(model.seen_weights_, (std::vector<float>{2, 1, 0.5}));
  data.weights = {{10, 20, 30}};
  model.seen_weights_.clear();
  train(model, data, weighted, listener);
  EXPECT_EQ(model.seen_weights_, (std::vector<float>{20, 20, 15}));
}

TEST(Fit, ClassOfAOneHotTarget) {
  TrainableInfo info;
  info.inputs = {{"x", DType::f32, {1}, 0}};
  info.targets = {{"y", DType::f32, {3}, 0}};
  const Dataset data = make_dataset({{"x", array({2, 1}, {0, 0})}, {"y", array({2, 3}, {0, 0, 1, 1, 0, 0})}},
                                    "d", info, Needs::inputs_and_targets);
  EXPECT_EQ(sample_weights(info, data, {{2, 4.0}}), (SampleWeights{{4, 1}}));
  expect_error(ErrorKind::usage, {"no class 3", "0 to 2"}, [&] { sample_weights(info, data, {{3, 1.0}}); });
  TrainableInfo steps = info;
  steps.targets[0].dtype = DType::i32;
  expect_error(ErrorKind::usage, {"several labels"}, [&] { sample_weights(steps, data, {{1, 1.0}}); });
  steps = info;
  steps.weights[0].shape = {3};
  expect_error(ErrorKind::usage, {"weights of steps"}, [&] { sample_weights(steps, data, {{1, 1.0}}); });
  info.targets.push_back(info.targets[0]);
  expect_error(ErrorKind::usage, {"several targets"}, [&] { sample_weights(info, data, {{1, 1.0}}); });
}

TEST(Fit, ClassWeightsAsJson) {
  EXPECT_EQ(parse_class_weight(R"({"0": 1, "7": 2.5})"), (ClassWeight{{0, 1.0}, {7, 2.5}}));
  for (const std::string& text : std::vector<std::string>{
           "", "[1]", "{\"a\": 1}", "{\"0\": \"1\"}", "{\"-1\": 1}", "{\"0\": -1}", "{\"0\": 1, \"0\": 2}",
           "{\"1\": 1, \"01\": 2}", "{\"0\": 1e999}", "{\"0\": 1", "{\"0\": 1}\0"s})
    expect_error(ErrorKind::usage, {"--class-weight", "a JSON object from class numbers to weights"},
                 [&] { parse_class_weight(text); });
}

TEST(Fit, WarnsOnceOfALossThatIsNone) {
  LinearModel model(1, 0);
  model.spoil_ = true;
  Listener listener;
  const History history = train(model, line(10), options(3, 5), listener);
  EXPECT_EQ(history.epochs.size(), 3u);
  ASSERT_EQ(listener.warnings.size(), 1u);
  EXPECT_NE(listener.warnings[0].find("the loss became NaN in epoch 1, step 1"), std::string::npos);
  EXPECT_TRUE(std::isnan(history.epochs[0][1].second));
}

TEST(Fit, StopsAfterTheStepAtHand) {
  LinearModel model(1, 0);
  Listener listener;
  FitOptions stopping = options(5, 5);
  stopping.interrupted = [&] { return model.steps_ == 3; };
  EXPECT_EQ(train(model, line(10), stopping, listener).epochs.size(), 1u);
  EXPECT_EQ(model.steps_, 3);
  stopping.interrupted = [&] { return model.steps_ == 4; };
  EXPECT_EQ(train(model, line(5), stopping, listener).epochs.size(),
            1u);  // at the end of an epoch: it counts
}

TEST(Fit, History) {
  History history;
  EXPECT_EQ(history.json(), "{}\n");
  history.epochs = {{{"a", 1}, {"val_\"a", 0.1}}, {{"a", NAN}, {"val_\"a", INFINITY}}};
  EXPECT_EQ(history.json(), "{\"a\": [1.0, NaN], \"val_\\\"a\": [0.1, Infinity]}\n");
}

TEST(Evaluate, AllSamplesCountTheSame) {
  LinearModel model(1);
  for (const int64_t batch_size : {1, 3, 100}) {
    const Logs logs = evaluate(model, line(10), batch_size);
    EXPECT_EQ(logs[0].first, "error");
    EXPECT_DOUBLE_EQ(logs[0].second, 10);
  }
  EXPECT_EQ(model.steps_, 0);
}

TEST(Predict, OutputsByName) {
  LinearModel model(1);
  model.kernel_[0] = 2;
  model.bias_[0] = 1;
  for (const int64_t batch_size : {1, 3, 100}) {
    const std::map<std::string, Array> outputs = predict(model, line(10), batch_size);
    ASSERT_EQ(outputs.at("price").shape(), (Shape{10, 1}));
    for (int64_t i = 0; i < 10; ++i) EXPECT_EQ(outputs.at("price").number(i), static_cast<double>(2 * i + 1));
  }
}

TEST(Fit, OtherTypesAreConverted) {
  LinearModel model(1, 0);
  Listener listener;
  Array x(DType::u8, {2, 1}), y(DType::i64, {2});
  x.mutable_data()[1] = std::byte{200};
  const Dataset data = make_dataset({{"x", x}, {"y", y}}, "d", model.info(), Needs::inputs_and_targets);
  FitOptions in_order = options(1, 2);
  in_order.shuffle = false;
  train(model, data, in_order, listener);
  EXPECT_EQ(model.seen_[0], (std::vector<float>{0, 200}));
}

/// Numbers that are made when they are read, but for one.
class BrokenRows : public Rows {
 public:
  void read(int64_t row, DType, std::byte* out) const override {
    if (row == 5) throw Error(ErrorKind::data, "is damaged", "row 5");
    const auto value = static_cast<float>(row);
    std::memcpy(out, &value, sizeof value);
  }
};

TEST(Fit, SampleThatCannotBeRead) {
  LinearModel model(1, 0.01F);
  Dataset data{.where = "d", .samples = 8};
  data.inputs.emplace_back(DType::f32, Shape{8, 1}, std::make_shared<BrokenRows>());
  data.targets.push_back(Array(DType::f32, {8, 1}));
  data.weights.emplace_back();
  expect_error(ErrorKind::data, {"row 5: is damaged"}, [&] { evaluate(model, data, 2); });
  EXPECT_EQ(evaluate(model, data.rows(0, 5), 2).size(), 2U);  // what is whole can be read
  EXPECT_EQ(evaluate(model, data.rows(6, 8), 2).size(), 2U);
}

}  // namespace
}  // namespace keratin::trainer
