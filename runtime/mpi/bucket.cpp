#include "runtime/mpi/bucket.h"

#include <algorithm>
#include <cstring>

#include "runtime/float_mode.h"
#include "runtime/mpi/reduce.h"

namespace keratin::mpi {
namespace {

constexpr size_t kAlignment = 64;
// About as much as a network moves while a message is on its way: up to there, one message with all costs less than two with parts.
constexpr size_t kSentWhole = 32 << 10;

size_t aligned(size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

}  // namespace

void Bucket::add(uint32_t reduction, uint32_t dtype, void* elements, size_t count) {
  const size_t begin = packed_.size(), bytes = count * element_bytes(dtype);
  packed_.resize(begin + aligned(bytes));
  std::memcpy(packed_.data() + begin, elements, bytes);
  segments_.push_back({reduction, dtype, elements, begin, bytes, false});
}

bool Bucket::has(const void* elements) const {
  return std::any_of(segments_.begin(), segments_.end(), [&](const Segment& segment) {
    return segment.elements == elements && !segment.is_taken;
  });
}

void Bucket::take(const void* elements) {
  for (Segment& segment : segments_) {
    if (segment.elements != elements || segment.is_taken) continue;
    std::memcpy(segment.elements, packed_.data() + segment.begin, segment.bytes);
    segment.is_taken = true;
  }
  if (std::all_of(segments_.begin(), segments_.end(), [](const Segment& each) { return each.is_taken; }))
    segments_.clear();
}

void Bucket::close() {
  is_whole_ = packed_.size() <= kSentWhole;
  chunk_ = is_whole_ ? packed_.size() : aligned((packed_.size() + ranks_ - 1) / ranks_);
  if (!is_whole_) packed_.resize(chunk_ * ranks_);
  received_.resize(chunk_ * ranks_);
}

void Bucket::join(size_t rank) {
  // As the threads that compute a step do, whoever calls.
  const uint64_t mode = krt_float_mode();
  krt_set_float_mode(mode | KRT_DENORMALS_ARE_ZEROS);
  const size_t first = is_whole_ ? 0 : rank * chunk_;  // in the bucket
  std::byte* total = packed_.data() + first;
  std::memcpy(total, received_.data(), chunk_);
  for (const Segment& segment : segments_) {
    const size_t begin = std::max(segment.begin, first),
                 end = std::min(segment.begin + segment.bytes, first + chunk_);
    if (begin >= end) continue;
    const size_t count = (end - begin) / element_bytes(segment.dtype);
    for (size_t other = 1; other < ranks_; ++other)
      reduce_into(segment.reduction, segment.dtype, total + (begin - first),
                  received_.data() + other * chunk_ + (begin - first), count);
  }
  krt_set_float_mode(mode);
}

}  // namespace keratin::mpi
