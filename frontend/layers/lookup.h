// What lookup layers have in common: their vocabulary, tables of integers, and the forms that indices are given in.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "frontend/layer.h"

namespace keratin {

using LookupEntries = std::vector<std::pair<int64_t, int64_t>>;

/// The second of the entry whose first is the element of `x`, or the element of `otherwise`; all i64. A binary search: a step for
/// each doubling of the table. Requires: there are entries, and no two with the same first.
Expr look_up(const Expr& x, LookupEntries entries, const Expr& otherwise);

/// How unknown tokens and masked ones are numbered: indices of the vocabulary follow theirs.
struct SpecialIndices {
  int64_t masks, unknown;
  int64_t count() const { return masks + unknown; }
};
/// By the arguments mask_token, output_mode, num_oov_indices.
SpecialIndices special_indices(const Args& args);

/// What a lookup layer knows.
struct Vocabulary {
  std::vector<std::string> tokens;  ///< without those for masked and for unknown ones
  bool had_special_tokens = false;  ///< those were in the list that the tokens come from
};
/// The lines of the file vocabulary.txt that Keras puts beside the weights of a layer that was adapted; none if there is no such file.
std::optional<std::vector<std::string>> stored_vocabulary(const Layer& layer);
/// The vocabulary of a layer: its argument `vocabulary`, or the stored one. In either, the tokens for what is masked and, once for each index, for what is unknown may come first.
Vocabulary read_vocabulary(const Call& call, const SpecialIndices& special, std::string_view mask,
                           std::string_view unknown);

/// What Keras stores beside the variables of a layer with output_mode "tf_idf" whose weights are an argument: those of all indices. None
/// of other layers.
std::optional<Tensor> idf_weights_to_store(const Layer& layer);

/// The index of what is in no column: of masked tokens, where output_mode is not "int".
inline constexpr int64_t kNoColumn = std::numeric_limits<int64_t>::max();

/// Throws Error(data) if the vocabulary is empty, or is larger than the argument max_tokens says.
void check_vocabulary(const Call& call, const Vocabulary& vocabulary, const SpecialIndices& special);

/// What output modes other than "int" make of indices, by the arguments output_mode, max_tokens, pad_to_max_tokens, idf_weights.
Expr encode_indices(const Call& call, const Expr& index, const Vocabulary& vocabulary,
                    const SpecialIndices& special);

}  // namespace keratin
