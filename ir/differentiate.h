// Reverse-mode differentiation: graph to graph.
//
// A function is walked from the loss back to what the gradient is asked for, and each op's own rule (OpDef::gradient) adds
// what its results' gradients mean for its operands. Only nodes on a path from an x to the loss are visited: what is
// frozen costs nothing. Values of the forward computation are read where the rules name them; whether they are kept in memory
// or computed again is fusion's and the memory plan's business.
//
// Reference: A. Griewank, A. Walther, Evaluating Derivatives, 2nd ed., SIAM 2008, chapter 3.
#pragma once

#include "ir/graph.h"

namespace keratin {

/// The same function with the nodes that compute them in the place of all `gradient` nodes, also of gradients of gradients.
Function differentiate(const Function& function);
Module differentiate(const Module& module);

/// True if it or a body in it has a `gradient` node.
bool has_gradients(const Function& function);

}  // namespace keratin
