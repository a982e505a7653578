#include "frontend/json.h"

#include <cmath>

#include "tests/frontend/files.h"

namespace keratin {
namespace {

std::string round_trip(const std::string& text) { return Json::parse(text, "test").dump(); }

void expect_refused(const std::string& text, const std::string& part) {
  expect_error(ErrorKind::data, part, [&] { Json::parse(text, "test"); });
}

TEST(Json, RoundTrip) {
  for (const char* text :
       {"null", "true", "[]", "{}", "[1,-2,0.5,1e+300,\"a\\\"\\\\b\",[[]],{\"x\":{\"y\":null}}]",
        "\"\\u0001\u00e9\"", "-9223372036854775808", "1.0"}) {
    EXPECT_EQ(round_trip(text), text);
  }
  EXPECT_EQ(round_trip(" [ 1 ,\n 2 ] "), "[1,2]");
  EXPECT_EQ(round_trip("\"\\ud83d\\ude00\""), "\"\U0001F600\"");
  EXPECT_EQ(round_trip("18446744073709551615"), "18446744073709551616.0");
}

TEST(Json, PythonsNumbers) {
  EXPECT_EQ(round_trip("[NaN,Infinity,-Infinity,1E5,\"NaN -Infinity E\\\"NaN\"]"),
            "[NaN,Infinity,-Infinity,1e+05,\"NaN -Infinity E\\\"NaN\"]");
  const Json numbers = Json::parse("[NaN, 0E0, 1E000000, -1E000000, -Infinity]", "test");
  EXPECT_TRUE(std::isnan(numbers.at(0).as_double()));
  EXPECT_EQ(numbers.at(1).as_double(), 0);
  EXPECT_EQ(numbers.at(2).as_double(), 1);
  EXPECT_EQ(numbers.at(3).as_double(), -1);
  EXPECT_EQ(numbers.at(4).as_double(), -INFINITY);
  expect_refused("NaNNaN", "not valid JSON");
  expect_refused("Infinit", "not valid JSON");
  expect_refused("[--Infinity]", "not valid JSON");
}

TEST(Json, Paths) {
  const Json model =
      Json::parse(R"({"config": {"layers": [0, {"units": "x", "deep": [[1, [2]]]}]}})", "test");
  const Json& layer = model["config"]["layers"].at(1);
  EXPECT_EQ(layer.path(), "config.layers[1]");
  EXPECT_EQ(layer["deep"].at(0).at(1).at(0).path(), "config.layers[1].deep[0][1][0]");
  EXPECT_EQ(layer["absent"]["too"].path(), "config.layers[1].absent.too");
  EXPECT_EQ(model["config"]["layers"].at(0)["absent"].path(), "config.layers[0].absent");
  EXPECT_EQ(model.path(), "");
  const Json copy = layer["units"];
  EXPECT_EQ(copy.path(), "config.layers[1].units");
  expect_error(ErrorKind::data, "config.layers[1].units: expected an integer, found a string",
               [&] { copy.as_int(); });
  expect_error(ErrorKind::data, "config.layers: has 2 entries", [&] { model["config"]["layers"].at(2); });
  expect_error(ErrorKind::data, "config.x: expected a list, found null",
               [&] { model["config"]["x"].items(); });
}

TEST(Json, Conversions) {
  const Json values = Json::parse("[3.0, 3, 3.5, 1e30, true]", "test");
  EXPECT_EQ(values.at(0).as_int(), 3);
  EXPECT_EQ(values.at(1).as_double(), 3.0);
  EXPECT_THROW(values.at(2).as_int(), Error);
  EXPECT_THROW(values.at(3).as_int(), Error);
  EXPECT_THROW(values.at(4).as_int(), Error);
  EXPECT_TRUE(values.at(4).as_bool());
}

TEST(Json, MadeValues) {
  const Json made =
      Json::object({{"a", Json::array({Json::of(int64_t{1}), Json::of(2.0), Json::of(true), Json::null()})},
                    {"b", Json::of(std::string("text"))}});
  EXPECT_EQ(made.dump(), R"({"a":[1,2.0,true,null],"b":"text"})");
  EXPECT_EQ(made["a"].size(), 4u);
  EXPECT_TRUE(made.has("b"));
  EXPECT_FALSE(made.has("c"));
}

TEST(Json, Malformed) {
  expect_refused("", "ends too early");
  expect_refused("[1,2", "ends too early");
  expect_refused("\"abc", "ends too early");
  expect_refused("[1,2]x", "test:1:6");
  expect_refused("[1,\n 2,]", "test:2:4");
  expect_refused("{\"a\":1,\"b\":2,\"a\":3}", "\"a\" occurs twice");
  expect_refused("[{\"k\":[{\"a\":0,\"a\":0}]}]", "in [0].k[0]");
  expect_refused("// no comments\n1", "not valid JSON");
  expect_refused("[1e400]", "not valid JSON");
  expect_refused("\"\xff\"", "not valid JSON");
  expect_refused(std::string("[1]\0[2]", 7), "zero byte");
}

TEST(Json, Bombs) {
  const std::string deep = std::string(200, '[') + std::string(200, ']');
  EXPECT_EQ(round_trip(deep), deep);
  expect_refused("[" + deep + "]", "nested more than 200 deep");
  expect_refused(std::string(50'000'000, '['), "nested more than 200 deep");
  expect_refused(std::string((64 << 20) + 1, ' '), "at most");
  std::string many = "[";
  for (int i = 0; i < 2'000'000; ++i) many += "0,";
  expect_refused(many + "0]", "too many values");
  std::string keys = "{";
  for (int i = 0; i < 100'000; ++i) keys += cat("\"", i, "\":0,");
  EXPECT_EQ(Json::parse(keys + "\"x\":1}", "test").size(), 100'001u);  // not quadratic in the keys
}

}  // namespace
}  // namespace keratin
