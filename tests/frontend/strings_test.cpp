// Inputs of strings: what reads them, and what is refused.
#include <gtest/gtest.h>

#include "frontend/model.h"
#include "frontend/npy.h"
#include "ir/text_format.h"
#include "tests/frontend/files.h"

namespace keratin {
namespace {

/// A Functional of an input "text" of strings, and layers one after the other: class names with their arguments.
std::string functional(const std::string& shape,
                       const std::vector<std::pair<std::string, std::string>>& layers) {
  std::string text = cat(
      R"({"class_name": "Functional", "config": {"name": "m", "layers": [{"class_name": "InputLayer", "name": "text",
    "config": {"name": "text", "batch_shape": )",
      shape, R"(, "dtype": "string"}, "inbound_nodes": []})");
  std::string last = "text";
  for (const auto& [class_name, arguments] : layers) {
    const std::string name = cat("layer_", last);
    text += cat(R"(, {"class_name": ")", class_name, R"(", "name": ")", name, R"(", "config": {"name": ")",
                name, R"(")", arguments.empty() ? "" : ", ", arguments,
                R"(}, "inbound_nodes": [{"args": [{"class_name": "__keras_tensor__",
                "config": {"keras_history": [")",
                last, R"(", 0, 0]}}], "kwargs": {}}]})");
    last = name;
  }
  return cat(text, R"(], "input_layers": [["text", 0, 0]], "output_layers": [[")", last, R"(", 0, 0]]}})");
}

std::string traced(const std::string& config, ShapeOverrides shapes = {}) {
  const Json json = Json::parse(config, "config");
  Model model(json, "m.keras", false, std::move(shapes));
  return print(model.trace_predict());
}

const std::string kVocabulary = R"("vocabulary": ["a", "b"])";

TEST(Strings, AreTokensOrRowsOfThem) {
  EXPECT_EQ(traced(functional("[null, 3]", {{"StringLookup", kVocabulary}})),
            R"(func @predict(%text: i64[N,3]) -> (%layer_text: i64[N,3]) {
  return %text
}
)");
  const std::string rows = functional("[null, 1]", {{"TextVectorization", kVocabulary}});
  EXPECT_NE(traced(rows).find("(%text: i64[N,T])"), std::string::npos) << traced(rows);
  ShapeOverrides shapes;
  shapes.extents["text"] = {Dim(7)};
  EXPECT_NE(traced(rows, shapes).find("(%text: i64[N,7])"), std::string::npos);
  const std::string cut =
      functional("[null]", {{"TextVectorization", kVocabulary + R"(, "output_sequence_length": 5)"}});
  EXPECT_NE(traced(cut).find("(%text: i64[N,5])"), std::string::npos);
  expect_error(ErrorKind::usage, "does not fit the input", [&] { traced(cut, shapes); });
  // As many indices of unknown strings take no memory.
  EXPECT_NE(
      traced(functional("[null, 3]", {{"StringLookup", kVocabulary + R"(, "num_oov_indices": 268435456)"}}))
          .find("return %text"),
      std::string::npos);
}

void refused(const std::string& part, const std::string& class_name, const std::string& arguments,
             ErrorKind kind = ErrorKind::unsupported, const std::string& shape = "[null, 1]") {
  expect_error(kind, part, [&] { traced(functional(shape, {{class_name, arguments}})); });
}

TEST(Strings, WhatCannotBeCompiledSaysWhy) {
  refused("a compiled model gives numbers", "StringLookup", kVocabulary + R"(, "invert": true)");
  refused("argument sparse", "StringLookup", kVocabulary + R"(, "sparse": true, "output_mode": "multi_hot")");
  refused("argument ragged", "TextVectorization", kVocabulary + R"(, "ragged": true)");
  refused("Python functions are never run", "TextVectorization",
          kVocabulary + R"(, "standardize": {"class_name": "function"})");
  refused("Python functions are never run", "TextVectorization", kVocabulary + R"(, "split": "by_commas")");
  refused("ragged rows", "TextVectorization", kVocabulary + R"(, "output_mode": "one_hot")");
  refused("are no rows of tokens", "TextVectorization", kVocabulary + R"(, "split": null, "ngrams": 2)");
  refused("no axis behind the batch", "TextVectorization",
          kVocabulary + R"(, "split": null, "output_sequence_length": 2)", ErrorKind::unsupported, "[null]");
  refused("expected one string per sample", "TextVectorization", kVocabulary, ErrorKind::data, "[null, 2]");
  refused("expected numbers from 1", "TextVectorization", kVocabulary + R"(, "ngrams": [0])",
          ErrorKind::data);
  refused("has no vocabulary", "StringLookup", "", ErrorKind::data);
  refused("has the masked token", "StringLookup", R"("vocabulary": ["a", "b"], "mask_token": "b")",
          ErrorKind::data);
  refused("a token twice", "StringLookup", R"("vocabulary": ["a", "a"])", ErrorKind::data);
  refused("the vocabulary has 3 tokens", "StringLookup", kVocabulary + R"(, "max_tokens": 2)",
          ErrorKind::data);
  refused("expected at least 0", "StringLookup", kVocabulary + R"(, "num_oov_indices": -1)", ErrorKind::data);
  refused("expected 2 numbers, one for each token", "StringLookup",
          kVocabulary + R"(, "output_mode": "tf_idf", "idf_weights": [1.0])", ErrorKind::data);
  refused("is called with strings", "Flatten", "");
  refused("layer \"layer_text\" (Dense): is called with strings", "Dense", R"("units": 2)");
  expect_error(ErrorKind::unsupported, "no layer reads the strings of the input \"text\"",
               [] { traced(functional("[null, 1]", {})); });
  expect_error(ErrorKind::data, "is called with numbers", [] {
    traced(functional("[null, 1]", {{"StringLookup", kVocabulary}, {"StringLookup", kVocabulary}}));
  });
}

std::string npy(const std::string& descr, const std::string& shape, const std::string& data) {
  std::string header = cat("{'descr': '", descr, "', 'fortran_order': False, 'shape': ", shape, ", }\n");
  return cat("\x93NUMPY", '\1', '\0', static_cast<char>(header.size()), '\0', header, data);
}

TEST(Strings, OfNumpyAreRowsOfBytes) {
  const Tensor bytes =
      parse_npy(npy("|S3", "(2,)", std::string("ab\0xyz", 6)), "a.npy", keratin::Strings::as_bytes);
  EXPECT_EQ(bytes.shape(), (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(bytes.get_integer(5), 'z');
  // "ä" and "€", in either byte order.
  const Tensor little = parse_npy(npy("<U1", "(2, 1)", std::string("\xe4\0\0\0\xac\x20\0\0", 8)), "a.npy",
                                  keratin::Strings::as_bytes);
  EXPECT_EQ(little, parse_npy(npy(">U1", "(2, 1)", std::string("\0\0\0\xe4\0\0\x20\xac", 8)), "a.npy",
                              keratin::Strings::as_bytes));
  EXPECT_EQ(little.shape(), (std::vector<int64_t>{2, 1, 3}));
  const std::string_view utf8(reinterpret_cast<const char*>(little.data()), 6);
  EXPECT_EQ(utf8, std::string_view("\xc3\xa4\0\xe2\x82\xac", 6));
  expect_error(ErrorKind::data, "which is no character", [] {
    parse_npy(npy("<U1", "(1,)", std::string("\0\xd8\0\0", 4)), "a.npy", keratin::Strings::as_bytes);
  });
  expect_error(ErrorKind::data, "holds strings", [] { parse_npy(npy("|S3", "(1,)", "abc"), "a.npy"); });
  EXPECT_EQ(bytes.dtype(), DType::i8);
  EXPECT_EQ(parse_npy(npy("|u1", "(2,)", "ab"), "a.npy", keratin::Strings::as_bytes).dtype(), DType::u8);
  // An array of a few bytes that would be 2^40 strings.
  expect_error(ErrorKind::data, "holds strings (\"|S0\")",
               [] { parse_npy(npy("|S0", "(1099511627776,)", ""), "a.npy", keratin::Strings::as_bytes); });
  expect_error(ErrorKind::data, "bytes, found",
               [] { parse_npy(npy("<U2", "(1,)", "abc"), "a.npy", keratin::Strings::as_bytes); });
}

}  // namespace
}  // namespace keratin
