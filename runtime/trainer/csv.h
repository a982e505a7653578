// Tables as text: .csv, or .tsv with tabs.
//
// A line of column names, then one line a sample. Fields may stand in double quotes, in which "" is a quote and separators and
// line ends are text. A field of numbers is a finite number or a gap: nothing, or NA, NaN, null and the like, as pandas
// writes. Of words that are features only nothing is a gap. Words are UTF-8.
#pragma once

#include <string>
#include <vector>

#include "runtime/trainer/array.h"
#include "runtime/trainer/file.h"

namespace keratin::trainer {

enum class FieldKind : uint8_t {
  ignored,
  number,
  words,
  classes,  ///< words of labels: NA and the like are gaps, too
  label,    ///< classes if the first one is no number
};

/// What was asked for of a table.
struct Table {
  std::vector<std::string> columns;
  Array values = Array(DType::f64, {0, 0});  ///< [rows, columns]; gaps are NaN, words their place in `words`
  std::vector<std::vector<std::string>>
      words;  ///< of each column: all that occur, sorted; none in columns of numbers
  Array lines = Array(DType::i64, {0});  ///< where each row begins, from 1

  int64_t rows() const { return lines.shape()[0]; }
  int64_t line(int64_t row) const;
};

class TableFile {
 public:
  /// Reads the line of names. Throws Error(no_input), or Error(data).
  explicit TableFile(const std::string& path);

  const std::vector<std::string>& columns() const { return columns_; }
  /// The columns that are not ignored. `kinds`: of all columns. `hint`: what would work where a word is among numbers. Throws
  /// Error(data) with line and column.
  Table read(const std::vector<FieldKind>& kinds, const std::string& hint = {}) const;

 private:
  std::string path_;
  MappedFile file_;
  char separator_;
  std::vector<std::string> columns_;
};

/// Whether a file's name says that it is a table.
bool is_table(const std::string& path);

}  // namespace keratin::trainer
