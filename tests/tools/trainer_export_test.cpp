// Models that trainers write: the .keras files that `keratin export` writes, with the optimizer's state; the shared objects that
// `keratin compile` makes, to the bit.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "frontend/archive.h"
#include "frontend/file.h"
#include "frontend/h5_file.h"
#include "frontend/load.h"
#include "frontend/npy.h"
#include "ir/safetensors.h"
#include "ir/text_format.h"
#include "runtime/abi.h"
#include "tests/tools/cli.h"

namespace keratin::testing {
namespace {

const std::string kGolden = KERATIN_SOURCE_DIR "/tests/golden/training/";

/// A shell with a trainer of a case, trained for two epochs: w.safetensors; run.safetensors.previous is the checkpoint after the first, when
/// the run was under way; x.npz has the inputs.
class Trained {
 public:
  explicit Trained(const std::string& name, const std::string& options = {}) : folder_(kGolden + name) {
    expect("$keratin compile $model --trainer -o trainer " + options);
    expect("./trainer fit " + fit_ + "--epochs 2 --checkpoint run.safetensors --save w.safetensors");
    std::map<std::string, Tensor> inputs;
    for (const auto& [key, array] : read_npz(folder_ + "/data.npz"))
      if (key.starts_with("x:")) inputs.emplace(key.substr(2), array);
    write_npz((shell_ / "x.npz").string(), inputs);
  }

  Outcome run(const std::string& command) const { return shell_.run(cat("model=", model(), "; ", command)); }
  void expect(const std::string& command) const {
    const Outcome outcome = run(command);
    EXPECT_EQ(outcome.status, 0) << command << "\n" << outcome.err;
  }
  std::string model() const { return folder_ + "/model.keras"; }
  std::string path(const std::string& name) const { return (shell_ / name).string(); }

  const std::string fit_ = "--data $(dirname $model)/data.npz --no-shuffle --verbose 0 ";

 private:
  Shell shell_;
  std::string folder_;
};

/// What the compiler would make of the weights, and model.so, which is made without it, give the same bits.
void expect_library_of_the_compiler(const Trained& trained) {
  trained.expect("./trainer export --weights w.safetensors --library model.so");
  trained.expect("mkdir c && $keratin compile $model --weights w.safetensors -o c/model.so");
  trained.expect("cmp model.h c/model.h");
  trained.expect("$keratin run model.so --input x.npz --output a.npz");
  trained.expect("$keratin run c/model.so --input x.npz --output b.npz");
  trained.expect("cmp a.npz b.npz");
  trained.expect("[ $(ls -A | grep -c tmp) = 0 ]");
}

/// The same of the .keras file.
void expect_keras_file_of_the_compiler(const Trained& trained) {
  trained.expect("./trainer export --weights w.safetensors --keras a.keras");
  trained.expect("$keratin export $model --weights w.safetensors -o b.keras");
  const Module ours = load_model(trained.path("a.keras")), theirs = load_model(trained.path("b.keras"));
  ASSERT_EQ(ours.variables.size(), theirs.variables.size());
  for (size_t i = 0; i < ours.variables.size(); ++i)
    EXPECT_EQ(*ours.variables[i].data, *theirs.variables[i].data) << ours.variables[i].name;
}

/// What a trainer is made of is in the file: the step, and the variables that it goes on from.
void expect_all_of_the_training(const Trained& trained) {
  trained.expect("./trainer export --checkpoint run.safetensors.previous --keras trained.keras");
  const Module written = load_trainable(trained.path("trained.keras")).module;
  EXPECT_EQ(print(written), print(load_trainable(trained.model()).module));
  const TensorStore state =
      parse_safetensors(read_file(trained.path("run.safetensors.previous")), "run.safetensors.previous");
  size_t of_optimizer = 0;
  for (const Variable& variable : written.variables) {
    if (variable.name.starts_with("metrics/")) continue;
    ASSERT_TRUE(state.contains(variable.name)) << variable.name;
    ASSERT_NE(variable.data, nullptr) << variable.name;
    EXPECT_EQ(*variable.data, *state.at(variable.name)) << variable.name;
    of_optimizer += variable.name.starts_with("optimizer/") ? 1 : 0;
  }
  // Of several optimizers, Keras writes it twice, and reads the second copy last: there must be none that is older.
  const Archive archive = Archive::open(trained.path("trained.keras"));
  const H5File stored =
      parse_h5(archive.read("model.weights.h5", archive.max_member_bytes()), "model.weights.h5");
  const auto is_of_optimizer = [](const auto& dataset) { return dataset.first.starts_with("optimizer/"); };
  EXPECT_EQ(std::ranges::count_if(stored.datasets, is_of_optimizer), of_optimizer);
}

class TrainerExportOf : public ::testing::TestWithParam<const char*> {};

TEST_P(TrainerExportOf, IsAllOfTheModel) {
  const Trained trained(GetParam());
  expect_library_of_the_compiler(trained);
  expect_keras_file_of_the_compiler(trained);
  expect_all_of_the_training(trained);
}

INSTANTIATE_TEST_SUITE_P(Golden, TrainerExportOf,
                         ::testing::Values("batchnorm_resnet_adamw", "cnn_adam", "embedding_masked",
                                           "gradient_accumulation", "gru_bidirectional_rmsprop",
                                           "hinges_adagrad_multi_output", "mixed_float16",
                                           "mixed_float16_by_policy", "resume_adam",
                                           "resume_momentum_schedule", "several_optimizers", "siamese_dot"),
                         [](const auto& info) { return std::string(info.param); });

/// PREFIX_selftest of a shared object.
int selftest(const std::string& path) {
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  EXPECT_NE(library, nullptr) << dlerror();
  const auto info = reinterpret_cast<const keratin_info* (*)()>(dlsym(library, "keratin_info"));
  return info()->selftest();
}

TEST(TrainerExport, TheSelfTestKnowsTheLearnedWeights) {
  const Trained trained("digits_mlp");
  expect_library_of_the_compiler(trained);
  EXPECT_EQ(selftest(trained.path("model.so")), KRT_OK);
  // Biases lie in it as they are.
  const TensorStore weights =
      parse_safetensors(read_file(trained.path("w.safetensors")), trained.path("w.safetensors"));
  std::string bytes = read_file(trained.path("model.so"));
  for (const auto& [name, tensor] : weights) {
    if (!name.ends_with("bias")) continue;
    const std::string values(reinterpret_cast<const char*>(tensor->data()),
                             static_cast<size_t>(tensor->bytes()));
    const size_t at = bytes.find(values);
    ASSERT_NE(at, std::string::npos) << name;
    const float other = 3;
    bytes.replace(at, sizeof other, reinterpret_cast<const char*>(&other), sizeof other);
  }
  write_file(trained.path("other.so"), bytes);
  EXPECT_EQ(selftest(trained.path("other.so")), KRT_SELFTEST_FAILED);
}

TEST(TrainerExport, LibrariesKnowTheirNamesAndLevels) {
  const Trained trained("digits_mlp", "--name digits --cpu x86-64,native");
  trained.expect("./trainer export --weights w.safetensors --library any-name.so");
  EXPECT_NE(read_file(trained.path("any-name.h")).find("int digits_predict("), std::string::npos);
  trained.expect("echo 'int digits_selftest(void); int main(void) { return digits_selftest(); }' > m.c");
  trained.expect("cc m.c ./any-name.so -Wl,-rpath,. -o m && ./m");
  EXPECT_EQ(trained.run("ldd m").out.find("not found"), std::string::npos);
}

/// A trainer that is made of a run under way goes on as the first one does: the same weights after another epoch, to the bit.
void expect_goes_on(const Trained& trained) {
  trained.expect("./trainer fit " + trained.fit_ +
                 "--epochs 2 --checkpoint c.safetensors --save b.safetensors");
  trained.expect("./trainer export --checkpoint c.safetensors.previous --keras trained.keras");
  trained.expect("$keratin compile trained.keras --trainer -o second");
  trained.expect("./second fit " + trained.fit_ + "--epochs 1 --save a.safetensors");
  trained.expect("cmp a.safetensors b.safetensors");
}

/// What comes into the weights when a run is over is there also in what is exported of its checkpoint; of one under way it is not.
TEST(TrainerExport, CheckpointsOfRunsThatAreOver) {
  const std::string folder = KERATIN_SOURCE_DIR "/tests/data/callbacks";
  const Shell shell;
  const auto expect = [&](const std::string& command, int status = 0) {
    const Outcome outcome = shell.run(cat("folder=", folder, "; ", command));
    EXPECT_EQ(outcome.status, status) << command << "\n" << outcome.err;
  };
  write_npz((shell / "x.npz").string(), {{"x", read_npz(folder + "/data.npz").at("x")}});
  expect("$keratin compile $folder/averaged.keras --trainer -o averaged");
  expect("$keratin compile $folder/sgd.keras --trainer -o sgd");
  const auto compare = [&](const std::string& trainer, const std::string& fit) {
    expect(cat("./", trainer, " fit --data $folder/data.npz --batch-size 8 --verbose 0 --checkpoint c.ckpt ",
               "--validation-split 0.25 --save w.safetensors ", fit));
    expect(cat("./", trainer, " export --weights w.safetensors --library saved.so"));
    expect(cat("./", trainer, " export --checkpoint c.ckpt --library of_checkpoint.so"));
    for (const char* name : {"saved", "of_checkpoint"})
      expect(cat("$keratin run ", name, ".so --input x.npz --output ", name, ".npz"));
    expect("cmp saved.npz of_checkpoint.npz");
  };
  compare("averaged", "--epochs 2");
  compare("averaged", "--epochs 3 --swap-ema-weights swap_on_epoch");
  expect("rm c.ckpt*");
  compare("averaged",
          "--epochs 30 --swap-ema-weights swap_on_epoch --early-stopping patience=1 min_delta=0.05");
  expect("rm c.ckpt*");
  compare("sgd",
          "--epochs 30 --early-stopping monitor=val_mae patience=2 min_delta=0.2 restore_best_weights");
}

TEST(TrainerExport, KerasFilesAreCompiledAsTheTrainerIs) {
  const Trained trained("mse_sgd",
                        "--loss mae --metrics mse --optimizer '{\"class_name\": \"SGD\", \"config\": "
                        "{\"learning_rate\": 0.1, \"momentum\": 0.9}}'");
  expect_goes_on(trained);
  const std::string summary = trained.run("$keratin summary trained.keras --training").out;
  EXPECT_NE(summary.find("Logs: loss, mse"), std::string::npos) << summary;
}

TEST(TrainerExport, AdaptersAreAddedToKernels) {
  const Shell shell;
  const std::string folder = KERATIN_SOURCE_DIR "/tests/data/lora";
  ASSERT_EQ(shell.run(cat("$keratin compile ", folder, "/model.keras --trainer -o trainer")).status, 0);
  const Outcome fitted = shell.run(cat("./trainer fit --data ", folder,
                                       "/data.npz --epochs 3 --verbose 0 --no-shuffle --save w.safetensors"));
  ASSERT_EQ(fitted.status, 0) << fitted.err;
  const Outcome exported =
      shell.run("./trainer export --weights w.safetensors --keras a.keras --library a.so");
  ASSERT_EQ(exported.status, 0) << exported.err;
  ASSERT_EQ(
      shell.run(cat("$keratin export ", folder, "/model.keras --weights w.safetensors -o b.keras")).status,
      0);
  const Module ours = load_model((shell / "a.keras").string()),
               theirs = load_model((shell / "b.keras").string()),
               before = load_model(folder + "/model.keras");
  bool is_trained = false;
  for (size_t i = 0; i < ours.variables.size(); ++i) {
    const Tensor &a = *ours.variables[i].data, &b = *theirs.variables[i].data;
    is_trained = is_trained || a != *before.variables[i].data;
    for (int64_t k = 0; k < a.elements(); ++k)
      EXPECT_NEAR(a.get(k), b.get(k), 1e-7 * std::abs(b.get(k))) << ours.variables[i].name;
  }
  EXPECT_TRUE(is_trained);
}

TEST(TrainerExport, WhatCannotBeIsRefused) {
  const Trained trained("mse_sgd");
  const auto refused = [&](const std::string& options, int status, const std::string& says) {
    const Outcome outcome = trained.run("./trainer export " + options);
    EXPECT_EQ(outcome.status, status) << options;
    EXPECT_NE(outcome.err.find(says), std::string::npos) << outcome.err;
  };
  refused("", 2, "give --keras, --library, or both");
  refused("--library m.dll", 2, "is no name of a library");
  refused("--keras nowhere/m.keras", 73, "nowhere/m.keras: cannot create");
  refused("--keras m.keras --weights none.safetensors", 66, "none.safetensors: cannot open");
  refused("--keras m.keras --weights w.safetensors --checkpoint run.safetensors", 2, "excludes --weights");
  refused("--keras m.keras --checkpoint w.safetensors", 65, "w.safetensors");
  EXPECT_EQ(trained.run("ls m.*").out, "");
}

}  // namespace
}  // namespace keratin::testing
