#include "frontend/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "frontend/descriptor.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {

namespace {

[[noreturn]] void fail(ErrorKind kind, const std::string& what, const std::string& path) {
  throw Error(kind, cat(what, ": ", std::strerror(errno)), path);
}

std::string read_all(const std::string& path, int extra_flags) {
  // Without O_NONBLOCK, opening a FIFO would wait for a writer.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | extra_flags));
  if (!file) {
    if (errno == ELOOP) throw Error(ErrorKind::data, "is a symbolic link", path);
    fail(ErrorKind::no_input, "cannot open", path);
  }
  struct stat status;
  if (::fstat(file.get(), &status) != 0) fail(ErrorKind::io, "cannot read", path);
  if (!S_ISREG(status.st_mode)) throw Error(ErrorKind::no_input, "is no regular file", path);

  std::string bytes(static_cast<size_t>(status.st_size), '\0');
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n = ::read(file.get(), bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail(ErrorKind::io, "cannot read", path);
    if (n == 0) throw Error(ErrorKind::io, "became shorter while it was read", path);
    done += static_cast<size_t>(n);
  }
  return bytes;
}

std::string folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

/// A new file beside `path`; its name goes to `aside`.
Descriptor create_aside(const std::string& path, std::string& aside) {
  for (int attempt = 0;; ++attempt) {
    aside = cat(path, ".", ::getpid(), "-", attempt, ".tmp");
    const int fd = ::open(aside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd >= 0 || errno != EEXIST || attempt == 1000) return Descriptor(fd);
  }
}

/// Whether all bytes were written; otherwise errno says why not.
bool write_all(const Descriptor& file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(file.get(), bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

}  // namespace

std::string read_file(const std::string& path) { return read_all(path, 0); }

std::string read_file_in(const std::string& folder, const std::string& name) {
  return read_all(cat(folder, "/", name), O_NOFOLLOW);
}

StagedFile::StagedFile(const std::string& path, std::string_view bytes) : path_(path) {
  struct stat status;
  if (::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
    // A device or pipe keeps its place and takes the bytes at once; a folder refuses them.
    Descriptor file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!file) fail(ErrorKind::cannot_create, "cannot create", path);
    if (!write_all(file, bytes) || !file.close()) fail(ErrorKind::io, "cannot write", path);
    return;
  }
  Descriptor file = create_aside(path, aside_);
  if (!file) {
    aside_.clear();
    fail(ErrorKind::cannot_create, "cannot create", path);
  }
  if (write_all(file, bytes) && ::fsync(file.get()) == 0 && file.close()) return;
  const int reason = errno;
  ::unlink(aside_.c_str());
  errno = reason;
  fail(ErrorKind::io, "cannot write", path);
}

StagedFile::~StagedFile() {
  if (!aside_.empty()) ::unlink(aside_.c_str());
}

void StagedFile::commit() {
  if (aside_.empty()) return;
  if (::rename(aside_.c_str(), path_.c_str()) != 0) fail(ErrorKind::cannot_create, "cannot create", path_);
  aside_.clear();
  // The rename itself is durable once the folder is; some file systems refuse to sync folders, and that is fine.
  const Descriptor folder(::open(folder_of(path_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder) ::fsync(folder.get());
}

void write_file(const std::string& path, std::string_view bytes) { StagedFile(path, bytes).commit(); }

}  // namespace keratin
