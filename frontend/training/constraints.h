// Constraints: what a variable is put back to after each update.
#pragma once

#include <string>

#include "frontend/expr.h"
#include "frontend/json.h"
#include "frontend/training/serialized.h"

namespace keratin {

/// The classes that there are, with their arguments.
std::vector<ClassRow> constraint_rows();

/// `x` as the serialized constraint allows it. Throws Error(unsupported) for classes that are not Keras's.
Expr constrained(const Json& constraint, const Expr& x, const std::string& where);

}  // namespace keratin
