// Losses and metrics against what Keras gives: tests/data/{losses,metrics}.json and, for each argument, …_more.json, which
// tests/data/make_losses_metrics.py makes. Masks, weights, every reduction, and gradients.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <map>

#include "frontend/training/losses.h"
#include "frontend/training/metrics.h"
#include "ir/executor.h"
#include "ir/verify.h"
#include "tests/frontend/files.h"

namespace keratin {
namespace {

// ---- reading tables ----

Json table(const std::string& name) {
  return Json::parse(read_file(in_tests(cat("data/", name, ".json"))), name);
}

void flatten(const Json& value, std::vector<double>& out) {
  if (value.is_array()) {
    for (const Json& item : value.items()) flatten(item, out);
  } else {
    out.push_back(value.is_string() ? std::stod(value.as_string()) : value.as_double());
  }
}

std::vector<double> flat(const Json& value) {
  std::vector<double> out;
  flatten(value, out);
  return out;
}

std::vector<int64_t> extents(const Json& value) {
  std::vector<int64_t> shape;
  for (const Json* at = &value; at->is_array(); at = &at->at(0))
    shape.push_back(static_cast<int64_t>(at->size()));
  return shape;
}

/// The type of what has this shape in each batch.
Type type_of(const Json& value, DType dtype) {
  Shape shape;
  for (const int64_t extent : extents(value)) shape.emplace_back(extent);
  if (!shape.empty()) shape[0] = Dim::batch();
  return Type(dtype, shape);
}

/// The numbers in the shape of a type, whose rows may be longer: zeros fill them up.
Tensor fitted(const Json& value, const Type& type) {
  const std::vector<double> numbers = flat(value);
  const auto samples = static_cast<int64_t>(value.size());
  std::vector<int64_t> shape{samples};
  for (size_t i = 1; i < type.shape.size(); ++i) shape.push_back(type.shape[i].value());
  Tensor out(type.dtype, shape);
  const int64_t given = static_cast<int64_t>(numbers.size()) / samples, wanted = out.elements() / samples;
  EXPECT_LE(given, wanted);
  for (int64_t i = 0; i < samples; ++i)
    for (int64_t j = 0; j < given; ++j) out.set(i * wanted + j, numbers[static_cast<size_t>(i * given + j)]);
  return out;
}

void expect_near(const Tensor& got, const Json& want, const Json& config, const std::string& what,
                 double scale = 1) {
  const std::vector<double> numbers = flat(want);
  const std::string dtype = config["dtype"].is_string() ? config["dtype"].as_string() : "float32";
  const double tolerance = scale * (dtype == "float16" ? 5e-3 : dtype == "bfloat16" ? 4e-2 : 2e-5);
  ASSERT_EQ(got.elements(), static_cast<int64_t>(numbers.size())) << what;
  for (size_t i = 0; i < numbers.size(); ++i) {
    const double value = got.get(static_cast<int64_t>(i));
    if (value == numbers[i] || (std::isnan(value) && std::isnan(numbers[i]))) continue;
    EXPECT_NEAR(value, numbers[i], tolerance * std::max(1.0, std::abs(numbers[i]))) << what << " " << i;
  }
}

Json object_of(const Json& row) {
  return Json::object({{"class_name", row["class_name"]}, {"config", row["config"]}});
}

/// The object with a member of its config replaced.
Json with(const Json& object, const std::string& name, const Json& value) {
  std::vector<std::pair<std::string, Json>> members;
  for (const auto& [key, old] : object["config"].members())
    if (key != name) members.emplace_back(key, old);
  members.emplace_back(name, value);
  return Json::object({{"class_name", object["class_name"]}, {"config", Json::object(std::move(members))}});
}

// ---- losses ----

/// The data of a row, as a function's params and as arguments for them.
struct LossData {
  LossData(const Json& row, const Json& sample_weight, const Loss& loss, Builder& builder) {
    const Type prediction = type_of(row["y_pred"], DType::f32), target = loss.target_type(prediction);
    y = Expr(builder, builder.param("y", target));
    p = Expr(builder, builder.param("p", prediction));
    w = Expr(builder, builder.param("w", Type(DType::f32, {Dim::batch()})));
    traced = Traced(p);
    arguments = {fitted(row["y_true"], target), fitted(row["y_pred"], prediction),
                 fitted(sample_weight, Type(DType::f32, {Dim::batch()}))};
    if (row["mask"].is_null()) return;
    const Type mask = type_of(row["mask"], DType::boolean);
    traced.mask = Expr(builder, builder.param("mask", mask));
    arguments.push_back(fitted(row["mask"], mask));
  }
  Expr y, p, w;
  Traced traced;
  std::vector<Tensor> arguments;
};

using LossBody = std::function<Expr(const Loss&, const LossData&)>;

Tensor run(const Json& row, const Json& object, const Json& sample_weight, const LossBody& body) {
  const Loss loss(object, "table");
  Builder builder("f");
  const LossData data(row, sample_weight, loss, builder);
  builder.result("out", body(loss, data).value());
  Module module;
  module.functions.push_back(builder.finish());
  verify(module);
  return make_interpreter()->compile(module)->call("f", data.arguments)[0];
}

Expr ones(const Expr& like) { return broadcast_to(number(like, 1), like.shape()); }

void expect_loss(const Json& row, const Json& object, const Json& sample_weight, const std::string& what) {
  const Json& config = row["config"];
  if (row.has("none"))
    expect_near(run(row, object, sample_weight,
                    [](const Loss& loss, const LossData& d) {
                      return cast(loss.values(d.y, d.traced).values, DType::f32);
                    }),
                row["none"], config, cat(what, ": values"));
  std::string first;
  for (const std::string reduction : {"sum_over_batch_size", "sum", "mean", "mean_with_sample_weight"}) {
    if (!row.has(reduction)) continue;
    if (first.empty()) first = reduction;
    const Json reduced = with(object, "reduction", Json::of(reduction));
    expect_near(run(row, reduced, sample_weight,
                    [](const Loss& loss, const LossData& d) { return loss(d.y, d.traced, ones(d.w)); }),
                row[reduction], config, cat(what, ": ", reduction));
    if (const std::string key = cat(reduction, ":weighted"); row.has(key))
      expect_near(run(row, reduced, sample_weight,
                      [](const Loss& loss, const LossData& d) { return loss(d.y, d.traced, d.w); }),
                  row[key], config, cat(what, ": ", key));
  }
  if (!row.has("gradient")) return;
  expect_near(run(row, with(object, "reduction", Json::of(first)), sample_weight,
                  [](const Loss& loss, const LossData& d) {
                    Builder& builder = d.p.builder();
                    const Value value = loss(d.y, d.traced, ones(d.w)).value();
                    return Expr(builder, builder.make_node(Op::gradient, {value, d.p.value()})->value(0));
                  }),
              row["gradient"], config, cat(what, ": gradient"), 5);
}

void expect_losses(const std::string& name, std::map<std::string, int>& counts) {
  const Json all = table(name);
  int hubers = 0;
  for (const Json& row : all["rows"].items()) {
    const std::string& class_name = row["class_name"].as_string();
    Json object = object_of(row);
    // Keras does not serialize what the second of these was made with.
    if (class_name == "Huber" && !row["config"].has("delta") && ++hubers == 2)
      object = with(object, "delta", Json::of(0.3));
    const std::string what = cat(name, " ", class_name, " ", object["config"].dump());
    try {
      expect_loss(row, object, all["sample_weight"], what);
    } catch (const Error& error) {
      ADD_FAILURE() << what << ": " << error.what();
    }
    ++counts[class_name];
  }
}

TEST(Losses, AreKeras) {
  std::map<std::string, int> counts;
  expect_losses("losses", counts);
  EXPECT_EQ(counts.size(), 19u);
  counts.clear();
  expect_losses("losses_more", counts);
  EXPECT_EQ(counts.size(), 22u);
  for (const auto& [class_name, count] : counts) EXPECT_GE(count, 8) << class_name;
}

Json parsed(const std::string& text) { return Json::parse(text, "test"); }

void make_loss(const std::string& object, const Shape& prediction, bool masked = false) {
  const Loss loss(parsed(object), "m.keras");
  Builder builder("f");
  const Type type(DType::f32, prediction);
  Traced p(Expr(builder, builder.param("p", type)));
  if (masked)
    p.mask = Expr(builder, builder.param("mask", Type(DType::boolean, {prediction[0], prediction[1]})));
  const Expr y(builder, builder.param("y", loss.target_type(type)));
  loss(y, p, Expr(builder, builder.param("w", Type(DType::f32, {prediction[0]}))));
}

TEST(Losses, WhatIsRefused) {
  const Dim n = Dim::batch();
  for (const std::string reduction : {"null", "\"none\""})
    expect_error(ErrorKind::unsupported, "a loss that is trained by is one number", [&] {
      make_loss(cat(R"({"class_name": "Huber", "config": {"reduction": )", reduction, "}}"), {n, 4});
    });
  expect_error(ErrorKind::unsupported, "the loss \"frobnicate\" is not supported",
               [&] { make_loss("\"frobnicate\"", {n, 4}); });
  expect_error(ErrorKind::data, "expected rank 3: sample, step, class",
               [&] { make_loss("\"ctc\"", {n, 4}); });
  expect_error(ErrorKind::unsupported, "its steps must be of fixed number",
               [&] { make_loss("\"ctc\"", {n, Dim(1, Symbol("T")), 4}); });
  expect_error(ErrorKind::unsupported, "and only [N] values are made of it",
               [&] { make_loss("\"ctc\"", {n, 5, 4}, true); });
  expect_error(ErrorKind::data, "expected rank 2: sample, embedding",
               [&] { make_loss("\"circle\"", {n, 5, 4}); });
  expect_error(ErrorKind::data, "argument q is 1.0: expected a number between 0 and 1", [&] {
    make_loss(R"({"class_name": "CategoricalGeneralizedCrossEntropy", "config": {"q": 1.0}})", {n, 4});
  });
  expect_error(ErrorKind::data, "or a list of 4 numbers", [&] {
    make_loss(R"({"class_name": "CategoricalFocalCrossentropy", "config": {"alpha": [1, 2]}})", {n, 4});
  });
  expect_error(ErrorKind::data, "axis 0 is no axis of classes", [&] {
    make_loss(R"({"class_name": "SparseCategoricalCrossentropy", "config": {"axis": 0}})", {n, 4});
  });
  expect_error(ErrorKind::unsupported, "argument dtype is \"int32\": expected a float", [&] {
    make_loss(R"({"class_name": "MeanSquaredError", "config": {"dtype": "int32"}})", {n, 4});
  });
}

TEST(Losses, LabelsAreCheckedWhereAllOfThemAreClasses) {
  const auto has_labels = [](const std::string& config) {
    return Loss(parsed(cat(R"({"class_name": "SparseCategoricalCrossentropy", "config": )", config, "}")), "")
        .has_labels();
  };
  EXPECT_TRUE(has_labels("{}"));
  EXPECT_TRUE(has_labels(R"({"axis": -1, "ignore_class": null})"));
  EXPECT_FALSE(has_labels(R"({"axis": 1})"));
  EXPECT_FALSE(has_labels(R"({"ignore_class": 255})"));
  EXPECT_FALSE(Loss(parsed("\"circle\""), "").has_labels());
}

// ---- metrics ----

Type metric_target(const Json& row, const Type& prediction) {
  const auto target = static_cast<int64_t>(extents(row["y_true"].at(0)).size());
  if (target >= prediction.rank()) return type_of(row["y_true"].at(0), DType::f32);
  return type_of(row["y_true"].at(0), DType::i32);
}

void expect_metric(const Json& row, bool weighted, const Json& results, const Json& sample_weight,
                   const std::string& what) {
  const Type prediction = type_of(row["y_pred"].at(0), DType::f32), target = metric_target(row, prediction),
             weight(DType::f32, {Dim::batch()});
  Metric metric(object_of(row), target, prediction, "", weighted, "table");
  Module module;
  Builder update("update");
  const Expr y(update, update.param("y", target));
  Traced p(Expr(update, update.param("p", prediction)));
  const Expr w(update, update.param("w", weight));
  Type mask;
  if (row.has("mask")) {
    mask = type_of(row["mask"].at(0), DType::boolean);
    p.mask = Expr(update, update.param("mask", mask));
  }
  metric.update(y, p, w);
  module.functions.push_back(update.finish());
  Builder result("result");
  result.result("out", metric.values(result).value());
  module.functions.push_back(result.finish());
  module.variables = metric.variables();
  verify(module);
  const std::unique_ptr<Executable> executable = make_interpreter()->compile(module);
  for (size_t i = 0; i < results.size(); ++i) {
    std::vector<Tensor> arguments{fitted(row["y_true"].at(i), target),
                                  fitted(row["y_pred"].at(i), prediction),
                                  fitted(sample_weight.at(i), weight)};
    if (row.has("mask")) arguments.push_back(fitted(row["mask"].at(i), mask));
    executable->call("update", arguments);
    expect_near(executable->call("result", {})[0], results.at(i), row["config"],
                cat(what, " after batch ", i), 2);
  }
}

void expect_metrics(const std::string& name, std::map<std::string, int>& counts) {
  const Json all = table(name);
  for (const Json& row : all["rows"].items()) {
    const std::string& class_name = row["class_name"].as_string();
    for (const std::string key : {"results", "results:weighted"}) {
      if (!row.has(key)) continue;
      const bool weighted = key != "results" || (row.has("weighted") && row["weighted"].as_bool());
      const std::string what =
          cat(name, " ", class_name, " ", row["config"].dump(), weighted ? " weighted" : "");
      try {
        expect_metric(row, weighted, row[key], all["sample_weight"], what);
      } catch (const Error& error) {
        ADD_FAILURE() << what << ": " << error.what();
      }
    }
    ++counts[class_name];
  }
}

TEST(Metrics, AreKeras) {
  std::map<std::string, int> counts;
  expect_metrics("metrics", counts);
  EXPECT_EQ(counts.size(), 41u);
  counts.clear();
  expect_metrics("metrics_more", counts);
  EXPECT_EQ(counts.size(), 45u);
  for (const auto& [class_name, count] : counts) EXPECT_GE(count, 8) << class_name;
}

/// A metric of a prediction f32[N,4] that is traced; its name in logs.
std::string make_metric(const std::string& object, bool weighted = false, bool labels = false) {
  const Type prediction(DType::f32, {Dim::batch(), 4});
  const Type target = labels ? Type(DType::i32, {Dim::batch()}) : prediction;
  Metric metric(parsed(object), target, prediction, "", weighted, "m.keras");
  Builder update("update");
  metric.update(Expr(update, update.param("y", target)), Traced(Expr(update, update.param("p", prediction))),
                Expr(update, update.param("w", Type(DType::f32, {Dim::batch()}))));
  Builder result("result");
  metric.result(result);
  return metric.name();
}

TEST(Metrics, WhatIsRefused) {
  expect_error(ErrorKind::unsupported, "it gives [4] numbers: only one can be logged",
               [] { make_metric("\"f1_score\""); });
  expect_error(ErrorKind::unsupported, "it gives [2] numbers: only one can be logged",
               [] { make_metric(R"({"class_name": "Precision", "config": {"thresholds": [0.1, 0.5]}})"); });
  expect_error(ErrorKind::unsupported, "metrics of classes go with losses of classes",
               [] { make_metric("\"sparse_categorical_accuracy\""); });
  expect_error(ErrorKind::unsupported, "metrics of classes go with losses of classes",
               [] { make_metric("\"auc\"", false, true); });
  expect_error(ErrorKind::unsupported, "cannot be a weighted metric", [] {
    make_metric(R"({"module": "keras.losses", "class_name": "Huber", "config": {}})", true);
  });
  expect_error(ErrorKind::unsupported, "cannot be a weighted metric", [] { make_metric("\"Mean\"", true); });
  expect_error(ErrorKind::data, "argument class_id is 4: the prediction has 4 classes",
               [] { make_metric(R"({"class_name": "Recall", "config": {"class_id": 4}})"); });
  expect_error(ErrorKind::data, "argument target_class_ids is [2]: expected numbers from 0 to 1",
               [] { make_metric(R"({"class_name": "BinaryIoU", "config": {"target_class_ids": [2]}})"); });
  expect_error(ErrorKind::data, "argument num_labels is 3: the prediction has 4", [] {
    make_metric(R"({"class_name": "AUC", "config": {"multi_label": true, "num_labels": 3}})");
  });
}

TEST(Metrics, LossesAreMetricsByTheirFunctions) {
  EXPECT_EQ(make_metric(R"({"class_name": "function", "config": "huber"})"), "huber");
  EXPECT_EQ(make_metric(R"({"class_name": "function", "config": "huber"})", true), "huber");
  EXPECT_EQ(make_metric(R"({"module": "keras.losses", "class_name": "Huber", "config": {"name": "own"}})"),
            "own");
}

}  // namespace
}  // namespace keratin
