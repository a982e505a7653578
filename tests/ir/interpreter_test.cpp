// The interpreter: symbols from shapes, variables and their updates, errors.
#include <gtest/gtest.h>

#include "tests/ir/run.h"

namespace keratin::testing {
namespace {

/// step(x) -> old total; total += Σ x, and a and b change places.
Module counter() {
  Module module;
  module.name = "counter";
  module.variables.push_back({"total", f32(Shape{}), Role::state, false, nullptr});
  module.variables.push_back(
      {"a", f32({2}), Role::weight, true, std::make_shared<const Tensor>(f32({2}, {1, 2}))});
  module.variables.push_back({"b", f32({2}), Role::state, false, nullptr});
  Builder builder("step");
  const Value x = builder.param("x", f32({kN, 2}));
  const Value total = builder.var(module.variables[0]);
  builder.result("before", total);
  builder.update("total", builder.add(total, builder.reduce(Op::reduce_sum, x, {0, 1})));
  builder.update("a", builder.var(module.variables[2]));
  builder.update("b", builder.var(module.variables[1]));
  module.functions.push_back(builder.finish());
  return module;
}

std::string message(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(Interpreter, StoresUpdatesAfterTheCall) {
  const auto executable = make_interpreter()->compile(counter());
  EXPECT_EQ(executable->call("step", std::vector{counting({3, 2})})[0], f32(std::vector<int64_t>{}, {0}));
  EXPECT_EQ(executable->call("step", std::vector{counting({1, 2})})[0], f32(std::vector<int64_t>{}, {15}));
  EXPECT_EQ(executable->get_variable("total"), f32(std::vector<int64_t>{}, {16}));
}

TEST(Interpreter, EveryReadSeesTheOldValue) {
  const auto executable = make_interpreter()->compile(counter());
  executable->call("step", std::vector{counting({1, 2})});
  EXPECT_EQ(executable->get_variable("a"), f32({2}, {0, 0}));
  EXPECT_EQ(executable->get_variable("b"), f32({2}, {1, 2}));
}

TEST(Interpreter, TakesABatchOfNothing) {
  const auto executable = make_interpreter()->compile(counter());
  executable->set_variable("total", f32(std::vector<int64_t>{}, {3}));
  executable->call("step", std::vector{Tensor(DType::f32, {0, 2})});
  EXPECT_EQ(executable->get_variable("total"), f32(std::vector<int64_t>{}, {3}));
}

TEST(Interpreter, SaysWhatDoesNotFit) {
  const auto executable = make_interpreter()->compile(counter());
  EXPECT_EQ(message([&] { executable->call("step", {}); }), "function step: found 0 inputs, expected 1");
  EXPECT_EQ(message([&] { executable->call("step", std::vector{counting({3})}); }),
            "function step: input x: found f32[3], expected f32[N,2] with N = 3");
  EXPECT_EQ(message([&] { executable->call("step", std::vector{i32({1, 2}, {1, 2})}); }),
            "function step: input x: found i32[1,2], expected f32[N,2] with N = 1");
  EXPECT_EQ(message([&] { executable->set_variable("a", counting({3})); }),
            "variable a: found f32[3], expected f32[2]");
  EXPECT_EQ(message([&] { executable->get_variable("c"); }), "the module has no variable c");
  Module module;
  module.variables.push_back({"h", f32({kN, 2}), Role::state, false, nullptr});
  EXPECT_EQ(message([&] { make_interpreter()->compile(module); }),
            "variable h: its shape is not known: f32[N,2]\nhint: give the dimension a fixed size");
}

TEST(Bind, SolvesForSymbols) {
  const Function function = function_of({f32({Dim(2, kN.symbol), kT}), f32({kN, 3})},
                                        [](Builder&, auto& p) { return std::vector{p[0]}; });
  const Bindings found = keratin::bind(function, std::vector{counting({4, 5}), counting({2, 3})});
  EXPECT_EQ(found, (Bindings{{kN.symbol, 2}, {kT.symbol, 5}}));
  EXPECT_EQ(message([&] { keratin::bind(function, std::vector{counting({3, 5}), counting({2, 3})}); }),
            "function f: input p0: found f32[3,5], expected f32[2N,T] with T = 5");
  EXPECT_EQ(message([&] { keratin::bind(function, std::vector{counting({4, 5}), counting({3, 3})}); }),
            "function f: input p1: found f32[3,3], expected f32[N,3] with N = 2");
}

}  // namespace
}  // namespace keratin::testing
