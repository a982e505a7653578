// Which values depend on weights alone, and which of these contractions read in panels.
#pragma once

#include <vector>

#include "ir/graph.h"

namespace keratin {

/// By node: whether it is computed from weights and constants alone (a weight or constant itself included). Weights are
/// variables that no function but `prepare` updates: what is computed from them is the same in every call.
std::vector<bool> find_fixed(const Module& module, const Function& function);

/// The axis along which a contraction's right operand is to be packed; -1: it is left as it is.
int64_t panel_axis(const Node& contraction);

}  // namespace keratin
