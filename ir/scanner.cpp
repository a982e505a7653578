#include "ir/scanner.h"

#include <algorithm>
#include <charconv>

#include "ir/error.h"
#include "ir/text.h"
#include "ir/text_rules.h"

namespace keratin {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_word_character(char c) { return is_letter(c) || is_digit(c); }
bool is_number_character(char c) { return is_word_character(c) || c == '.' || c == '-' || c == '+'; }

template <typename Predicate>
std::string_view prefix(std::string_view text, Predicate holds) {
  return text.substr(0,
                     static_cast<size_t>(std::find_if_not(text.begin(), text.end(), holds) - text.begin()));
}

}  // namespace

Scanner::Place Scanner::place() {
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      ++at_;
    } else if (rest().starts_with("//")) {
      at_ = std::min(text_.find('\n', at_), text_.size());
    } else {
      break;
    }
  }
  return at_;
}

std::string Scanner::text_of(Place place) const {
  const std::string_view before = text_.substr(0, place);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const size_t last_break = before.rfind('\n');
  const size_t column = last_break == std::string_view::npos ? place + 1 : place - last_break;
  return cat(file_name_, ":", line, ":", column);
}

void Scanner::fail_at(Place place, std::string message, std::string hint) const {
  throw Error(ErrorKind::data, std::move(message), text_of(place), std::move(hint));
}

// Looking ahead.

bool Scanner::at(char c) {
  place();
  return directly_at(c);
}

bool Scanner::directly_at(char c) const { return at_ < text_.size() && text_[at_] == c; }

bool Scanner::at_word(std::string_view word) {
  place();
  return prefix(rest(), is_word_character) == word;
}

bool Scanner::at_number() {
  place();
  const std::string_view text = prefix(rest(), is_number_character);
  return !text.empty() && (is_digit(text[0]) || text[0] == '-' || text == "true" || text == "false" ||
                           text == "inf" || text == "nan");
}

// Punctuation and words.

bool Scanner::accept(char c) { return accept(std::string_view(&c, 1)); }

bool Scanner::accept(std::string_view punctuation) {
  place();
  if (!rest().starts_with(punctuation)) return false;
  at_ += punctuation.size();
  return true;
}

bool Scanner::accept_word(std::string_view word) {
  if (!at_word(word)) return false;
  at_ += word.size();
  return true;
}

void Scanner::expect(char c) { expect(std::string_view(&c, 1)); }

void Scanner::expect(std::string_view punctuation) {
  if (!accept(punctuation)) fail(cat("expected ", punctuation));
}

std::string_view Scanner::word() {
  place();
  const std::string_view word = prefix(rest(), is_word_character);
  at_ += word.size();
  return word;
}

std::string Scanner::name() {
  if (directly_at('"')) return quoted_text();
  const std::string_view name = prefix(rest(), is_name_character);
  if (name.empty()) fail("expected a name");
  at_ += name.size();
  return std::string(name);
}

std::string Scanner::quoted_text() {
  const Place start = place();
  if (!directly_at('"')) fail("expected a text in quotes");
  size_t end = start + 1;
  while (end < text_.size() && text_[end] != '"' && text_[end] != '\n') end += text_[end] == '\\' ? 2 : 1;
  if (end >= text_.size() || text_[end] != '"') fail("a text in quotes does not end");
  const std::optional<std::string> text = parse_quoted(text_.substr(start, end + 1 - start));
  if (!text) fail("an unknown escape in a text in quotes");
  at_ = end + 1;
  return *text;
}

// Numbers.

int64_t Scanner::integer() {
  constexpr int64_t kLargest = int64_t{1} << 48;
  const Place start = place();
  int64_t value = 0;
  const auto [last, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
  if (error == std::errc::invalid_argument) fail_at(start, "expected a whole number");
  if (error != std::errc() || value > kLargest || value < -kLargest)
    fail_at(start, "the number is too large");
  at_ = static_cast<size_t>(last - text_.data());
  return value;
}

Dim Scanner::dimension() {
  const Place start = place();
  const bool has_number = at_ < text_.size() && is_digit(text_[at_]);
  const int64_t coefficient = has_number ? integer() : 1;
  if (directly_at('{')) {
    const Dim computed = quotient();
    return Dim(coefficient * computed.coef, computed.symbol);
  }
  const std::string_view symbol = prefix(rest(), is_word_character);
  if (symbol.empty()) {
    if (!has_number) fail_at(start, "expected a dimension");
    return Dim(coefficient);
  }
  if (!Symbol::is_valid(symbol)) {
    fail_at(start, cat(quoted(symbol), " is no name of a dimension"),
            "up to seven letters, digits and _, a letter first");
  }
  at_ += symbol.size();
  return Dim(coefficient, Symbol(symbol));
}

Dim Scanner::quotient() {
  expect('{');
  const Place start = place();
  const bool has_most = rest().starts_with("min(");
  if (has_most) at_ += 4;
  const bool has_brackets = accept('(');
  const Dim of = dimension();
  if (of.is_static()) fail_at(start, "expected a symbol");
  const bool is_sum = directly_at('+');
  const int64_t plus = is_sum || directly_at('-') ? (at_ += is_sum, integer()) : 0;
  if (has_brackets) expect(')');
  const int64_t over = accept('/') ? integer() : 1;
  if (over < 1) fail_at(start, "a divisor is at least 1");
  Dim computed = keratin::quotient(of, plus, over);
  if (has_most) {
    expect(',');
    computed = at_most(computed, integer());
    expect(')');
  }
  expect('}');
  return computed;
}

std::string_view Scanner::number_text() {
  if (!at_number()) fail("expected a number");
  const std::string_view text = prefix(rest(), is_number_character);
  at_ += text.size();
  return text;
}

Scalar Scanner::number() {
  const Place start = place();
  const std::string_view text = number_text();
  DType dtype = DType::f32;
  if (text == "true" || text == "false") {
    dtype = DType::boolean;
  } else if (directly_at(':') && at_ + 1 < text_.size() && is_letter(text_[at_ + 1])) {
    ++at_;
    const std::string_view suffix = prefix(rest(), is_word_character);
    at_ += suffix.size();
    const std::optional<DType> named = parse_dtype(suffix);
    if (!named) fail_at(start, cat("no type is called ", quoted(suffix)));
    dtype = *named;
  } else if (prefix(text, [](char c) { return is_digit(c) || c == '-'; }) == text) {
    fail_at(start, cat("the type of ", text, " is not clear"), cat("write ", text, ".0 or ", text, ":i32"));
  }
  const std::optional<Scalar> value = parse_element(text, dtype);
  if (!value) fail_at(start, cat(quoted(text), " is not a number of ", dtype));
  return *value;
}

}  // namespace keratin
