// Samples to learn from, to be judged by, or to predict: one array per input and target, checked against the model.
//
// In a .npz the arrays are `x` and `y`, or `x:NAME` and `y:NAME` for an input or target by its name, and `sample_weight` if
// samples count differently, or `sample_weight:NAME` where each target has its own. For an input that is made of strings it holds those, or their integers. A .npy is one of them, under the name that is said with it. In a .csv one column is the label and all others, in their order, are the features. Nothing that
// would spoil training silently gets through: wrong names, shapes and counts, NaN, infinity, labels that are no classes.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "runtime/trainer/column.h"
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

  /// Samples `begin` to `end`; arrays share their bytes.
  Dataset rows(int64_t begin, int64_t end) const;
};

enum class Needs { inputs, inputs_and_targets };

/// From the arrays of all `files`, each a path to a .npz or NAME=PATH to a .npy; or from one .csv. `label`: the label's column
/// in a .csv; may be empty where targets are not needed. Where they are not, they may be in the files. Throws Error with file,
/// array and row. Requires: there are files.
Dataset read_dataset(const std::vector<std::string>& files, const TrainableInfo& model, Needs needs,
                     const std::string& label = {});

/// From arrays by the names that they would have in a .npz.
Dataset make_dataset(const std::map<std::string, Array>& arrays, const std::string& where,
                     const TrainableInfo& model, Needs needs);

}  // namespace keratin::trainer
