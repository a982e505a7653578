#include "ir/error.h"

#include <cstdio>
#include <cstdlib>
#include <utility>

namespace keratin {

Error::Error(ErrorKind kind, std::string message, std::string where, std::string hint)
    : kind_(kind), message_(std::move(message)), where_(std::move(where)), hint_(std::move(hint)) {
  write_text();
}

void Error::write_text() {
  text_ = where_.empty() ? message_ : where_ + ": " + message_;
  if (!hint_.empty()) text_ += "\nhint: " + hint_;
}

Error Error::within(const std::string& outer) const {
  Error error = *this;
  error.move_within(outer);
  return error;
}

void Error::move_to(std::string where) {
  where_ = std::move(where);
  write_text();
}

void Error::move_within(const std::string& outer) {
  if (!outer.empty()) move_to(where_.empty() ? outer : outer + ": " + where_);
}

void check_failed(const char* file, int line, const char* condition, const std::string& detail) {
  std::fflush(stdout);
  std::fprintf(stderr, "keratin: internal error at %s:%d: %s\n%s\n", file, line, condition, detail.c_str());
  std::abort();
}

}  // namespace keratin
