// Every golden model: read, traced, and run by the reference interpreter.
#include <gtest/gtest.h>

#include "ir/executor.h"
#include "ir/verify.h"
#include "tests/golden_training.h"

namespace keratin {
namespace {

TEST(Golden, ReferenceInterpreter) {
  walk_golden_cases("reference interpreter", Suite::inference,
                    [](const GoldenCase& golden, const std::filesystem::path& file) {
                      const Module module = load_model(file.string(), golden.free_extents());
                      verify(module);
                      golden.expect_outputs(module, make_interpreter()->compile(module)->call(
                                                        "predict", golden.inputs(module)));
                    });
}

TEST(Golden, TrainingInReferenceInterpreter) {
  walk_golden_cases("training in the reference interpreter", Suite::training,
                    [](const GoldenCase& golden, const std::filesystem::path& file) {
                      const TrainableModule model = load_trainable(file.string());
                      verify(model.module);
                      expect_training_run(golden, model, *make_interpreter()->compile(model.module));
                    });
}

}  // namespace
}  // namespace keratin
