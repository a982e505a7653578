// Constraints: what a variable is put back to after each update.
#pragma once

#include <deque>
#include <string>

#include "frontend/expr.h"
#include "frontend/json.h"
#include "frontend/training/serialized.h"

namespace keratin {

using ConstraintFn = Expr(const Args& args, const Expr& x);

struct ConstraintDef : ClassRow {
  ConstraintFn* value;
};

/// The rows of all constraints: Keras's, then those of plug-ins.
std::deque<ConstraintDef>& constraint_defs();

/// `x` as the serialized constraint allows it. Throws Error(unsupported) for classes that no table has.
Expr constrained(const Json& constraint, const Expr& x, const std::string& where);

}  // namespace keratin
