#include "runtime/trainer/csv_logger.h"

#include <algorithm>
#include <cmath>

#include "runtime/trainer/text.h"

namespace keratin::trainer {
namespace {

constexpr std::string_view kRowEnd = "\r\n";

/// The first epoch's names in order; those of a validation too, which may come later.
std::vector<std::string> columns_of(const Logs& logs) {
  std::vector<std::string> columns;
  for (const auto& [name, value] : logs) columns.push_back(name);
  std::sort(columns.begin(), columns.end());
  const auto validates = [](const std::string& name) { return name.starts_with("val_"); };
  if (std::any_of(columns.begin(), columns.end(), validates)) return columns;
  const size_t n = columns.size();
  for (size_t i = 0; i < n; ++i) columns.push_back("val_" + columns[i]);
  return columns;
}

/// As Python's csv writes a text.
std::string field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string field = "\"";
  for (const char c : text) field += cat(c == '"' ? "\"" : "", c);
  return field + '"';
}

/// As Python's repr writes a float.
std::string field(double value) { return std::isfinite(value) ? json_number(value) : to_text(value); }

}  // namespace

void CsvLogger::on_epoch_begin(Training& training, int64_t) { begin(training.history()); }
void CsvLogger::on_resume(Training& training, int64_t, int64_t) { begin(training.history()); }
void CsvLogger::on_epoch_end(Training& training, int64_t epoch, Logs& logs) {
  const History& history = training.history();
  if (add_columns(logs)) {
    if (!history.epochs.empty()) file_.emplace(path_);
    file_->append(table(history));
  }
  file_->append(row(epoch, logs));
}
void CsvLogger::on_train_end(Training& training) { begin(training.history()); }

void CsvLogger::begin(const History& history) {
  if (file_) return;
  file_.emplace(path_);
  for (const Logs& logs : history.epochs) add_columns(logs);
  if (!columns_.empty()) file_->append(table(history));
}

/// Those that are new. False if there are none.
bool CsvLogger::add_columns(const Logs& logs) {
  const size_t before = columns_.size();
  if (columns_.empty()) columns_ = columns_of(logs);
  for (const auto& [name, value] : logs)
    if (std::find(columns_.begin(), columns_.end(), name) == columns_.end()) columns_.push_back(name);
  return columns_.size() > before;
}

std::string CsvLogger::table(const History& history) const {
  std::string text = "epoch";
  for (const std::string& column : columns_) text += cat(",", field(column));
  text += kRowEnd;
  int64_t epoch = history.first_epoch;
  for (const Logs& logs : history.epochs) text += row(epoch++, logs);
  return text;
}

std::string CsvLogger::row(int64_t epoch, const Logs& logs) const {
  std::string text = to_text(epoch);
  for (const std::string& column : columns_) {
    const double* value = find_log(logs, column);
    text += cat(",", value == nullptr ? "NA" : field(*value));
  }
  return text += kRowEnd;
}

}  // namespace keratin::trainer
