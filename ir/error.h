// Two kinds of failure, kept apart.
//
// `Error` is for the user: their file, their model, their command line. It says what was wrong, where, and
// what would work, and carries the process's exit code. It is thrown, and caught once, by the command line
// (or by the caller of the C++ API).
//
// `KERATIN_CHECK` is for us: an invariant of the compiler does not hold. It prints what it knows and aborts.
#pragma once

#include <exception>
#include <string>

namespace keratin {

/// Why an Error was raised; the values are the process's exit codes (sysexits.h, and 2 for usage).
enum class ErrorKind : int {
  usage = 2,           ///< the command line is wrong
  data = 65,           ///< an input file or array is malformed or does not fit the model
  no_input = 66,       ///< an input file is missing or cannot be read
  unsupported = 69,    ///< well-formed, but not something that Keratin compiles
  cannot_create = 73,  ///< an output cannot be created
  io = 74,             ///< reading or writing failed midway
};

/// A failure that the user can mend.
class Error : public std::exception {
 public:
  /// `message`: what was wrong, lower case, no full stop. `where`: file, layer, op, line; may be empty.
  /// `hint`: what would work; may be empty.
  Error(ErrorKind kind, std::string message, std::string where = {}, std::string hint = {});

  ErrorKind kind() const { return kind_; }
  const std::string& message() const { return message_; }
  const std::string& where() const { return where_; }
  const std::string& hint() const { return hint_; }

  /// "where: message" and, on a line of its own, "hint: …".
  const char* what() const noexcept override { return text_.c_str(); }

  /// The same error seen from further out: `outer` is put in front of `where()`.
  Error within(const std::string& outer) const;
  /// Says that it occurred elsewhere. To be caught, told so and thrown on, whatever error it is.
  void move_to(std::string where);
  void move_within(const std::string& outer);

 private:
  void write_text();

  ErrorKind kind_;
  std::string message_, where_, hint_, text_;
};

[[noreturn]] void check_failed(const char* file, int line, const char* condition, const std::string& detail);

}  // namespace keratin

/// Aborts with `detail` (any expression convertible to std::string, evaluated on failure only).
#define KERATIN_CHECK(condition, detail)                                               \
  do {                                                                                 \
    if (!(condition)) ::keratin::check_failed(__FILE__, __LINE__, #condition, detail); \
  } while (false)
