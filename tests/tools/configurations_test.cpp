// Single layers and operations with all kinds of arguments against real Keras, on native code.
#include "tests/configurations.h"

#include <gtest/gtest.h>

#include "codegen/native.h"
#include "ir/error.h"

namespace keratin {
namespace {

class Configurations : public ::testing::TestWithParam<std::string> {};

TEST_P(Configurations, Jit) {
  const auto executor = make_native_executor(make_target("native"));
  for (const Configuration& configuration : read_configurations(GetParam())) {
    SCOPED_TRACE(configuration.name());
    try {
      configuration.expect(*executor->compile(configuration.module()));
    } catch (const Error& error) {
      ADD_FAILURE() << error.what();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Recorded, Configurations, ::testing::ValuesIn(configuration_files()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace keratin
