#include "runtime/trainer/column.h"

#include <algorithm>
#include <utility>

#include "runtime/trainer/convert.h"

namespace keratin::trainer {
namespace {

constexpr int64_t kCacheLine = 64;

int64_t elements_of_row(const Shape& shape) {
  int64_t n = 1;
  for (size_t axis = 1; axis < shape.size(); ++axis) n *= shape[axis];
  return n;
}

}  // namespace

Column::Column(Array array) : Column(array.dtype(), array.shape(), nullptr) { array_ = std::move(array); }

Column::Column(DType dtype, Shape shape, std::shared_ptr<const Rows> made)
    : dtype_(dtype),
      shape_(std::move(shape)),
      row_elements_(elements_of_row(shape_)),
      row_bytes_(row_elements_ * byte_size(dtype)),
      made_(std::move(made)) {}

void Column::read(int64_t row, DType to, std::byte* out) const {
  if (made_)
    made_->read(first_ + row, to, out);
  else
    convert(dtype_, array_.data() + row * row_bytes_, to, out, row_elements_);
}

void Column::fetch(int64_t row, int64_t most) const {
  if (made_) return;
  for (int64_t at = 0; at < std::min(row_bytes_, most); at += kCacheLine)
    __builtin_prefetch(array_.data() + row * row_bytes_ + at);
}

Column Column::rows(int64_t begin, int64_t end) const {
  Column part = *this;
  part.shape_[0] = end - begin;
  if (made_)
    part.first_ += begin;
  else
    part.array_ = array_.rows(begin, end);
  return part;
}

}  // namespace keratin::trainer
