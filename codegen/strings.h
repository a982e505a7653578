// Inputs that are made of strings, as artefacts have them: by tables of runtime/strings.h.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "runtime/strings.h"

namespace keratin {

/// The table by which strings become an input, or null: it belongs to one of the variables. Throws Error(data) if it is none, or does not
/// fit the input.
const krt_strings* find_string_table(std::span<const Variable> variables, const std::string& input,
                                     const Type& type);

/// How many integers a string becomes; a symbol where callers say it.
Dim integers_per_string(const krt_strings& table, const Type& type);

/// Strings that the table reads: tokens of its vocabulary, some that are not in it, or texts of several.
std::vector<std::string> sample_strings(const krt_strings& table, size_t count);

}  // namespace keratin
