// The command line as a user types it: commands run by the shell, in a folder that goes away.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "ir/text.h"

namespace keratin::testing {

namespace fs = std::filesystem;

inline std::string read_all(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

struct Outcome {
  int status = -1;
  std::string out, err;
};

/// A folder of its own; $keratin, $models, $data and $examples stand for what they say in commands.
class Shell {
 public:
  explicit Shell(const fs::path& root = fs::temp_directory_path())
      : folder_(root / cat("keratin_cli_", getpid(), "_", next()++)) {
    fs::create_directories(folder_);
  }
  Shell(const Shell&) = delete;
  Shell& operator=(const Shell&) = delete;
  ~Shell() { fs::remove_all(folder_); }

  fs::path operator/(const std::string& name) const { return folder_ / name; }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name) << text;
  }

  Outcome run(const std::string& command) const {
    const std::string root = KERATIN_SOURCE_DIR;
    const std::string out = (folder_ / ".out").string(), err = (folder_ / ".err").string();
    const std::string line =
        cat("cd ", folder_.string(), " && keratin=", KERATIN_BINARY_DIR, "/bin/keratin; models=", root,
            "/models; data=", root, "/data; examples=", root, "/examples; { ", command, "\n} >", out, " 2>",
            err, " </dev/null");
    Outcome outcome;
    const int status = std::system(line.c_str());
    outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    outcome.out = read_all(out);
    outcome.err = read_all(err);
    fs::remove(out);
    fs::remove(err);
    return outcome;
  }

 private:
  static int& next() {
    static int number = 0;
    return number;
  }
  fs::path folder_;
};

}  // namespace keratin::testing
