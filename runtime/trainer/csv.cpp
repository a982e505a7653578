#include "runtime/trainer/csv.h"

#include <charconv>
#include <cmath>
#include <cstdlib>

#include "runtime/trainer/error.h"
#include "runtime/trainer/file.h"
#include "runtime/trainer/text.h"

namespace keratin::trainer {
namespace {

class CsvReader {
 public:
  CsvReader(std::string_view text, const std::string& where) : text_(text), where_(where) {
    if (text_.starts_with("\xef\xbb\xbf"))
      text_.remove_prefix(3);  // a byte order mark, as spreadsheets write
    while (text_.ends_with('\n') || text_.ends_with('\r')) text_.remove_suffix(1);
  }

  bool at_end() const { return at_ >= text_.size(); }
  int64_t line() const { return line_; }

  /// The fields of the next line.
  const std::vector<std::string>& record() {
    size_t count = 0;
    do {
      if (count == fields_.size()) fields_.emplace_back();
      field(fields_[count++]);
    } while (accept(','));
    fields_.resize(count);
    accept('\r');
    if (!accept('\n') && !at_end()) fail("text behind a quoted field");
    return fields_;
  }

  [[noreturn]] void fail(const std::string& message, const std::string& hint = {}) const {
    throw Error(ErrorKind::data, message, cat(where_, ": line ", line_), hint);
  }

 private:
  bool accept(char c) {
    if (at_end() || text_[at_] != c) return false;
    ++at_;
    if (c == '\n') ++line_;
    return true;
  }

  void field(std::string& out) {
    out.clear();
    if (!accept('"')) {
      const size_t end = std::min(text_.find_first_of(",\n", at_), text_.size());
      out = text_.substr(at_, end - at_);
      at_ = end;
      if (out.ends_with('\r')) out.pop_back();
      return;
    }
    while (true) {
      if (at_end()) fail("a quoted field does not end");
      const char c = text_[at_++];
      if (c == '"' && !accept('"')) return;  // a doubled quote is one of the text
      if (c == '\n') ++line_;
      out += c;
    }
  }

  std::string_view text_;
  const std::string& where_;
  size_t at_ = 0;
  int64_t line_ = 1;
  std::vector<std::string> fields_;
};

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  return text;
}

}  // namespace

Table read_csv(const std::string& path) {
  const MappedFile file = map_file(path);
  CsvReader reader(file.bytes, path);
  if (reader.at_end()) throw Error(ErrorKind::data, "is empty", path);
  Table table;
  for (const std::string& name : reader.record()) table.columns.emplace_back(trimmed(name));

  while (!reader.at_end()) {
    const int64_t line = reader.line();
    const std::vector<std::string>& fields = reader.record();
    const std::string where = cat(path, ": line ", line);
    if (fields.size() != table.columns.size()) {
      throw Error(ErrorKind::data,
                  cat("has ", counted(static_cast<int64_t>(fields.size()), "field"), ", the header line has ",
                      table.columns.size()),
                  where);
    }
    for (size_t i = 0; i < fields.size(); ++i) {
      std::string_view digits = trimmed(fields[i]);
      if (digits.starts_with('+') && !digits.starts_with("+-")) digits.remove_prefix(1);
      double value = 0;
      const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
      if (error == std::errc::result_out_of_range) value = std::strtod(std::string(digits).c_str(), nullptr);
      if (error != std::errc::invalid_argument && end == digits.data() + digits.size() &&
          std::isfinite(value)) {
        table.values.push_back(value);
        continue;
      }
      throw Error(
          ErrorKind::data,
          fields[i].empty() ? "is empty" : cat(quoted(fields[i].substr(0, 40)), " is no finite number"),
          cat(where, ", column ", quoted(table.columns[i])),
          "words become numbers, and gaps are filled, before training");
    }
    table.lines.push_back(line);
  }
  return table;
}

}  // namespace keratin::trainer
