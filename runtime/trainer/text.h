// Text made of parts: cat("row ", 3, " of ", name). Numbers are printed so that they read back exactly.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace keratin::trainer {

std::string to_text(double value);  ///< shortest form that reads back to the same double; inf, -inf, nan
std::string to_text(int64_t value);
std::string to_text(uint64_t value);
inline std::string to_text(char value) { return std::string(1, value); }
inline std::string to_text(std::string_view value) { return std::string(value); }
inline std::string to_text(const char* value) { return value; }
template <std::signed_integral T>
std::string to_text(T value) {
  return to_text(static_cast<int64_t>(value));
}
template <std::unsigned_integral T>
std::string to_text(T value) {
  return to_text(static_cast<uint64_t>(value));
}

/// The number that the whole of `text` is, in base ten. Nothing if there is anything else, as blanks or a plus, or if it is too large.
std::optional<int64_t> parse_integer(std::string_view text);
std::optional<double> parse_double(std::string_view text);  ///< also inf, -inf, nan

template <typename... Parts>
std::string cat(const Parts&... parts) {
  std::string out;
  (out.append(to_text(parts)), ...);
  return out;
}

/// The items' texts with `separator` between them.
template <typename Range>
std::string join(const Range& items, std::string_view separator) {
  std::string out;
  bool first = true;
  for (const auto& item : items) {
    if (!first) out += separator;
    first = false;
    out += to_text(item);
  }
  return out;
}

/// `text` between double quotes, escaped as JSON has it.
std::string quoted(std::string_view text);
/// As Python's json writes a float, which reads back as one: 1.0, NaN, Infinity.
std::string json_number(double value);
/// "1 sample", "2 samples".
std::string counted(int64_t n, std::string_view what);
/// "1,234,567".
std::string grouped(int64_t value);
/// The one of `words` most similar to `word`, or empty if none is similar.
std::string most_similar(std::string_view word, std::span<const std::string> words);

}  // namespace keratin::trainer
