// HDF5 files made by the helper: what is read back, and which requests it refuses.
#include "frontend/h5_writer.h"

#include "frontend/h5_process.h"
#include "frontend/h5_stream.h"
#include "tests/frontend/files.h"

namespace keratin {
namespace {

TEST(H5Writer, EveryDtypeAndShape) {
  const std::string path = in_tests("data/h5/dtypes.h5");
  H5File file = parse_h5(read_file(path), path);
  file.skipped.clear();
  file.datasets.emplace("deep/groups/of/vars/0", Tensor(DType::i64, {2, 0, 3}));
  file.attributes["deep/groups/of/vars"]["name"] = {"größe"};
  file.attributes["nothing/vars"]["name"] = {""};
  file.attributes[""]["name"] = {"root"};
  const std::string image = format_h5(file, "test.h5");
  EXPECT_TRUE(is_h5(image));
  EXPECT_EQ(image, format_h5(file, "test.h5"));
  const H5File again = parse_h5(image, "again.h5");
  EXPECT_EQ(again.datasets, file.datasets);
  EXPECT_EQ(again.attributes, file.attributes);
  EXPECT_TRUE(again.skipped.empty());
}

TEST(H5Writer, SaysWhereTheElementsAre) {
  H5File file;
  for (int i = 0; i < 40; ++i) {
    Tensor tensor(DType::f32, {i % 5, 3});
    for (int64_t k = 0; k < tensor.elements(); ++k) tensor.set(k, static_cast<double>(100 * i + k));
    file.datasets.emplace(cat("layers/dense_", i, "/vars/0"), std::move(tensor));
  }
  file.datasets.emplace("scalar", Tensor(DType::i64, {}));
  file.attributes["layers/dense_3"]["name"] = {"a name"};
  const H5Image image = format_h5_image(file, "test.h5");
  EXPECT_EQ(image.bytes, format_h5(file, "test.h5"));
  EXPECT_EQ(image.offsets.size(), 33u);  // the others are empty
  for (const auto& [path, offset] : image.offsets) {
    const Tensor& tensor = file.datasets.at(path);
    EXPECT_EQ(image.bytes.substr(offset, static_cast<size_t>(tensor.bytes())),
              std::string(reinterpret_cast<const char*>(tensor.data()), static_cast<size_t>(tensor.bytes())))
        << path;
  }
}

TEST(H5Writer, EmptyFileAndManyGroups) {
  EXPECT_TRUE(parse_h5(format_h5({}, "test.h5"), "again.h5").datasets.empty());
  H5File file;
  for (int i = 0; i < 5000; ++i)
    file.datasets.emplace(cat("layers/dense_", i, "/vars/0"), Tensor(DType::f32, {3}));
  EXPECT_EQ(parse_h5(format_h5(file, "test.h5"), "again.h5").datasets, file.datasets);
}

TEST(H5Writer, DatasetThatIsAlsoAGroup) {
  H5File file;
  file.datasets.emplace("a", Tensor(DType::f32, {}));
  file.datasets.emplace("a/b", Tensor(DType::f32, {}));
  expect_error(ErrorKind::data, "test.h5: no HDF5 file can be made (a/b: cannot be created)",
               [&] { format_h5(file, "test.h5"); });
}

// Requests, byte by byte.

template <typename T>
std::string number(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

std::string text(const std::string& bytes) { return number(static_cast<uint32_t>(bytes.size())) + bytes; }

std::string request(const std::string& records, uint64_t count) {
  return cat("KTH5", number(uint32_t{KERATIN_H5_VERSION}), records, "\5", number(count));
}

std::string dataset(const std::string& path, uint8_t type, const std::vector<uint64_t>& shape,
                    const std::string& bytes) {
  std::string record = cat("\1", text(path), number(type), number(static_cast<uint8_t>(shape.size())));
  for (const uint64_t n : shape) record += number(n);
  return cat(record, number(uint64_t{bytes.size()}), bytes);
}

std::string attribute(const std::string& path, const std::string& name, uint32_t count,
                      const std::string& value) {
  return cat("\3", text(path), text(name), number(count), text(value));
}

/// The kind of the answer's first record.
int answer(const std::string& bytes) {
  H5Process process(bytes, "test.h5", H5Process::Task::write);
  char head[9];
  process.read(head, sizeof head);
  return head[8];
}

TEST(H5Writer, RequestsAreChecked) {
  const std::string good = dataset("a/b", KERATIN_H5_I16, {2}, "abcd") + attribute("a", "name", 1, "x");
  EXPECT_EQ(answer(request(good, 2)), KERATIN_H5_IMAGE);
  for (size_t n = 1; n < request(good, 2).size(); ++n)
    EXPECT_EQ(answer(request(good, 2).substr(0, n)), KERATIN_H5_FAILURE) << n;
  const std::pair<const char*, std::string> bad[] = {
      {"wrong count", request(good, 3)},
      {"something after the end", request(good, 2) + "x"},
      {"no such version", cat("KTH5", number(uint32_t{9}), "\5", number(uint64_t{0}))},
      {"no such record", request("\x09", 1)},
      {"no such type", request(dataset("a", 99, {}, "abcd"), 1)},
      {"rank", request(dataset("a", KERATIN_H5_I8, std::vector<uint64_t>(33, 1), "a"), 1)},
      {"length", request(dataset("a", KERATIN_H5_I16, {3}, "abcd"), 1)},
      {"overflow",
       request(dataset("a", KERATIN_H5_I16, {uint64_t{1} << 62, uint64_t{1} << 2}, std::string()), 1)},
      {"twice", request(dataset("a", KERATIN_H5_I8, {}, "a") + dataset("a", KERATIN_H5_I8, {}, "a"), 2)},
      {"no name", request(dataset("", KERATIN_H5_I8, {}, "a"), 1)},
      {"empty step", request(dataset("a//b", KERATIN_H5_I8, {}, "a"), 1)},
      {"first step empty", request(dataset("/a", KERATIN_H5_I8, {}, "a"), 1)},
      {"last step empty", request(dataset("a/", KERATIN_H5_I8, {}, "a"), 1)},
      {"step back", request(dataset("a/../b", KERATIN_H5_I8, {}, "a"), 1)},
      {"step on the spot", request(dataset("./b", KERATIN_H5_I8, {}, "a"), 1)},
      {"zero in a path", request(dataset(std::string("a\0b", 3), KERATIN_H5_I8, {}, "a"), 1)},
      {"long path", request(dataset(std::string(KERATIN_H5_MAX_PATH, 'a'), KERATIN_H5_I8, {}, "a"), 1)},
      {"list of texts", request(attribute("a", "name", 2, "x"), 1)},
      {"unnamed attribute", request(attribute("a", "", 1, "x"), 1)},
      {"attribute twice", request(attribute("a", "name", 1, "x") + attribute("a", "name", 1, "y"), 2)},
      {"absurd text", cat("KTH5", number(uint32_t{KERATIN_H5_VERSION}), "\3", number(~uint32_t{0}))},
  };
  for (const auto& [what, bytes] : bad) EXPECT_EQ(answer(bytes), KERATIN_H5_FAILURE) << what;
  std::string deep = "a";
  for (int i = 0; i < KERATIN_H5_MAX_DEPTH; ++i) deep += "/a";
  EXPECT_EQ(answer(request(dataset(deep, KERATIN_H5_I8, {}, "a"), 1)), KERATIN_H5_FAILURE);
}

}  // namespace
}  // namespace keratin
