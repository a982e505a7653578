// Weights of classes, made weights of samples.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "runtime/trainer/dataset.h"

namespace keratin::trainer {

/// By the class's number; classes that are not named weigh 1.
using ClassWeight = std::map<int64_t, double>;

/// The weight of each sample: its own times its class's; empty if all are 1. The class is the target itself or, of one-hot
/// targets, the place of the largest number. Throws Error(usage) if the model or a class does not allow it.
SampleWeights sample_weights(const TrainableInfo& model, const Dataset& data,
                             const ClassWeight& class_weight);

}  // namespace keratin::trainer
