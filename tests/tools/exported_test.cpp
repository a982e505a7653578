// What python/keratin_export wrote of a model with layers in Python: it gives what it gives in Keras, and trains as it does there.
#include <gtest/gtest.h>

#include "tests/tools/fit.h"

namespace keratin::testing {
namespace {

const fs::path kFolder = fs::path(KERATIN_SOURCE_DIR) / "tests" / "data" / "exported";

Outcome run(const Shell& shell, const std::string& command) {
  return shell.run(cat("case='", kFolder.string(), "'; ", command));
}

TEST(Exported, GivesWhatItGivesInKeras) {
  const Shell shell;
  const std::string compare = " --input $case/inputs.npz --expect $case/outputs.npz";
  for (const char* how : {"", " --interpret", " --interpret-kernels"}) {
    const Outcome same = run(shell, cat("$keratin run $case/model.kir", compare, how));
    EXPECT_EQ(same.status, 0) << how << same.err;
  }
  ASSERT_EQ(run(shell, "$keratin compile $case/model.kir -o m.so").status, 0);
  const Outcome same = run(shell, "$keratin run m.so" + compare);
  EXPECT_EQ(same.status, 0) << same.err;
}

/// Dropout and noise included: they are drawn as JAX draws them.
TEST(Exported, TrainsAsInKeras) {
  const Shell shell;
  const Outcome made = run(shell, "$keratin compile $case/model.kir --trainer -o trainer");
  ASSERT_EQ(made.status, 0) << made.err;
  expect_fit(shell, kFolder);
  const std::string fit = "./trainer fit --data $case/data.npz --epochs 1 --verbose 0 --no-shuffle --save ";
  ASSERT_EQ(run(shell, fit + "a.safetensors").status, 0);
  const Outcome again = run(shell, fit + "b.safetensors --reinitialize");
  EXPECT_EQ(again.status, 0) << again.err;
  EXPECT_EQ(run(shell, "cmp a.safetensors b.safetensors").status, 0);
}

TEST(Exported, TextThatDoesNotSayHowToTrainIsRefused) {
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
  refused("s/%sample_weight/%weight/g", 65, "@train_step does not end with a target and sample_weight");
  refused("s/@conv\\/bias = [^,]*,//", 65, "@initialize does not set conv/bias");
  const Outcome loss = run(shell, "$keratin compile $case/model.kir --trainer -o trainer --loss mse");
  EXPECT_EQ(loss.status, 2);
  EXPECT_NE(loss.err.find("IR text says how it is trained"), std::string::npos) << loss.err;
}

}  // namespace
}  // namespace keratin::testing
