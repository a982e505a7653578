#include "runtime/trainer/growing_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "runtime/trainer/error.h"
#include "runtime/trainer/file.h"
#include "runtime/trainer/text.h"

namespace keratin::trainer {

GrowingFile::GrowingFile(const std::string& path) : path_(path) {
  // Without O_NONBLOCK, opening a FIFO would wait for a reader.
  descriptor_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0666);
  if (descriptor_ < 0)
    throw Error(ErrorKind::cannot_create, cat("cannot create: ", std::strerror(errno)), path);
}

GrowingFile::~GrowingFile() { ::close(descriptor_); }

void GrowingFile::append(std::string_view bytes) { write_all(descriptor_, bytes, path_); }

}  // namespace keratin::trainer
