// What the fit loop trains: a compiled model, in a trainer executable or in the process of the C++ API.
//
// A Trainable owns its variables and its metrics; the fit loop (fit.h) owns data, epochs and what is printed. Arrays are
// row-major, the batch first.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/trainer/array.h"
#include "runtime/trainer/encoding.h"
#include "runtime/trainer/ranks.h"

struct krt_exports;
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

enum class VariableRole : uint8_t {
  weight,  ///< trained weights and statistics
  state,   ///< slots of the optimizer, counters, seeds
  metric,  ///< what metrics accumulate
};

/// All that a step reads and writes is in variables.
struct VariableInfo {
  std::string name;  ///< Keras's variable.path, "dense/kernel"; slots: "optimizer/…"; metrics: "metrics/…"
  DType dtype = DType::f32;
  std::vector<int64_t> shape;
  VariableRole role = VariableRole::weight;

  bool is_weight() const { return role == VariableRole::weight; }
};

struct MetricInfo {
  std::string name;   ///< "loss", "accuracy", …
  int direction = 0;  ///< -1: the less the better; 1: the more; 0: Keras does not say
};

struct LearningRate {
  std::string name;                ///< in logs: "learning_rate"; with several optimizers "learning_rate_NAME"
  std::optional<size_t> variable;  ///< its place among the variables; none if a schedule makes it
};

struct TrainableInfo {
  std::string name;
  std::vector<Signature> inputs;
  std::vector<Signature> targets;  ///< in the order of the outputs that have a loss
  std::vector<Signature> weights{
      Signature{}};                 ///< of samples: one for all targets, without a name, or one for each
  std::vector<Signature> outputs;   ///< of predict
  std::vector<MetricInfo> metrics;  ///< at least "loss". Logs are sorted by their names, as Keras's are
  std::vector<VariableInfo> variables;
  std::vector<LearningRate> learning_rates;  ///< of each optimizer; none of models that do not tell
  /// What check_numerics() looks at, in the order in which it is computed: "layer dense", "gradient of dense/kernel", …
  std::vector<std::string> checks;
  bool has_averages = false;  ///< whether the optimizer averages weights (use_ema)
};

/// `n` samples: one array per input, one per target, and their weights.
struct Batch {
  int64_t n = 0;
  int64_t first = 0;  ///< of them, in the batch that all ranks share
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

  /// Whether there is NaN or infinity in each of info().checks, as the step would compute it; changes nothing.
  virtual std::vector<bool> check_numerics(const Batch&) { return {}; }

  virtual void reset_metrics() = 0;
  /// Running values since the last reset, in the order of info().metrics.
  virtual std::vector<double> metrics() = 0;

  /// Computes on so many threads from here on, to the same bits. Throws Error if they cannot be started.
  virtual void set_threads(unsigned /*threads*/) {}

  /// What steps of `n` samples compute in, beside the variables; it depends on the threads.
  virtual int64_t workspace_bytes(int64_t /*n*/) const { return 0; }

  /// By place in info().variables.
  virtual Array get_variable(size_t index) const = 0;
  /// The same, valid until the model is changed: no copy where none is needed.
  virtual Array view_variable(size_t index) const { return get_variable(index); }
  virtual void set_variable(size_t index, const Array& value) = 0;

  /// Has fn(arg, i) called for every i < n, on threads that wait for something to do while the model computes; returns at once.
  /// finish_errand() does what is left, and returns when all is done. One that is under way is finished first.
  virtual void start_errand(size_t n, void (*fn)(void* arg, size_t i), void* arg) {
    finish_errand();
    errand_ = {n, fn, arg};
  }
  virtual void finish_errand() {
    for (size_t i = 0; i < errand_.n; ++i) errand_.fn(errand_.arg, i);
    errand_.n = 0;
  }

  /// Steps are those of one of many ranks from here on, whose variables become those of the first. Throws Error if the model has no
  /// such steps.
  virtual void join(std::unique_ptr<Ranks> ranks) { ranks_ = std::move(ranks); }
  Ranks* ranks() const { return ranks_.get(); }  ///< null: alone

  /// The files that it can be written as (export.h); null: none.
  virtual const krt_exports* exports() const { return nullptr; }

  /// Puts into the weights what is only known when training is over: their averages.
  virtual void finish_training() {}
  /// Exchanges weights and their averages. Requires: there are some.
  virtual void swap_averages() {}
  /// As they are now, in the order of info().learning_rates.
  virtual std::vector<double> learning_rates() { return {}; }

  /// How the data were read that it learned from; kept with its weights, and empty if nothing was to be decided.
  const Encoding& encoding() const { return encoding_; }
  void set_encoding(Encoding encoding) { encoding_ = std::move(encoding); }

  /// What random ops of training draw from.
  virtual void set_seed(uint64_t seed) = 0;
  /// Weights by their initializers; statistics, slots and counters as they begin.
  virtual void initialize(uint64_t seed) = 0;

 protected:
  std::unique_ptr<Ranks> ranks_;

 private:
  struct {
    size_t n = 0;
    void (*fn)(void* arg, size_t i) = nullptr;
    void* arg = nullptr;
  } errand_;  // of models without threads
  Encoding encoding_;
};

}  // namespace keratin::trainer
