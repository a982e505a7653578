// Scans whose steps treat every row of a batch by itself: some rows can then go through all steps before, or beside, the others.
#pragma once

#include <optional>

#include "ir/graph.h"

namespace keratin {

/// The free dimension that is the first axis of a scan's state and of all that its steps compute, if row i of all results depends
/// on row i of the operands alone; nothing if that cannot be said, or if there is another free dimension in a step.
std::optional<Dim> independent_rows(const Node& scan);

/// True if the first axis of a value of such a scan's body is its rows.
bool has_rows(const Type& type, Dim rows);

/// The body for `count` rows in place of `rows`. Its nodes are numbered as before.
Function with_rows(const Function& body, Dim rows, int64_t count);

}  // namespace keratin
