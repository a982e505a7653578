// One call of a model: the layers of a Sequential in a row, the calls of a Functional as its outputs need them.
#pragma once

#include "frontend/layer.h"

namespace keratin {

Outputs trace_functional(Call& call);
Outputs trace_sequential(Call& call);

}  // namespace keratin
