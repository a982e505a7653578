// Files that grow while training goes on: logs.
#pragma once

#include <string>
#include <string_view>

namespace keratin::trainer {

/// What was appended is in the file, whatever becomes of the process; only what is appended as it dies may be cut off.
class GrowingFile {
 public:
  /// Makes the file, or empties the one that is there. Throws Error(cannot_create).
  explicit GrowingFile(const std::string& path);
  GrowingFile(const GrowingFile&) = delete;
  ~GrowingFile();

  /// Throws Error(io).
  void append(std::string_view bytes);
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  int descriptor_ = -1;
};

}  // namespace keratin::trainer
