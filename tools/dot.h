// Graphs for Graphviz.
#pragma once

#include <string>

#include "ir/graph.h"

namespace keratin {

/// A digraph in the dot language: a box per node with its op and type, in a cluster per layer.
std::string dot_text(const Function& function);

}  // namespace keratin
