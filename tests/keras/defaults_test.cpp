// What layers and other objects are made of, against what Keras makes them of (tests/data/keras_defaults.json), and whether
// it is what the frontend reads.
#include <gtest/gtest.h>
#include <keratin/keras/layers/recurrent.h>
#include <keratin/keras/layers/wrappers.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>

#include "frontend/layer.h"
#include "frontend/training/constraints.h"
#include "frontend/training/initializers.h"
#include "frontend/training/losses.h"
#include "frontend/training/metrics.h"
#include "frontend/training/optimizers.h"
#include "frontend/training/regularizers.h"
#include "frontend/training/schedules.h"
#include "tests/frontend/files.h"
#include "tests/keras/keras_cases.h"

namespace keratin::keras {
namespace {

const Json& keras_tables() {
  static const Json tables =
      Json::parse(read_file(in_tests("data/keras_defaults.json")), "keras_defaults.json");
  return tables;
}

Json json_of(const Value& object) { return Json::parse(object.json(), "object"); }

// ---- comparing ----

/// Where an argument names a class, what it names.
struct Named {
  std::string_view name, class_name, table;
};
constexpr Named kNames[] = {
    {"zeros", "Zeros", "initializers"},
    {"ones", "Ones", "initializers"},
    {"uniform", "RandomUniform", "initializers"},
    {"glorot_uniform", "GlorotUniform", "initializers"},
    {"he_uniform", "HeUniform", "initializers"},
    {"orthogonal", "Orthogonal", "initializers"},
    {"l1", "L1", "regularizers"},
    {"l2", "L2", "regularizers"},
    {"max_norm", "MaxNorm", "constraints"},
    {"non_neg", "NonNeg", "constraints"},
    {"unit_norm", "UnitNorm", "constraints"},
};

bool takes_names(std::string_view key) {
  return key.ends_with("_initializer") || key.ends_with("_regularizer") || key.ends_with("_constraint");
}

/// A name as the object that Keras makes of it; an array without the object around it.
Json written_out(std::string_view key, const Json& value) {
  if (value["class_name"].is_string() && value["class_name"].as_string() == "__tensor__")
    return value["config"]["value"];
  if (!takes_names(key) || !value.is_string()) return value;
  for (const Named& known : kNames)
    if (known.name == value.as_string())
      return Json::object({{"class_name", Json::of(std::string(known.class_name))},
                           {"config", keras_tables()[known.table][known.class_name].at(0)}});
  ADD_FAILURE() << key << " is " << value.as_string() << ", which kNames does not have";
  return value;
}

/// Keys that say nothing about what is computed: what Keras writes around objects, and features that Keratin does not have.
bool is_ignored(std::string_view key) {
  return key == "dtype" || key == "quantization_config" || key == "module" || key == "registered_name";
}

void compare_objects(const Json& ours, const Json& theirs, const std::string& where);

void compare(std::string_view key, const Json& our_value, const Json& their_value, const std::string& where) {
  const Json ours = written_out(key, our_value), theirs = written_out(key, their_value);
  if (ours.is_object() && theirs.is_object()) {
    compare_objects(ours, theirs, where);
  } else if (ours.is_array() && theirs.is_array()) {
    ASSERT_EQ(ours.size(), theirs.size()) << where;
    for (size_t i = 0; i < ours.size(); ++i) compare("", ours.at(i), theirs.at(i), where);
  } else if (ours.is_number() && theirs.is_number()) {
    // Keras keeps some numbers as float32.
    EXPECT_NEAR(ours.as_double(), theirs.as_double(), 1e-7 * std::abs(theirs.as_double())) << where;
  } else {
    EXPECT_EQ(ours.dump(), theirs.dump()) << where;
  }
}

void compare_objects(const Json& ours, const Json& theirs, const std::string& where) {
  for (const auto& [key, value] : theirs.members()) {
    if (is_ignored(key)) continue;
    // True without being said.
    if (key == "trainable" && !ours.has(key) && value.as_bool()) continue;
    EXPECT_TRUE(ours.has(key)) << where << ": " << key << " is missing";
    compare(key, ours[key], value, cat(where, ".", key));
  }
  for (const auto& [key, value] : ours.members()) {
    if (is_ignored(key)) continue;
    // Even a trainable that is true: some constructors do not take it, and Keras could not load the layer.
    EXPECT_TRUE(theirs.has(key)) << where << ": Keras has no " << key;
  }
}

Json without(const Json& config, const std::set<std::string>& keys) {
  std::vector<std::pair<std::string, Json>> members;
  for (const auto& member : config.members())
    if (!keys.contains(member.first)) members.push_back(member);
  return Json::object(std::move(members));
}

/// What Keras's configs leave out, as if it were not needed to make the object again.
std::set<std::string> forgotten(std::string_view table, std::string_view class_name) {
  if (table == "initializers" && class_name == "Identity") return {"gain"};
  if (table == "losses" && class_name == "Huber") return {"delta"};
  if (class_name == "CosineSimilarity") return {"axis"};
  if (table == "losses" && class_name == "SparseCategoricalCrossentropy") return {"axis"};
  return {};
}

/// Names of layers are made when they are made, and depend on what was made before.
void compare_table(const std::string& table, const std::vector<Case>& cases) {
  const Json& keras = keras_tables()[table];
  std::set<std::string> covered;
  for (const Case& c : cases) {
    const std::string name(c.class_name);
    ASSERT_TRUE(keras.has(name)) << name;
    const Json& required = keras[name].at(0);
    const Json& full = keras[name].at(1);
    EXPECT_EQ(json_of(c.required)["class_name"].as_string(), name);
    EXPECT_EQ(json_of(c.full)["class_name"].as_string(), name);
    const std::set<std::string> unnamed =
        table == "layers" ? std::set<std::string>{"name"} : std::set<std::string>();
    std::set<std::string> unsaid = unnamed;
    if (table == "initializers" && name == "Identity") unsaid = forgotten(table, name);
    compare_objects(without(json_of(c.required)["config"], unsaid), without(required, unnamed),
                    cat(name, " (required)"));
    compare_objects(without(json_of(c.full)["config"], forgotten(table, name)), full, cat(name, " (full)"));
    EXPECT_TRUE(covered.insert(name).second) << name;
  }
  for (const auto& [name, configs] : keras.members()) EXPECT_TRUE(covered.contains(name)) << name;
}

TEST(KerasDefaults, Layers) { compare_table("layers", layer_cases()); }
TEST(KerasDefaults, Initializers) { compare_table("initializers", initializer_cases()); }
TEST(KerasDefaults, Regularizers) { compare_table("regularizers", regularizer_cases()); }
TEST(KerasDefaults, Constraints) { compare_table("constraints", constraint_cases()); }
TEST(KerasDefaults, Losses) { compare_table("losses", loss_cases()); }
TEST(KerasDefaults, Metrics) { compare_table("metrics", metric_cases()); }
TEST(KerasDefaults, Optimizers) { compare_table("optimizers", optimizer_cases()); }
TEST(KerasDefaults, Schedules) { compare_table("schedules", schedule_cases()); }

TEST(KerasDefaults, WhatKerasForgetsIsKept) {
  for (const auto& [table, cases] : {std::pair("losses", loss_cases()), std::pair("metrics", metric_cases())})
    for (const Case& c : cases)
      for (const std::string& key : forgotten(table, c.class_name)) {
        EXPECT_FALSE(json_of(c.required)["config"].has(key)) << c.class_name;
        EXPECT_TRUE(json_of(c.full)["config"].has(key)) << c.class_name;
      }
}

TEST(KerasDefaults, TheTwoDirectionsMustFit) {
  const auto both = [](const layers::LSTMOptions& forward, const layers::LSTMOptions& backward) {
    layers::Bidirectional(layers::LSTM(3, forward), {.backward_layer = layers::LSTM(3, backward)});
  };
  EXPECT_NO_THROW(both({.return_state = true}, {.return_state = true, .go_backwards = true}));
  expect_error(ErrorKind::data, "have the same go_backwards", [&] { both({}, {}); });
  expect_error(ErrorKind::data, "have different values of return_state",
               [&] { both({.return_state = true}, {.go_backwards = true}); });
}

// ---- reading ----

using Read = std::function<void(const Json& object)>;

/// With the required arguments only, all is read; others may be refused, as not supported.
void read_all(const std::vector<Case>& cases, const Read& read) {
  for (const Case& c : cases) {
    EXPECT_NO_THROW(read(json_of(c.required))) << c.class_name << ": " << c.required.json();
    try {
      read(json_of(c.full));
    } catch (const Error& error) {
      EXPECT_EQ(static_cast<int>(error.kind()), static_cast<int>(ErrorKind::unsupported)) << error.what();
    }
  }
}

/// The classes that a reader says it knows when it is asked for another.
std::set<std::string> known_classes(const Read& read) {
  constexpr std::string_view kKnown = "supported are: ";
  std::set<std::string> classes;
  try {
    read(Json::object({{"class_name", Json::of(std::string("Nonsense"))}, {"config", Json::object({})}}));
  } catch (const Error& error) {
    std::string_view rest = error.hint();
    if (!rest.starts_with(kKnown)) return classes;
    rest.remove_prefix(kKnown.size());
    while (!rest.empty()) {
      const size_t comma = rest.find(", ");
      classes.emplace(rest.substr(0, comma));
      rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 2);
    }
  }
  return classes;
}

std::set<std::string> classes_of(const std::vector<Case>& cases) {
  std::set<std::string> classes;
  for (const Case& c : cases) classes.emplace(c.class_name);
  return classes;
}

void read_all_there_is(const std::vector<Case>& cases, const Read& read) {
  read_all(cases, read);
  EXPECT_EQ(known_classes(read), classes_of(cases));
}

TEST(KerasReaders, Layers) {
  read_all(layer_cases(), [](const Json& object) {
    ModelContext context;
    const keratin::Layer layer(context, object, nullptr, "");
  });
  const std::set<std::string> covered = classes_of(layer_cases());
  for (const LayerDef& def : layer_defs()) {
    const std::string_view name = def.class_name;
    if (def.is_model || name == "InputLayer") continue;
    if (name == "GroupedQueryAttention") continue;       // GroupQueryAttention's name in .h5 files
    if (name.starts_with("LocallyConnected")) continue;  // of Keras 2
    if (name == "LayerScale" || name == "CustomScaleLayer") continue;  // of keras.applications, not public
    EXPECT_TRUE(covered.contains(std::string(name))) << name << " is no function of the C++ API";
  }
}

TEST(KerasReaders, Initializers) {
  read_all_there_is(initializer_cases(), [](const Json& object) {
    Builder builder;
    RandomSource random{builder.param("key", Type(DType::u32, {2}))};
    const bool is_stft = object["class_name"].is_string() && object["class_name"].as_string() == "STFT";
    const Type type(DType::f32, is_stft ? Shape{3, 1, 4} : Shape{3, 4});
    initial_value(object, type, {}, builder, random, "test");
  });
}

TEST(KerasReaders, Regularizers) {
  read_all_there_is(regularizer_cases(), [](const Json& object) {
    Builder builder;
    penalty(object, {builder, builder.param("x", Type(DType::f32, {3, 4}))}, "test");
  });
}

TEST(KerasReaders, Constraints) {
  read_all_there_is(constraint_cases(), [](const Json& object) {
    Builder builder;
    constrained(object, {builder, builder.param("x", Type(DType::f32, {3, 4}))}, "test");
  });
}

TEST(KerasReaders, Losses) {
  read_all_there_is(loss_cases(), [](const Json& object) { const Loss loss(object, "test"); });
}

TEST(KerasReaders, Metrics) {
  read_all_there_is(metric_cases(), [](const Json& object) {
    const bool sparse = object["class_name"].as_string().starts_with("Sparse");
    const Type prediction(DType::f32, {3, 4}), target = sparse ? Type(DType::i32, {3}) : prediction;
    const Metric metric(object, target, prediction, "", false, "test");
  });
}

TEST(KerasReaders, Optimizers) {
  read_all_there_is(optimizer_cases(), [](const Json& object) { make_optimizer(object, "test"); });
}

TEST(KerasReaders, Schedules) {
  read_all_there_is(schedule_cases(), [](const Json& object) {
    Builder builder;
    scheduled_rate(object, {builder, builder.param("step", Type(DType::f32, {}))}, "test");
  });
}

}  // namespace
}  // namespace keratin::keras
