// Initializers: the values that weights start from. Distributions and formulas are Keras's; the random numbers are not.
#pragma once

#include "frontend/expr.h"
#include "frontend/json.h"
#include "frontend/layer.h"
#include "frontend/training/serialized.h"

namespace keratin {

/// Where the random numbers come from: no two streams of a key have a number in common.
struct RandomSource {
  Value key;  ///< u32[2]
  int64_t streams = 0;
};

/// The classes that there are, with their arguments.
std::vector<ClassRow> initializer_rows();

/// An array of static `shape`. `initializer`: a name or a serialized object, whose "seed", if it is a number, is what is
/// drawn from instead of `random`. `fans`: as in VariableSpec. Throws Error(unsupported) for other classes.
Expr initial_value(const Json& initializer, const Type& type, const std::optional<FanAxes>& fans,
                   Builder& builder, RandomSource& random, const std::string& where);

}  // namespace keratin
