// Several axes that a region treats alike become one, before loops are chosen.
#pragma once

#include <optional>

#include "ir/graph.h"

namespace keratin {

/// The region with fewer axes: one, if it is pointwise throughout; one in place of several axes of rows, if it holds a product, or a
/// convolution that is one (windows of 1, next to each other). The elements lie in memory as before. Nothing if no axes can be
/// merged.
std::optional<Function> merge_axes(const Function& region);

}  // namespace keratin
