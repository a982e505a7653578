// Every activation against the values that Keras gives (tests/data/activations.json), through an Activation layer.
#include <gtest/gtest.h>

#include <cmath>

#include "frontend/model.h"
#include "ir/executor.h"
#include "tests/frontend/files.h"

namespace keratin {
namespace {

/// `rows` through the activation of this name.
Tensor activate(const std::string& name, const Tensor& rows, bool keras2 = false) {
  const Json config = Json::parse(cat(R"({"class_name": "Sequential", "config": {"name": "m", "layers": [
            {"class_name": "InputLayer", "config": {"name": "x", "batch_shape": [null, )",
                                      rows.shape()[1], R"(]}},
            {"class_name": "Activation", "config": {"name": "y", "activation": ")",
                                      name, R"("}}]}})"),
                                  "config");
  Model model(config, "m.keras", keras2, {});
  Module module;
  module.functions.push_back(model.trace_predict());
  return make_interpreter()->compile(module)->call("predict", std::vector<Tensor>{rows})[0];
}

Tensor row_of(const Json& numbers) {
  Tensor row(DType::f32, {1, static_cast<int64_t>(numbers.size())});
  for (size_t i = 0; i < numbers.size(); ++i) row.set(static_cast<int64_t>(i), numbers.at(i).as_double());
  return row;
}

void expect_near(const Tensor& got, const std::vector<double>& want, const std::string& name) {
  ASSERT_EQ(got.elements(), static_cast<int64_t>(want.size())) << name;
  for (size_t i = 0; i < want.size(); ++i) {
    const double value = got.get(static_cast<int64_t>(i));
    if (value == want[i]) continue;
    EXPECT_NEAR(value, want[i], 1e-6 + 2e-6 * std::abs(want[i])) << name << " " << i;
  }
}

std::vector<double> flat(const Json& value) {
  if (value.is_number()) return {value.as_double()};
  if (value.is_string()) return {std::stod(value.as_string())};  // "inf"
  std::vector<double> out;
  for (const Json& item : value.items())
    for (double number : flat(item)) out.push_back(number);
  return out;
}

Json table() { return Json::parse(read_file(in_tests("data/activations.json")), "activations.json"); }

TEST(Activations, ElementwiseOnesAreKeras) {
  const Json values = table();
  const Tensor x = row_of(values["x"]);
  int count = 0;
  for (const Json& entry : values["elementwise"].items()) {
    if (entry.has("args")) continue;  // a name gives no arguments
    const std::string& name = entry["name"].as_string();
    expect_near(activate(name, x), flat(entry["y"]), name);
    ++count;
  }
  EXPECT_EQ(count, 25);
}

TEST(Activations, RowwiseOnesAreKeras) {
  const Json values = table();
  for (const Json& entry : values["rows"].items()) {
    const std::string& name = entry["name"].as_string();
    const Json& rows = entry["x"];
    Tensor x(DType::f32, {static_cast<int64_t>(rows.size()), static_cast<int64_t>(rows.at(0).size())});
    const std::vector<double> numbers = flat(rows);
    for (size_t i = 0; i < numbers.size(); ++i) x.set(static_cast<int64_t>(i), numbers[i]);
    expect_near(activate(name, x), flat(entry["y"]), name);
  }
}

TEST(Activations, HardSigmoidOfKeras2IsSteeper) {
  const Tensor x = row_of(Json::parse("[-3, -1, 0, 1, 3]", "x"));
  expect_near(activate("hard_sigmoid", x, true), {0, 0.3, 0.5, 0.7, 1}, "keras 2");
  expect_near(activate("hard_sigmoid", x, false), {0, 1.0 / 3, 0.5, 2.0 / 3, 1}, "keras 3");
}

TEST(Activations, UnknownOnesAreRefused) {
  const Tensor x = row_of(Json::parse("[0]", "x"));
  expect_error(ErrorKind::unsupported,
               "argument activation: the activation \"frobnicate\" is not part of Keras",
               [&] { activate("frobnicate", x); });
  expect_error(ErrorKind::unsupported, "needs its two parameters", [&] { activate("threshold", x); });
  expect_error(ErrorKind::data, "glu halves axis -1", [&] { activate("glu", x); });
}

}  // namespace
}  // namespace keratin
