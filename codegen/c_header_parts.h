// What the C headers of artefacts (c_header.cpp) and of libraries that train (c_training_header.cpp) are both made of.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "codegen/c_names.h"
#include "codegen/emit.h"

namespace keratin {

/// Declarations that are the same in all headers, and the functions that all of them have: @_ stands for the prefix.
extern const std::string_view kSharedByHeaders, kCommonFunctions;

std::string upper_case(std::string_view text);
/// Text of the model within a comment or a string literal of C: nothing in it can end either.
std::string harmless(std::string_view text);
/// Replaces every occurrence of `from`.
std::string replaced(std::string text, std::string_view from, std::string_view to);

/// Free lengths by their names in C, in the order of the parameters.
using CLengths = std::vector<std::pair<Symbol, std::string>>;

/// One input or output as a header shows it.
struct CArgument {
  std::string name;  ///< in C
  const ProgramBuffer* buffer;
  bool is_output;

  std::string macro(const std::string& prefix) const;
  std::string type_text(const CLengths& lengths) const;
  bool has_lengths() const;
  /// Elements of one sample, where that depends on lengths: a factor for each axis but the batch.
  std::string size_of_lengths(const CLengths& lengths) const;
  /// Elements of one sample, where there is such a number.
  std::optional<int64_t> per_sample(int64_t batch) const;
};
std::vector<CArgument> arguments(const Program& program, const CNames& names);
/// "const float *x, float *probabilities, ".
std::string parameters(const std::vector<CArgument>& all, bool has_state);
/// The constants that describe one array.
std::string array_constants(const CArgument& one, const std::string& prefix, int64_t batch,
                            const CLengths& lengths);

/// "x86-64-v4", or "x86-64-v4, x86-64-v3 or x86-64-v2, the first that the processor has".
std::string processors(std::span<const LevelKernels> levels);

}  // namespace keratin
