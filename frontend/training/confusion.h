// Counts of right and wrong decisions at one or more thresholds: what several metrics are made of.
#pragma once

#include <vector>

#include "frontend/training/metrics.h"

namespace keratin {

/// A decision is for what is above a threshold.
struct Thresholds {
  std::vector<double> values;
  bool is_even = false;  ///< evenly spaced from 0 to 1; its ends may be a little outside

  /// Says whether they are even. `values`: in ascending order.
  static Thresholds of(std::vector<double> values);
  /// `count` of them from 0 to 1.
  static Thresholds even(int64_t count);
};

enum Decisions {
  kTruePositives = 1,
  kFalsePositives = 2,
  kTrueNegatives = 4,
  kFalseNegatives = 8,
  kAllDecisions = 15,
};

struct Decided {
  Expr target, prediction;  ///< of one shape
  Expr weights;             ///< of the same
  Ints labels = {};         ///< axes that are counted apart
};

/// Adds to "true_positives" and its like, those that `which` names: [thresholds, labels…].
void count_decisions(MetricState& state, const Decided& decided, const Thresholds& thresholds, int which);

/// The only class that counts, if `class_id` names one: x[..., id:id+1].
Expr of_class(const Args& args, const Expr& x);

// From counts. 0 where nothing was decided.
Expr precisions(const MetricState& state);
Expr recalls(const MetricState& state);
Expr specificities(const MetricState& state);

}  // namespace keratin
