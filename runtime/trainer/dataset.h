// Samples to learn from, to be judged by, or to predict: one column per input, one array per target, checked against the model.
//
// From arrays: in a .npz, .h5 or .safetensors these are `x` and `y`, or `x:NAME` and `y:NAME` for an input or target by its name,
// and `sample_weight` if samples count differently, or `sample_weight:NAME` where each target has its own. For an input that is
// made of strings it holds those, or their integers. A .npy is one of them, under the name that is said with it. From a table: its
// columns are labels and features. From a folder of images, which has a folder for each class. Nothing that would spoil
// training silently gets through: wrong names, shapes and counts, NaN, infinity, labels that are no classes.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "runtime/trainer/column.h"
#include "runtime/trainer/encoding.h"
#include "runtime/trainer/trainable.h"

namespace keratin::trainer {

/// For each of TrainableInfo::weights, as many as there are samples and steps, or none: then all count the same.
using SampleWeights = std::vector<std::vector<float>>;

struct Dataset {
  std::string where;           ///< what errors call it: the files
  int64_t samples = 0;         ///< at least 1
  std::vector<Column> inputs;  ///< in the model's order and shapes, in the dtypes that they came in
  std::vector<Array> targets;  ///< the same; empty if only inputs were asked for
  SampleWeights weights;
  Encoding encoding;  ///< by which it was read; empty for arrays

  /// Samples `begin` to `end`; arrays share their bytes.
  Dataset rows(int64_t begin, int64_t end) const;
};

enum class Needs { inputs, inputs_and_targets };

/// What the columns of a table are. All lists may be empty.
struct TableOptions {
  std::vector<std::string> labels;    ///< targets
  std::vector<std::string> features;  ///< in their order; none: all columns that have no other use
  std::vector<std::string> ignored;
  std::vector<std::string> categorical;  ///< features of words that become their numbers
  std::vector<std::string> one_hot;      ///< features of words that become a column for each
  std::string missing;  ///< what becomes of gaps: mean, median, drop or a number; empty: an error
  std::string sample_weight;
};

/// From the arrays of all `files`, each a path to a .npz, .h5 or .safetensors, or NAME=PATH to a .npy; or from one table, or one folder of
/// images. `options` are for tables; labels may be missing there where targets are not needed. `known`: what weights learned of
/// the words, or empty. Where targets are not needed, they may be in the files. Throws Error with file, array and row.
/// Requires: there are files.
Dataset read_dataset(const std::vector<std::string>& files, const TrainableInfo& model, Needs needs,
                     const TableOptions& options = {}, const Encoding& known = {});

// What read_dataset() chooses from.
Dataset read_array_dataset(const std::vector<std::string>& files, const TrainableInfo& model, Needs needs);
Dataset read_table_dataset(const std::string& path, const TrainableInfo& model, Needs needs,
                           const TableOptions& options, const Encoding& known);
/// Samples that are needed with targets come in an order without meaning, always the same, so that a part of them has all classes.
Dataset read_image_dataset(const std::string& path, const TrainableInfo& model, Needs needs,
                           const Encoding& known);

/// From arrays by the names that they would have in a .npz.
Dataset make_dataset(const std::map<std::string, Array>& arrays, const std::string& where,
                     const TrainableInfo& model, Needs needs);

}  // namespace keratin::trainer
