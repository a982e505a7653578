// Whole files: read into memory, written so that a reader sees the old content or the new, never a part.
#pragma once

#include <string>
#include <string_view>

namespace keratin {

/// The bytes of a regular file. Throws Error(no_input) if it is missing, unreadable or no regular file.
std::string read_file(const std::string& path);

/// Like read_file(folder + "/" + name), but refuses a symbolic link: what a stranger's folder holds stays in it.
std::string read_file_in(const std::string& folder, const std::string& name);

/// A new file that is written beside `path`, and durable there; gone with this object unless it is committed. What is no
/// file (a device, a pipe) is written to as it is, at once.
class StagedFile {
 public:
  /// Throws Error(cannot_create) or Error(io).
  StagedFile(const std::string& path, std::string_view bytes);
  StagedFile(const StagedFile&) = delete;
  StagedFile& operator=(const StagedFile&) = delete;
  ~StagedFile();

  /// Renames it to `path`. Throws Error(cannot_create) and then leaves what was there.
  void commit();

 private:
  std::string path_, aside_;
};

/// The same in one step.
void write_file(const std::string& path, std::string_view bytes);

}  // namespace keratin
