// Single layers and operations with all kinds of arguments against real Keras: outputs, gradients, and what training leaves in
// variables, by the reference interpreter.
#include "tests/configurations.h"

#include <gtest/gtest.h>

#include "ir/error.h"
#include "ir/verify.h"

namespace keratin {
namespace {

class Configurations : public ::testing::TestWithParam<std::string> {};

TEST_P(Configurations, ReferenceInterpreter) {
  for (const Configuration& configuration : read_configurations(GetParam())) {
    SCOPED_TRACE(configuration.name());
    try {
      const Module module = configuration.module();
      verify(module);
      configuration.expect(*make_interpreter()->compile(module));
    } catch (const Error& error) {
      ADD_FAILURE() << error.what();
    }
  }
}

/// Lengths that are free change nothing, or are asked for.
TEST_P(Configurations, WithFreeLengths) {
  int64_t found = 0, ran = 0;
  for (const Configuration& fixed : read_configurations(GetParam())) {
    const std::optional<Configuration> configuration = fixed.with_free_lengths();
    // Without axes, squeeze asks each call which lengths are 1.
    if (!configuration || configuration->name().starts_with("ops squeeze of all")) continue;
    SCOPED_TRACE(configuration->name());
    ++found;
    try {
      const Module module = configuration->module();
      verify(module);
      configuration->expect(*make_interpreter()->compile(module));
      ++ran;
    } catch (const Error& error) {
      EXPECT_TRUE(error.kind() == ErrorKind::unsupported || error.kind() == ErrorKind::data) << error.what();
    }
  }
  RecordProperty("ran", static_cast<int>(ran));
  // Most of what is refused decomposes matrices or samples images.
  EXPECT_GE(ran, found / 4) << "of " << found;
}

INSTANTIATE_TEST_SUITE_P(Recorded, Configurations, ::testing::ValuesIn(configuration_files()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace keratin
