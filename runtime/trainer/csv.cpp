// One pass over the mapped text. Most fields are plain numbers: those are converted where they stand, and only what is none is
// cut out and looked at.
#include "runtime/trainer/csv.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <numeric>
#include <unordered_map>

#include "runtime/trainer/error.h"
#include "runtime/trainer/text.h"
#include "runtime/utf8.h"

namespace keratin::trainer {
namespace {

constexpr std::string_view kGaps[] = {"",     "NA",   "N/A",  "n/a",  "NaN", "nan",
                                      "null", "NULL", "None", "<NA>", "#N/A"};

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  return text;
}

/// Whether `text` is a finite number and nothing else.
bool to_number(std::string_view text, double& value) {
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range) value = std::strtod(std::string(text).c_str(), nullptr);
  return error != std::errc::invalid_argument && end == text.data() + text.size() && std::isfinite(value);
}

/// Goes through the text field by field.
class Scanner {
 public:
  Scanner(std::string_view text, char separator, const std::string& path)
      : at_(text.data()), end_(text.data() + text.size()), separator_(separator), path_(path) {
    if (text.starts_with("\xef\xbb\xbf")) at_ += 3;  // a byte order mark, as spreadsheets write
    while (end_ > at_ && (end_[-1] == '\n' || end_[-1] == '\r')) --end_;
  }

  bool at_end() const { return at_ == end_; }
  int64_t line() const { return line_; }

  /// The next field, if it is a plain number; otherwise nothing is read.
  bool plain_number(double& value) {
    const auto [stop, error] = std::from_chars(at_, end_, value);
    if (error != std::errc() || !std::isfinite(value)) return false;
    if (stop != end_ && *stop != separator_ && *stop != '\n') return false;
    at_ = stop;
    return true;
  }

  /// The next field's text, until the one after it is asked for.
  std::string_view field() {
    if (at_ == end_ || *at_ != '"') {
      const char* const begin = at_;
      while (at_ != end_ && *at_ != separator_ && *at_ != '\n') ++at_;
      std::string_view text(begin, static_cast<size_t>(at_ - begin));
      if (text.ends_with('\r')) text.remove_suffix(1);
      return text;
    }
    quoted_.clear();
    for (++at_;; ++at_) {
      if (at_ == end_) fail("a quoted field does not end");
      if (*at_ == '"' && (++at_ == end_ || *at_ != '"')) break;  // a doubled quote is one of the text
      if (*at_ == '\n') ++line_;
      quoted_ += *at_;
    }
    return quoted_;
  }

  /// Whether another field follows in this line; otherwise goes on to the next line.
  bool next() {
    if (accept(separator_)) return true;
    accept('\r');
    if (at_ != end_ && !accept('\n')) fail("text behind a quoted field");
    ++line_;
    return false;
  }

  [[noreturn]] void fail(const std::string& message) const {
    throw Error(ErrorKind::data, message, cat(path_, ": line ", line_));
  }

 private:
  bool accept(char c) {
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }

  const char *at_, *end_;
  char separator_;
  const std::string& path_;
  int64_t line_ = 1;
  std::string quoted_;
};

constexpr const char* kRecode = "iconv -f LATIN1 -t UTF-8 makes UTF-8 of such files";

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
    const size_t size = byte(0) < 0x80 ? 1 : byte(0) < 0xe0 ? 2 : byte(0) < 0xf0 ? 3 : 4;
    if (size > text.size()) return false;
    uint32_t code = size == 1 ? byte(0) : byte(0) & (0x7fU >> size);
    for (size_t i = 1; i < size; ++i) code = code << 6 | (byte(i) & 0x3fU);
    unsigned char again[4];  // there is one way to write a character
    if (krt_utf8(code, again) != size || std::memcmp(again, text.data(), size) != 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

/// The different words of a column, numbered as they come.
class Words {
 public:
  double number(std::string_view word) {
    const auto found = numbers_.find(word);
    if (found != numbers_.end()) return static_cast<double>(found->second);
    return static_cast<double>(numbers_.emplace(std::string(word), numbers_.size()).first->second);
  }

  /// Sorted; `places` gets where each word went, by its number.
  std::vector<std::string> sorted(std::vector<double>& places) const {
    std::vector<std::string> words(numbers_.size());
    for (const auto& [word, number] : numbers_) words[number] = word;
    std::vector<size_t> order(words.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return words[a] < words[b]; });
    places.resize(words.size());
    for (size_t i = 0; i < order.size(); ++i) places[order[i]] = static_cast<double>(i);
    std::sort(words.begin(), words.end());
    return words;
  }

 private:
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  std::unordered_map<std::string, size_t, Hash, std::equal_to<>> numbers_;
};

/// Reads rows into a table.
class Filler {
 public:
  Filler(Scanner& scanner, const std::string& path, const std::vector<std::string>& columns,
         std::vector<FieldKind> kinds, const std::string& hint)
      : scanner_(scanner),
        path_(path),
        columns_(columns),
        kinds_(std::move(kinds)),
        hint_(hint),
        words_(kinds_.size()) {}

  /// Reads one line. `out`: room for its values.
  void row(double* out) {
    const int64_t line = scanner_.line();
    size_t column = 0;
    do {
      if (column < kinds_.size() && kinds_[column] != FieldKind::ignored)
        *out++ = value(column, line);
      else
        scanner_.field();
      ++column;
    } while (scanner_.next());
    if (column == kinds_.size()) return;
    throw Error(
        ErrorKind::data,
        cat("has ", counted(static_cast<int64_t>(column), "field"), ", the header line has ", kinds_.size()),
        cat(path_, ": line ", line));
  }

  /// Words in sorted order, in the table that was filled.
  void finish(Table& table) const {
    auto* values = reinterpret_cast<double*>(table.values.mutable_data());
    for (size_t column = 0; column < kinds_.size(); ++column) {
      if (kinds_[column] == FieldKind::ignored) continue;
      const size_t kept = table.columns.size();
      table.columns.push_back(columns_[column]);
      std::vector<double> places;
      table.words.push_back(words_[column].sorted(places));
      if (places.empty()) continue;
      const auto width = static_cast<size_t>(table.values.shape()[1]);
      for (size_t row = 0; row < static_cast<size_t>(table.rows()); ++row) {
        double& value = values[row * width + kept];
        if (!std::isnan(value)) value = places[static_cast<size_t>(value)];
      }
    }
  }

 private:
  double value(size_t column, int64_t line) {
    double number = 0;
    FieldKind& kind = kinds_[column];
    const bool is_of_numbers = kind == FieldKind::number || kind == FieldKind::label;
    if (is_of_numbers && scanner_.plain_number(number)) return decided(kind, number);
    const std::string_view text = scanner_.field();
    const std::string_view word = trimmed(text);
    constexpr double kGap = std::numeric_limits<double>::quiet_NaN();
    if (word.empty()) return kGap;
    if (kind == FieldKind::words) return number_of(column, word, line);
    if (is_of_numbers && to_number(word, number)) return decided(kind, number);
    if (std::find(std::begin(kGaps), std::end(kGaps), word) != std::end(kGaps)) return kGap;
    if (kind == FieldKind::label) kind = FieldKind::classes;
    if (kind == FieldKind::classes) return number_of(column, word, line);
    throw Error(ErrorKind::data, cat(quoted(text.substr(0, 40)), " is no finite number"),
                cat(path_, ": line ", line, ", column ", quoted(columns_[column])), hint_);
  }

  double number_of(size_t column, std::string_view word, int64_t line) {
    if (!is_utf8(word))
      throw Error(ErrorKind::data, "holds a word that is no UTF-8",
                  cat(path_, ": line ", line, ", column ", quoted(columns_[column])), kRecode);
    return words_[column].number(word);
  }

  static double decided(FieldKind& kind, double number) {
    if (kind == FieldKind::label) kind = FieldKind::number;
    return number;
  }

  Scanner& scanner_;
  const std::string& path_;
  const std::vector<std::string>& columns_;
  std::vector<FieldKind> kinds_;
  const std::string& hint_;
  std::vector<Words> words_;  // by column
};

/// Names that are numbers, but not 0, 1, 2, … as pandas calls columns without names.
bool is_row_of_numbers(const std::vector<std::string>& names) {
  bool counts = true;
  for (size_t i = 0; i < names.size(); ++i) {
    double number = 0;
    if (!to_number(names[i], number)) return false;
    counts &= number == static_cast<double>(i);
  }
  return !counts;
}

}  // namespace

int64_t Table::line(int64_t row) const { return static_cast<int64_t>(lines.number(row)); }

TableFile::TableFile(const std::string& path)
    : path_(path), file_(map_file(path)), separator_(path.ends_with(".tsv") ? '\t' : ',') {
  Scanner scanner(file_.bytes, separator_, path_);
  if (scanner.at_end()) throw Error(ErrorKind::data, "is empty", path);
  do columns_.emplace_back(trimmed(scanner.field()));
  while (scanner.next());
  if (!std::all_of(columns_.begin(), columns_.end(), is_utf8))
    throw Error(ErrorKind::data, "has a column whose name is no UTF-8", path, kRecode);
  if (is_row_of_numbers(columns_))
    throw Error(ErrorKind::data, "begins with numbers, not with a line of column names", path,
                "names are needed, such as a,b,label");
}

Table TableFile::read(const std::vector<FieldKind>& kinds, const std::string& hint) const {
  Scanner scanner(file_.bytes, separator_, path_);
  do scanner.field();
  while (scanner.next());
  const auto width =
      static_cast<int64_t>(kinds.size()) - std::count(kinds.begin(), kinds.end(), FieldKind::ignored);
  const int64_t most =
      std::count(file_.bytes.begin(), file_.bytes.end(), '\n') + 1;  // quoted ones are no rows
  Table table;
  table.values = Array(DType::f64, {most, width});
  table.lines = Array(DType::i64, {most});
  auto* values = reinterpret_cast<double*>(table.values.mutable_data());
  auto* lines = reinterpret_cast<int64_t*>(table.lines.mutable_data());
  Filler filler(scanner, path_, columns_, kinds, hint);
  int64_t rows = 0;
  for (; !scanner.at_end(); ++rows) {
    lines[rows] = scanner.line();
    filler.row(values + rows * width);
  }
  table.values = table.values.rows(0, rows);
  table.lines = table.lines.rows(0, rows);
  filler.finish(table);
  return table;
}

bool is_table(const std::string& path) { return path.ends_with(".csv") || path.ends_with(".tsv"); }

}  // namespace keratin::trainer
