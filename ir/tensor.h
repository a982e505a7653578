// A concrete array in memory: what files hold, what functions are called with, what constants are made of.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ir/type.h"

namespace keratin {

/// A number of any dtype: the splat of a constant, the value of an attribute.
struct Scalar {
  DType dtype = DType::f32;
  double real = 0;      ///< the value if dtype is a float, already rounded to it
  int64_t integer = 0;  ///< the value if dtype is an integer or boolean (u64: the same bits)

  static Scalar of(DType dtype, double value);  ///< rounded to `dtype` (integers: truncated, saturated)
  static Scalar of_integer(DType dtype, int64_t value);
  double as_double() const;
  bool operator==(const Scalar&) const;  ///< bitwise: NaN equals NaN, 0 differs from -0
};
std::string to_text(const Scalar& value);  ///< "0.5", "3:i32", "true", "nan:f64"

/// Dense, row-major, owned, 64-byte aligned.
class Tensor {
 public:
  Tensor() : Tensor(DType::f32, {0}) {}
  Tensor(DType dtype, std::vector<int64_t> shape);  ///< zeros

  DType dtype() const { return dtype_; }
  const std::vector<int64_t>& shape() const { return shape_; }
  int64_t rank() const { return static_cast<int64_t>(shape_.size()); }
  int64_t elements() const { return elements_; }
  int64_t bytes() const { return elements_ * byte_size(dtype_); }
  std::byte* data() { return storage_.get(); }
  const std::byte* data() const { return storage_.get(); }

  /// The elements as T. Requires: sizeof(T) == byte_size(dtype()).
  template <typename T>
  std::span<T> as() {
    return {reinterpret_cast<T*>(storage_.get()), static_cast<size_t>(elements_)};
  }
  template <typename T>
  std::span<const T> as() const {
    return {reinterpret_cast<const T*>(storage_.get()), static_cast<size_t>(elements_)};
  }

  double get(int64_t i) const;           ///< element i as a double, whatever the dtype
  void set(int64_t i, double value);     ///< element i, rounded to the dtype (integers: truncated, saturated)
  int64_t get_integer(int64_t i) const;  ///< exact for integers; u64 as the same bits
  void set_integer(int64_t i, int64_t value);  ///< wraps to the dtype

  Type type() const;                           ///< static shape
  bool operator==(const Tensor& other) const;  ///< same dtype, shape and bytes

  Tensor(const Tensor& other);
  Tensor(Tensor&&) noexcept = default;
  Tensor& operator=(const Tensor& other);
  Tensor& operator=(Tensor&&) noexcept = default;

 private:
  struct Free {
    void operator()(std::byte* p) const;
  };
  DType dtype_;
  std::vector<int64_t> shape_;
  int64_t elements_;
  std::unique_ptr<std::byte[], Free> storage_;
};

/// Element i as a Scalar, and back. All NaNs become one.
Scalar scalar_at(const Tensor& tensor, int64_t i);
void set_scalar(Tensor& tensor, int64_t i, const Scalar& value);

/// Conversions between float and the 16-bit formats: round to nearest even, NaN stays NaN.
uint16_t float_to_half(float value);
float half_to_float(uint16_t bits);
uint16_t float_to_bfloat(float value);
float bfloat_to_float(uint16_t bits);

/// `value` rounded to a float dtype; exactly what storing it and loading it again gives.
double round_to(DType dtype, double value);
/// `value` wrapped to an integer dtype (boolean: value != 0).
int64_t wrap_to(DType dtype, int64_t value);

}  // namespace keratin
