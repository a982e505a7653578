// Regions that can store a result where they read a parameter.
#pragma once

#include "ir/graph.h"

namespace keratin {

/// True if the region computes element by element, from the sums of a contraction perhaps, all results at once, and of the
/// parameter element i is needed for elements i alone. What is broadcast or contracted comes from other parameters.
bool is_elementwise(const Function& region, size_t parameter);

}  // namespace keratin
