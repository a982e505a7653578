// Regularizers: penalties on a variable or on a layer's output that are added to the loss.
#pragma once

#include <deque>
#include <string>

#include "frontend/expr.h"
#include "frontend/json.h"
#include "frontend/training/serialized.h"

namespace keratin {

using PenaltyFn = Expr(const Args& args, const Expr& x);

struct RegularizerDef : ClassRow {
  PenaltyFn* penalty;
};

/// The rows of all regularizers: Keras's, then those of plug-ins.
std::deque<RegularizerDef>& regularizer_defs();

/// The penalty of a serialized regularizer on `x`: a scalar. Throws Error(unsupported) for classes that no table has.
Expr penalty(const Json& regularizer, const Expr& x, const std::string& where);

}  // namespace keratin
