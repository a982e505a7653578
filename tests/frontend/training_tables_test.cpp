// Schedules, constraints, regularizers and initializers against the tables that Keras computed (tests/data/….json).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "frontend/training/constraints.h"
#include "frontend/training/initializers.h"
#include "frontend/training/regularizers.h"
#include "frontend/training/schedules.h"
#include "ir/executor.h"
#include "tests/frontend/files.h"
#include "tests/frontend/numbers.h"

namespace keratin {
namespace {

Json table(const std::string& name) { return Json::parse(read_file(in_tests(cat("data/", name))), name); }

Json object_of(const Json& row) {
  return Json::object({{"class_name", row["class_name"]}, {"config", row["config"]}});
}

/// What `trace` makes of an array.
Tensor computed(const Tensor& x, const std::function<Expr(const Expr&)>& trace) {
  Builder builder("f");
  builder.result("y", trace({builder, builder.param("x", x.type())}).value());
  Module module;
  module.functions.push_back(builder.finish());
  return make_interpreter()->compile(module)->call("f", std::vector<Tensor>{x})[0];
}

TEST(Schedules, AreKeras) {
  for (const char* file : {"schedules.json", "training_tables.json"}) {
    const Json schedules = table(file)[std::string_view(file) == "schedules.json" ? "rows" : "schedules"];
    for (const Json& row : schedules.items()) {
      SCOPED_TRACE(object_of(row).dump());
      Tensor step(DType::f32, {});
      for (size_t i = 0; i < row["lr"].size(); ++i) {
        step.set(0, static_cast<double>(i));
        expect_near(computed(step, [&](const Expr& x) { return scheduled_rate(object_of(row), x, "test"); }),
                    row["lr"].at(i), 1e-8, 1e-5, cat("step ", i));
      }
    }
  }
}

TEST(Constraints, AreKeras) {
  const auto check = [](const Json& row, const Tensor& w) {
    SCOPED_TRACE(object_of(row).dump());
    expect_near(computed(w, [&](const Expr& x) { return constrained(object_of(row), x, "test"); }),
                row["value"], 1e-6, 1e-6, "value");
  };
  const Json small = table("constraints.json"), more = table("training_tables.json");
  for (const Json& row : small["rows"].items()) check(row, tensor_of(small["w"]));
  for (const Json& row : more["constraints"].items()) check(row, tensor_of(row["w"]));
}

TEST(Regularizers, AreKeras) {
  const auto check = [](const Json& row, const Tensor& w) {
    SCOPED_TRACE(object_of(row).dump());
    expect_near(computed(w, [&](const Expr& x) { return penalty(object_of(row), x, "test"); }), row["value"],
                1e-6, 2e-6, "value");
  };
  const Json small = table("regularizers.json"), more = table("training_tables.json");
  for (const Json& row : small["rows"].items()) check(row, tensor_of(small["w"]));
  for (const Json& row : more["regularizers"].items()) check(row, tensor_of(row["w"]));
}

Tensor initialized(const Json& object, const std::vector<int64_t>& shape) {
  Tensor seed(DType::u32, {2});
  seed.set_integer(0, 5);
  Type type(DType::f32, {});
  for (const int64_t extent : shape) type.shape.emplace_back(extent);
  return computed(seed, [&](const Expr& key) {
    RandomSource random{key.value()};
    return initial_value(object, type, {}, key.builder(), random, "test");
  });
}

/// Numbers are others than Keras's; of so many, mean, deviation and bounds are nearly the same.
TEST(Initializers, DrawFromKerasDistributions) {
  const Json rows_of_table = table("initializers.json");
  for (const Json& row : rows_of_table["rows"].items()) {
    SCOPED_TRACE(cat(object_of(row).dump(), row["shape"].dump()));
    const std::vector<int64_t> shape = to_ints(row["shape"]);
    const Tensor got = initialized(object_of(row), shape);
    const auto n = static_cast<double>(got.elements());
    if (row.has("gram_minus_gain2_identity")) continue;  // the next test
    double sum = 0, squares = 0, least = got.get(0), most = got.get(0);
    for (int64_t i = 0; i < got.elements(); ++i) {
      const double value = got.get(i);
      sum += value;
      least = std::min(least, value);
      most = std::max(most, value);
    }
    const double mean = sum / n;
    for (int64_t i = 0; i < got.elements(); ++i) squares += (got.get(i) - mean) * (got.get(i) - mean);
    const double deviation = std::sqrt(squares / n), wanted = row["std"].as_double();
    constexpr double kDeviations = 5;
    const double error = kDeviations * wanted / std::sqrt(n) * std::sqrt(2.0) + 1e-7;
    EXPECT_NEAR(mean, row["mean"].as_double(), error);
    EXPECT_NEAR(deviation, wanted, error);
    const bool is_bounded = std::abs(row["max"].as_double() - row["mean"].as_double()) < 2.5 * wanted;
    const double slack = is_bounded ? 1e-3 * wanted + 1e-7 : 2 * wanted;
    EXPECT_NEAR(least, row["min"].as_double(), slack);
    EXPECT_NEAR(most, row["max"].as_double(), slack);
  }
}

TEST(Initializers, OrthogonalOnesAreOrthogonal) {
  const Json rows_of_table = table("initializers.json");
  for (const Json& row : rows_of_table["rows"].items()) {
    if (!row.has("gram_minus_gain2_identity")) continue;
    const std::vector<int64_t> shape = to_ints(row["shape"]);
    const Tensor q = initialized(object_of(row), shape);
    const int64_t columns = shape.back(), rows = q.elements() / columns;
    const bool is_tall = rows >= columns;
    const int64_t vectors = is_tall ? columns : rows, length = is_tall ? rows : columns;
    const auto at = [&](int64_t vector, int64_t i) {
      return q.get(is_tall ? i * columns + vector : vector * columns + i);
    };
    const double gain = row["config"]["gain"].as_double();
    for (int64_t a = 0; a < vectors; ++a)
      for (int64_t b = 0; b < vectors; ++b) {
        double product = 0;
        for (int64_t i = 0; i < length; ++i) product += at(a, i) * at(b, i);
        EXPECT_NEAR(product, a == b ? gain * gain : 0, 1e-5);
      }
  }
}

/// Those that draw nothing give what they give in Keras.
TEST(Initializers, WithoutChanceAreKeras) {
  const Json rows = table("training_tables.json")["initializers"];
  for (const Json& row : rows.items()) {
    SCOPED_TRACE(cat(object_of(row).dump(), row["shape"].dump()));
    expect_near(initialized(object_of(row), to_ints(row["shape"])), row["value"], 1e-6, 1e-6, "value");
  }
}

TEST(TrainingTables, WhatIsWrongIsRefusedByName) {
  const auto start = [](std::string_view text, const std::vector<int64_t>& shape) {
    initialized(Json::parse(text, "initializer"), shape);
  };
  expect_error(ErrorKind::data, "only a matrix can be an identity", [&] { start("\"identity\"", {3}); });
  expect_error(ErrorKind::unsupported, "the window \"kaiser\" is not supported",
               [&] { start(R"({"class_name": "STFT", "config": {"window": "kaiser"}})", {4, 1, 3}); });
  expect_error(ErrorKind::data, "the window has 2 values for 4",
               [&] { start(R"({"class_name": "STFT", "config": {"window": [1, 2]}})", {4, 1, 3}); });
  expect_error(ErrorKind::data, "lists of different lengths",
               [&] { start(R"({"class_name": "Constant", "config": {"value": [[1, 2], [3]]}})", {2, 2}); });
  expect_error(ErrorKind::unsupported, "the constraint \"Lipschitz\" is not supported", [&] {
    computed(Tensor(DType::f32, {2, 2}),
             [](const Expr& x) { return constrained(Json::of(std::string("Lipschitz")), x, "m"); });
  });
  expect_error(ErrorKind::data, "only a matrix has rows and columns", [&] {
    computed(Tensor(DType::f32, {2}),
             [](const Expr& x) { return penalty(Json::of(std::string("orthogonal_regularizer")), x, "m"); });
  });
}

}  // namespace
}  // namespace keratin
