// What fusion and lowering both need to know of a node: how its value can be had.
#pragma once

#include <optional>

#include "ir/graph.h"

namespace keratin {

/// How codegen obtains a node's value.
enum class Form : uint8_t {
  source,    ///< parameter, variable, constant: nothing to compute
  inline_,   ///< an expression of the operands' values at an index: pointwise ops and index maps
  reduce,    ///< an inner loop around an expression: reductions and pooling
  contract,  ///< dot, conv, winograd: register-tiled inner loops
  view,      ///< the same memory under another shape: reshape
  opaque,    ///< a kernel of its own: sort, scatter, scan, …
};
Form form_of(const Node& node);

/// A reshape that only adds or drops axes of extent 1: its index map needs no division, so it is inlined.
bool is_unit_reshape(const Node& node);

/// A cast of floats to wider ones: exact, and free where elements are loaded.
bool is_widening(const Node& node);
/// What is widened, or the value itself.
Value before_widening(Value value);

/// A convolution each of whose results is computed from one feature of the input.
bool is_depthwise(const Node& conv);

/// True if the value can be recomputed by every reader at no cost: index maps, constants, iota.
bool is_index_map(const Node& node);

/// True if the first `prefix` axes of the operand are the first `prefix` axes of the results, row for row: what row i of the
/// result takes from this operand comes from its row i alone.
bool keeps_rows(const Node& node, size_t operand, int64_t prefix);

/// True if shape begins with `rows`.
bool has_rows(const Shape& shape, const Shape& rows);

}  // namespace keratin
