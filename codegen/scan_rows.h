// Scans whose steps treat every row of a batch by itself: some rows can then go through all steps before, or beside, the others.
#pragma once

#include <optional>
#include <vector>

#include "ir/graph.h"

namespace keratin {

struct ScanRows {
  Dim all;  ///< how many there are
  std::vector<bool>
      params;  ///< of the body: whether their first axis is the rows; otherwise they serve all rows alike
};

/// Rows of a scan's state and of all that its steps put out, if row i of these depends on row i of the operands alone; nothing if
/// that cannot be said. All values of such a scan's body have rows as their first axis, or none; other dimensions are numbers.
std::optional<ScanRows> independent_rows(const Node& scan);

/// The body of a scan with independent rows, for `count` of them in place of all. Its nodes are numbered as before.
Function with_rows(const Node& scan, Dim all, int64_t count);

}  // namespace keratin
