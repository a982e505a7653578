// Trainer executables, as users make and run them: what they print and save is what Keras logged and saved.
#include <gtest/gtest.h>

#include <cmath>

#include "frontend/file.h"
#include "frontend/npy.h"
#include "ir/safetensors.h"
#include "tests/golden_training.h"
#include "tests/tools/cli.h"
#include "tests/tools/fit.h"

namespace keratin::testing {
namespace {

/// The options of `fit` that make it do what the case's run did.
std::string fit_options(const GoldenCase& golden) {
  std::string options =
      cat(" --data '", (golden.folder / "data.npz").string(), "' --epochs ", golden.info["epochs"].as_int(),
          " --batch-size ", golden.info["batch_size"].as_int(), " --no-shuffle --verbose 0");
  if (golden.info["class_weight"].is_object())
    options += cat(" --class-weight '", golden.info["class_weight"].dump(), "'");
  if (golden.info["validation_split"].as_double() > 0)
    options += cat(" --validation-split ", golden.info["validation_split"].as_double());
  return options;
}

std::map<std::string, std::vector<double>> history_of(const Json& json) {
  std::map<std::string, std::vector<double>> history;
  for (const auto& [name, values] : json.members())
    for (const Json& value : values.items()) history[name].push_back(value.as_double());
  return history;
}

TEST(Golden, TrainerExecutable) {
  walk_golden_cases(
      "trainer executable", Suite::training, [](const GoldenCase& golden, const fs::path& file) {
        const Shell shell;
        const Outcome compiled =
            shell.run(cat("$keratin compile '", file.string(), "' --trainer -o trainer"));
        if (compiled.status != 0) {
          EXPECT_TRUE(compiled.status == 65 || compiled.status == 69) << compiled.status;
          EXPECT_TRUE(fs::is_empty(shell / "")) << "something was written";
          throw Error(compiled.status == 65 ? ErrorKind::data : ErrorKind::unsupported,
                      compiled.err.substr(0, compiled.err.find('\n')), file.string());
        }
        const Outcome fitted =
            shell.run(cat("./trainer fit", fit_options(golden), " --history h.json --save w.safetensors"));
        ASSERT_EQ(fitted.status, 0) << fitted.err;
        expect_history(golden, history_of(Json::parse(read_file((shell / "h.json").string()), "h.json")));

        const TensorStore weights =
            parse_safetensors(read_file((shell / "w.safetensors").string()), "w.safetensors");
        EXPECT_EQ(weights.size(), read_npz((golden.folder / "final_weights.npz").string()).size());
        expect_final_weights(golden, [&](const std::string& name) {
          if (!weights.contains(name)) throw std::runtime_error(cat("no weight ", name));
          return *weights.at(name);
        });
      });
}

class Trainer : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    shell_ = std::make_unique<Shell>();
    const Outcome made =
        shell_->run(cat("$keratin compile ", KERATIN_SOURCE_DIR,
                        "/tests/golden/training/digits_mlp/model.keras --trainer -o trainer"));
    ASSERT_EQ(made.status, 0) << made.err;
  }
  static void TearDownTestSuite() { shell_.reset(); }

  static Outcome run(const std::string& command) {
    return shell_->run(cat("golden=", KERATIN_SOURCE_DIR, "/tests/golden/training; ", command));
  }

  static std::unique_ptr<Shell> shell_;
};
std::unique_ptr<Shell> Trainer::shell_;

/// Threads that gather the next batch of training are not called away by a validation in the middle of the data.
TEST_F(Trainer, ValidationChangesNothing) {
  const Outcome both = run(
      "for freq in 1 1000; do ./trainer fit --data $golden/digits_mlp/data.npz --steps-per-epoch 3 --epochs 20 "
      "--validation-split 0.1 --validation-steps 1 --validation-freq $freq --verbose 0 --save w$freq.safetensors || exit; "
      "done; cmp w1.safetensors w1000.safetensors");
  EXPECT_EQ(both.status, 0) << both.out << both.err;
}

TEST_F(Trainer, AnyNumberOfThreadsGivesTheSameBits) {
  const Outcome each =
      run("data=$golden/digits_mlp/data.npz; for k in 1 2 5; do "
          "./trainer fit --data $data --epochs 2 --verbose 0 --threads $k --save w$k.safetensors || exit; "
          "./trainer evaluate --data $data --weights w1.safetensors --threads $k > e$k || exit; "
          "./trainer predict --data $data --weights w1.safetensors --threads $k --output p$k.npz || exit; "
          "./trainer summary --threads $k > s$k || exit; done; "
          "for k in 2 5; do for file in w_.safetensors e_ p_.npz; do "
          "cmp $(echo $file | tr _ 1) $(echo $file | tr _ $k) || exit; done; done");
  EXPECT_EQ(each.status, 0) << each.out << each.err;
  EXPECT_EQ(run("cmp -s s1 s5").status, 1) << "memory does not depend on the threads";
}

TEST_F(Trainer, WhatIsReadIsNotWritten) {
  const Outcome outcome =
      run("cp $golden/digits_mlp/data.npz d.npz; ./trainer fit --data d.npz --save ./d.npz");
  EXPECT_EQ(outcome.status, 2);
  EXPECT_NE(outcome.err.find("--save: is a file of --data too"), std::string::npos) << outcome.err;
}

// Nothing but the C library and its mathematics.
TEST_F(Trainer, NeedsOnlyLibc) {
  const Outcome needed = run("ldd trainer | grep -v -e 'libc.so' -e 'libm.so' -e vdso -e ld-linux");
  EXPECT_EQ(needed.out, "");
}

TEST_F(Trainer, FreshWeightsComeFromTheSeed) {
  const std::string fit =
      "./trainer fit --data $golden/digits_mlp/data.npz --epochs 1 --verbose 0 --reinitialize --seed ";
  ASSERT_EQ(run(fit + "1 --save a.safetensors").status, 0);
  ASSERT_EQ(run(fit + "1 --save b.safetensors").status, 0);
  ASSERT_EQ(run(fit + "2 --save c.safetensors").status, 0);
  EXPECT_EQ(run("cmp a.safetensors b.safetensors").status, 0);
  EXPECT_NE(run("cmp a.safetensors c.safetensors").status, 0);
}

// Kernels of another level are there, too; what is saved are the same bytes.
TEST_F(Trainer, OfSeveralLevelsTheBestTrains) {
  if (run("uname -m").out != "x86_64\n") GTEST_SKIP() << "levels are x86-64's";
  const Outcome made =
      run("$keratin compile $golden/digits_mlp/model.keras --trainer -o levels --cpu x86-64,native");
  ASSERT_EQ(made.status, 0) << made.err;
  EXPECT_TRUE(made.out.starts_with("levels: ") && made.out.ends_with(", x86-64\n")) << made.out;
  const std::string fit = "fit --data $golden/digits_mlp/data.npz --epochs 1 --verbose 0 --seed 1 --save ";
  ASSERT_EQ(run("./trainer " + fit + "one.safetensors").status, 0);
  ASSERT_EQ(run("./levels " + fit + "two.safetensors").status, 0);
  EXPECT_EQ(run("cmp one.safetensors two.safetensors").status, 0);
}

TEST_F(Trainer, EvaluatesAndPredictsWithSavedWeights) {
  ASSERT_EQ(
      run("./trainer fit --data $golden/digits_mlp/data.npz --epochs 40 --verbose 0 --save w.safetensors")
          .status,
      0);
  const Outcome before = run("./trainer evaluate --data $golden/digits_mlp/data.npz");
  const Outcome after = run("./trainer evaluate --data $golden/digits_mlp/data.npz --weights w.safetensors");
  const double untrained = Json::parse(before.out, "evaluate")["accuracy"].as_double();
  const double trained = Json::parse(after.out, "evaluate")["accuracy"].as_double();
  EXPECT_LT(untrained, 0.5);
  EXPECT_GT(trained, 0.9);
  ASSERT_EQ(run("./trainer predict --data $golden/digits_mlp/data.npz --weights w.safetensors --output p.npz")
                .status,
            0);
  const Tensor predicted = read_npz((*shell_ / "p.npz").string()).at("out");
  EXPECT_EQ(predicted.shape(), (std::vector<int64_t>{640, 10}));
}

// What was trained is compiled and gives what the trainer's predict gives.
TEST_F(Trainer, TrainedWeightsAreCompiled) {
  const std::string model = "$golden/digits_mlp/model.keras";
  ASSERT_EQ(
      run("./trainer fit --data $golden/digits_mlp/data.npz --epochs 2 --verbose 0 --save w.safetensors")
          .status,
      0);
  auto data = read_npz(cat(KERATIN_SOURCE_DIR, "/tests/golden/training/digits_mlp/data.npz"));
  write_npz((*shell_ / "x.npz").string(), {{"x", data.at("x:x")}});
  ASSERT_EQ(run("./trainer predict --data x.npz --weights w.safetensors --output p.npz").status, 0);
  const Outcome compiled = run("$keratin compile " + model + " --weights w.safetensors -o trained.so");
  ASSERT_EQ(compiled.status, 0) << compiled.err;
  const Outcome same = run("$keratin run trained.so --input x.npz --expect p.npz");
  EXPECT_EQ(same.status, 0) << same.err;
  const Outcome foreign =
      run("$keratin compile $models/digits_mlp.keras --weights w.safetensors -o foreign.so");
  EXPECT_EQ(foreign.status, 65);
  EXPECT_NE(foreign.err.find("dense/kernel"), std::string::npos) << foreign.err;
  EXPECT_FALSE(fs::exists(*shell_ / "foreign.so"));
}

TEST_F(Trainer, RefusesLabelsThatAreNoClass) {
  auto data = read_npz(cat(KERATIN_SOURCE_DIR, "/tests/golden/training/digits_mlp/data.npz"));
  data.at("y:out").set(7, 10);
  write_npz((*shell_ / "bad.npz").string(), data);
  const Outcome refused = run("./trainer fit --data bad.npz --save never.safetensors");
  EXPECT_EQ(refused.status, 65);
  EXPECT_NE(refused.err.find("y:out"), std::string::npos) << refused.err;
  EXPECT_FALSE(fs::exists(*shell_ / "never.safetensors"));
}

TEST(TrainerOptions, WeightsOfStepsAndOfSamples) {
  const Shell shell;
  const std::string folder = cat(KERATIN_SOURCE_DIR, "/tests/data/sample_weights");
  const auto compiled = [&](const std::string& mode) {
    return shell.run(cat("$keratin compile ", folder, "/model.keras --trainer --sample-weight-mode '", mode,
                         "' -o trainer"));
  };
  ASSERT_EQ(compiled(R"({"steps": "temporal", "whole": "samplewise"})").status, 0);
  expect_fit(shell, folder);
  const Outcome judged = shell.run(
      cat("./trainer evaluate --data ", folder, "/data.npz --batch-size 8 --weights w.safetensors"));
  const Json logs = Json::parse(judged.out, "logs"),
             wanted =
                 Json::parse(read_file(folder + "/trajectory.json"), "trajectory.json")["evaluate_after"];
  for (const auto& [name, value] : wanted.members())
    EXPECT_NEAR(logs[name].as_double(), value.as_double(), 1e-4) << name;

  EXPECT_NE(compiled("temporal").err.find("the output \"whole\" is f32[N,1]: it has no steps"),
            std::string::npos);
  EXPECT_NE(compiled("spatial").err.find("known are null, samplewise and temporal"), std::string::npos);
}

TEST(TrainerOptions, SupplyWhatTheModelLacks) {
  const Shell shell;
  const Outcome uncompiled =
      shell.run(cat("$keratin compile ", KERATIN_SOURCE_DIR,
                    "/tests/golden/layers/activation_layers/model.keras --trainer -o t"));
  EXPECT_NE(uncompiled.status, 0);
  EXPECT_NE(uncompiled.err.find("--loss"), std::string::npos) << uncompiled.err;
  EXPECT_FALSE(fs::exists(shell / "t"));
  const Outcome other = shell.run(cat("$keratin compile ", KERATIN_SOURCE_DIR,
                                      "/tests/golden/training/mse_sgd/model.keras --trainer -o t --loss mae "
                                      "--optimizer rmsprop --metrics mse,r2_score && ./t summary"));
  EXPECT_EQ(other.status, 0) << other.err;
  EXPECT_NE(other.out.find("loss, mse, r2_score"), std::string::npos) << other.out;
  EXPECT_NE(other.out.find("_velocity"), std::string::npos) << other.out;
}

}  // namespace
}  // namespace keratin::testing
