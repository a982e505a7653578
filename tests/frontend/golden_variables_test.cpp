// Every array of every golden model file, and of the files made by tests/data/make_files.py, as Python read it:
// golden_variables.txt lists dtype, shape and a hash of the bytes.
#include <map>
#include <set>
#include <sstream>

#include "frontend/archive.h"
#include "frontend/h5_file.h"
#include "frontend/npy.h"
#include "tests/frontend/files.h"

namespace keratin {
namespace {

std::string description(const Tensor& tensor) {
  uint64_t hash = 0xcbf29ce484222325;
  for (int64_t i = 0; i < tensor.bytes(); ++i) {
    hash = (hash ^ std::to_integer<uint64_t>(tensor.data()[i])) * 0x100000001b3;
  }
  char hex[17];
  std::snprintf(hex, sizeof hex, "%016llx", static_cast<unsigned long long>(hash));
  return cat(to_text(tensor.dtype()), "\t[", join(tensor.shape(), ","), "]\t", hex);
}

std::map<std::string, std::string> describe_file(const std::string& file) {
  std::map<std::string, std::string> found;
  if (file.ends_with(".npz")) {
    for (const auto& [name, tensor] : read_npz(in_tests(file))) found[name] = description(tensor);
    return found;
  }
  H5File h5;
  if (file.ends_with(".keras")) {
    const Archive archive = Archive::open(in_tests(file));
    h5 = parse_h5(archive.read("model.weights.h5", archive.max_member_bytes()), file);
  } else {
    h5 = parse_h5(read_file(in_tests(file)), file);
  }
  for (const auto& [name, tensor] : h5.datasets) found[name] = description(tensor);
  return found;
}

TEST(GoldenVariables, AllAsPythonReadThem) {
  std::istringstream list(read_file(in_tests("data/golden_variables.txt")));
  std::map<std::string, std::map<std::string, std::string>> expected;
  for (std::string line; std::getline(list, line);) {
    const size_t first = line.find('\t'), second = line.find('\t', first + 1);
    expected[line.substr(0, first)][line.substr(first + 1, second - first - 1)] = line.substr(second + 1);
  }
  EXPECT_GT(expected.size(), 230u);
  for (const auto& [file, arrays] : expected) {
    try {
      EXPECT_EQ(describe_file(file), arrays) << file;
    } catch (const Error& error) {
      ADD_FAILURE() << error.what();
    }
  }
}

}  // namespace
}  // namespace keratin
