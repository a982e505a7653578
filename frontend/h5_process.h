// The process that parses or makes an HDF5 file: started on the bytes of a file, or on what a file shall hold, read from, and
// ended with this object.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace keratin {

class H5Process {
 public:
  enum class Task : uint8_t { read, write };

  /// Starts keratin-h5, which sees nothing but `bytes`. It is looked for in $KERATIN_LIBEXEC, else in
  /// libexec/keratin beside the folder of the running program, or of the library that this is part of.
  /// Throws Error(no_input) if it is not there, Error(io) if the system has no room for it. `where`: the file's name in errors.
  H5Process(std::string_view bytes, const std::string& where, Task task = Task::read);
  H5Process(const H5Process&) = delete;
  H5Process& operator=(const H5Process&) = delete;
  ~H5Process();

  /// Exactly `n` bytes of its answer. If it ends, or answers too slowly, throws Error(data) with what is known of why.
  void read(void* to, uint64_t n);
  /// Throws Error(data) unless the answer ends here.
  void expect_end();
  [[noreturn]] void fail(const std::string& reason) const;

 private:
  size_t receive(char* to, size_t n);  // at most n bytes; 0 at the end
  std::string cause_of_death();

  Task task_;
  std::string where_;
  pid_t child_ = -1;
  int answer_ = -1;
  std::chrono::steady_clock::time_point deadline_;
  std::vector<char> buffer_;  // received, not yet read: from at_ to filled_
  size_t at_ = 0, filled_ = 0;
};

}  // namespace keratin
