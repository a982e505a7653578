// The characters of a text in the text form, with the place of each: words, names, numbers, punctuation.
//
// Space and // comments are skipped in front of everything. Errors are Error(data), "file:line:column: message".
#pragma once

#include <string>
#include <string_view>

#include "ir/tensor.h"
#include "ir/type.h"

namespace keratin {

class Scanner {
 public:
  using Place = size_t;

  Scanner(std::string_view text, std::string file_name) : text_(text), file_name_(std::move(file_name)) {}

  /// The place of what comes next.
  Place place();
  std::string text_of(Place place) const;  ///< "file:line:column"
  [[noreturn]] void fail(std::string message) { fail_at(place(), std::move(message)); }
  [[noreturn]] void fail_at(Place place, std::string message, std::string hint = {}) const;

  bool at_end() { return place() == text_.size(); }
  bool at(char c);
  bool directly_at(char c) const;  ///< without space in between
  bool at_word(std::string_view word);
  bool at_number();

  bool accept(char c);
  bool accept(std::string_view punctuation);
  bool accept_word(std::string_view word);
  void expect(char c);
  void expect(std::string_view punctuation);

  std::string_view word();  ///< letters, digits, _; empty if there is none
  std::string name();       ///< behind % or @: plain or quoted
  std::string quoted_text();
  int64_t integer();  ///< of at most 48 bits, so that sums of some do not overflow
  Dim dimension();    ///< "32", "N", "4N", "3{T-2}"
  Dim quotient();     ///< "{T-2}", "{(2T+1)/3}", "{min(T,5)}"
  std::string_view number_text();
  Scalar number();  ///< "0.5", "3:i32", "true"

 private:
  std::string_view rest() const { return text_.substr(at_); }

  std::string_view text_;
  std::string file_name_;
  size_t at_ = 0;
};

}  // namespace keratin
