#include "ir/safetensors.h"

#include <gtest/gtest.h>

#include <random>

#include "ir/error.h"
#include "ir/text.h"

namespace keratin {
namespace {

std::string file_of(std::string_view header, std::string_view data = {}) {
  std::string out;
  for (size_t i = 0; i < 8; ++i) out += static_cast<char>(header.size() >> (8 * i));
  return out.append(header).append(data);
}

TensorStore sample() {
  TensorStore store;
  for (int i = 0; i < kDTypeCount; ++i) {
    auto tensor = std::make_shared<Tensor>(static_cast<DType>(i), std::vector<int64_t>{2, 3});
    tensor->set(4, 1);
    store[cat("t", i)] = std::move(tensor);
  }
  store["scalar"] = std::make_shared<Tensor>(DType::f32, std::vector<int64_t>{});
  store["empty"] = std::make_shared<Tensor>(DType::f32, std::vector<int64_t>{0, 7});
  store["odd \"name\"\n\\ü"] = std::make_shared<Tensor>(DType::u8, std::vector<int64_t>{5});
  return store;
}

void expect_same(const TensorStore& a, const TensorStore& b) {
  ASSERT_EQ(a.size(), b.size());
  for (auto i = a.begin(), j = b.begin(); i != a.end(); ++i, ++j) {
    EXPECT_EQ(i->first, j->first);
    EXPECT_EQ(*i->second, *j->second) << i->first;
  }
}

TEST(Safetensors, RoundTrip) {
  const TensorStore store = sample();
  const std::string bytes = format_safetensors(store);
  expect_same(store, parse_safetensors(bytes, "file"));
  EXPECT_EQ(format_safetensors(parse_safetensors(bytes, "file")), bytes);
  expect_same({}, parse_safetensors(format_safetensors({}), "file"));
}

TEST(Safetensors, Metadata) {
  const TensorStore store = parse_safetensors(
      file_of(
          R"({"__metadata__": {"format": "pt"}, "aé😀": {"data_offsets": [0, 2], "shape": [2], "dtype": "U8"}}  )",
          "ab"),
      "file");
  ASSERT_EQ(store.size(), 1);
  EXPECT_EQ(store.begin()->first, "aé😀");
  EXPECT_EQ(store.begin()->second->get(1), 'b');
}

TEST(Safetensors, Refuses) {
  const auto entry = [](const char* shape, const char* offsets) {
    return cat(R"({"a":{"dtype":"U8","shape":)", shape, R"(,"data_offsets":)", offsets, "}}");
  };
  EXPECT_NO_THROW(parse_safetensors(file_of(entry("[2]", "[0,2]"), "ab"), "file"));
  const std::string bad[] = {
      "",
      "1234567",
      std::string(8, '\xff'),
      file_of("{").substr(0, 8),
      file_of(""),
      file_of("[]"),
      file_of("{}", "x"),
      file_of("{} {}"),
      file_of(entry("[2]", "[0,3]"), "abc"),
      file_of(entry("[2]", "[0,2]"), "a"),
      file_of(entry("[2]", "[0,2]"), "abc"),
      file_of(entry("[2]", "[1,3]"), "abc"),
      file_of(entry("[2]", "[2,0]"), "ab"),
      file_of(entry("[-2]", "[0,2]"), "ab"),
      file_of(entry("[2.0]", "[0,2]"), "ab"),
      file_of(entry("[18446744073709551615]", "[0,2]"), "ab"),
      file_of(entry("[4294967296,4294967296,4294967296]", "[0,0]")),
      file_of(entry("[2]", "[0,2,2]"), "ab"),
      file_of(R"({"a":{"dtype":"F8","shape":[2],"data_offsets":[0,2]}})", "ab"),
      file_of(R"({"a":{"dtype":"U8","shape":[2]}})", "ab"),
      file_of(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2],"dtype":"U8"}})", "ab"),
      file_of(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2],"more":1}})", "ab"),
      file_of(
          R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
          "ab"),
      file_of(
          R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})",
          "ab"),
      file_of("{\"a"),
      file_of(R"({"\ud800":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})"),
      file_of(R"({"\q":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})"),
      file_of(R"({"__metadata__":{"a":1}})"),
  };
  for (const std::string& bytes : bad) EXPECT_THROW(parse_safetensors(bytes, "file"), Error) << bytes;
}

TEST(Safetensors, AnyInput) {
  const std::string bytes = format_safetensors(sample());
  std::mt19937 random(7);
  for (int round = 0; round < 3000; ++round) {
    std::string changed = bytes;
    for (size_t edits = 1 + random() % 3; edits > 0; --edits)
      changed[random() % changed.size()] = static_cast<char>(random());
    if (round % 3 == 0) changed.resize(random() % changed.size());
    try {
      parse_safetensors(changed, "file");
    } catch (const Error&) {}
  }
}

}  // namespace
}  // namespace keratin
