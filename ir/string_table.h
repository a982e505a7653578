// Inputs that are made of strings: before a call the runtime turns strings into the integers that the model computes with, by a table
// (runtime/strings.h). It travels with the module as the bytes of a variable of Role::strings, which no function reads or updates.
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <string_view>

#include "ir/graph.h"

namespace keratin {

/// The name of the variable that has the table of an input.
inline std::string string_table_of(std::string_view input) { return std::string(input) + "/strings"; }

/// The variable that has the table of an input, or null: its strings are not the model's.
inline const Variable* string_variable(std::span<const Variable> variables, std::string_view input) {
  const auto found = std::find_if(variables.begin(), variables.end(), [&](const Variable& variable) {
    return variable.role == Role::strings && variable.name == string_table_of(input);
  });
  return found == variables.end() ? nullptr : &*found;
}

}  // namespace keratin
