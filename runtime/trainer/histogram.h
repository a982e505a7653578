// Numbers counted by size, as tf.summary.histogram counts them.
#pragma once

#include <vector>

#include "runtime/trainer/array.h"

namespace keratin::trainer {

struct Bucket {
  double left, right;
  double
      count;  ///< of the numbers from `left` on that are less than `right`; the last bucket has that one too
};
inline constexpr int64_t kBuckets = 30;

/// kBuckets of equal width from the least to the greatest number. If all are the same, so are all edges, and the last bucket
/// has them; of no numbers everything is 0. NaNs and infinities, for which there is no bucket, are not counted.
std::vector<Bucket> histogram(const Array& numbers);

}  // namespace keratin::trainer
