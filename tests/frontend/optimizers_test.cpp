// Optimizers against the steps that Keras took with the same gradients: tests/data/optimizers.json, a row for each thing an optimizer
// can do, and tests/data/optimizer_runs.json, with arguments drawn at random.
#include "frontend/training/optimizers.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "ir/executor.h"
#include "ir/verify.h"
#include "tests/frontend/files.h"
#include "tests/frontend/numbers.h"

namespace keratin {
namespace {

struct Started {
  std::string name;
  Tensor value;
};

/// An optimizer with variables of its own and functions that make a step and finish.
class OptimizerRun {
 public:
  OptimizerRun(const Json& object, const std::vector<Started>& variables, const Json& constraints)
      : optimizer_(make_optimizer(object, "test")) {
    for (const Started& each : variables)
      trained_.push_back(
          {{each.name, each.value.type(), Role::weight, true, std::make_shared<Tensor>(each.value)},
           constraints[each.name],
           "test"});
    state_ = optimizer_->variables(trained_);
    Module module;
    module.functions.push_back(step());
    module.functions.push_back(finish());
    for (const TrainedVariable& each : trained_) module.variables.push_back(each.variable);
    module.variables.insert(module.variables.end(), state_.begin(), state_.end());
    verify(module);
    executable_ = make_interpreter()->compile(module);
  }

  void step(const std::vector<Tensor>& gradients) { executable_->call("step", gradients); }
  void finish_training() { executable_->call("finish", {}); }

  void expect_variables(const Json& wanted, const std::string& when) const {
    ASSERT_EQ(wanted.size(), trained_.size());
    for (size_t i = 0; i < trained_.size(); ++i) expect(trained_[i].variable.name, wanted.at(i), when);
  }
  /// In the order of Keras's files.
  void expect_state(const Json& wanted) const {
    ASSERT_EQ(wanted.size(), state_.size());
    for (size_t i = 0; i < state_.size(); ++i) {
      const Json& value = wanted.at(i);
      expect(state_[i].name, value.is_object() ? value["value"] : value, "state");
    }
  }

 private:
  Function step() const {
    Builder builder("step");
    std::vector<Expr> gradients;
    for (const TrainedVariable& each : trained_)
      gradients.emplace_back(builder, builder.param(each.variable.name, each.variable.type));
    optimizer_->step(builder, trained_, gradients).write();
    return builder.finish();
  }
  Function finish() const {
    Builder builder("finish");
    optimizer_->finish(builder, trained_).write();
    return builder.finish();
  }

  void expect(const std::string& name, const Json& wanted, const std::string& when) const {
    // The last bit of 0.999ᵗ, which differs between implementations of pow, is 3e-5 of 1 - 0.999ᵗ in the second step, of which the root is
    // taken, and steps are up to 0.1 long.
    constexpr double kAtol = 2e-6, kRtol = 1e-5;
    expect_near(executable_->get_variable(name), wanted, kAtol, kRtol, cat(when, " ", name));
  }

  std::unique_ptr<Optimizer> optimizer_;
  std::vector<TrainedVariable> trained_;
  std::vector<Variable> state_;
  std::unique_ptr<Executable> executable_;
};

Json object_of(const Json& row) {
  return Json::object({{"class_name", row["class_name"]}, {"config", row["config"]}});
}

TEST(Optimizers, EveryStepOfTheTableIsKeras) {
  const Json table = Json::parse(read_file(in_tests("data/optimizers.json")), "optimizers.json");
  const std::vector<Started> variables{{"w", tensor_of(table["w0"])}, {"b", tensor_of(table["b0"])}};
  for (const Json& row : table["rows"].items()) {
    SCOPED_TRACE(object_of(row).dump());
    OptimizerRun run(object_of(row), variables, Json());
    for (size_t step = 0; step < row["trace"].size(); ++step) {
      const Json& gradients = table["gradients"].at(step);
      run.step({tensor_of(gradients.at(0)), tensor_of(gradients.at(1))});
      run.expect_variables(row["trace"].at(step), cat("step ", step));
    }
    run.expect_state(row["state"]);
    run.finish_training();
    run.expect_variables(row["finalized"], "finalized");
  }
}

TEST(Optimizers, ArgumentsDrawnAtRandomMeanWhatTheyMeanInKeras) {
  const Json table = Json::parse(read_file(in_tests("data/optimizer_runs.json")), "optimizer_runs.json");
  std::vector<Started> variables;
  for (const auto& [name, given] : table["variables"].members())
    variables.push_back({name, tensor_of(given["value"], to_ints(given["shape"]))});
  for (const Json& row : table["rows"].items()) {
    SCOPED_TRACE(object_of(row).dump());
    OptimizerRun run(object_of(row), variables, row["constraints"]);
    const Ints overflows = to_ints(row["overflows"]);
    for (size_t step = 0; step < table["gradients"].size(); ++step) {
      std::vector<Tensor> gradients;
      for (size_t i = 0; i < variables.size(); ++i)
        gradients.push_back(tensor_of(table["gradients"].at(step).at(i), variables[i].value.shape()));
      if (std::find(overflows.begin(), overflows.end(), static_cast<int64_t>(step)) != overflows.end())
        gradients[0].set(0, std::numeric_limits<double>::infinity());
      run.step(gradients);
      if (step == 0) run.expect_variables(row["first"], "first");
    }
    run.expect_variables(row["last"], "last");
    run.expect_state(row["state"]);
    run.finish_training();
    run.expect_variables(row["finalized"].size() > 0 ? row["finalized"] : row["last"], "finalized");
  }
}

TEST(Optimizers, WhatIsWrongIsRefusedByName) {
  const auto make = [](std::string_view text) {
    return make_optimizer(Json::parse(text, "optimizer"), "m.keras");
  };
  expect_error(ErrorKind::unsupported, "the optimizer \"Yogi\" is not supported", [&] { make("\"Yogi\""); });
  expect_error(ErrorKind::data, "expected at least 2 steps",
               [&] { make(R"({"class_name": "SGD", "config": {"gradient_accumulation_steps": 1}})"); });
  expect_error(ErrorKind::unsupported, "only one of clipnorm, global_clipnorm and clipvalue can be set",
               [&] { make(R"({"class_name": "SGD", "config": {"clipnorm": 1.0, "clipvalue": 1.0}})"); });
  expect_error(ErrorKind::unsupported, "argument decay is 0.1: it is not known",
               [&] { make(R"({"class_name": "SGD", "config": {"decay": 0.1}})"); });
  expect_error(ErrorKind::unsupported, "only an OptimizerMap can be read from a file", [&] {
    make(R"({"class_name": "MultiOptimizer", "config": {"optimizer_map": {"class_name": "function"}}})");
  });
  expect_error(ErrorKind::data, "fits the patterns \"a.*\" and \".*b\"", [&] {
    OptimizerRun(
        Json::parse(
            R"({"class_name": "MultiOptimizer", "config": {"optimizer_map": {"class_name": "OptimizerMap",
             "config": {"default_optimizer": "sgd", "optimizer_map": {"a.*": "adam", ".*b": "adam"}}}}})",
            "optimizer"),
        {{"ab", Tensor(DType::f32, {2})}}, Json());
  });
}

}  // namespace
}  // namespace keratin
