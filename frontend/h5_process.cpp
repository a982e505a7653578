#include "frontend/h5_process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <utility>

#include "frontend/descriptor.h"
#include "frontend/h5_stream.h"
#include "ir/error.h"
#include "ir/own_folder.h"
#include "ir/text.h"

namespace keratin {

namespace {

constexpr const char* kHelper = "keratin-h5";

std::string find_helper() {
  std::vector<std::string> tried;
  if (const char* folder = ::secure_getenv("KERATIN_LIBEXEC")) {
    tried.push_back(cat(folder, "/", kHelper));
  } else {
    // bin/.., lib/.. and, with a folder per architecture, lib/x86_64-linux-gnu/../..
    for (const char* up : {"/..", "/../.."})
      tried.push_back(cat(own_folder(), up, "/libexec/keratin/", kHelper));
  }
  for (const std::string& path : tried) {
    if (::access(path.c_str(), X_OK) == 0) return path;
  }
  throw Error(ErrorKind::no_input, cat("the program ", kHelper, ", which reads HDF5 files, is not installed"),
              join(tried, ", "), "set KERATIN_LIBEXEC to the folder that holds it");
}

[[noreturn]] void fail_to_start(int error, const std::string& where) {
  throw Error(ErrorKind::io, cat("cannot start ", kHelper, ": ", std::strerror(error)), where);
}

/// The descriptor under a number above 2: 0, 1 and 2 are what the child's are made from.
Descriptor above_standard(Descriptor fd, const std::string& where) {
  if (!fd) fail_to_start(errno, where);
  if (fd.get() > 2) return fd;
  Descriptor copy(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 3));
  if (!copy) fail_to_start(errno, where);
  return copy;
}

Descriptor memory_file(std::string_view bytes, const std::string& where) {
  Descriptor file = above_standard(Descriptor(::memfd_create(kHelper, MFD_CLOEXEC)), where);
  while (!bytes.empty()) {
    const ssize_t n = ::write(file.get(), bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail_to_start(errno, where);
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return file;
}

/// Starts `program`, with the argument `task` unless that is null, and with `in` and `out` as its descriptors 0 and 1 and no others but an empty 2; returns 0 or errno.
int spawn(const std::string& program, const char* task, int in, int out, pid_t& child) {
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&files);
  ::posix_spawnattr_init(&attributes);
  ::posix_spawn_file_actions_adddup2(&files, in, 0);
  ::posix_spawn_file_actions_adddup2(&files, out, 1);
  ::posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
  ::posix_spawn_file_actions_addclosefrom_np(&files, 3);
  sigset_t none, all;
  ::sigemptyset(&none);
  ::sigfillset(&all);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

  // Of the environment only what the dynamic linker may need: libhdf5 takes orders from some variables.
  std::string library_path = "LD_LIBRARY_PATH=";
  char* environment[] = {nullptr, nullptr};
  if (const char* value = ::secure_getenv("LD_LIBRARY_PATH")) {
    library_path += value;
    environment[0] = library_path.data();
  }
  std::string name = kHelper, argument = task ? task : "";
  char* arguments[] = {name.data(), task ? argument.data() : nullptr, nullptr};
  const int error = ::posix_spawn(&child, program.c_str(), &files, &attributes, arguments, environment);
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&files);
  return error;
}

}  // namespace

H5Process::H5Process(std::string_view bytes, const std::string& where, Task task)
    : task_(task), where_(where), buffer_(1 << 16) {
  const std::string program = find_helper();
  const Descriptor in = memory_file(bytes, where);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) fail_to_start(errno, where);
  Descriptor near_end(ends[0]), far_end(ends[1]);
  Descriptor from = above_standard(std::move(near_end), where);
  const Descriptor to = above_standard(std::move(far_end), where);
  if (const int error = spawn(program, task == Task::write ? "write" : nullptr, in.get(), to.get(), child_)) {
    child_ = -1;
    fail_to_start(error, where);
  }
  answer_ = from.release();
  // The child limits its own processor time; this is for a machine so busy, or a child so stuck, that it does not count.
  deadline_ =
      std::chrono::steady_clock::now() + std::chrono::seconds(20 + 10 * keratin_h5_seconds(bytes.size()));
}

H5Process::~H5Process() {
  if (answer_ >= 0) ::close(answer_);
  if (child_ < 0) return;
  ::kill(child_, SIGKILL);
  while (::waitpid(child_, nullptr, 0) < 0 && errno == EINTR) {}
}

void H5Process::fail(const std::string& reason) const {
  throw Error(
      ErrorKind::data,
      cat(task_ == Task::write ? "no HDF5 file can be made (" : "not a readable HDF5 file (", reason, ")"),
      where_);
}

size_t H5Process::receive(char* to, size_t n) {
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - std::chrono::steady_clock::now());
    if (left.count() <= 0) fail("it takes too long");
    pollfd waiting = {answer_, POLLIN, 0};
    const int ready = ::poll(&waiting, 1, static_cast<int>(std::min<int64_t>(left.count(), 60'000)));
    if (ready == 0 || (ready < 0 && errno == EINTR)) continue;
    const ssize_t got = ready < 0 ? -1 : ::read(answer_, to, n);
    if (got >= 0) return static_cast<size_t>(got);
    if (errno != EINTR)
      throw Error(ErrorKind::io, cat("cannot read from ", kHelper, ": ", std::strerror(errno)), where_);
  }
}

void H5Process::read(void* to, uint64_t n) {
  char* out = static_cast<char*>(to);
  while (n > 0) {
    if (at_ < filled_) {
      const size_t part = std::min<uint64_t>(n, filled_ - at_);
      std::memcpy(out, buffer_.data() + at_, part);
      at_ += part;
      out += part;
      n -= part;
      continue;
    }
    const bool direct = n >= buffer_.size();
    const size_t got = receive(direct ? out : buffer_.data(), direct ? n : buffer_.size());
    if (got == 0) fail(cause_of_death());
    if (direct) {
      out += got;
      n -= got;
    } else {
      at_ = 0;
      filled_ = got;
    }
  }
}

void H5Process::expect_end() {
  char beyond;
  if (at_ < filled_ || receive(&beyond, 1) != 0) fail("it leads the HDF5 library astray");
}

std::string H5Process::cause_of_death() {
  // Its end of the pipe closes a moment before it is dead; a child that closes it and lives on is ended later.
  for (int i = 0; i < 1000; ++i) {
    int status = 0;
    const pid_t ended = ::waitpid(child_, &status, WNOHANG);
    if (ended == 0 || (ended < 0 && errno == EINTR)) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      continue;
    }
    child_ = -1;
    // The kernel sends SIGXCPU at the soft limit and SIGKILL at the hard one.
    const bool late =
        ended > 0 && WIFSIGNALED(status) && (WTERMSIG(status) == SIGXCPU || WTERMSIG(status) == SIGKILL);
    return late ? "it takes too long" : "the HDF5 library fails on it";
  }
  return "the HDF5 library fails on it";
}

}  // namespace keratin
