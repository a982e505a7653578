// Metrics: a table row and two short functions each.
//
// A metric accumulates in variables: `update` adds what a batch contributes, `result` computes the metric from them. They are traced
// into different functions of the module; between epochs the variables are set to zero. The tables are one per topic:
// metrics_TOPIC.cpp.
#pragma once

#include <deque>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "frontend/layer.h"
#include "frontend/training/losses.h"
#include "frontend/training/serialized.h"

namespace keratin {

/// A metric's accumulators, as one of the functions sees them.
class MetricState {
 public:
  MetricState(Builder& builder, std::string path, std::vector<Variable>& variables, DType dtype = DType::f32)
      : builder_(builder), path_(std::move(path)), variables_(variables), dtype_(dtype) {}

  /// An accumulator's value when the function is called. Requires: an update() before this has added to it.
  Expr operator[](std::string_view name) const;
  /// Adds to the accumulator when the function returns.
  void add(std::string_view name, const Expr& increment);
  DType dtype() const { return dtype_; }  ///< the accumulators'

 private:
  Builder& builder_;
  std::string path_;
  std::vector<Variable>& variables_;  ///< those of the metric
  DType dtype_;
};

struct MetricCall {
  const Args& args;
  Expr target;        ///< as the loss takes it
  Traced prediction;  ///< floats
  Expr weight;        ///< f32[N] or, of steps, f32[N,T]; none if the metric is not weighted
  MetricState& state;
  const Loss* loss = nullptr;  ///< of a metric that is a loss

  /// `weight` along the first axes of `like`, or ones. Only means of values mind masks, as in Keras.
  Expr weights(const Expr& like) const;
  /// Adds to "total" and "count" what makes the mean of the values, by weights and by the prediction's mask.
  void add_to_mean(const LossValues& values) const;
};
using MetricUpdateFn = void(MetricCall&);
using MetricResultFn = Expr(const Args& args, const MetricState& state);

/// What a metric compares the prediction with.
enum class MetricTarget : uint8_t {
  values,   ///< numbers of the prediction's shape
  classes,  ///< class numbers in the place of the prediction's axis of classes: the last, or `axis`
  own,      ///< the function looks at the shapes itself
};

/// Which values are better: what callbacks that watch a metric go by (Keras's Metric._direction).
enum class Direction : int8_t { down = -1, unknown = 0, up = 1 };

struct MetricDef : ClassRow {
  MetricTarget target;
  MetricUpdateFn* update;
  MetricResultFn* result;
  Direction direction = Direction::unknown;
  DType dtype = DType::f32;  ///< of the accumulators, unless an argument says otherwise
};

std::span<const MetricDef> mean_metrics();
std::span<const MetricDef> accuracy_metrics();
std::span<const MetricDef> regression_metrics();
std::span<const MetricDef> confusion_metrics();
std::span<const MetricDef> auc_metrics();
std::span<const MetricDef> f_score_metrics();
std::span<const MetricDef> iou_metrics();

/// The rows of all metrics: those of these tables, then those of plug-ins.
std::deque<MetricDef>& metric_defs();

/// The end of the class that a name stands for, of which the shapes decide the beginning: "Accuracy", "Crossentropy"; empty: it is a name
/// like others.
std::string_view kind_by_shapes(std::string name);

/// "total" over "count".
Expr mean_result(const Args& args, const MetricState& state);

class Metric {
 public:
  /// `object` as in a compile config; "accuracy" and "crossentropy" are those that target and prediction ask for. `prefix`: of its name in logs.
  /// Throws Error(unsupported) for classes and arguments that are not supported.
  Metric(const Json& object, const Type& target, const Type& prediction, const std::string& prefix,
         bool weighted, const std::string& where);
  Metric(const Metric&) = delete;

  const std::string& name() const { return name_; }  ///< in logs
  /// Makes the name differ from those of other metrics, and with it the variables' names.
  void rename(std::string name) { name_ = std::move(name); }

  void update(const Expr& target, const Traced& prediction, const Expr& sample_weight);
  /// f32, of any shape. Requires: update() was called.
  Expr values(Builder& builder);
  /// The same, for logs. Throws Error(unsupported) if it is not one number.
  Expr result(Builder& builder);
  const std::vector<Variable>& variables() const { return variables_; }
  Direction direction() const { return def_->direction; }

 private:
  std::string path() const;
  MetricState state(Builder& builder);
  void be_metric(std::string_view name, const Json& config, const std::string& where);
  void be_function(const std::string& name, const Json& arguments, const std::string& where);
  void be_loss(const Json& object, const MetricDef& def, const std::string& where);
  int64_t axis_of_classes(const Type& prediction) const;
  void expect_target(const Type& target, const Type& prediction) const;

  const MetricDef* def_ = nullptr;
  std::unique_ptr<Loss> loss_;  ///< of a metric that is one
  std::string name_;
  bool weighted_;
  Json config_;
  Args args_;
  DType dtype_ = DType::f32;
  std::vector<Variable> variables_;
};

}  // namespace keratin
