#include "runtime/trainer/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

#include "runtime/trainer/error.h"
#include "runtime/trainer/text.h"

namespace keratin::trainer {
namespace {

[[noreturn]] void fail(ErrorKind kind, const std::string& what, const std::string& path) {
  throw Error(kind, cat(what, ": ", std::strerror(errno)), path);
}

/// Closes a descriptor where the block ends.
struct Closing {
  int descriptor;
  ~Closing() { ::close(descriptor); }
};

}  // namespace

bool stays_in_memory(size_t bytes) {
  const auto pages = static_cast<size_t>(std::max(::sysconf(_SC_PHYS_PAGES), 0L));
  size_t memory = pages * static_cast<size_t>(std::max(::sysconf(_SC_PAGESIZE), 0L));
  struct rlimit limit;
  if (::getrlimit(RLIMIT_DATA, &limit) == 0) memory = std::min<size_t>(memory, limit.rlim_cur);
  size_t of_container = 0;  // a number, or "max"
  if (std::ifstream("/sys/fs/cgroup/memory.max") >> of_container) memory = std::min(memory, of_container);
  return bytes < memory / 4;
}

std::shared_ptr<std::byte> map_scratch(size_t bytes) {
  const char* given = std::getenv("TMPDIR");
  const std::string folder = given != nullptr && *given != '\0' ? given : "/var/tmp";
  std::string path = cat(folder, "/keratin-XXXXXX");
  const int descriptor = ::mkostemp(path.data(), O_CLOEXEC);
  if (descriptor < 0)
    fail(ErrorKind::cannot_create, "cannot create a file for what memory does not hold", folder);
  const Closing closing{descriptor};
  ::unlink(path.c_str());
  const auto size = static_cast<off_t>(bytes);
  // Where no room is kept, writing to the mapping would end the process.
  if (::fallocate(descriptor, 0, 0, size) != 0 && (errno != EOPNOTSUPP || ::ftruncate(descriptor, size) != 0))
    throw Error(
        ErrorKind::io,
        cat("has no room for the ", bytes, " bytes that memory does not hold: ", std::strerror(errno)),
        folder, "another folder can be named: TMPDIR=FOLDER");
  void* mapped = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  if (mapped == MAP_FAILED) fail(ErrorKind::io, "cannot be mapped", folder);
  return {static_cast<std::byte*>(mapped), [bytes](std::byte* begin) { ::munmap(begin, bytes); }};
}

MappedFile map_file(const std::string& path) {
  // Without O_NONBLOCK, opening a FIFO would wait for a writer.
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) fail(ErrorKind::no_input, "cannot open", path);
  const Closing closing{descriptor};
  struct stat status;
  if (::fstat(descriptor, &status) != 0) fail(ErrorKind::io, "cannot read", path);
  if (!S_ISREG(status.st_mode)) throw Error(ErrorKind::no_input, "is no regular file", path);
  const auto size = static_cast<size_t>(status.st_size);
  if (size == 0) return {};
  // All pages at once cost half of what they cost one by one.
  const int at_once = stays_in_memory(size) ? MAP_POPULATE : 0;
  void* bytes = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE | at_once, descriptor, 0);
  if (bytes == MAP_FAILED) fail(ErrorKind::io, "cannot read", path);
  return {{static_cast<const char*>(bytes), size},
          std::shared_ptr<const void>(bytes, [size](void* mapped) { ::munmap(mapped, size); })};
}

std::string folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

void make_folder(const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error)
    throw Error(ErrorKind::cannot_create, cat("cannot create the folder: ", error.message()), folder);
}

std::string behind_links(const std::string& path) {
  constexpr int kMost = 40;  // as the system has it
  std::filesystem::path target = path;
  for (int links = 0; links <= kMost; ++links) {
    std::error_code is_none;
    const std::filesystem::path next = std::filesystem::read_symlink(target, is_none);
    if (is_none) return target;
    target = target.parent_path() / next;
  }
  errno = ELOOP;
  fail(ErrorKind::cannot_create, "cannot create", path);
}

void StagedFile::refuse_others() const {
  struct stat status;
  if (::stat(path_.c_str(), &status) == 0 && !S_ISREG(status.st_mode))
    throw Error(ErrorKind::cannot_create, S_ISDIR(status.st_mode) ? "is a folder" : "is no regular file",
                path_, "give the name of a file; it is made or replaced");
}

StagedFile::StagedFile(const std::string& path) : path_(path), target_(behind_links(path)) {
  refuse_others();
  for (int attempt = 0; descriptor_ < 0; ++attempt) {
    aside_ = cat(target_, ".", ::getpid(), "-", attempt, ".tmp");
    descriptor_ = ::open(aside_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor_ < 0 && (errno != EEXIST || attempt == 1000))
      fail(ErrorKind::cannot_create, "cannot create", path);
  }
}

StagedFile::StagedFile(const std::string& path, std::string aside)
    : path_(path), target_(path), aside_(std::move(aside)) {
  refuse_others();
  descriptor_ = ::open(aside_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
  if (descriptor_ < 0) fail(ErrorKind::cannot_create, "cannot create", path);
}

StagedFile::~StagedFile() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  ::unlink(aside_.c_str());
}

void write_all(int descriptor, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(descriptor, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail(ErrorKind::io, "cannot write", path);
    bytes.remove_prefix(static_cast<size_t>(n));
  }
}

void StagedFile::append(std::string_view bytes) { write_all(descriptor_, bytes, path_); }

void StagedFile::commit(const std::string& previous) {
  if (::fsync(descriptor_) != 0) fail(ErrorKind::io, "cannot write", path_);
  if (!previous.empty() && ::rename(target_.c_str(), previous.c_str()) != 0 && errno != ENOENT)
    fail(ErrorKind::cannot_create, "cannot rename what was there", path_);
  if (::rename(aside_.c_str(), target_.c_str()) != 0) fail(ErrorKind::cannot_create, "cannot create", path_);
  ::close(std::exchange(descriptor_, -1));
  // The rename itself is durable once the folder is; some file systems refuse to sync folders, and that is fine.
  const int folder = ::open(folder_of(target_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return;
  ::fsync(folder);
  ::close(folder);
}

}  // namespace keratin::trainer
