// The reference of the primitives, made from the op table: docs/ir.md ends with it, `keratin ops` prints it.
#pragma once

#include <string>

#include "ir/graph.h"

namespace keratin {

/// All ops by family, as Markdown.
std::string op_reference();
/// One of them.
std::string op_reference(Op op);

}  // namespace keratin
