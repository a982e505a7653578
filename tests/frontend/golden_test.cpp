// Every golden model: read, traced, and run by the reference interpreter.
#include <gtest/gtest.h>

#include "ir/executor.h"
#include "ir/verify.h"
#include "tests/golden_cases.h"

namespace keratin {
namespace {

TEST(Golden, ReferenceInterpreter) {
  walk_golden_cases("reference interpreter", [](const GoldenCase& golden, const std::filesystem::path& file) {
    const Module module = load_model(file.string(), golden.free_extents());
    verify(module);
    golden.expect_outputs(module,
                          make_interpreter()->compile(module)->call("predict", golden.inputs(module)));
  });
}

}  // namespace
}  // namespace keratin
