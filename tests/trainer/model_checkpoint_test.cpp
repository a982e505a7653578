#include "runtime/trainer/model_checkpoint.h"

#include <filesystem>

#include "runtime/trainer/fit.h"
#include "runtime/trainer/learning_rate_scheduler.h"
#include "runtime/trainer/monitor.h"
#include "runtime/trainer/reduce_lr_on_plateau.h"
#include "tests/trainer/fixtures.h"

namespace keratin::trainer {
namespace {

struct Listener : Callback {
  void on_warning(const std::string& text) override { warnings.push_back(text); }
  std::vector<std::string> warnings;
};

/// What is warned of in four epochs, the second and the fourth of which have a validation.
std::vector<std::string> fit(std::vector<Callback*> callbacks, int64_t validation_freq = 2) {
  LinearModel model(1);
  const Dataset data = make_dataset({{"x", array({4, 1}, {0, 1, 2, 3})}, {"y", array({4}, {1, 3, 5, 7})}},
                                    "line", model.info(), Needs::inputs_and_targets);
  Listener listener;
  callbacks.push_back(&listener);
  FitOptions options;
  options.epochs = 4;
  options.batch_size = 4;
  options.validation_split = 0.25;
  options.validation_freq = validation_freq;
  options.callbacks = std::move(callbacks);
  fit(model, data, options);
  return listener.warnings;
}

TEST(ModelCheckpoint, WhereALogIsMissingNothingIsSaved) {
  const Folder folder;
  ModelCheckpoint by_path({.path = folder / "{epoch}-{val_loss:.0f}.safetensors"}),
      best({.path = folder / "best{epoch}.safetensors", .save_best_only = true});
  EXPECT_EQ(
      fit({&by_path, &best}),
      std::vector<std::string>(
          2, "ModelCheckpoint: \"val_loss\" is not known in epoch 1; where it is not, nothing is saved"));
  const std::vector<std::string> names = folder.names();
  ASSERT_EQ(names.size(), 4u);
  EXPECT_TRUE(names[0].starts_with("2-"));
  EXPECT_TRUE(names[1].starts_with("4-"));
  EXPECT_EQ(names[2], "best2.safetensors");
  EXPECT_EQ(names[3], "best4.safetensors");
}

TEST(ModelCheckpoint, WhatIsNeverKnownIsRefusedBeforehand) {
  const Folder folder;
  ModelCheckpoint by_loss({.path = folder / "{val_loss}.safetensors"}),
      by_rate({.path = folder / "{learning_rate}.safetensors"}),
      by_rate_of_step({.path = folder / "{learning_rate}.safetensors", .save_freq = 1}),
      best({.path = folder / "best.safetensors", .save_best_only = true}),
      of_rate({.path = folder / "w.safetensors",
               .monitor = "learning_rate",
               .save_best_only = true,
               .mode = MonitorMode::min});
  ReduceLROnPlateau plateau({.monitor = "loss"});
  LearningRateScheduler scheduler({});
  expect_error(ErrorKind::usage, {"a place for \"val_loss\"", "known are epoch, loss, error"},
               [&] { fit({&by_loss}, 5); });
  expect_error(ErrorKind::usage, {"watches \"val_loss\"", "a --validation-freq that comes up"},
               [&] { fit({&best}, 5); });
  expect_error(ErrorKind::usage, {"a place for \"learning_rate\""}, [&] { fit({&by_rate}); });
  expect_error(ErrorKind::usage, {"a place for \"learning_rate\""}, [&] { fit({&by_rate, &plateau}); });
  expect_error(ErrorKind::usage, {"a place for \"learning_rate\""},
               [&] { fit({&scheduler, &by_rate_of_step}); });
  expect_error(ErrorKind::usage, {"watches \"learning_rate\""}, [&] { fit({&of_rate}); });
  EXPECT_EQ(folder.names(), std::vector<std::string>{});
  EXPECT_EQ(fit({&plateau, &by_rate, &of_rate}), std::vector<std::string>{});
  EXPECT_EQ(folder.names().size(), 2u);
}

TEST(ModelCheckpoint, FoldersAreMade) {
  const Folder folder;
  ModelCheckpoint deep({.path = folder / "a/b{{/{epoch}/w.safetensors"});
  fit({&deep});
  for (const char* epoch : {"1", "4"})
    EXPECT_TRUE(std::filesystem::exists(folder / "a/b{/" + epoch + "/w.safetensors")) << epoch;
  folder.file("file", "");
  ModelCheckpoint below({.path = folder / "file/w.safetensors"}),
      later({.path = folder / "file/{epoch}/w.safetensors"}), over({.path = folder / "a.safetensors"});
  std::filesystem::create_directory(folder / "a.safetensors");
  for (ModelCheckpoint* impossible : {&below, &later})
    expect_error(ErrorKind::cannot_create, {"file: cannot create the folder: "}, [&] { fit({impossible}); });
  expect_error(ErrorKind::cannot_create, {"a.safetensors: is a folder"}, [&] { fit({&over}); });
}

}  // namespace
}  // namespace keratin::trainer
