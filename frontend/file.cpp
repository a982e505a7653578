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

}  // namespace

std::string read_file(const std::string& path) { return read_all(path, 0); }

std::string read_file_in(const std::string& folder, const std::string& name) {
  return read_all(cat(folder, "/", name), O_NOFOLLOW);
}

void write_file(const std::string& path, std::string_view bytes) {
  std::string aside;
  Descriptor file = create_aside(path, aside);
  if (!file) fail(ErrorKind::cannot_create, "cannot create", path);
  const auto give_up = [&](ErrorKind kind, const char* what) {
    const int reason = errno;
    ::unlink(aside.c_str());
    errno = reason;
    fail(kind, what, path);
  };

  while (!bytes.empty()) {
    const ssize_t n = ::write(file.get(), bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) give_up(ErrorKind::io, "cannot write");
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  if (::fsync(file.get()) != 0 || !file.close()) give_up(ErrorKind::io, "cannot write");
  if (::rename(aside.c_str(), path.c_str()) != 0) give_up(ErrorKind::cannot_create, "cannot create");
  // The rename itself is durable once the folder is; some file systems refuse to sync folders, and that is fine.
  const Descriptor folder(::open(folder_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder) ::fsync(folder.get());
}

}  // namespace keratin
