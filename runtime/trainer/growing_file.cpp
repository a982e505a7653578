#include "runtime/trainer/growing_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "runtime/trainer/error.h"
#include "runtime/trainer/text.h"

namespace keratin::trainer {
namespace {

[[noreturn]] void fail(ErrorKind kind, const std::string& what, const std::string& path) {
  throw Error(kind, cat(what, ": ", std::strerror(errno)), path);
}

}  // namespace

GrowingFile::GrowingFile(const std::string& path) : path_(path) {
  // Without O_NONBLOCK, opening a FIFO would wait for a reader.
  descriptor_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0666);
  if (descriptor_ < 0) fail(ErrorKind::cannot_create, "cannot create", path);
}

GrowingFile::~GrowingFile() { ::close(descriptor_); }

void GrowingFile::append(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(descriptor_, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail(ErrorKind::io, "cannot write", path_);
    bytes.remove_prefix(static_cast<size_t>(n));
  }
}

}  // namespace keratin::trainer
