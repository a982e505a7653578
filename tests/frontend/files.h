// What the tests of the file readers share.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "frontend/file.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {

inline std::string in_tests(const std::string& path) { return cat(KERATIN_SOURCE_DIR, "/tests/", path); }
inline std::string golden(const std::string& path) { return in_tests("golden/" + path); }

/// A folder that is removed with this object.
class TempFolder {
 public:
  TempFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "keratin_test_XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) ADD_FAILURE() << "no temporary folder";
    path_ = name;
  }
  TempFolder(const TempFolder&) = delete;
  ~TempFolder() { std::filesystem::remove_all(path_); }
  std::string operator/(const std::string& name) const { return cat(path_, "/", name); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// Expects `run` to throw an Error of `kind` whose text contains `part`.
template <typename Run>
void expect_error(ErrorKind kind, const std::string& part, Run run) {
  try {
    run();
    ADD_FAILURE() << "no error, where one was due that says: " << part;
  } catch (const Error& error) {
    EXPECT_EQ(static_cast<int>(error.kind()), static_cast<int>(kind)) << error.what();
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
  }
}

}  // namespace keratin
