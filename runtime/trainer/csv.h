// Tables of numbers as text.
//
// A line of column names, then one line a sample. Fields are parted by commas and may stand in double quotes, in which ""
// is a quote and commas and line ends are text. Every field is a finite number.
#pragma once

#include <string>
#include <vector>

#include "runtime/trainer/array.h"

namespace keratin::trainer {

struct Table {
  std::vector<std::string> columns;
  std::vector<double> values;  ///< row by row
  std::vector<int64_t> lines;  ///< where each row begins, from 1
  int64_t rows() const { return static_cast<int64_t>(lines.size()); }
};

/// Throws Error(no_input), or Error(data) with the line and column.
Table read_csv(const std::string& path);

}  // namespace keratin::trainer
