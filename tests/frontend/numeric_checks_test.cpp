#include "frontend/training/numeric_checks.h"

#include <gtest/gtest.h>

#include "ir/differentiate.h"
#include "ir/executor.h"
#include "ir/text_format.h"
#include "ir/verify.h"

namespace keratin {
namespace {

/// A step of two layers, x · w and its root; names of the checks that find something for this x.
std::vector<std::string> found(float x, float weight = 1) {
  Module module = parse_module(R"(module @m {
  var @w : f32[1] trainable
  func @train_step(%x: f32[1]) -> (%loss: f32[]) {
    %0 = mul %x, @w : f32[1] loc("scale")
    %1 = sqrt %0 : f32[1] loc("root")
    %2 = reduce_sum %1 {axes = [0]} : f32[]
    %3 = gradient %2, @w : f32[1]
    %4 = sub @w, %3 : f32[1]
    return %2
    updates @w = %4
  }
}
)",
                               "test");
  module.functions.push_back(numeric_checks(module.function("train_step")));
  verify(module);
  Tensor start(DType::f32, {1}), input(DType::f32, {1});
  start.set(0, weight);
  input.set(0, x);
  module.variables[0].data = std::make_shared<Tensor>(start);
  const auto running = make_interpreter()->compile(differentiate(module));
  const std::vector<Tensor> flags = running->call("check_numerics", std::vector{input});
  std::vector<std::string> names;
  const Function& checks = module.function("check_numerics");
  for (size_t i = 0; i < flags.size(); ++i)
    if (flags[i].get(0) != 0) names.push_back(checks.results[i].name);
  EXPECT_EQ(running->get_variable("w").get(0), weight) << "something was changed";
  return names;
}

TEST(NumericChecks, NameWhatIsFirst) {
  const std::vector<std::string> behind = {"gradient of w", "update of w"};
  EXPECT_EQ(found(4), std::vector<std::string>());
  EXPECT_EQ(found(-1), (std::vector<std::string>{"layer root", behind[0], behind[1]}));
  EXPECT_EQ(found(3e38f, 3), (std::vector<std::string>{"layer scale", "layer root"}));
  EXPECT_EQ(found(0), behind) << "only the slope of the root is infinite";
}

}  // namespace
}  // namespace keratin
