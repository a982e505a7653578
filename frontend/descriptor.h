// A file descriptor that closes itself.
#pragma once

#include <unistd.h>

#include <utility>

namespace keratin {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(other.release()) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  explicit operator bool() const { return fd_ >= 0; }
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }
  /// For written files: whether closing went well, which may be where a full disk is reported.
  bool close() { return ::close(release()) == 0; }

 private:
  int fd_;
};

}  // namespace keratin
