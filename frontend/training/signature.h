// How a model is compiled for training, and what the functions that train it take and give.
#pragma once

#include <string>
#include <vector>

#include "frontend/json.h"
#include "ir/graph.h"

namespace keratin {

/// How a model is compiled: Keras's compile(). Members are as in a model file; null where absent.
struct CompileConfig {
  Json optimizer, loss, loss_weights, metrics, weighted_metrics;
  /// An argument of Keras 2. Null: a weight for each sample, whatever the output; else each output has weights of its own, for samples
  /// ("samplewise") or for their steps ("temporal").
  Json sample_weight_mode;

  /// From a "compile_config" or a legacy file's "training_config".
  static CompileConfig read(const Json& stored);
};

/// What an output is compared with.
struct TrainingTarget {
  std::string name;  ///< the output's
  Type type;
  int64_t classes = 0;  ///< the labels are class numbers below this; 0: the target is no label
};

struct TrainingMetric {
  std::string name;   ///< in logs
  int direction = 0;  ///< -1: the less the better; 1: the more; 0: Keras does not say
};

/// What the functions take and give.
struct TrainingSignature {
  std::vector<TrainingTarget> targets;  ///< of the outputs that have a loss, in their order
  std::vector<TrainingMetric> metrics;  ///< results of metrics(), sorted by name
  std::vector<std::string> trained;     ///< names of the variables that train_step updates by their gradients
  std::vector<Variable> optimizer_state;  ///< in the order of Keras's files, with initial values
  std::vector<std::string>
      batch_statistics;  ///< layers that normalize by a batch, as nodes name them in their origin
};

}  // namespace keratin
