#include "runtime/trainer/fit.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "runtime/trainer/batches.h"
#include "runtime/trainer/error.h"
#include "runtime/trainer/shuffle.h"
#include "runtime/trainer/text.h"

namespace keratin::trainer {
namespace {

Logs logs_of(Trainable& model, const std::string& prefix = {}) {
  const std::vector<double> values = model.metrics();
  Logs logs;
  for (size_t i = 0; i < values.size(); ++i)
    logs.emplace_back(prefix + model.info().metrics.at(i), values[i]);
  std::sort(logs.begin(), logs.end());
  return logs;
}

class Fit {
 public:
  Fit(Trainable& model, const Dataset& training, const Dataset* validation, const FitOptions& options,
      Observer& observer)
      : model_(model),
        options_(options),
        observer_(observer),
        samples_(training.samples),
        training_(model, training, options.batch_size,
                  sample_weights(model.info(), training, options.class_weight)) {
    if (validation != nullptr)
      validation_.emplace(model, *validation, options.batch_size, validation->weights);
  }

  History run() {
    History history;
    model_.set_seed(options_.seed);
    for (int64_t epoch = 0; epoch < options_.epochs && !stopped(); ++epoch) {
      std::optional<Logs> logs = run_epoch(epoch);
      if (!logs) break;
      history.epochs.push_back(std::move(*logs));
    }
    if (options_.epochs > 0) model_.finish_training();
    return history;
  }

 private:
  bool stopped() const { return options_.stop && options_.stop(); }

  /// Nothing if it was stopped before its end.
  std::optional<Logs> run_epoch(int64_t epoch) {
    observer_.begin_epoch(epoch, options_.epochs, training_.steps());
    if (options_.shuffle)
      training_.set_order(shuffled(samples_, options_.seed, static_cast<uint64_t>(epoch)));
    model_.reset_metrics();
    for (int64_t step = 0; step < training_.steps(); ++step) {
      if (stopped()) return {};
      const double loss = model_.train_step(training_.batch(step));
      if (!std::isfinite(loss)) warn_of_loss(loss, epoch, step);
      observer_.end_step(step + 1, observer_.wants_logs() ? logs_of(model_) : Logs());
    }
    Logs logs = logs_of(model_);
    if (validation_ && !validate(logs)) return {};
    observer_.end_epoch(logs);
    return logs;
  }

  bool validate(Logs& logs) {
    model_.reset_metrics();
    for (int64_t step = 0; step < validation_->steps(); ++step) {
      if (stopped()) return false;
      model_.evaluate_step(validation_->batch(step));
    }
    const Logs held_out = logs_of(model_, "val_");
    logs.insert(logs.end(), held_out.begin(), held_out.end());
    return true;
  }

  void warn_of_loss(double loss, int64_t epoch, int64_t step) {
    if (warned_) return;
    warned_ = true;
    observer_.warn(cat("the loss became ", std::isnan(loss) ? "NaN" : "infinite", " in epoch ", epoch + 1,
                       ", step ", step + 1, "; a smaller learning rate or scaled inputs may help"));
  }

  Trainable& model_;
  const FitOptions& options_;
  Observer& observer_;
  int64_t samples_;
  Batches training_;
  std::optional<Batches> validation_;
  bool warned_ = false;
};

}  // namespace

History fit(Trainable& model, const Dataset& data, const FitOptions& options, Observer& observer) {
  if (options.validation_split == 0 || options.validation != nullptr)
    return Fit(model, data, options.validation, options, observer).run();
  const auto first =
      static_cast<int64_t>(std::floor(static_cast<double>(data.samples) * (1.0 - options.validation_split)));
  if (first <= 0 || first >= data.samples)
    throw Error(
        ErrorKind::usage,
        cat(counted(data.samples, "sample"), " cannot be split for validation by ", options.validation_split),
        data.where, "both parts need at least one sample");
  const Dataset training = data.rows(0, first), validation = data.rows(first, data.samples);
  return Fit(model, training, &validation, options, observer).run();
}

Logs evaluate(Trainable& model, const Dataset& data, int64_t batch_size) {
  Batches batches(model, data, batch_size, data.weights);
  model.reset_metrics();
  for (int64_t step = 0; step < batches.steps(); ++step) model.evaluate_step(batches.batch(step));
  return logs_of(model);
}

std::map<std::string, Array> predict(Trainable& model, const Dataset& data, int64_t batch_size) {
  const std::vector<Signature>& signatures = model.info().outputs;
  Batches batches(model, data, batch_size, {});
  std::vector<Array> outputs;
  for (const Signature& output : signatures) {
    const int64_t rows =
        output.is_per_sample ? output.row_count(data.samples) : output.row_count(1) * batches.steps();
    Shape shape = {rows};
    shape.insert(shape.end(), output.shape.begin(), output.shape.end());
    if (!byte_count(output.dtype, shape))
      throw Error(ErrorKind::data, "too many samples to predict", data.where);
    outputs.emplace_back(output.dtype, shape);
  }
  std::vector<std::byte*> next;
  for (Array& output : outputs) next.push_back(output.mutable_data());
  for (int64_t step = 0; step < batches.steps(); ++step) {
    const Batch& batch = batches.batch(step);
    const std::vector<void*> places(next.begin(), next.end());
    model.predict(batch.n, batch.inputs, places);
    for (size_t i = 0; i < outputs.size(); ++i) {
      const int64_t all = std::max<int64_t>(outputs[i].shape()[0], 1);
      next[i] += outputs[i].bytes() / all * signatures[i].row_count(batch.n);
    }
  }
  std::map<std::string, Array> named;
  for (size_t i = 0; i < outputs.size(); ++i) named.emplace(signatures[i].name, std::move(outputs[i]));
  return named;
}

}  // namespace keratin::trainer
