// Arrays matched with inputs by name; results compared.
#include "tools/arrays.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "ir/error.h"
#include "tools/help.h"

namespace keratin {
namespace {

Tensor floats(std::vector<int64_t> shape, std::vector<double> values) {
  Tensor tensor(DType::f32, std::move(shape));
  for (size_t i = 0; i < values.size(); ++i) tensor.set(static_cast<int64_t>(i), values[i]);
  return tensor;
}

template <typename Action>
std::string message_of(const Action& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::data);
    return error.what();
  }
  return "nothing";
}

const std::vector<Port> kPorts = {{"a", Type(DType::f32, {Dim::batch(), 2})},
                                  {"b", Type(DType::f32, {Dim::batch()})}};

TEST(MatchInputs, ByNameInAnyOrder) {
  const auto inputs = match_inputs(kPorts, {{"b", floats({1}, {3})}, {"a", floats({1, 2}, {1, 2})}}, "f");
  EXPECT_EQ(inputs[0].shape(), (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(inputs[1].get(0), 3);
}

TEST(MatchInputs, ASingleInputMayBeCalledX) {
  const std::vector<Port> one = {kPorts[0]};
  EXPECT_EQ(match_inputs(one, {{"x", floats({3, 2}, {})}}, "f").size(), 1u);
  EXPECT_EQ(match_inputs(one, {{"a", floats({3, 2}, {})}}, "f").size(), 1u);
  EXPECT_NE(message_of([&] {
              match_inputs(one, {{"a", floats({3, 2}, {})}, {"x", floats({3, 2}, {})}}, "f");
            }).find("called x"),
            std::string::npos);
}

TEST(MatchInputs, WhatDoesNotFitIsNamed) {
  const Tensor a = floats({1, 2}, {}), b = floats({1}, {});
  EXPECT_NE(message_of([&] { match_inputs(kPorts, {{"a", a}}, "f"); }).find("no array for the input b"),
            std::string::npos);
  EXPECT_NE(message_of([&] { match_inputs(kPorts, {{"a", a}, {"b", b}, {"c", b}}, "f"); }).find("called c"),
            std::string::npos);
  EXPECT_NE(
      message_of([&] { match_inputs(kPorts, {{"a", floats({1, 3}, {})}, {"b", b}}, "f"); }).find("f32[1,3]"),
      std::string::npos);
  EXPECT_NE(message_of([&] { match_inputs(kPorts, {{"a", a}, {"b", floats({2}, {})}}, "f"); }).find("f32[2]"),
            std::string::npos);
  EXPECT_NE(message_of([&] {
              match_inputs(kPorts, {{"a", Tensor(DType::f64, {1, 2})}, {"b", b}}, "f");
            }).find("f64[1,2]"),
            std::string::npos);
}

TEST(Compare, SaysWhereItDiffersFirst) {
  const Tensor want = floats({2, 2}, {1, 2, 3, NAN}), same = floats({2, 2}, {1, 2.0001, 3, NAN});
  EXPECT_EQ(message_of([&] { compare({{"y", same}}, {{"y", want}}, {1e-3, 0}, "f"); }), "nothing");
  EXPECT_EQ(message_of([&] { compare({{"y", same}}, {{"other", want}}, {1e-3, 0}, "f"); }), "nothing");
  EXPECT_NE(message_of([&] {
              compare({{"y", floats({2, 2}, {1, 2, 4, NAN})}}, {{"y", want}}, {1e-3, 0}, "f");
            }).find("differs first at [1, 0]: got 4, expected 3 (1 of 4"),
            std::string::npos);
  EXPECT_NE(message_of([&] { compare({{"y", floats({4}, {})}}, {{"y", want}}, {}, "f"); }).find("f32[4]"),
            std::string::npos);
  EXPECT_NE(message_of([&] {
              compare({{"y", same}, {"z", same}}, {{"y", want}, {"w", want}}, {1, 1}, "f");
            }).find("output z"),
            std::string::npos);
}

TEST(Help, SimilarWords) {
  const std::vector<std::string> words = {"compile", "run", "dump"};
  EXPECT_EQ(most_similar("complie", words), "compile");
  EXPECT_EQ(most_similar("rum", words), "run");
  EXPECT_EQ(most_similar("train", words), "");
}

}  // namespace
}  // namespace keratin
