// Places along an axis as Python counts them, negative ones from the end, where the axis may have a free length.
//
// What is taken of a free axis is there at all lengths (x[:, 0], x[:, -1]), or is as much as there is (x[:, :5] has min(T, 5) elements),
// or asks for a length: x[:, 2] is the sum of what x[:, 2:3] has, which must not be nothing, so that calls with less than 3 are refused.
#pragma once

#include <optional>

#include "frontend/expr.h"

namespace keratin {

/// x[start:stop:step] along an axis; none: from the beginning, to the end. Requires: step is not 0. Throws Error(unsupported) if it
/// begins at a place from the end and ends at one from the front, and the length is free.
Expr slice_at(const Expr& x, int64_t axis, std::optional<int64_t> start, std::optional<int64_t> stop,
              int64_t step = 1);
/// x[index] along an axis, which is gone. Throws Error(data) if no length has it.
Expr element_at(const Expr& x, int64_t axis, int64_t index);
/// Places along an axis of this length, counted from the front.
Expr from_front(const Expr& places, Dim length);

}  // namespace keratin
