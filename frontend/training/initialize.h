// The function that begins training afresh.
#pragma once

#include "frontend/layer.h"
#include "ir/graph.h"

namespace keratin {

/// initialize(seed: u32[2]): weights get values by their initializers; statistics of Normalization stay; all other variables of the module, which the functions of
/// training keep, those that `module` has for them. `root`: a model or
/// layer that has been traced.
Function trace_initialize(const Module& module, const Layer& root);

}  // namespace keratin
