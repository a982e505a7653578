#include "runtime/trainer/checkpoint.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

#include "runtime/trainer/early_stopping.h"
#include "runtime/trainer/fit.h"
#include "runtime/trainer/model_checkpoint.h"
#include "runtime/trainer/reduce_lr_on_plateau.h"
#include "runtime/trainer/safetensors.h"
#include "tests/trainer/fixtures.h"

namespace keratin::trainer {
namespace {

void ignore(const std::string&) {}

/// x = 0, 1, …, n - 1 and y = 2x + 1.
Dataset line(int64_t n) {
  std::vector<float> x, y;
  for (int64_t i = 0; i < n; ++i) {
    x.push_back(static_cast<float>(i) / 10);
    y.push_back(static_cast<float>(2 * i + 1) / 10);
  }
  const LinearModel model(1);
  return make_dataset({{"x", array({n, 1}, x)}, {"y", array({n}, y)}}, "line", model.info(),
                      Needs::inputs_and_targets);
}

/// A model that is trained with callbacks which remember things, and what comes of it.
struct Trained {
  explicit Trained(const std::string& folder)
      : early({.monitor = "val_loss", .min_delta = 1e-3, .patience = 3, .restore_best_weights = true}),
        plateau({.monitor = "loss", .factor = 0.5, .patience = 1, .min_delta = 1e-2, .cooldown = 1}),
        best({.path = folder + "/best.safetensors", .monitor = "val_loss", .save_best_only = true}) {}

  void go(Checkpoints* checkpoints, int64_t steps_to_do, int64_t epochs = 12) {
    FitOptions options;
    options.epochs = epochs;
    options.batch_size = 4;
    options.validation_split = 0.25;
    options.validation_freq = 2;
    options.seed = 5;
    options.callbacks = {&early, &best, &plateau};
    options.checkpoints = checkpoints;
    options.interrupted = [&] { return static_cast<int64_t>(model.seen_.size()) >= steps_to_do; };
    history = fit(model, line(20), options);
  }

  std::string all() const {
    std::string bytes = history.json();
    for (size_t i = 0; i < model.info().variables.size(); ++i) {
      const Array value = model.get_variable(i);
      bytes.append(reinterpret_cast<const char*>(value.data()), static_cast<size_t>(value.bytes()));
    }
    return bytes;
  }

  LinearModel model{1};
  EarlyStopping early;
  ReduceLROnPlateau plateau;
  ModelCheckpoint best;
  History history;
};

constexpr int64_t kForever = INT64_MAX / 2;

TEST(Checkpoints, TrainingGoesOnAsIfItHadNotStopped) {
  const Folder folder;
  Trained whole(folder / "");
  whole.go(nullptr, kForever);
  ASSERT_GT(whole.history.epochs.size(), 3u);
  EXPECT_NE(whole.model.rate_, 0.05F) << "the plateau was never reached";
  const std::string best = read_bytes(folder / "best.safetensors");
  for (const int64_t steps : {1, 2, 3, 5, 8, 16}) {
    const Folder own;
    std::string end;
    for (int part = 0; part < 200; ++part) {  // each goes on for so many steps, in a process of its own
      Trained run(own / "");
      Checkpoints checkpoints(own / "c.ckpt", {});
      run.go(&checkpoints, steps);
      end = run.all();
      const Snapshot now = read_checkpoint(own / "c.ckpt");
      if (now.stopped || now.epoch == 12) break;
    }
    EXPECT_EQ(end, whole.all()) << "every " << steps << " steps";
    EXPECT_EQ(read_bytes(own / "best.safetensors"), best);
  }
}

TEST(Checkpoints, WhatIsOverIsNotDoneAgain) {
  const Folder folder;
  std::string end;
  {
    Trained run(folder / "");
    Checkpoints checkpoints(folder / "c.ckpt", {});
    run.go(&checkpoints, kForever);
    end = run.all();
  }
  Trained again(folder / "");
  Checkpoints checkpoints(folder / "c.ckpt", {});
  again.go(&checkpoints, kForever);
  EXPECT_EQ(again.all(), end);
  EXPECT_TRUE(again.model.seen_.empty());
}

TEST(Checkpoints, EachByteCounts) {
  const Folder folder;
  const std::string path = folder / "c.ckpt";
  {
    Trained run(folder / "");
    Checkpoints checkpoints(path, {});
    run.go(&checkpoints, 7);
  }
  const std::string bytes = read_bytes(path);
  const std::string state = read_checkpoint(path).settings.at("seed");
  EXPECT_EQ(state, "5");
  int64_t refused = 0;
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ (1 << i % 8));
    folder.file("c.ckpt", damaged);
    try {
      read_checkpoint(path);
    } catch (const Error& error) {
      ++refused;
      EXPECT_EQ(error.kind(), ErrorKind::data);
      EXPECT_TRUE(std::string(error.what()).starts_with(path)) << error.what();
    }
  }
  EXPECT_EQ(refused, static_cast<int64_t>(bytes.size()));
  for (size_t length = 0; length < bytes.size(); length += length < 200 ? 1 : 17) {
    folder.file("c.ckpt", bytes.substr(0, length));
    EXPECT_THROW(read_checkpoint(path), Error) << length;
  }
}

TEST(Checkpoints, TheOneBeforeIsThereIfTheNewestIsDamaged) {
  const Folder folder;
  Trained whole(folder / "");
  whole.go(nullptr, kForever);
  const std::string path = folder / "c.ckpt";
  {
    Trained run(folder / "");
    Checkpoints checkpoints(path, {});
    run.go(&checkpoints, 10);
  }
  std::string bytes = read_bytes(path);
  bytes[bytes.size() - 3] ^= 1;
  folder.file("c.ckpt", bytes);
  std::vector<std::string> warnings;
  {
    Trained run(folder / "");
    Checkpoints checkpoints(path, {});
    EXPECT_TRUE(checkpoints.load([&](const std::string& text) { warnings.push_back(text); }));
    ASSERT_EQ(warnings.size(), 1u);
    EXPECT_NE(warnings[0].find("the checksum of the array \"optimizer/learning_rate\" is wrong"),
              std::string::npos)
        << warnings[0];
    EXPECT_EQ(read_bytes(path + ".damaged"), bytes);
    run.go(&checkpoints, kForever);
    EXPECT_EQ(run.all(), whole.all());
  }
  folder.file("c.ckpt", bytes);
  folder.file("c.ckpt.previous", bytes.substr(0, 100));
  Checkpoints checkpoints(path, {});
  expect_error(ErrorKind::data, {"and so is"}, [&] { checkpoints.load(ignore); });
}

TEST(Checkpoints, ASaveThatEndedBetweenTwoRenames) {
  const Folder folder;
  const std::string path = folder / "c.ckpt";
  {
    Trained run(folder / "");
    Checkpoints checkpoints(path, {});
    run.go(&checkpoints, 10);
  }
  std::filesystem::rename(path, path + ".previous");
  folder.file("c.ckpt.tmp", "a part");
  Checkpoints checkpoints(path, {});
  const std::optional<Snapshot> found = checkpoints.load([](const std::string& text) { FAIL() << text; });
  ASSERT_TRUE(found);
  checkpoints.save(*found);
  EXPECT_EQ(read_checkpoint(path).step, found->step);
  EXPECT_EQ(folder.names(),
            (std::vector<std::string>{"best.safetensors", "c.ckpt", "c.ckpt.lock", "c.ckpt.previous"}));
}

TEST(Checkpoints, OtherFilesAndOtherTraining) {
  const Folder folder;
  const std::string path = folder / "c.ckpt";
  folder.file("c.ckpt", "no such thing");
  {
    Checkpoints checkpoints(path, {});
    Trained run(folder / "");
    expect_error(ErrorKind::data, {path, "is no complete safetensors file"},
                 [&] { run.go(&checkpoints, kForever); });
    StagedFile file(path);
    write_safetensors(file, {{"x", array({1}, {1})}}, {{"format", "pt"}});
    file.commit();
    expect_error(ErrorKind::data, {path, "is no checkpoint"}, [&] { run.go(&checkpoints, kForever); });
    std::filesystem::remove(path);
    run.go(&checkpoints, 10);
  }
  Checkpoints checkpoints(path, {});
  const std::string before = read_bytes(path);
  FitOptions options;
  options.epochs = 12;
  options.batch_size = 2;
  options.checkpoints = &checkpoints;
  LinearModel model(1);
  expect_error(ErrorKind::data, {path, "belongs to training with --batch-size 4, not 2"},
               [&] { fit(model, line(20), options); });
  LinearModel wide(2);
  const std::optional<Snapshot> snapshot = checkpoints.load(ignore);
  EXPECT_EQ(snapshot->variables.size(), 5u);
  EXPECT_EQ(read_bytes(path), before);
}

TEST(Checkpoints, OtherDataOfTheSameSize) {
  const Folder folder;
  const std::string path = folder / "c.ckpt";
  Checkpoints checkpoints(path, {});
  const auto go_on = [&](const Dataset& data) {
    LinearModel model(1);
    FitOptions options;
    options.validation_split = 0.25;
    options.checkpoints = &checkpoints;
    fit(model, data, options);
  };
  // 4,000 samples, one of which is another one.
  const auto with_other = [&](int64_t sample) {
    Dataset data = line(4000);
    if (sample < 0) return data;
    Array x = *data.inputs[0].array();
    reinterpret_cast<float*>(x.mutable_data())[sample] = 7;
    data.inputs[0] = x;
    return data;
  };
  go_on(with_other(-1));
  go_on(with_other(-1));
  for (const int64_t sample : {0, 2999})
    expect_error(ErrorKind::data, {path, "training whose training samples were others", "--checkpoint"},
                 [&] { go_on(with_other(sample)); });
  expect_error(ErrorKind::data, {"training whose validation samples were others"},
               [&] { go_on(with_other(3999)); });
  Dataset other_target = line(4000);
  reinterpret_cast<float*>(other_target.targets[0].mutable_data())[2999] = 7;
  expect_error(ErrorKind::data, {"training samples"}, [&] { go_on(other_target); });
  Dataset weighted = line(4000);
  weighted.weights = {std::vector<float>(4000, 2)};
  expect_error(ErrorKind::data, {"training samples"}, [&] { go_on(weighted); });
  // The same numbers of another type.
  Dataset wider = line(4000);
  Array x(DType::f64, {4000, 1});
  for (int64_t i = 0; i < 4000; ++i)
    reinterpret_cast<double*>(x.mutable_data())[i] = wider.inputs[0].array()->number(i);
  wider.inputs[0] = x;
  go_on(wider);
  // Checkpoints did not always tell.
  Snapshot snapshot = read_checkpoint(path);
  EXPECT_EQ(snapshot.data_checksums.size(), 2u);
  snapshot.data_checksums.clear();
  checkpoints.save(snapshot);
  go_on(with_other(0));
}

TEST(Checkpoints, OneProcessAtATime) {
  const Folder folder;
  const std::string path = folder / "c.ckpt";
  {
    const Checkpoints mine(path, {});
    const std::string me = std::to_string(::getpid());
    expect_error(ErrorKind::usage, {path, "is in use by another training, process " + me + " on "},
                 [&] { const Checkpoints other(path, {}); });
    const Checkpoints elsewhere(folder / "d.ckpt", {});
  }
  EXPECT_EQ(folder.names(), std::vector<std::string>{});
  const Checkpoints mine(path, {});
}

TEST(Checkpoints, BehindALink) {
  const Folder folder, other;
  std::filesystem::create_symlink(folder / "c.ckpt", other / "link");
  for (int i = 0; i < 2; ++i) Checkpoints(other / "link", {}).save({});
  EXPECT_EQ(folder.names(), (std::vector<std::string>{"c.ckpt", "c.ckpt.previous"}));
  EXPECT_EQ(other.names(), std::vector<std::string>{"link"});
  const Checkpoints mine(other / "link", {});
  EXPECT_THROW(const Checkpoints same(folder / "c.ckpt", {}), Error);
}

TEST(Checkpoints, AfterStepsOnRequestAndByTime) {
  const Folder folder;
  Checkpoints never(folder / "a", {}), some(folder / "b", {.steps = 3}),
      always(folder / "c", {.seconds = 1e-9});
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(never.is_due());
  never.request();
  EXPECT_TRUE(never.is_due());
  EXPECT_FALSE(never.is_due());
  EXPECT_FALSE(some.is_due());
  EXPECT_FALSE(some.is_due());
  EXPECT_TRUE(some.is_due());
  some.save({});
  EXPECT_FALSE(some.is_due());
  EXPECT_TRUE(always.is_due());
}

}  // namespace
}  // namespace keratin::trainer
