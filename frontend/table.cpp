#include "frontend/table.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "ir/text.h"

namespace keratin {
namespace {

/// Widths of the columns with their padding: the excess over `width` is shared out evenly, from the left, each share being
/// rounded (halves to even) and taken off what is still to share.
std::vector<int64_t> fitted(const std::vector<Column>& columns, int64_t width) {
  std::vector<int64_t> widths;
  int64_t excess = static_cast<int64_t>(columns.size()) + 1 - width;
  for (const Column& column : columns) {
    widths.push_back(column.width + 2);
    excess += widths.back();
  }
  for (size_t i = 0; i < widths.size() && excess > 0; ++i) {
    const double share = std::nearbyint(static_cast<double>(excess) / static_cast<double>(widths.size() - i));
    const int64_t given = std::min(static_cast<int64_t>(share), widths[i] - 3);
    widths[i] -= given;
    excess -= given;
  }
  return widths;
}

/// How many bytes at `at` make one character of UTF-8.
size_t character_bytes(std::string_view text, size_t at) {
  size_t end = at + 1;
  while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) ++end;
  return end - at;
}

int64_t characters(std::string_view text) {
  int64_t count = 0;
  for (size_t at = 0; at < text.size(); at += character_bytes(text, at)) ++count;
  return count;
}

/// `text` in lines of at most `width` characters, broken at spaces; a longer word is cut.
std::vector<std::string> wrapped(std::string_view text, int64_t width) {
  std::vector<std::string> lines(1);
  while (!text.empty()) {
    std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
    const int64_t taken = characters(lines.back()), space = taken > 0 ? 1 : 0;
    if (taken + space + characters(word) <= width) {
      lines.back() += cat(space > 0 ? " " : "", word);
      continue;
    }
    if (taken > 0) lines.emplace_back();
    while (characters(word) > width) {
      for (int64_t i = 0; i < width; ++i) {
        const size_t bytes = character_bytes(word, 0);
        lines.back() += word.substr(0, bytes);
        word.remove_prefix(bytes);
      }
      lines.emplace_back();
    }
    lines.back() += word;
  }
  return lines;
}

std::string repeated(std::string_view part, int64_t times) {
  std::string out;
  for (int64_t i = 0; i < times; ++i) out += part;
  return out;
}

/// A horizontal line: "┏━━━┳━━━┓".
std::string rule(const std::vector<int64_t>& widths, std::string_view left, std::string_view line,
                 std::string_view cross, std::string_view right) {
  std::string out(left);
  for (size_t i = 0; i < widths.size(); ++i) out += cat(i > 0 ? cross : "", repeated(line, widths[i]));
  return cat(out, right, "\n");
}

std::string row_text(const std::vector<Column>& columns, const std::vector<int64_t>& widths,
                     const std::vector<std::string>& cells, std::string_view bar) {
  std::vector<std::vector<std::string>> lines;
  size_t height = 1;
  for (size_t i = 0; i < cells.size(); ++i) {
    lines.push_back(wrapped(cells[i], widths[i] - 2));
    height = std::max(height, lines.back().size());
  }
  std::string out;
  for (size_t line = 0; line < height; ++line) {
    out += bar;
    for (size_t i = 0; i < cells.size(); ++i) {
      const std::string text = line < lines[i].size() ? lines[i][line] : "";
      const std::string space(static_cast<size_t>(widths[i] - 2 - characters(text)), ' ');
      out += columns[i].right ? cat(" ", space, text, " ", bar) : cat(" ", text, space, " ", bar);
    }
    out += "\n";
  }
  return out;
}

}  // namespace

std::string table_text(const std::vector<Column>& columns, const std::vector<std::vector<std::string>>& rows,
                       int64_t width) {
  const std::vector<int64_t> widths = fitted(columns, width);
  std::vector<std::string> titles;
  for (const Column& column : columns) titles.push_back(column.title);
  std::string out = rule(widths, "┏", "━", "┳", "┓") + row_text(columns, widths, titles, "┃") +
                    rule(widths, "┡", "━", "╇", "┩");
  for (size_t i = 0; i < rows.size(); ++i) {
    if (i > 0) out += rule(widths, "├", "─", "┼", "┤");
    out += row_text(columns, widths, rows[i], "│");
  }
  return out + rule(widths, "└", "─", "┴", "┘");
}

int64_t terminal_width() {
  if (const char* text = std::getenv("COLUMNS")) {
    int64_t columns = 0;
    const std::string_view digits(text);
    std::from_chars(digits.data(), digits.data() + digits.size(), columns);
    if (columns > 0) return columns;
  }
  winsize size = {};
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

std::string grouped(int64_t number) {
  std::string digits = to_text(number);
  for (int64_t at = static_cast<int64_t>(digits.size()) - 3; at > 0; at -= 3)
    digits.insert(digits.begin() + at, ',');
  return digits;
}

std::string memory_text(int64_t bytes) {
  constexpr const char* kUnits[] = {"B", "KB", "MB", "GB", "TB", "PB"};
  double amount = static_cast<double>(bytes);
  size_t unit = 0;
  for (; amount >= 1024 && unit + 1 < std::size(kUnits); ++unit) amount /= 1024;
  char text[32];
  std::snprintf(text, sizeof text, "%.2f %s", amount, kUnits[unit]);
  return text;
}

}  // namespace keratin
