#include "runtime/trainer/histogram.h"

#include <algorithm>
#include <cmath>

namespace keratin::trainer {
namespace {

std::vector<double> finite_numbers(const Array& array) {
  std::vector<double> finite;
  finite.reserve(static_cast<size_t>(array.elements()));
  for (int64_t i = 0; i < array.elements(); ++i)
    if (const double number = array.number(i); std::isfinite(number)) finite.push_back(number);
  return finite;
}

}  // namespace

std::vector<Bucket> histogram(const Array& numbers) {
  const std::vector<double> finite = finite_numbers(numbers);
  if (finite.empty()) return std::vector<Bucket>(kBuckets, Bucket{0, 0, 0});
  const auto [low, high] = std::minmax_element(finite.begin(), finite.end());
  const double least = *low, greatest = *high, width = (greatest - least) / kBuckets;
  std::vector<Bucket> buckets;
  for (int64_t i = 0; i < kBuckets; ++i)
    buckets.push_back(
        {least + width * static_cast<double>(i), least + width * static_cast<double>(i + 1), 0});
  buckets.back().right = greatest;  // whatever the rounding
  for (const double number : finite) {
    // min() takes the last bucket where there is no width to divide by.
    const double place = std::min<double>(kBuckets - 1, std::floor((number - least) / width));
    ++buckets[static_cast<size_t>(place)].count;
  }
  return buckets;
}

}  // namespace keratin::trainer
