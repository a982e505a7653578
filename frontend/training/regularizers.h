// Regularizers: penalties on a variable or on a layer's output that are added to the loss.
#pragma once

#include <string>

#include "frontend/expr.h"
#include "frontend/json.h"
#include "frontend/training/serialized.h"

namespace keratin {

/// The classes that there are, with their arguments.
std::vector<ClassRow> regularizer_rows();

/// The penalty of a serialized regularizer on `x`: a scalar. Throws Error(unsupported) for classes that are not Keras's.
Expr penalty(const Json& regularizer, const Expr& x, const std::string& where);

}  // namespace keratin
