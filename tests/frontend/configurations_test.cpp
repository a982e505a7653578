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

INSTANTIATE_TEST_SUITE_P(Recorded, Configurations, ::testing::ValuesIn(configuration_files()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace keratin
