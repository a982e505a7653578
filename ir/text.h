// Text made of parts: cat("dim ", 3, " of ", name). Numbers are printed so that they read back exactly.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace keratin {

std::string to_text(double value);  ///< shortest form that reads back to the same double; inf, -inf, nan
std::string to_text(float value);   ///< the same for float
std::string to_text(int64_t value);
std::string to_text(uint64_t value);
inline std::string to_text(bool value) { return value ? "true" : "false"; }
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

/// `text` between double quotes, with ", \ and control characters escaped; parse_quoted undoes it.
std::string quoted(std::string_view text);
/// The text within; nothing if `text`, quotes included, is not what quoted() writes.
std::optional<std::string> parse_quoted(std::string_view text);

}  // namespace keratin
