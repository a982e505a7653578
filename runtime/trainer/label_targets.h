// Labels, one a sample, as a target takes them: the number of the class, or a number for each class.
#pragma once

#include "runtime/trainer/array.h"
#include "runtime/trainer/trainable.h"

namespace keratin::trainer {

/// How many classes a target has, as far as it tells: one number for two of them, as for a sigmoid; 0 if it has none.
int64_t class_count(const Signature& target);

/// `labels`: numbers of classes, of shape [N]. Requires: they are below class_count().
Array class_targets(const Array& labels, const Signature& target);

}  // namespace keratin::trainer
