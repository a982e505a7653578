// What things are called in C.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "codegen/kernel.h"

namespace keratin {

/// `name` as the first part of identifiers of C and C++: other characters become _; never a reserved name.
std::string c_identifier(std::string_view name);

/// A program's names in C: its entry point is PREFIX_<entry>, its parameters are named as the arrays and, in small letters, as the free
/// lengths; all are different,
/// even when case is ignored, and none is a keyword or a name that the header uses otherwise.
struct CNames {
  std::string entry;
  std::vector<std::string> inputs, outputs, lengths;
};
CNames c_names(const Program& program, const std::vector<Symbol>& lengths);

/// The type in a C signature: "float", "int64_t", "uint8_t" for booleans, "uint16_t" for 16-bit floats.
std::string_view c_type(DType dtype);

}  // namespace keratin
