#include "runtime/trainer/hdf5.h"

#include <filesystem>
#include <numeric>

#include "tests/mutation.h"
#include "tests/trainer/fixtures.h"

namespace keratin::trainer {
namespace {

/// What tests/data/make_hdf5.py had real h5py write.
const std::filesystem::path kFiles = std::filesystem::path(KERATIN_SOURCE_DIR) / "tests/data/hdf5";

std::vector<double> numbers(const Array& array) {
  std::vector<double> values;
  for (int64_t i = 0; i < array.elements(); ++i) values.push_back(array.number(i));
  return values;
}

std::vector<double> counted_up(size_t n) {
  std::vector<double> values(n);
  std::iota(values.begin(), values.end(), 0);
  return values;
}

Array x_of(const std::string& name) { return read_hdf5(kFiles / (name + ".h5")).at("x"); }

TEST(Hdf5, AllWaysOfStoring) {
  for (const char* name : {"plain", "big_endian", "half", "integers", "chunks", "gzip", "growing", "v108",
                           "one_chunk", "fixed_array", "fixed_array_gzip"}) {
    SCOPED_TRACE(name);
    const Array x = x_of(name);
    EXPECT_EQ(x.shape(), (Shape{5, 3}));
    EXPECT_EQ(numbers(x), counted_up(15));
  }
  EXPECT_EQ(x_of("half").dtype(), DType::f16);
  EXPECT_EQ(x_of("integers").dtype(), DType::u64);
  EXPECT_EQ(numbers(x_of("fixed_array_pages")), counted_up(1100));
}

TEST(Hdf5, RowsThatRepeat) {
  const Array x = x_of("lzf");
  ASSERT_EQ(x.shape(), (Shape{100, 3}));
  for (int64_t i = 0; i < 300; ++i) EXPECT_EQ(x.number(i), static_cast<double>(i / 60 * 3 + i % 3));
}

TEST(Hdf5, ChunksThatWereNotWritten) {
  const std::vector<double> x = numbers(x_of("filled"));
  EXPECT_EQ(x, (std::vector<double>{0, 1, 2, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7}));
}

TEST(Hdf5, GroupsAndBooleans) {
  const std::map<std::string, Array> arrays = read_hdf5(kFiles / "several.h5");
  ASSERT_EQ(arrays.size(), 3U);
  EXPECT_EQ(numbers(arrays.at("x:left")), counted_up(15));
  EXPECT_EQ(numbers(arrays.at("x:right")), (std::vector<double>{0, 3, 6, 9, 12}));
  EXPECT_EQ(arrays.at("y").dtype(), DType::boolean);
  EXPECT_EQ(numbers(arrays.at("y")), (std::vector<double>{0, 0, 1, 1, 1}));
}

TEST(Hdf5, StringsWhereTheyAreAskedFor) {
  const Array x = read_hdf5(kFiles / "strings.h5", Strings::as_bytes).at("x");
  EXPECT_EQ(x.shape(), (Shape{2, 5}));
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(x.data()), 10), std::string("one\0\0three", 10));
  expect_error(ErrorKind::data, {"array \"x\"", "holds strings"}, [] { x_of("strings"); });
}

TEST(Hdf5, RefusedByName) {
  const auto refused = [](const char* name, const std::vector<std::string>& parts) {
    expect_error(ErrorKind::data, parts, [&] { x_of(name); });
  };
  refused("refused_extensible", {"array \"x\"", "an index of its chunks that is not read", "h5repack"});
  refused("refused_variable", {"array \"x\"", "variable length", "type S"});
  refused("refused_records", {"array \"x\"", "compound"});
  refused("refused_link", {"a link \"x\" to another place"});
  refused("refused_names", {"many names", "h5repack"});
  const Folder folder;
  expect_error(ErrorKind::data, {"is no HDF5 file"},
               [&] { read_hdf5(folder.file("a.h5", "no such thing")); });
  expect_error(ErrorKind::data, {"cut off"}, [&] { read_hdf5(folder.file("a.h5", "\x89HDF\r\n\x1a\n")); });
  expect_error(ErrorKind::no_input, {"/nonexistent.h5"}, [] { read_hdf5("/nonexistent.h5"); });
}

TEST(Hdf5, DamagedChunksAreFound) {
  const Folder folder;
  const std::string good = read_bytes(kFiles / "gzip.h5");
  size_t found = 0;
  // What gzip made of the chunks stands at the end; each is followed by its checksum.
  for (size_t at = good.size() - 100; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] ^= 0x10;
    try {
      EXPECT_EQ(numbers(read_hdf5(folder.file("a.h5", bad)).at("x")), counted_up(15)) << at;
    } catch (const Error&) {
      ++found;
    }
  }
  EXPECT_GT(found, 20U);
}

TEST(Hdf5, Mutants) {
  const Folder folder;
  const testing::Landmarks landmarks = {"\x89HDF", "TREE", "HEAP", "SNOD", "OHDR", "FAHD", "FADB"};
  for (const char* name : {"gzip", "chunks", "several", "lzf", "fixed_array_gzip", "v108", "filled"}) {
    const std::string good = read_bytes(kFiles / (std::string(name) + ".h5"));
    for (uint64_t seed = 0; seed < 400; ++seed) {
      testing::Mutator mutator(seed);
      const std::string bad =
          seed % 8 == 0 ? good.substr(0, mutator.below(good.size())) : mutator.bytes(good, landmarks);
      try {
        for (const auto& [array_name, array] : read_hdf5(folder.file("m.h5", bad)))
          EXPECT_EQ(numbers(array).size(), static_cast<size_t>(array.elements()));
      } catch (const Error&) {}
    }
  }
}

}  // namespace
}  // namespace keratin::trainer
