// What the fit loop trains: a compiled model, in a trainer executable or in the process of the C++ API.
//
// A Trainable owns its variables and its metrics; the fit loop (fit.h) owns data, epochs and what is printed. Arrays are
// row-major, the batch first.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/trainer/array.h"

struct krt_strings;

namespace keratin::trainer {

/// An input of the model, or what one of its outputs is compared with.
struct Signature {
  std::string name;            ///< the input's or the output's
  DType dtype = DType::f32;    ///< what the step takes; data of other dtypes is converted
  std::vector<int64_t> shape;  ///< without the first axis
  int64_t classes = 0;         ///< labels are whole numbers from 0 to classes - 1; 0: any number is allowed
  /// Of an output: the extent of the first axis per sample or, if it does not depend on the samples, per call.
  int64_t rows = 1;
  bool is_per_sample = true;
  const krt_strings* strings = nullptr;  ///< what turns strings into an input, if it is made of some

  int64_t row_count(int64_t samples) const { return is_per_sample ? rows * samples : rows; }
};

/// A weight, a statistic or an optimizer slot.
struct VariableInfo {
  std::string name;  ///< Keras's variable.path, "dense/kernel"; slots: "optimizer/…"
  DType dtype = DType::f32;
  std::vector<int64_t> shape;
  bool is_weight = true;  ///< trained weights and statistics; not slots, counters, metrics
};

struct TrainableInfo {
  std::string name;
  std::vector<Signature> inputs;
  std::vector<Signature> targets;  ///< in the order of the outputs that have a loss
  std::vector<Signature> weights{
      Signature{}};                ///< of samples: one for all targets, without a name, or one for each
  std::vector<Signature> outputs;  ///< of predict
  /// Names: "loss", "accuracy", …; at least "loss". Logs are sorted by them, as Keras's are.
  std::vector<std::string> metrics;
  std::vector<VariableInfo> variables;
};

/// `n` samples: one array per input, one per target, and their weights.
struct Batch {
  int64_t n = 0;
  std::vector<const void*> inputs, targets;
  std::vector<const float*> sample_weights;  ///< by TrainableInfo::weights; ones if samples count the same
};

class Trainable {
 public:
  virtual ~Trainable() = default;
  virtual const TrainableInfo& info() const = 0;

  /// Forward, backward, update; adds to the metrics what held before the update. Returns the batch's loss.
  virtual double train_step(const Batch& batch) = 0;
  /// Adds to the metrics; updates nothing else.
  virtual void evaluate_step(const Batch& batch) = 0;
  /// `outputs`: one array of row_count(n) rows per output, aligned as its elements are.
  virtual void predict(int64_t n, std::span<const void* const> inputs, std::span<void* const> outputs) = 0;

  virtual void reset_metrics() = 0;
  /// Running values since the last reset, in the order of info().metrics.
  virtual std::vector<double> metrics() = 0;

  /// By place in info().variables.
  virtual Array get_variable(size_t index) const = 0;
  virtual void set_variable(size_t index, const Array& value) = 0;

  /// Has fn(arg, i) called for every i < n, on threads that wait for something to do while the model computes; returns at once.
  /// finish_errand() does what is left, and returns when all is done. Requires: the one before is finished.
  virtual void start_errand(size_t n, void (*fn)(void* arg, size_t i), void* arg) { errand_ = {n, fn, arg}; }
  virtual void finish_errand() {
    for (size_t i = 0; i < errand_.n; ++i) errand_.fn(errand_.arg, i);
    errand_.n = 0;
  }

  /// Puts into the weights what is only known when training is over: their averages.
  virtual void finish_training() {}

  /// What random ops of training draw from.
  virtual void set_seed(uint64_t seed) = 0;
  /// Weights by their initializers; statistics, slots and counters as they begin.
  virtual void initialize(uint64_t seed) = 0;

 private:
  struct {
    size_t n = 0;
    void (*fn)(void* arg, size_t i) = nullptr;
    void* arg = nullptr;
  } errand_;  // of models without threads
};

}  // namespace keratin::trainer
