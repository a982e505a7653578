// What python/keratin_export wrote of models with layers in Python: they give what they give in Keras, and train as they do there.
#include <gtest/gtest.h>

#include "tests/tools/fit.h"

namespace keratin::testing {
namespace {

fs::path folder(const std::string& name) { return fs::path(KERATIN_SOURCE_DIR) / "tests" / "data" / name; }

Outcome run(const Shell& shell, const std::string& command, const std::string& name = "exported") {
  return shell.run(cat("case='", folder(name).string(), "'; ", command));
}

class Exported : public ::testing::TestWithParam<const char*> {};

TEST_P(Exported, GivesWhatItGivesInKeras) {
  const Shell shell;
  const std::string compare = " --input $case/inputs.npz --expect $case/outputs.npz";
  for (const char* how : {"", " --interpret", " --interpret-kernels"}) {
    const Outcome same = run(shell, cat("$keratin run $case/model.kir", compare, how), GetParam());
    EXPECT_EQ(same.status, 0) << how << same.err;
  }
  ASSERT_EQ(run(shell, "$keratin compile $case/model.kir -o m.so", GetParam()).status, 0);
  const Outcome same = run(shell, "$keratin run m.so" + compare, GetParam());
  EXPECT_EQ(same.status, 0) << same.err;
}

/// Dropout and noise included: they are drawn as JAX draws them.
TEST_P(Exported, TrainsAsInKeras) {
  const Shell shell;
  const Outcome made = run(shell, "$keratin compile $case/model.kir --trainer -o trainer", GetParam());
  ASSERT_EQ(made.status, 0) << made.err;
  expect_fit(shell, folder(GetParam()));
}

TEST(ExportedText, IsInitializedByItself) {
  const Shell shell;
  ASSERT_EQ(run(shell, "$keratin compile $case/model.kir --trainer -o trainer").status, 0);
  const std::string fit = "./trainer fit --data $case/data.npz --epochs 1 --verbose 0 --no-shuffle --save ";
  ASSERT_EQ(run(shell, fit + "a.safetensors").status, 0);
  const Outcome again = run(shell, fit + "b.safetensors --reinitialize");
  EXPECT_EQ(again.status, 0) << again.err;
  EXPECT_EQ(run(shell, "cmp a.safetensors b.safetensors").status, 0);
}

/// It was exported without weights, and without layers.
TEST(ExportedText, WhatATrainerOfItsOwnStepRefuses) {
  const Shell shell;
  ASSERT_EQ(run(shell, "$keratin compile $case/model.kir --trainer -o trainer", "exported_step").status, 0);
  const Outcome fitted =
      run(shell, "./trainer fit --data $case/data.npz --class-weight '{\"0\": 2}'", "exported_step");
  EXPECT_EQ(fitted.status, 2);
  EXPECT_NE(fitted.err.find("takes no weights"), std::string::npos) << fitted.err;
  const Outcome layers = run(shell, "./trainer export --keras m.keras");
  EXPECT_EQ(layers.status, 2);
  EXPECT_NE(layers.err.find("IR text does not say what layers a model has"), std::string::npos) << layers.err;
  const Outcome library = run(shell, "./trainer export --library m.so");
  EXPECT_EQ(library.status, 0) << library.err;
}

INSTANTIATE_TEST_SUITE_P(, Exported, ::testing::Values("exported", "exported_step"),
                         [](const auto& test) { return std::string(test.param); });

TEST(ExportedText, ThatDoesNotSayHowToTrainIsRefused) {
  const Shell shell;
  const auto refused = [&](const std::string& change, int status, const std::string& message) {
    ASSERT_EQ(run(shell, cat("sed '", change,
                             "' $case/model.kir > m.kir && cp $case/model.kir.safetensors m.kir.safetensors"))
                  .status,
              0);
    const Outcome outcome = run(shell, "$keratin compile m.kir --trainer -o trainer");
    EXPECT_EQ(outcome.status, status) << outcome.err;
    EXPECT_NE(outcome.err.find(message), std::string::npos) << outcome.err;
  };
  refused("s/func @evaluate_step/func @other/", 2, "there is no function @evaluate_step");
  refused("s/%sample_weight/%weight/g", 65,
          "parameter 2 of @train_step is \"weight\": expected a target, y:OUTPUT");
  refused("/func @evaluate_step/,/^  }/s/%sample_weight/%weight/g", 65, "one ends with sample_weight");
  refused("s/@conv\\/bias = [^,]*,//", 65, "@initialize does not set conv/bias");
  const Outcome loss = run(shell, "$keratin compile $case/model.kir --trainer -o trainer --loss mse");
  EXPECT_EQ(loss.status, 2);
  EXPECT_NE(loss.err.find("IR text says how it is trained"), std::string::npos) << loss.err;
}

}  // namespace
}  // namespace keratin::testing
