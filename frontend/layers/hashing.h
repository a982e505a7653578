// Hashes of texts and of integers, as TensorFlow computes them.
//
// Texts are integers in decimal: at most 20 characters, held as the eight bytes of three words, the last character at the end of
// the third.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "frontend/layer.h"

namespace keratin {

/// A text per element, at the end of 24 bytes: words[0] has the first eight of them, and in each word the first is the lowest byte.
/// What is before the text is 0.
struct ShortText {
  std::array<Expr, 3> words;  ///< u64
  Expr length;                ///< u64, from 1 to 20
};
ShortText decimal_text(const Expr& integers);

/// A number below `buckets` for each text, as i64: by G. Pike's FarmHash (Fingerprint64), or, with a key, by SipHash-2-4 (J. Aumasson
/// and D. Bernstein, SipHash: a fast short-input PRF, 2012).
using HashKey = std::array<uint64_t, 2>;
Expr hash_bucket(const ShortText& text, int64_t buckets, const std::optional<HashKey>& key);

inline constexpr Arg kSaltArg{"salt", ArgKind::any, "null"};
/// The argument salt: the key that the layer hashes with.
std::optional<HashKey> salt_of(const Call& call);

/// A number for two, both u64: FarmHash's way to chain fingerprints.
Expr chained_fingerprint(const Expr& a, const Expr& b);

}  // namespace keratin
