#include "runtime/trainer/tensorboard.h"

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "runtime/trainer/npz.h"
#include "tests/trainer/event_reader.h"
#include "tests/trainer/fixtures.h"

namespace keratin::trainer {
namespace {

using Weights = std::vector<std::pair<std::string, Array>>;

/// A model that does nothing but hold weights, and counts its steps.
class Held : public LinearModel {
 public:
  explicit Held(Weights weights) : LinearModel(1), weights_(std::move(weights)) {
    info_.variables.clear();
    for (const auto& [name, array] : weights_)
      info_.variables.push_back({name, array.dtype(), array.shape()});
    info_.variables.push_back({"optimizer/iteration", DType::i32, {}, VariableRole::state});
  }
  Array get_variable(size_t index) const override {
    if (index < weights_.size()) return weights_[index].second;
    Array count(DType::i32, {});
    std::memcpy(count.mutable_data(), &iteration_, sizeof iteration_);
    return count;
  }

  Weights weights_;
  int32_t iteration_ = 0;
};

struct HeldTraining : SomeTraining {
  explicit HeldTraining(Weights weights, int64_t steps) : held_(std::move(weights)) { steps_ = steps; }
  Trainable& model() override { return held_; }

  Held held_;
};

std::string recorded(const std::string& name) {
  return read_bytes(KERATIN_SOURCE_DIR "/tests/data/logs/" + name);
}

/// The bytes of the only event file of a folder.
std::string only_file(const std::string& folder) {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) files.push_back(entry.path());
  EXPECT_EQ(files.size(), 1u) << folder;
  return files.empty() ? std::string() : read_bytes(files[0]);
}

/// "epoch_loss 0 = 0.5", …, of scalars.
std::vector<std::string> texts(const std::vector<Event>& events) {
  std::vector<std::string> texts;
  for (const Event& event : events)
    if (event.plugin == "scalars")
      texts.push_back(event.tag + " " + std::to_string(event.step) + " = " +
                      std::to_string(event.values.at(0)).substr(0, 5));
  return texts;
}

/// The logs whose tags begin so and that are of this step, in their order.
Logs logs_of(const std::vector<Event>& events, const std::string& prefix, int64_t step,
             const std::string& named = {}) {
  Logs logs;
  for (const Event& event : events)
    if (event.tag.starts_with(prefix) && event.step == step && event.tag != "epoch_learning_rate")
      logs.emplace_back(named + event.tag.substr(prefix.size()), event.values.at(0));
  return logs;
}

TEST(TensorBoard, FilesOfARunAreThoseOfKeras) {
  const std::vector<Event> train = read_events(recorded("train.tfevents")),
                           validation = read_events(recorded("validation.tfevents"));
  std::vector<double> times;  // in which Keras wrote the events of both files
  for (const Event& event : train) times.push_back(event.time);
  for (const Event& event : validation) times.push_back(event.time);
  std::sort(times.begin(), times.end());
  // When a file is begun is known in whole seconds, so that its place in that order is not: it is when its first events are written.
  times.erase(std::find(times.begin(), times.end(), validation[0].time));
  times.insert(std::find(times.begin(), times.end(), validation[1].time), validation[0].time);

  const std::map<std::string, Array> arrays = read_npz(KERATIN_SOURCE_DIR "/tests/data/logs/weights.npz");
  Weights weights;
  for (const Event& event : train)
    if (event.plugin == "histograms") {
      const std::string name = event.tag.substr(0, event.tag.rfind('/'));
      weights.emplace_back(name, arrays.at(name));
    }
  ASSERT_EQ(weights.size(), arrays.size());

  HeldTraining training(weights, 2);
  const Folder folder;
  size_t next = 0;
  TensorBoard board({.log_dir = folder / "logs", .update_freq = 1, .histogram_freq = 2},
                    [&] { return times.at(next++); });
  board.on_train_begin(training);
  for (int64_t epoch = 0; epoch < 2; ++epoch) {
    board.on_epoch_begin(training, epoch);
    for (int64_t step = 0; step < training.steps(); ++step) {
      EXPECT_TRUE(board.wants_batch_logs());
      board.on_train_batch_end(training, step, 0, logs_of(train, "batch_", ++training.held_.iteration_));
    }
    Logs logs = logs_of(train, "epoch_", epoch);
    const Logs held_out = logs_of(validation, "epoch_", epoch, "val_");
    logs.insert(logs.end(), held_out.begin(), held_out.end());
    training.end_epoch(board, logs);
  }
  board.on_train_end(training);
  EXPECT_EQ(next, times.size());
  EXPECT_TRUE(only_file(folder / "logs/train") == recorded("train.tfevents"));
  EXPECT_TRUE(only_file(folder / "logs/validation") == recorded("validation.tfevents"));
}

TEST(TensorBoard, WhatIsNotAskedForIsNotWritten) {
  HeldTraining training({{"w", array({2}, {1, 2})}}, 1);
  const Folder folder;
  TensorBoard board({.log_dir = folder / "logs"}, [] { return 1.0; });
  board.on_train_begin(training);
  board.on_epoch_begin(training, 0);
  EXPECT_FALSE(board.wants_batch_logs());
  board.on_train_batch_end(training, 0, 0, {{"loss", 1}});
  training.end_epoch(board, {{"loss", 0.5}});
  EXPECT_FALSE(std::filesystem::exists(folder / "logs/validation"));
  const std::vector<Event> events = read_events(only_file(folder / "logs/train"));
  EXPECT_EQ(texts(events),
            (std::vector<std::string>{"epoch_loss 0 = 0.500", "epoch_learning_rate 0 = 0.050"}));
  EXPECT_EQ(events.size(), 3u);
}

TEST(TensorBoard, EverySoManyBatchesAndAllEpochs) {
  HeldTraining training({{"w", array({2}, {1, 2})}}, 3);
  const Folder folder;
  double now = 100;
  TensorBoard board({.log_dir = folder / "logs", .update_freq = 2, .write_steps_per_second = true},
                    [&] { return now; });
  board.on_train_begin(training);
  for (int64_t epoch = 0; epoch < 2; ++epoch) {
    board.on_epoch_begin(training, epoch);
    for (int64_t step = 0; step < 3; ++step) {
      const bool wanted = board.wants_batch_logs();
      EXPECT_EQ(wanted, (epoch * 3 + step) % 2 == 1);
      now += 0.25;
      board.on_train_batch_end(training, step, 0, wanted ? Logs{{"loss", 1.0}} : Logs());
      // A process that ends now loses nothing.
      EXPECT_EQ(texts(read_events(only_file(folder / "logs/train"))).size(),
                3 * epoch + (epoch * 3 + step + 1) / 2 * 2);
    }
    now += 0.25;
    training.end_epoch(board, {{"learning_rate", 7}, {"loss", 0.5}});
  }
  EXPECT_EQ(
      texts(read_events(only_file(folder / "logs/train"))),
      (std::vector<std::string>{
          "batch_steps_per_second 2 = 4.000", "batch_loss 2 = 1.000", "epoch_learning_rate 0 = 0.050",
          "epoch_loss 0 = 0.500", "epoch_steps_per_second 0 = 3.000", "batch_steps_per_second 4 = 4.000",
          "batch_loss 4 = 1.000", "batch_steps_per_second 6 = 4.000", "batch_loss 6 = 1.000",
          "epoch_learning_rate 1 = 0.050", "epoch_loss 1 = 0.500", "epoch_steps_per_second 1 = 3.000"}));
}

TEST(TensorBoard, GoesOnInAnotherFileWithTheStepsOfTheWhole) {
  HeldTraining training({}, 10);
  training.history_.first_epoch = 7;
  const Folder folder;
  const auto clock = [] { return 100.0; };
  const EventFile before(folder / "logs/train", clock);
  {
    TensorBoard board({.log_dir = folder / "logs", .update_freq = 1}, clock);
    board.on_train_begin(training);
    board.restore({.numbers = {{"batch", 24}}});
    board.on_resume(training, 7, 4);
    board.on_train_batch_end(training, 4, 0, {{"loss", 2}});
    training.end_epoch(board, {{"loss", 3}});
    EXPECT_EQ(board.state().numbers.at("batch"), 25);
    expect_error(ErrorKind::data, {"batch"}, [&] { board.restore({}); });
  }
  std::filesystem::remove(before.path());
  EXPECT_EQ(texts(read_events(only_file(folder / "logs/train"))),
            (std::vector<std::string>{"batch_loss 25 = 2.000", "epoch_loss 7 = 3.000",
                                      "epoch_learning_rate 7 = 0.050"}));
}

}  // namespace
}  // namespace keratin::trainer
