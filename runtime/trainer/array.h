// Row-major arrays of numbers: data sets, weights, predictions.
//
// An Array is a dtype, a shape and bytes that it owns or that lie in a mapped file, which it then keeps mapped. What would take
// much of the memory is kept in a file, too (map_scratch). Copies share the bytes until one of them is written to. Mapped elements may lie at any address: they are read by memcpy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace keratin::trainer {

enum class DType : uint8_t { boolean, i8, i16, i32, i64, u8, u16, u32, u64, f16, bf16, f32, f64 };
inline constexpr int kDTypeCount = 13;

int64_t byte_size(DType dtype);  ///< bytes of one element; booleans take one
bool is_float(DType dtype);
std::string_view to_text(DType dtype);  ///< "f32", "bool", …

using Shape = std::vector<int64_t>;

std::string shape_text(const Shape& shape);  ///< as Python writes it: "(3, 4)", "(3,)", "()"
/// The bytes of such an array; nothing if they, or those it had were no dimension 0, are 2^63 or more.
std::optional<int64_t> byte_count(DType dtype, const Shape& shape);

class Array {
 public:
  /// f32, no elements.
  Array() : Array(DType::f32, {0}) {}
  /// Zeros. Requires: byte_count(dtype, shape).
  Array(DType dtype, Shape shape);
  /// Bytes of another's, which `owner` keeps. Requires: there are byte_count(dtype, shape) of them.
  static Array view(DType dtype, Shape shape, const void* data, std::shared_ptr<const void> owner);

  /// The same bytes as strings, along the last axis, which zeros fill up. Requires: i8, and an axis.
  Array as_strings() const;
  bool holds_strings() const { return holds_strings_; }

  DType dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  int64_t elements() const;
  int64_t bytes() const { return elements() * byte_size(dtype_); }

  const std::byte* data() const { return data_; }
  /// For writing; makes the bytes this array's own first.
  std::byte* mutable_data();

  /// Reverses the bytes of each element, which came in the other order.
  void swap_byte_order();

  /// Element `index` in row-major order, as the nearest double.
  double number(int64_t index) const;
  /// The same elements in another shape. Requires: as many.
  Array reshaped(Shape shape) const;
  /// Rows `begin` to `end` of the first axis, sharing the bytes.
  Array rows(int64_t begin, int64_t end) const;

 private:
  DType dtype_;
  Shape shape_;
  bool holds_strings_ = false;
  std::shared_ptr<const void> owner_;  // of the bytes
  const std::byte* data_ = nullptr;
  bool own_ = false;  // whether they were allocated by this class
};

}  // namespace keratin::trainer
