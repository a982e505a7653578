// Metrics: a table row and two short functions each.
//
// A metric accumulates in variables: `update` adds what a batch contributes, `result` computes the metric from them. They are traced
// into different functions of the module; between epochs the variables are set to zero.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "frontend/layer.h"
#include "frontend/training/serialized.h"

namespace keratin {

/// A metric's accumulators, as one of the functions sees them.
class MetricState {
 public:
  MetricState(Builder& builder, std::string path, std::vector<Variable>& variables)
      : builder_(builder), path_(std::move(path)), variables_(variables) {}

  /// An accumulator's value when the function is called. Requires: an update() before this has added to it.
  Expr operator[](std::string_view name) const;
  /// Adds to the accumulator when the function returns.
  void add(std::string_view name, const Expr& increment);

 private:
  Builder& builder_;
  std::string path_;
  std::vector<Variable>& variables_;  ///< those of the metric
};

struct MetricCall {
  const Args& args;
  Expr target;        ///< as the loss takes it
  Traced prediction;  ///< floats
  Expr weight;        ///< f32[N]; none if the metric is not weighted
  MetricState& state;

  /// `weight` along the batch of `like`, or ones; 0 where the prediction is masked.
  Expr weights(const Expr& like) const;
};
using MetricUpdateFn = void(MetricCall&);
using MetricResultFn = Expr(const Args& args, const MetricState& state);

struct MetricDef : ClassRow {
  MetricUpdateFn* update;
  MetricResultFn* result;
};

class Metric {
 public:
  /// `object` as in a compile config; "accuracy" is the one that target and prediction ask for. `prefix`: of its name in logs.
  /// Throws Error(unsupported) for classes and arguments that are not supported.
  Metric(const Json& object, const Type& target, const Type& prediction, const std::string& prefix,
         bool weighted, const std::string& where);
  Metric(const Metric&) = delete;

  const std::string& name() const { return name_; }  ///< in logs
  /// Makes the name differ from those of other metrics, and with it the variables' names.
  void rename(std::string name) { name_ = std::move(name); }

  void update(const Expr& target, const Traced& prediction, const Expr& sample_weight);
  Expr result(Builder& builder);
  const std::vector<Variable>& variables() const { return variables_; }

 private:
  std::string path() const;

  const MetricDef* def_;
  std::string name_;
  bool weighted_;
  Json config_;
  Args args_;
  std::vector<Variable> variables_;
};

}  // namespace keratin
