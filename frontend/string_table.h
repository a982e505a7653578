// Tables that turn strings into integers: what layers that read strings make of their vocabulary, for the runtime
// (runtime/strings.h).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ir/tensor.h"
#include "runtime/strings.h"

namespace keratin {

/// How strings are cut into tokens, and what becomes of those that are not in the vocabulary.
struct StringRules {
  uint32_t rules = 0;            ///< krt_strings_rules
  std::vector<uint32_t> widths;  ///< of n-grams; none: single tokens
  int64_t first_unknown = 0, unknown_count = 0;
  int64_t padding = 0;
  std::optional<std::array<uint64_t, 2>> key;  ///< of the hash of unknown tokens
};

/// The bytes of a table, as u8. Requires: no token is there twice.
std::shared_ptr<const Tensor> string_table(const StringRules& rules,
                                           const std::vector<std::pair<std::string, int64_t>>& vocabulary);

}  // namespace keratin
