#include "runtime/trainer/array.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "runtime/trainer/convert.h"
#include "runtime/trainer/file.h"
#include "runtime/trainer/text.h"

namespace keratin::trainer {
namespace {

struct DTypeRow {
  std::string_view text;
  int64_t bytes;
};
constexpr DTypeRow kDTypes[kDTypeCount] = {{"bool", 1}, {"i8", 1},  {"i16", 2}, {"i32", 4}, {"i64", 8},
                                           {"u8", 1},   {"u16", 2}, {"u32", 4}, {"u64", 8}, {"f16", 2},
                                           {"bf16", 2}, {"f32", 4}, {"f64", 8}};
const DTypeRow& row_of(DType dtype) { return kDTypes[static_cast<size_t>(dtype)]; }

/// Whole cache lines, for what computes on them.
constexpr std::align_val_t kAlignment{64};

/// Zeros.
std::shared_ptr<std::byte> allocate(int64_t count) {
  const auto bytes = static_cast<size_t>(count);
  if (!stays_in_memory(bytes)) return map_scratch(bytes);
  auto* data = static_cast<std::byte*>(::operator new(bytes + 1, kAlignment));
  std::memset(data, 0, bytes);
  return {data, [](std::byte* p) { ::operator delete(p, kAlignment); }};
}

}  // namespace

int64_t byte_size(DType dtype) { return row_of(dtype).bytes; }
bool is_float(DType dtype) { return dtype >= DType::f16; }
std::string_view to_text(DType dtype) { return row_of(dtype).text; }

std::string shape_text(const Shape& shape) {
  return cat("(", join(shape, ", "), shape.size() == 1 ? ",)" : ")");
}

std::optional<int64_t> byte_count(DType dtype, const Shape& shape) {
  int64_t bytes = byte_size(dtype);
  bool empty = false;
  for (const int64_t n : shape) {
    empty |= n == 0;
    if (n < 0 || (n != 0 && __builtin_mul_overflow(bytes, n, &bytes))) return {};
  }
  return empty ? 0 : bytes;
}

Array::Array(DType dtype, Shape shape) : dtype_(dtype), shape_(std::move(shape)), own_(true) {
  const std::shared_ptr<std::byte> data = allocate(bytes());
  data_ = data.get();
  owner_ = data;
}

Array Array::view(DType dtype, Shape shape, const void* data, std::shared_ptr<const void> owner) {
  Array array(dtype, {0});
  array.shape_ = std::move(shape);
  array.data_ = static_cast<const std::byte*>(data);
  array.owner_ = std::move(owner);
  array.own_ = false;
  return array;
}

Array Array::as_strings() const {
  Array array = *this;
  array.holds_strings_ = true;
  return array;
}

int64_t Array::elements() const {
  int64_t n = 1;
  for (const int64_t dimension : shape_) n *= dimension;
  return n;
}

std::byte* Array::mutable_data() {
  if (!own_ || owner_.use_count() != 1) {
    const std::shared_ptr<std::byte> copy = allocate(bytes());
    std::memcpy(copy.get(), data_, static_cast<size_t>(bytes()));
    data_ = copy.get();
    owner_ = copy;
    own_ = true;
  }
  return const_cast<std::byte*>(data_);  // allocated above or in the constructor
}

void Array::swap_byte_order() {
  const int64_t size = byte_size(dtype_);
  std::byte* element = mutable_data();
  for (int64_t i = 0; i < elements(); ++i, element += size) std::reverse(element, element + size);
}

double Array::number(int64_t index) const {
  double value = 0;
  convert(dtype_, data_ + index * byte_size(dtype_), DType::f64, &value, 1);
  return value;
}

Array Array::reshaped(Shape shape) const {
  Array array = *this;
  array.shape_ = std::move(shape);
  return array;
}

Array Array::rows(int64_t begin, int64_t end) const {
  Array array = *this;
  array.data_ += begin * (shape_[0] == 0 ? 0 : bytes() / shape_[0]);
  array.shape_[0] = end - begin;
  return array;
}

}  // namespace keratin::trainer
