// What is too much: a short text can describe a graph without end, by scans in scans, or one that no memory holds.
#pragma once

#include "ir/graph.h"

namespace keratin {

// Estimates are of one sample, with 1 for every symbol.

double elements_of(const Shape& shape);
/// Of a dot or a conv.
double multiply_adds_of(const Node& node);
/// Multiply-adds and elements of a function, roughly.
double operations_of(const Function& function);

/// Throws Error(unsupported) if a function has more nodes, or asks for more work per sample, than can be compiled in bearable
/// time: constants are computed and the self-test is run by the interpreter.
void expect_feasible(const Module& module);

}  // namespace keratin
