#include "runtime/trainer/weights.h"

#include <filesystem>

#include "runtime/trainer/safetensors.h"
#include "tests/mutation.h"
#include "tests/trainer/fixtures.h"

namespace keratin::trainer {
namespace {

std::string with_header(const std::string& header, const std::string& data) {
  std::string bytes(8, '\0');
  for (size_t i = 0; i < 8; ++i) bytes[i] = static_cast<char>(header.size() >> (8 * i));
  return bytes + header + data;
}

void write(const std::string& path, const std::map<std::string, Array>& arrays) {
  StagedFile file(path);
  write_safetensors(file, arrays);
  file.commit();
}

void expect_refused(const std::string& bytes, const std::string& part) {
  const Folder folder;
  const std::string path = folder.file("w.safetensors", bytes);
  expect_error(ErrorKind::data, {path, part}, [&] { read_safetensors(path); });
}

TEST(Safetensors, RoundTrip) {
  const Folder folder;
  std::map<std::string, Array> arrays;
  for (int i = 0; i < kDTypeCount; ++i)
    arrays.emplace(std::string(to_text(static_cast<DType>(i))), Array(static_cast<DType>(i), {2, 3}));
  arrays.emplace("a \"name\"", array({}, {7}));
  arrays.emplace("none", Array(DType::f32, {0, 3}));
  write(folder / "w.safetensors", arrays);
  const std::map<std::string, Array> read = read_safetensors(folder / "w.safetensors");
  ASSERT_EQ(read.size(), arrays.size());
  for (const auto& [name, array] : arrays) {
    EXPECT_EQ(read.at(name).dtype(), array.dtype());
    EXPECT_EQ(read.at(name).shape(), array.shape());
  }
  EXPECT_EQ(read.at("a \"name\"").number(0), 7);
  EXPECT_EQ(folder.names(), std::vector<std::string>{"w.safetensors"});
  write(folder / "w.safetensors", {});
  EXPECT_TRUE(read_safetensors(folder / "w.safetensors").empty());
}

TEST(Safetensors, Refused) {
  const std::string a = R"("a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]})";
  expect_refused("", "too short");
  expect_refused("PK\3\4 this is a zip", "no complete safetensors file");
  expect_refused(with_header("{" + a, "1234"), "header");
  expect_refused(with_header("[]", ""), "no JSON object");
  expect_refused(with_header("{" + a + "}", "123"), "leaves the file");
  expect_refused(with_header("{" + a + "}", "12345"), "1 bytes behind the last array");
  expect_refused(with_header("{" + a + "," + a + "}", "1234"), "occurs twice");
  expect_refused(with_header("{" + a + R"(,"b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}})", "123456"),
                 "does not start where the one before it ends");
  expect_refused(with_header(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", "1234"),
                 "has 4 bytes");
  expect_refused(with_header(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}})", "1234"),
                 "leaves the file");
  expect_refused(with_header(R"({"a":{"dtype":"F4","shape":[1],"data_offsets":[0,4]}})", "1234"), "\"F4\"");
  expect_refused(with_header(R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", "1234"),
                 "whole number");
  expect_refused(
      with_header(R"({"a":{"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,4]}})", "1234"),
      "bytes");
  expect_refused(with_header(R"({"a":7})", ""), "expected an object");
  const std::string deep = std::string(100000, '[') + std::string(100000, ']');
  expect_refused(with_header(R"({"a":{"dtype":"F32","shape":)" + deep + R"(,"data_offsets":[0,4]}})", "1234"),
                 "whole numbers");
  EXPECT_EQ(read_bytes("/dev/null"), "");
  expect_error(ErrorKind::no_input, {"no regular file"}, [] { read_safetensors("/dev/null"); });
}

TEST(Safetensors, Mutants) {
  const Folder folder;
  write(folder / "good", {{"a", array({2}, {1, 2})}, {"b/c", Array(DType::i64, {})}});
  const std::string good = read_bytes(folder / "good");
  const auto survive = [&](const std::string& bytes) {
    try {
      for (const auto& [name, array] : read_safetensors(folder.file("m", bytes)))
        for (int64_t i = 0; i < array.elements(); ++i) array.number(i);
    } catch (const Error&) {}
  };
  for (size_t length = 0; length < good.size(); ++length) survive(good.substr(0, length));
  const std::string header = good.substr(8, good.find("}}") + 2 - 8);
  for (uint64_t seed = 0; seed < 4000; ++seed) {
    testing::Mutator mutator(seed);
    survive(seed % 2 == 0 ? mutator.bytes(good)
                          : with_header(mutator.text(header), good.substr(8 + header.size())));
  }
}

TEST(Weights, SavedAndLoaded) {
  const Folder folder;
  LinearModel model(2);
  model.kernel_ = {1.5F, -2};
  model.bias_ = {3};
  StagedFile file(folder / "w");
  save_weights(model, file);
  EXPECT_EQ(folder.names().size(), 1u);  // aside
  file.commit();
  EXPECT_EQ(read_safetensors(folder / "w").size(), 2u);  // no slots
  LinearModel other(2);
  load_weights(other, folder / "w");
  EXPECT_EQ(other.kernel_, model.kernel_);
  EXPECT_EQ(other.bias_, model.bias_);
}

TEST(Weights, ThoseOfOtherModels) {
  const Folder folder;
  LinearModel model(2);
  const Array kernel = array({2, 1}, {1, 2}), bias = array({1}, {3});
  const auto refused = [&](const std::map<std::string, Array>& arrays,
                           const std::vector<std::string>& parts) {
    write(folder / "w", arrays);
    expect_error(ErrorKind::data, parts, [&] { load_weights(model, folder / "w"); });
    EXPECT_EQ(model.kernel_, (std::vector<float>{0, 0}));
  };
  refused({{"line/kernel", kernel}}, {"no array \"line/bias\""});
  refused({{"line/kernel", kernel}, {"line/bias", bias}, {"more", bias}},
          {"\"more\", which the model has no use for"});
  refused({{"line/kernel", kernel.reshaped({1, 2})}, {"line/bias", bias}},
          {"\"line/kernel\"", "(1, 2)", "(2, 1)"});
  refused({{"line/kernel", kernel}, {"line/bias", Array(DType::f64, {1})}},
          {"\"line/bias\"", "is f64", "is f32"});
}

TEST(Weights, AnOutputThatIsLeftStaysAsItWas) {
  const Folder folder;
  folder.file("w", "old");
  {
    StagedFile file(folder / "w");
    file.append("new");
  }
  EXPECT_EQ(read_bytes(folder / "w"), "old");
  EXPECT_EQ(folder.names(), std::vector<std::string>{"w"});
}

TEST(Weights, LinksStayAndWhatTheyNameIsWritten) {
  namespace fs = std::filesystem;
  const Folder folder, other;
  fs::create_directory(folder / "sub");
  fs::create_symlink("sub/w", folder / "relative");
  fs::create_symlink(folder / "relative", other / "chain");
  fs::create_symlink("nothing yet", folder / "dangling");
  fs::create_symlink("circle", folder / "circle");
  const auto write_to = [](const std::string& path, const std::string& text) {
    StagedFile file(path);
    file.append(text);
    file.commit();
  };
  for (const std::string& link : {folder / "relative", other / "chain", folder / "dangling"}) {
    write_to(link, link);
    EXPECT_TRUE(fs::is_symlink(link));
    EXPECT_EQ(read_bytes(link), link);
  }
  EXPECT_EQ(read_bytes(folder / "sub/w"), other / "chain");
  EXPECT_EQ(folder.names(),
            (std::vector<std::string>{"circle", "dangling", "nothing yet", "relative", "sub"}));
  EXPECT_EQ(other.names(), std::vector<std::string>{"chain"});
  expect_error(ErrorKind::cannot_create, {folder / "circle"}, [&] { write_to(folder / "circle", ""); });
}

TEST(Weights, KeepHowTheDataWereRead) {
  const Folder folder;
  const Encoding encoding{.features = {{"city", FeatureColumn::Kind::one_hot, {"Oslo", "a \"b\""}, {}},
                                       {"size", FeatureColumn::Kind::number, {}, 0.1}},
                          .labels = {{"kind", {"x", "y"}}},
                          .gaps_are_words = true};
  LinearModel model(1, 0.1F), other(1, 0.1F);
  model.set_encoding(encoding);
  StagedFile file(folder / "w.safetensors");
  save_weights(model, file);
  file.commit();
  load_weights(other, folder / "w.safetensors");
  EXPECT_EQ(other.encoding(), encoding);
  // Weights without it are of data that decided nothing.
  write(folder / "plain.safetensors", read_safetensors(folder / "w.safetensors"));
  load_weights(other, folder / "plain.safetensors");
  EXPECT_TRUE(other.encoding().empty());
}

}  // namespace
}  // namespace keratin::trainer
