#include "runtime/trainer/npz.h"

#include "tests/mutation.h"
#include "tests/trainer/fixtures.h"

namespace keratin::trainer {
namespace {

const std::string kSix = bytes_of(std::vector<float>{1, 2, 3, 4, 5, 6});

std::vector<double> numbers(const Array& array) {
  std::vector<double> values;
  for (int64_t i = 0; i < array.elements(); ++i) values.push_back(array.number(i));
  return values;
}

Array only(const std::string& bytes) {
  const Folder folder;
  return read_npz(folder.file("a.npz", zip_of({{"a.npy", bytes}}, false))).at("a");
}

void expect_refused(const std::string& bytes, const std::string& part) {
  const Folder folder;
  const std::string path = folder.file("a.npz", bytes);
  expect_error(ErrorKind::data, {path, part}, [&] { read_npz(path); });
}

TEST(Npz, RoundTripOfAllTypes) {
  const Folder folder;
  std::map<std::string, Array> arrays;
  for (int i = 0; i < kDTypeCount; ++i)
    arrays.emplace(std::string(to_text(static_cast<DType>(i))), Array(static_cast<DType>(i), {2, 3}));
  arrays.emplace("scalar", Array(DType::f32, {}));
  arrays.emplace("empty", Array(DType::f32, {0, 3}));
  write_npz(folder / "a.npz", arrays);
  write_npz(folder / "b.npz", arrays);
  const std::map<std::string, Array> read = read_npz(folder / "a.npz");
  ASSERT_EQ(read.size(), arrays.size());
  for (const auto& [name, array] : arrays) {
    EXPECT_EQ(read.at(name).dtype(), array.dtype());
    EXPECT_EQ(read.at(name).shape(), array.shape());
    EXPECT_EQ(numbers(read.at(name)), numbers(array));
  }
  EXPECT_EQ(read_bytes(folder / "a.npz"), read_bytes(folder / "b.npz"));
  EXPECT_EQ(folder.names(), (std::vector<std::string>{"a.npz", "b.npz"}));
}

TEST(Npz, DeflatedMembersAndStoredOnes) {
  const Folder folder;
  const std::string member = npy("<f4", "(2, 3)", kSix);
  for (const bool deflated : {false, true})
    EXPECT_EQ(numbers(read_npz(folder.file("a.npz", zip_of({{"a.npy", member}}, deflated))).at("a")),
              (std::vector<double>{1, 2, 3, 4, 5, 6}));
}

TEST(Npz, OrdersOfElementsAndBytes) {
  EXPECT_EQ(numbers(only(npy("<f4", "(2, 3)", kSix, true))), (std::vector<double>{1, 3, 5, 2, 4, 6}));
  EXPECT_EQ(numbers(only(npy(">i2", "(2,)", std::string("\0\1\2\0", 4)))), (std::vector<double>{1, 512}));
  EXPECT_EQ(numbers(only(npy(">i2", "(2, 2)", std::string("\0\1\0\2\0\3\0\4", 8), true))),
            (std::vector<double>{1, 3, 2, 4}));
  EXPECT_EQ(numbers(only(npy("|b1", "(3,)", std::string("\0\1\2", 3)))), (std::vector<double>{0, 1, 1}));
  EXPECT_EQ(numbers(only(npy("<f2", "(1,)", std::string("\0\x3c", 2)))), (std::vector<double>{1}));
  EXPECT_EQ(numbers(only(npy("|V2", "(1,)", std::string("\x80\x3f", 2)))), (std::vector<double>{1}));
}

TEST(Npz, ArraysThatLie) {
  const auto refused = [](const std::string& member, const std::string& part) {
    expect_refused(zip_of({{"a.npy", member}}, false), part);
  };
  refused(npy("<f4", "(7,)", kSix), "takes 28 bytes, found 24");
  refused(npy("<f4", "(9223372036854775807, 3)", kSix), "impossible shape");
  refused(npy("<f4", "(6)", kSix), "malformed .npy header");
  refused(npy("|O", "(6,)", kSix), "Python objects");
  refused(npy("<U3", "(2,)", kSix), "strings");
  refused(npy("<c8", "(3,)", kSix), "complex");
  refused("text", "is no .npy array");
  refused("", "is no .npy array");
}

TEST(Npz, FilesThatAreNone) {
  const std::string good = zip_of({{"a.npy", npy("<f4", "(6,)", kSix)}}, false);
  expect_refused("", "is empty");
  expect_refused("no zip", "no complete .npz");
  expect_refused(good.substr(0, good.size() / 2), "no complete .npz");
  expect_refused(zip_of({{"readme.txt", "x"}}, false), "readme.txt");
  expect_refused(zip_of({{"a.npy", npy("<f4", "(6,)", kSix)}, {"a.npy", npy("<f4", "(6,)", kSix)}}, false),
                 "twice");
  std::string damaged = good;
  damaged[good.find(kSix) + 3] ^= 1;
  expect_refused(damaged, "checksum");
  expect_error(ErrorKind::no_input, {"/nonexistent.npz"}, [] { read_npz("/nonexistent.npz"); });
  expect_error(ErrorKind::no_input, {"no regular file"}, [] { read_npz("/tmp"); });
}

TEST(Npz, OutputsThatCannotBe) {
  const Folder folder;
  expect_error(ErrorKind::cannot_create, {"cannot create"}, [&] { write_npz(folder / "no/a.npz", {}); });
  expect_error(ErrorKind::cannot_create, {"is a folder"}, [&] { write_npz(folder / ".", {}); });
}

/// An error or arrays whose every element can be read.
void survive(const Folder& folder, const std::string& bytes) {
  try {
    for (const auto& [name, array] : read_npz(folder.file("m.npz", bytes))) numbers(array);
  } catch (const Error&) {}
}

TEST(Npz, Mutants) {
  const Folder folder;
  for (const bool deflated : {false, true}) {
    const std::string good = zip_of(
        {{"x.npy", npy("<f4", "(2, 3)", kSix)}, {"y.npy", npy(">i2", "(2, 1)", "abcd", true)}}, deflated);
    for (size_t length = 0; length < good.size(); ++length) survive(folder, good.substr(0, length));
    for (uint64_t seed = 0; seed < 3000; ++seed) {
      testing::Mutator mutator(seed);
      survive(folder, mutator.bytes(good, testing::kZipLandmarks));
    }
  }
  // What a checksum would stop: the header of the array itself.
  for (uint64_t seed = 0; seed < 1000; ++seed) {
    testing::Mutator mutator(seed);
    survive(folder, zip_of({{"x.npy", mutator.bytes(npy("<f4", "(2, 3)", kSix))}}, false));
  }
}

}  // namespace
}  // namespace keratin::trainer
