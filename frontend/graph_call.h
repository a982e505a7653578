// One call of a model: the layers of a Sequential in a row, the calls of a Functional as its outputs need them.
#pragma once

#include "frontend/layer.h"

namespace keratin {

/// Whether a member of a Functional is an operation (keras.ops), which has no layer.
bool is_operation(const Json& object);

Outputs trace_functional(Call& call);
Outputs trace_sequential(Call& call);

}  // namespace keratin
