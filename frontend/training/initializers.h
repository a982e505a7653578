// Initializers: the values that weights start from. Distributions and formulas are Keras's; the random numbers are not.
#pragma once

#include <deque>
#include <optional>

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

struct InitializerCall {
  const Args& args;
  Builder& builder;
  RandomSource& random;
  Shape shape;
  const std::optional<FanAxes>& fans;

  Expr full(double value) const;
  /// Random numbers in [0, 1).
  Expr unit(const Shape& of) const;
  /// Random numbers in (-1, 1), never ±1.
  Expr symmetric(const Shape& of) const;
};
/// An array of the call's shape, of floats.
using InitializerFn = Expr(const InitializerCall& call);

struct InitializerDef : ClassRow {
  InitializerFn* value;
};

/// The rows of all initializers: Keras's, then those of plug-ins.
std::deque<InitializerDef>& initializer_defs();

/// An array of static `shape`. `initializer`: a name or a serialized object, whose "seed", if it is a number, is what is
/// drawn from instead of `random`. `fans`: as in VariableSpec. Throws Error(unsupported) for classes that no table has.
Expr initial_value(const Json& initializer, const Type& type, const std::optional<FanAxes>& fans,
                   Builder& builder, RandomSource& random, const std::string& where);

}  // namespace keratin
