// What Builder::make does before it adds a node: constant folding and local identities.
//
// An identity replaces a node by one of its operands, or by a node that costs no more, and only if every
// element keeps its bits, NaN and -0 included. So x*1 is x, but x+0 is not (it turns -0 into 0), and x*0 is
// not 0. The table in fold.cpp is the whole list. What needs context, or changes roundings, belongs to
// passes/simplify.cpp.
#pragma once

#include <span>
#include <string_view>

#include "ir/builder.h"
#include "ir/graph.h"

namespace keratin {

/// One identity. `rule` gets a node of this op that is not in the function (yet), with one result, and
/// returns what to take instead, of the same type, or no value.
struct Identity {
  Op op;
  std::string_view name;
  Value (*rule)(Builder& builder, const Node& candidate);
};

/// All identities, those of an op in the order in which they are tried.
std::span<const Identity> identities();

/// What to take instead of `candidate`, or no value.
Value simplified(Builder& builder, const Node& candidate);

/// The constant that `candidate` is, if all its operands are constants and it is small; or no value. A
/// pointwise op on splats becomes a splat, whatever its shape.
Value folded_constant(Builder& builder, const Node& candidate);

}  // namespace keratin
