#include "runtime/trainer/class_weight.h"

#include <cmath>
#include <utility>

#include "runtime/trainer/error.h"
#include "runtime/trainer/text.h"

namespace keratin::trainer {
namespace {

int64_t class_of(const Array& target, int64_t sample, int64_t each) {
  if (each == 1) return std::llround(target.number(sample));
  int64_t best = 0;
  double most = target.number(sample * each);
  for (int64_t i = 1; i < each; ++i) {
    const double value = target.number(sample * each + i);
    if (value <= most) continue;
    most = value;
    best = i;
  }
  return best;
}

}  // namespace

SampleWeights sample_weights(const TrainableInfo& model, const Dataset& data,
                             const ClassWeight& class_weight) {
  if (class_weight.empty()) return data.weights;
  const auto refuse = [](const std::string& message, const std::string& hint = {}) {
    throw Error(ErrorKind::usage, message, "class weights", hint);
  };
  const std::string instead = "give each sample a weight instead: sample_weight";
  if (model.targets.size() != 1) refuse("the model has several targets", instead);
  const Signature& target = model.targets[0];
  const int64_t each = target.shape.empty() ? 1 : target.shape[0];
  // Keras takes the place of the largest of a row of labels for its class.
  if (target.shape.size() > 1 || (target.dtype == DType::i32 && each > 1))
    refuse("a target of several labels has no one class per sample", instead);
  if (model.weights.empty()) refuse("a training step of the model's own takes no weights");
  if (model.weights.size() != 1 || !model.weights[0].shape.empty())
    refuse("the model takes weights of steps", instead);
  const int64_t classes = each > 1 ? each : target.classes;
  for (const auto& [number, weight] : class_weight)
    if (classes > 0 && number >= classes)
      refuse(cat("there is no class ", number), cat("classes are 0 to ", classes - 1));

  std::vector<float> weights = data.weights.empty() ? std::vector<float>() : data.weights[0];
  weights.resize(static_cast<size_t>(data.samples), 1.0F);
  for (int64_t i = 0; i < data.samples; ++i) {
    const auto found = class_weight.find(class_of(data.targets[0], i, each));
    if (found != class_weight.end()) weights[static_cast<size_t>(i)] *= static_cast<float>(found->second);
  }
  return {std::move(weights)};
}

}  // namespace keratin::trainer
