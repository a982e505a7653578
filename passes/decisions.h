// What passes decide and why, for those who ask why a model is slow: `keratin dump --why`.
//
// The code that decides writes it down, so that the reason given is the reason there was.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace keratin {

/// A choice that concerns one layer: how its products are computed, how its weights lie.
struct Choice {
  std::string_view pass;
  std::string function;
  Origin layer;
  std::string text;
};

/// A value that one fusion writes to memory and another reads, and why they are not one.
struct Boundary {
  std::string function;
  uint32_t writer;  ///< node of the function as it is fused
  uint32_t result;  ///< of the writer
  uint32_t reader;  ///< another node
  Origin layer;     ///< that computes the value
  std::string why;
};

struct Decisions {
  std::vector<Choice> choices;
  std::vector<Boundary> boundaries;
};

}  // namespace keratin
