// What `--tune` has measured, kept in a file from one compilation to the next.
#pragma once

#include <string>

#include "codegen/tune.h"

namespace keratin {

/// A file of regions as they were tuned. They are found by what their times depend on: the region, the processor and how code is made
/// for it, threads, batch, and the version of the compiler.
class TuneCache {
 public:
  /// Reads what is there: FOLDER/schedules.json. Warns on standard error if that is no such file, and goes on without.
  TuneCache(std::string folder, const Target& target, const TuneOptions& options);

  /// The region as it was tuned; null: it was not.
  const Tuned* find(const std::string& region) const;
  /// Adds regions. What others wrote meanwhile is kept; the file is complete whenever it is read. Warns if it cannot be written.
  void add(const TunedRegions& regions);

 private:
  using Entries = std::map<std::string, Tuned, std::less<>>;
  Entries read() const;  ///< Throws Error.
  std::string key(const std::string& region) const;
  std::string path() const { return folder_ + "/schedules.json"; }

  std::string folder_, circumstances_;
  Entries entries_;
};

}  // namespace keratin
