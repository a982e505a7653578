// Damaged files, made from good ones: bytes as disks and cables damage them, and texts as people and programs do.
//
// A mutator draws all its choices from a seed, so a mutant is known by its number. Texts (JSON, the IR, headers of .npy) are
// cut into tokens; most edits put a token in the place of one of the same kind, which keeps the text readable and lets it
// reach what lies behind the parser.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace keratin::testing {

/// Words of a binary format; some edits fall close behind one, where its headers are.
using Landmarks = std::vector<std::string_view>;
inline const Landmarks kZipLandmarks = {"PK\1\2", "PK\3\4", "PK\5\6"};
inline const Landmarks kHdf5Landmarks = {"\x89HDF", "TREE", "HEAP", "SNOD", "GCOL"};

class Mutator {
 public:
  explicit Mutator(uint64_t seed) : random_(seed * 0x9e3779b97f4a7c15u + 1) {}

  uint64_t below(uint64_t n) { return random_() % n; }
  bool one_in(uint64_t n) { return below(n) == 0; }
  template <typename Choices>
  const auto& one_of(const Choices& choices) {
    return choices[below(std::size(choices))];
  }

  /// One to eight edits: bits, bytes, words of eight bytes; seldom a stretch filled, removed, repeated or moved.
  std::string bytes(std::string good, const Landmarks& landmarks = {});
  /// One to three edits of tokens. `words` are further tokens that may be put in.
  std::string text(const std::string& good, const std::vector<std::string>& words = {});

 private:
  size_t position(const std::string& bytes, const Landmarks& landmarks);
  void edit_stretch(std::string& bytes);

  std::mt19937_64 random_;
};

}  // namespace keratin::testing
