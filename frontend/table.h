// Tables in the look of Keras's summaries: heavy lines around the head, light ones between rows.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace keratin {

struct Column {
  std::string title;
  int64_t width;       ///< wanted, without the padding of one on either side
  bool right = false;  ///< flush right
};

/// The table's text, `width` characters wide: if the columns want more, each gives up the same. Long cells are wrapped.
std::string table_text(const std::vector<Column>& columns, const std::vector<std::vector<std::string>>& rows,
                       int64_t width);

/// Columns of the terminal: $COLUMNS, else what standard output says, else 80.
int64_t terminal_width();

/// "25,450".
std::string grouped(int64_t number);
/// "99.42 KB".
std::string memory_text(int64_t bytes);

}  // namespace keratin
