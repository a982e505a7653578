// What the tests of damaged files share: files that are tried one after the other in a sandbox, and what a trial finds.
//
// A file that goes wrong is saved under <build>/mutants; KERATIN_MUTANT=<number> tries that one alone.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "tests/tools/sandbox.h"

namespace keratin::testing {

/// A file, and what else must lie beside it.
struct Sample {
  std::string bytes;
  std::string beside;  ///< for IR text: the .safetensors
};
using Samples = std::function<Sample(int number)>;
/// Tries the file at `path`; what it makes goes into the folder `out`.
using Trial = std::function<Verdict(const std::string& path, const std::string& out)>;

/// A command, as main() runs it, on a damaged `file`: an error must be of the user's kind, and name the file.
Verdict run_keratin(const std::string& file, const std::vector<std::string>& words);

std::set<std::string> names_in(const std::string& folder);

/// Compiles the model, and lets it test itself; not what has been compiled before. Refused files leave nothing.
class Compilation {
 public:
  Verdict operator()(const std::string& path, const std::string& out);

 private:
  bool was_compiled(const std::string& path);

  int number_ = 0;
  std::set<std::string> seen_;
};

/// Files in a folder of their own. Every failure is reported to GoogleTest.
class Campaign {
 public:
  Campaign(std::string name, std::string extension)
      : name_(std::move(name)), extension_(std::move(extension)) {}

  /// Returns how many samples were accepted.
  int run(int count, const Samples& samples, const Trial& trial) const;

 private:
  void report(int number, const Sample& sample, const std::string& what) const;

  std::string name_, extension_;
};

}  // namespace keratin::testing
