// The rules that every module obeys, beyond what the C++ types say.
//
// Nodes stand in order, each operand before its users and in the same function; attributes are those of the op; result types
// are those that the op's rule infers; parameters come first; names are unique. Reads and updates of a variable have
// its type, no variable is updated twice in a function, and prepared ones only by the function `prepare`. Bodies of
// scan and fusion are closed: no variables, no updates.
#pragma once

#include "ir/graph.h"

namespace keratin {

/// For modules read from text. Throws Error(data), naming function and node.
void check(const Module& module);

/// For modules that passes made: aborts, printing the function.
void verify(const Module& module);

}  // namespace keratin
