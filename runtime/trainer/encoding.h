// What training data decide about how data are read: the words of columns and classes, and what fills gaps.
//
// It belongs to what was learned: weights files keep it in their metadata, and data that the weights meet later are read by it,
// so that a word is the same number everywhere.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace keratin::trainer {

/// A column of a table that is a feature.
struct FeatureColumn {
  enum class Kind : uint8_t { number, categorical, one_hot, text };

  std::string name;
  Kind kind = Kind::number;
  std::vector<std::string> words;  ///< of a categorical or one-hot column: a word's number is its place
  std::optional<double> fill;      ///< of gaps in a column of numbers

  bool operator==(const FeatureColumn&) const = default;
};

/// A column of a table that is a target, or the folders of images, without a name.
struct LabelColumn {
  std::string name;
  std::vector<std::string> classes;  ///< of labels that are words, sorted: a class's number is its place

  bool operator==(const LabelColumn&) const = default;
};

struct Encoding {
  std::vector<FeatureColumn> features;
  std::vector<LabelColumn> labels;
  bool gaps_are_words = false;  ///< gaps and new words in columns of words are no error

  bool empty() const { return features.empty() && labels.empty(); }
  bool operator==(const Encoding&) const = default;
};

}  // namespace keratin::trainer
