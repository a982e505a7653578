#include "runtime/trainer/text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <numeric>
#include <vector>

namespace keratin::trainer {
namespace {

template <typename... Value>
std::string printed(Value... value_and_format) {
  char buffer[40];
  return {buffer, std::to_chars(buffer, buffer + sizeof buffer, value_and_format...).ptr};
}

template <typename Number>
std::optional<Number> parse(std::string_view text) {
  Number value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return {};
  return value;
}

/// How many letters have to be inserted, deleted or replaced to make `a` of `b`.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0]++;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replace = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replace, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace

std::string to_text(double value) {
  if (std::isnan(value)) return "nan";  // whatever its sign
  return printed(value);
}
std::string to_text(int64_t value) { return printed(value); }
std::string to_text(uint64_t value) { return printed(value); }

std::optional<int64_t> parse_integer(std::string_view text) { return parse<int64_t>(text); }
std::optional<double> parse_double(std::string_view text) { return parse<double>(text); }

std::string quoted(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += cat('\\', c);
    } else if (byte < 0x20) {
      out += cat("\\u00", kHex[byte >> 4], kHex[byte & 15]);
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string json_number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
  std::string text = printed(value, std::chars_format::scientific);
  const int exponent = std::atoi(text.c_str() + text.find('e') + 1);
  if (exponent < -4 || exponent >= 16) return text;
  text = printed(value, std::chars_format::fixed);
  return text.find('.') == std::string::npos ? text + ".0" : text;
}

std::string counted(int64_t n, std::string_view what) { return cat(n, " ", what, n == 1 ? "" : "s"); }

std::string grouped(int64_t value) {
  std::string text = to_text(value);
  const size_t first = value < 0 ? 1 : 0;
  for (size_t at = text.size(); at > first + 3;) text.insert(at -= 3, 1, ',');
  return text;
}

std::string most_similar(std::string_view word, std::span<const std::string> words) {
  std::string best;
  size_t least = 1 + word.size() / 3;
  for (const std::string& candidate : words) {
    const size_t distance = edit_distance(word, candidate);
    if (distance <= least && (best.empty() || distance < least)) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}

}  // namespace keratin::trainer
