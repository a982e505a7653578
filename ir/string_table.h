// Inputs that are made of strings: before a call the runtime turns strings into the integers that the model computes with, by a table
// (runtime/strings.h). It travels with the module as a variable of u8, a state that no function reads or updates.
#pragma once

#include <string>
#include <string_view>

#include "ir/graph.h"

namespace keratin {

/// The name of the variable that has the table of an input.
inline std::string string_table_of(std::string_view input) { return std::string(input) + "/strings"; }

inline bool is_string_table(const Variable& variable) {
  return variable.role == Role::state && variable.type.dtype == DType::u8 &&
         variable.name.ends_with("/strings");
}

}  // namespace keratin
