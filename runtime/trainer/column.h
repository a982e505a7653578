// The samples of an input: rows that lie in an array, or that are made when they are read.
#pragma once

#include <memory>

#include "runtime/trainer/array.h"

namespace keratin::trainer {

/// Rows that are made when they are read, from any thread.
class Rows {
 public:
  virtual ~Rows() = default;
  /// Row `row` as elements of type `to`. Throws Error.
  virtual void read(int64_t row, DType to, std::byte* out) const = 0;
};

class Column {
 public:
  /// Requires: `array` has an axis.
  Column(Array array);  // NOLINT(google-explicit-constructor): an array is one
  /// `shape` begins with the number of rows. `dtype`: of which no value is lost.
  Column(DType dtype, Shape shape, std::shared_ptr<const Rows> made);

  DType dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  int64_t row_elements() const { return row_elements_; }
  /// The array; null if rows are made.
  const Array* array() const { return made_ ? nullptr : &array_; }

  void read(int64_t row, DType to, std::byte* out) const;
  /// Asks for up to `most` bytes of a row that is read soon; the processor's own prefetching would learn where it is only by and by.
  void fetch(int64_t row, int64_t most) const;

  /// Rows `begin` to `end`.
  Column rows(int64_t begin, int64_t end) const;

 private:
  DType dtype_;
  Shape shape_;
  int64_t row_elements_, row_bytes_;
  Array array_;
  std::shared_ptr<const Rows> made_;
  int64_t first_ = 0;  // of the rows that are made
};

}  // namespace keratin::trainer
