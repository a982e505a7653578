// Files: read by mapping them, written so that a reader sees the old content or the new, never a part.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace keratin::trainer {

/// A regular file's bytes, mapped; who holds `owner` keeps them.
struct MappedFile {
  std::string_view bytes;
  std::shared_ptr<const void> owner;
};
/// Throws Error(no_input) if it is missing, unreadable or no regular file.
MappedFile map_file(const std::string& path);

/// Whether a process may well have so many bytes in memory at once, beside all else: a quarter of what it may use.
bool stays_in_memory(size_t bytes);
/// Zeros to write to, for what does not: an unnamed file in $TMPDIR, or else /var/tmp, mapped. Throws Error(io) where it has no room.
std::shared_ptr<std::byte> map_scratch(size_t bytes);

std::string folder_of(const std::string& path);  ///< "." if the path names none
/// Makes it, and those above it, where it is missing. Throws Error(cannot_create).
void make_folder(const std::string& folder);

/// The path behind symbolic links, the last of which may name nothing yet. Throws Error(cannot_create) if they lead in a circle.
std::string behind_links(const std::string& path);

/// All of the bytes, in as many calls as it takes. `path`: for errors. Throws Error(io).
void write_all(int descriptor, std::string_view bytes, const std::string& path);

/// A new file that is written beside `path`, or beside what it is a symbolic link to; gone with this object unless it is committed.
class StagedFile {
 public:
  /// Throws Error(cannot_create), also where `path` is something else than a regular file or nothing.
  explicit StagedFile(const std::string& path);
  /// The same under a name that is known beforehand, so that what an end of the process left there is written over. Requires: nobody else
  /// writes `aside`, and `path` is no link.
  StagedFile(const std::string& path, std::string aside);
  StagedFile(const StagedFile&) = delete;
  StagedFile& operator=(const StagedFile&) = delete;
  ~StagedFile();

  /// Throws Error(io).
  void append(std::string_view bytes);
  /// For those that write at other places too.
  int descriptor() const { return descriptor_; }
  const std::string& path() const { return path_; }
  const std::string& aside() const { return aside_; }  ///< where it is until it is committed

  /// Makes the bytes durable, then renames the file to `path`; links stay. What was there is renamed to `previous`, if that is not empty. Throws Error(io) or
  /// Error(cannot_create) and then leaves what was there.
  void commit(const std::string& previous = {});

 private:
  void refuse_others() const;

  std::string path_, target_, aside_;  // as it is called, what is replaced, and what is written
  int descriptor_ = -1;
};

}  // namespace keratin::trainer
