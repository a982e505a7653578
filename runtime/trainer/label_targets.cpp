#include "runtime/trainer/label_targets.h"

#include <utility>

namespace keratin::trainer {

int64_t class_count(const Signature& target) {
  if (target.classes > 0) return target.shape.empty() || target.shape == Shape{1} ? target.classes : 0;
  if (target.shape.empty() || target.shape == Shape{1}) return 2;
  return target.shape.size() == 1 ? target.shape[0] : 0;
}

Array class_targets(const Array& labels, const Signature& target) {
  const int64_t samples = labels.shape()[0];
  Shape shape = {samples};
  shape.insert(shape.end(), target.shape.begin(), target.shape.end());
  if (target.shape.empty() || target.shape[0] == 1) return labels.reshaped(std::move(shape));
  Array one_hot(DType::u8, std::move(shape));
  std::byte* ones = one_hot.mutable_data();
  for (int64_t i = 0; i < samples; ++i, ones += target.shape[0])
    ones[static_cast<int64_t>(labels.number(i))] = std::byte{1};
  return one_hot;
}

}  // namespace keratin::trainer
