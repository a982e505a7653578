// Errors of the trainer's runtime, which knows nothing of the compiler: what was wrong, where, and what would work.
#pragma once

#include <exception>
#include <string>

namespace keratin::trainer {

/// Why an Error was raised; the values are the process's exit codes (sysexits.h, and 2 for usage).
enum class ErrorKind : int {
  usage = 2,           ///< the command line is wrong
  numerics = 3,        ///< training came to numbers that are none
  data = 65,           ///< a file or an array is malformed or does not fit the model
  no_input = 66,       ///< an input file is missing or cannot be read
  cannot_create = 73,  ///< an output cannot be created
  io = 74,             ///< reading or writing failed midway
};

/// A failure that the user can mend.
class Error : public std::exception {
 public:
  /// `message`: what was wrong, lower case, no full stop. `where`: file, array, row. `hint`: what would work. The latter two
  /// may be empty.
  Error(ErrorKind kind, std::string message, std::string where = {}, std::string hint = {});

  ErrorKind kind() const { return kind_; }
  const std::string& message() const { return message_; }
  const std::string& where() const { return where_; }
  const std::string& hint() const { return hint_; }
  /// "where: message" and, on a line of its own, "hint: …".
  const char* what() const noexcept override { return text_.c_str(); }

 private:
  ErrorKind kind_;
  std::string message_, where_, hint_, text_;
};

}  // namespace keratin::trainer
