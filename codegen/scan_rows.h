// Scans whose steps treat every row of a batch by itself: some rows can then go through all steps before, or beside, the others.
#pragma once

#include <optional>
#include <vector>

#include "passes/blocks.h"

namespace keratin {

struct ScanRows {
  Dim all;  ///< how many there are
  std::vector<BlockedAxes>
      params;  ///< of the body: where they have rows (0); without any they serve all rows alike
};

/// Rows of a scan's state and of all that its steps put out, if row i of these depends on row i of the operands alone; nothing if
/// that cannot be said. All values that a block of rows is computed from have the same shape then whatever the number of rows.
std::optional<ScanRows> independent_rows(const Node& scan);

/// The body of a scan with independent rows, for `count` of them in place of all. Its nodes are numbered as before.
Function with_rows(const Node& scan, Dim all, int64_t count);

}  // namespace keratin
