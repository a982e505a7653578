#include "frontend/npy.h"

#include "frontend/archive.h"
#include "tests/frontend/files.h"

namespace keratin {
namespace {

std::string data(const std::string& name) { return in_tests("data/npy/" + name); }

/// A .npy file of version 1 with this header and these data.
std::string npy(std::string header, const std::string& elements) {
  header += '\n';
  return cat("\x93NUMPY\1", '\0', static_cast<char>(header.size()), '\0', header, elements);
}

void expect_refused(const std::string& bytes, const std::string& part) {
  expect_error(ErrorKind::data, part, [&] { parse_npy(bytes, "test.npy"); });
}

TEST(Npy, RoundTrip) {
  for (int i = 0; i < kDTypeCount; ++i) {
    for (const std::vector<int64_t>& shape : {std::vector<int64_t>{}, {3}, {2, 3}, {4, 0, 5}}) {
      Tensor tensor(static_cast<DType>(i), shape);
      for (int64_t k = 0; k < tensor.elements(); ++k) tensor.set(k, static_cast<double>(k));
      const std::string bytes = format_npy(tensor);
      EXPECT_EQ((bytes.size() - static_cast<size_t>(tensor.bytes())) % 64, 0u);
      EXPECT_EQ(parse_npy(bytes, "test"), tensor) << to_text(tensor.dtype()) << " rank " << shape.size();
    }
  }
}

TEST(Npy, NumpysOwnFiles) {
  Tensor expected(DType::f32, {3, 4});
  for (int64_t i = 0; i < 12; ++i) expected.set(i, static_cast<double>(i));
  for (const char* name : {"version1.npy", "version2.npy", "version3.npy"}) {
    EXPECT_EQ(read_npy(data(name)), expected) << name;
  }
  EXPECT_EQ(format_npy(expected), read_file(data("version1.npy")));  // byte for byte what NumPy writes
}

TEST(Npy, RefusedByName) {
  const std::pair<const char*, const char*> cases[] = {{"refused_objects.npy", "Python objects"},
                                                       {"refused_strings.npy", "strings"},
                                                       {"refused_complex.npy", "complex numbers"},
                                                       {"refused_records.npy", "records"},
                                                       {"refused_dates.npy", "M8"}};
  for (const auto& [name, part] : cases) {
    expect_error(ErrorKind::data, part, [&] { read_npy(data(name)); });
  }
}

TEST(Npy, HeadersThatLie) {
  const std::string f4 = "{'descr': '<f4', 'fortran_order': False, 'shape': ";
  EXPECT_EQ(parse_npy(npy(f4 + "(2,)}", "12345678"), "test").elements(), 2);
  EXPECT_EQ(parse_npy(npy("{\"shape\": (), 'fortran_order':True,'descr':'=f4'}", "1234"), "test").rank(), 0);
  expect_refused(npy(f4 + "(3,)}", "12345678"), "takes 12 bytes, found 8");
  expect_refused(npy(f4 + "(1,)}", "12345678"), "takes 4 bytes, found 8");
  expect_refused(npy(f4 + "(9223372036854775808,)}", ""), "2^63");
  expect_refused(npy(f4 + "(9223372036854775807, 3)}", ""), "impossible shape");
  expect_refused(npy(f4 + "(0, 9223372036854775807, 3)}", ""), "impossible shape");
  expect_refused(npy(f4 + "(-1,)}", ""), "malformed");
  expect_refused(npy(f4 + "(3)}", ""), "malformed");
  expect_refused(npy(f4 + "(1 2,)}", ""), "malformed");
  expect_refused(npy(f4 + "()} x", "1234"), "malformed");
  expect_refused(npy(f4 + "(), 'shape': ()}", "1234"), "malformed");
  expect_refused(npy("{'descr': '<f4', 'shape': ()}", "1234"), "malformed");
  expect_refused(npy("{'descr': '<f4'", ""), "malformed");
  expect_refused(npy("{'descr': '<f4", ""), "malformed");
  std::string many = f4 + "(";
  for (int i = 0; i < 40; ++i) many += "1,";
  expect_refused(npy(many + ")}", "1234"), "more than 32 axes");
  expect_refused(cat("\x93NUMPY\2", '\0', "\xff\xff\xff\x7f", "{}"), "at most");
  expect_refused(cat("\x93NUMPY\1", '\0', "\xff\xff", "{}"), "ends within");
  expect_refused(cat("\x93NUMPY\7", '\0', "\2", '\0', "{}"), "version 7");
  expect_refused("PK", "no .npy array");
  expect_error(ErrorKind::no_input, "cannot open", [] { read_npy("/nonexistent.npy"); });
}

TEST(Npz, RoundTripAndNames) {
  const TempFolder folder;
  const std::map<std::string, Tensor> stored = read_npz(data("stored.npz"));
  EXPECT_EQ(stored.at("fortran").get(1), 1);  // row-major, whatever the file's order
  EXPECT_EQ(stored.at("big_f64"), stored.at("f64"));
  EXPECT_EQ(stored.at("één/naam").dtype(), DType::i64);
  EXPECT_EQ(stored, read_npz(data("deflated.npz")));
  write_npz(folder / "copy.npz", stored);
  EXPECT_EQ(read_npz(folder / "copy.npz"), stored);
  const std::string once = read_file(folder / "copy.npz");
  write_npz(folder / "copy.npz", stored);
  EXPECT_EQ(read_file(folder / "copy.npz"), once);
  write_npz(folder / "empty.npz", {});
  EXPECT_TRUE(read_npz(folder / "empty.npz").empty());
}

TEST(Npz, Refused) {
  expect_error(ErrorKind::data, "occurs twice", [] { read_npz(data("refused_twice.npz")); });
  expect_error(ErrorKind::data, "in so small a file", [] { read_npz(data("refused_bomb.npz")); });
  expect_error(ErrorKind::data, "is no .npy array",
               [] { parse_npz(make_zip({{"readme", "text"}}), "test.npz"); });
  expect_error(ErrorKind::data, "test.npz:a.npy",
               [] { parse_npz(make_zip({{"a.npy", "text"}}), "test.npz"); });
}

}  // namespace
}  // namespace keratin
