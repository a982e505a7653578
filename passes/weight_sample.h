// Some elements of a value that depends on weights alone, without computing the others.
#pragma once

#include "ir/graph.h"
#include "ir/tensor.h"

namespace keratin {

/// A value of `function` with its axes in another order, and of the last of them only `count` indices, equally far apart. Requires: the
/// value is fixed (passes/weights.h) and static; 1 <= count <= the extent of that axis. Variables without data are zeros.
Tensor sample_weight(const Module& module, const Function& function, Value value, const Ints& order,
                     int64_t count);

}  // namespace keratin
