// The text form beyond what the .kir files show: data beside the text, places of origin, any input whatever.
#include "ir/text_format.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <random>
#include <set>

#include "ir/builder.h"
#include "ir/error.h"
#include "ir/text.h"
#include "tests/kir_file.h"

namespace keratin {
namespace {

std::shared_ptr<Tensor> ramp(std::vector<int64_t> shape) {
  auto tensor = std::make_shared<Tensor>(DType::f32, std::move(shape));
  for (int64_t i = 0; i < tensor->elements(); ++i) tensor->set(i, 0.1 * static_cast<double>(i));
  return tensor;
}

Module module_with_data() {
  Module module;
  module.name = "m";
  // Takes the name that the first constant would have.
  module.variables.push_back({"c0", Type(DType::f32, {8, 8}), Role::weight, true, ramp({8, 8})});
  module.variables.push_back({"unknown", Type(DType::f32, {2}), Role::state, false, nullptr});
  Builder builder("f");
  const Value x = builder.param("x", Type(DType::f32, {5, 5}));
  const Value large = builder.constant(ramp({5, 5}));
  const Value small = builder.constant(ramp({2}));
  builder.result("sum", builder.add(x, large));
  builder.result("small", small);
  module.functions.push_back(builder.finish());
  return module;
}

TEST(TextFormat, DataStandsBeside) {
  const Module module = module_with_data();
  const std::string text = print(module);
  EXPECT_NE(text.find("constant data(\"c1\") : f32[5,5]"), std::string::npos) << text;
  EXPECT_NE(text.find("constant [0.0, 0.1] : f32[2]"), std::string::npos) << text;
  const TensorStore data = parse_safetensors(format_safetensors(collect_data(module)), "data");
  EXPECT_EQ(data.size(), 2);
  EXPECT_TRUE(equal(module, parse_module(text, "text", &data)));
}

TEST(TextFormat, DataOfAnotherTypeIsRefused) {
  const Module module = module_with_data();
  TensorStore data = collect_data(module);
  data["c0"] = ramp({8});
  EXPECT_THROW(parse_module(print(module), "text", &data), Error);
  data = collect_data(module);
  data.erase("c1");
  EXPECT_THROW(parse_module(print(module), "text", &data), Error);
}

TEST(TextFormat, OddNaNsStandInTheFile) {
  auto tensor = std::make_shared<Tensor>(DType::f32, std::vector<int64_t>{2});
  tensor->as<uint32_t>()[0] = 0x7fc12345;
  Module module;
  Builder builder("f");
  builder.result("r", builder.constant(tensor));
  module.functions.push_back(builder.finish());
  const TensorStore data = collect_data(module);
  EXPECT_EQ(data.size(), 1);
  EXPECT_TRUE(equal(module, parse_module(print(module), "text", &data)));
}

TEST(TextFormat, Origins) {
  Module module;
  Builder builder("f");
  const Value x = builder.param("x", Type(DType::f32, {2}));
  builder.set_origin(std::make_shared<const std::string>("encoder/\"dense\""));
  builder.result("y", builder.neg(x));
  module.functions.push_back(builder.finish());
  EXPECT_EQ(print(module).find("loc"), std::string::npos);
  const std::string text = print(module, {.origins = true});
  EXPECT_NE(text.find(" : f32[2] loc(\"encoder/\\\"dense\\\"\")\n"), std::string::npos) << text;
  const Module again = parse_module(text, "text");
  EXPECT_EQ(print(again, {.origins = true}), text);
  EXPECT_EQ(*again.functions[0].nodes[1]->origin, "encoder/\"dense\"");
}

TEST(TextFormat, SharedConstantHasAStatementIfOneReaderNeedsIt) {
  Module module;
  Builder builder("f");
  const Value x = builder.param("x", Type(DType::f32, {2}));
  const Value half = builder.constant(DType::f32, 0.5, {2});
  builder.result("a", builder.add(x, half));
  builder.result("b", half);
  module.functions.push_back(builder.finish());
  const std::string text = print(module);
  EXPECT_NE(text.find("%0 = constant 0.5 : f32[2]"), std::string::npos) << text;
  EXPECT_NE(text.find("add %x, %0"), std::string::npos) << text;
  EXPECT_TRUE(equal(module, parse_module(text, "text")));
}

TEST(TextFormat, RegionsAreNestedToALimit) {
  const auto nested = [](int depth) {
    std::string text = "module @m { func @f(%x: f32[]) -> () {\n";
    for (int i = 0; i < depth; ++i) text += "%0 = fusion %x (%x: f32[]) {\n";
    text += "return ";
    for (int i = 0; i < depth; ++i) text += "%x } : f32[] return ";
    return text + "} }";
  };
  EXPECT_NO_THROW(parse_module(nested(50), "text"));
  EXPECT_THROW(parse_module(nested(5000), "text"), Error);
}

std::vector<std::string> all_texts() {
  std::vector<std::string> texts;
  for (const std::string& path : kir_files(KERATIN_SOURCE_DIR "/tests/kir/graph"))
    texts.push_back(read_kir_file(path).input);
  return texts;
}

TEST(TextFormat, EveryOpIsTested) {
  std::set<std::string> seen;
  const Module module =
      parse_module(read_kir_file(KERATIN_SOURCE_DIR "/tests/kir/graph/every_op.kir").input, "every_op");
  const auto collect = [&](const Function& function, const auto& self) -> void {
    for (const auto& node : function.nodes) {
      seen.emplace(to_text(node->op));
      if (node->body) self(*node->body, self);
    }
  };
  for (const Function& function : module.functions) collect(function, collect);
  for (int op = 0; op < kOpCount; ++op)
    EXPECT_TRUE(seen.contains(std::string(to_text(static_cast<Op>(op))))) << to_text(static_cast<Op>(op));
}

/// Whatever happens to a text, the parser returns a module that prints and parses again, or throws an Error.
TEST(TextFormat, AnyInput) {
  const std::vector<std::string> texts = all_texts();
  constexpr std::string_view kPieces[] = {"%0",        "@w",     "[",      "]",       "{",
                                          "}",         "(",      ")",      ",",       ":",
                                          "=",         "-",      "1",      "0",       "99999999999999",
                                          "f32[N]",    "bool[]", "i8[0]",  "N",       "T",
                                          "\"",        "\\",     "//",     "\n",      "nan",
                                          "true",      "scan",   "return", "updates", "constant",
                                          "axis = -1", "-1",     "{0:32}", "[0]x[0]"};
  std::mt19937 random(20240229);
  const auto below = [&](size_t n) { return random() % std::max<size_t>(n, 1); };
  int parsed = 0;
  for (int round = 0; round < 3000; ++round) {
    std::string text = texts[below(texts.size())];
    for (size_t edits = 1 + below(4); edits > 0; --edits) {
      const size_t at = below(text.size()), length = below(12);
      switch (below(4)) {
        case 0: text.erase(at, length); break;
        case 1: text.insert(at, kPieces[below(std::size(kPieces))]); break;
        case 2: text.insert(below(text.size()), text.substr(at, length * 4)); break;
        case 3:
          text.replace(at, std::min<size_t>(1, text.size() - at), kPieces[below(std::size(kPieces))]);
          break;
      }
    }
    try {
      const Module module = parse_module(text, "text");
      ++parsed;
      ASSERT_TRUE(equal(module, parse_module(print(module), "printed"))) << text;
    } catch (const Error&) {}
  }
  EXPECT_GT(parsed, 30);
}

}  // namespace
}  // namespace keratin
