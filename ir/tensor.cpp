#include "ir/tensor.h"

#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>
#include <type_traits>

#include "ir/error.h"
#include "ir/text.h"

namespace keratin {

// The 16-bit formats.

uint16_t float_to_half(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const uint32_t sign = bits >> 16 & 0x8000;
  const uint32_t magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return static_cast<uint16_t>(sign | 0x7e00 | (magnitude >> 13 & 0x3ff));
  if (magnitude >= 0x47800000) return static_cast<uint16_t>(sign | 0x7c00);  // 65536 and more: inf
  if (magnitude < 0x38800000) {
    // Below the normal halves: one unit in the last place of 0.5f is one unit of the subnormal halves.
    const float aligned = std::bit_cast<float>(magnitude) + 0.5f;
    return static_cast<uint16_t>(sign | (std::bit_cast<uint32_t>(aligned) - std::bit_cast<uint32_t>(0.5f)));
  }
  const uint32_t to_even = 0xfff + (magnitude >> 13 & 1);
  return static_cast<uint16_t>(sign | (magnitude - 0x38000000 + to_even) >> 13);
}

float half_to_float(uint16_t bits) {
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000) << 16;
  const uint32_t magnitude = bits & 0x7fff;
  if (magnitude >= 0x7c00) return std::bit_cast<float>(sign | 0x7f800000 | (magnitude & 0x3ff) << 13);
  if (magnitude < 0x400) {
    return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(static_cast<float>(magnitude) * 0x1p-24f));
  }
  return std::bit_cast<float>(sign | ((magnitude << 13) + 0x38000000));
}

uint16_t float_to_bfloat(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7fffffff) > 0x7f800000) return static_cast<uint16_t>(bits >> 16 | 0x40);
  const uint32_t to_even = 0x7fff + (bits >> 16 & 1);
  return static_cast<uint16_t>((bits + to_even) >> 16);
}

float bfloat_to_float(uint16_t bits) { return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16); }

namespace {

/// `value` as a float whose last bit tells whether anything was lost, so that rounding it again to 16 bits
/// gives what rounding `value` at once would have given.
float to_float_odd(double value) {
  const auto nearest = static_cast<float>(value);
  const auto bits = std::bit_cast<uint32_t>(nearest);
  if (std::isnan(value) || static_cast<double>(nearest) == value || (bits & 1) != 0) return nearest;
  const bool too_large = std::abs(static_cast<double>(nearest)) > std::abs(value);
  return std::bit_cast<float>(too_large ? bits - 1 : bits + 1);
}

/// `value` truncated to T; what is out of range becomes the nearest bound, NaN becomes 0.
template <typename T>
T saturate(double value) {
  constexpr double kAbove = 2.0 * static_cast<double>(std::numeric_limits<T>::max() / 2 + 1);
  constexpr double kLowest = static_cast<double>(std::numeric_limits<T>::min());
  if (std::isnan(value)) return 0;
  if (value >= kAbove) return std::numeric_limits<T>::max();
  if (value <= kLowest) return std::numeric_limits<T>::min();
  return static_cast<T>(value);
}

struct Boolean {
  uint8_t byte;  // not bool: files may hold other bytes than 0 and 1
};
struct Half {
  uint16_t bits;
};
struct Bfloat {
  uint16_t bits;
};

/// Calls `f` with a value of the C++ type that holds an element of `dtype`.
template <typename F>
auto with_element_type(DType dtype, F f) {
  switch (dtype) {
    case DType::boolean: return f(Boolean());
    case DType::i8: return f(int8_t());
    case DType::i16: return f(int16_t());
    case DType::i32: return f(int32_t());
    case DType::i64: return f(int64_t());
    case DType::u8: return f(uint8_t());
    case DType::u16: return f(uint16_t());
    case DType::u32: return f(uint32_t());
    case DType::u64: return f(uint64_t());
    case DType::f16: return f(Half());
    case DType::bf16: return f(Bfloat());
    case DType::f32: return f(float());
    case DType::f64: return f(double());
  }
  __builtin_unreachable();
}

double widen(Boolean value) { return value.byte != 0; }
double widen(Half value) { return half_to_float(value.bits); }
double widen(Bfloat value) { return bfloat_to_float(value.bits); }
template <typename T>
double widen(T value) {
  return static_cast<double>(value);
}

template <typename T>
T narrow(double value) {
  if constexpr (std::is_same_v<T, Half>)
    return {float_to_half(to_float_odd(value))};
  else if constexpr (std::is_same_v<T, Bfloat>)
    return {float_to_bfloat(to_float_odd(value))};
  else if constexpr (std::is_same_v<T, Boolean>)
    return {value != 0};
  else if constexpr (std::is_integral_v<T>)
    return saturate<T>(value);
  else
    return static_cast<T>(value);
}

template <typename T>
int64_t to_integer(T value) {
  if constexpr (std::is_same_v<T, Boolean>)
    return value.byte != 0;
  else if constexpr (std::is_integral_v<T>)
    return static_cast<int64_t>(value);
  else
    return saturate<int64_t>(widen(value));
}

template <typename T>
T from_integer(int64_t value) {
  if constexpr (std::is_same_v<T, Boolean>)
    return {value != 0};
  else if constexpr (std::is_integral_v<T>)
    return static_cast<T>(value);
  else
    return narrow<T>(static_cast<double>(value));
}

}  // namespace

double round_to(DType dtype, double value) {
  return with_element_type(dtype, [&](auto element) { return widen(narrow<decltype(element)>(value)); });
}

int64_t wrap_to(DType dtype, int64_t value) {
  KERATIN_CHECK(!is_float(dtype), std::string(to_text(dtype)));
  return with_element_type(dtype,
                           [&](auto element) { return to_integer(from_integer<decltype(element)>(value)); });
}

// Scalars.

Scalar Scalar::of(DType dtype, double value) {
  Scalar scalar{dtype};
  if (!is_float(dtype)) {
    scalar.integer =
        with_element_type(dtype, [&](auto element) { return to_integer(narrow<decltype(element)>(value)); });
  } else {
    scalar.real = std::isnan(value) ? std::numeric_limits<double>::quiet_NaN() : round_to(dtype, value);
  }
  return scalar;
}

Scalar Scalar::of_integer(DType dtype, int64_t value) {
  if (is_float(dtype)) return of(dtype, static_cast<double>(value));
  Scalar scalar{dtype};
  scalar.integer = wrap_to(dtype, value);
  return scalar;
}

double Scalar::as_double() const {
  if (is_float(dtype)) return real;
  return dtype == DType::u64 ? static_cast<double>(static_cast<uint64_t>(integer))
                             : static_cast<double>(integer);
}

bool Scalar::operator==(const Scalar& other) const {
  return dtype == other.dtype && integer == other.integer &&
         (std::bit_cast<uint64_t>(real) == std::bit_cast<uint64_t>(other.real) ||
          (std::isnan(real) && std::isnan(other.real)));
}

std::string to_text(const Scalar& value) {
  if (value.dtype == DType::boolean) return to_text(value.integer != 0);
  std::string text;
  if (value.dtype == DType::u64) {
    text = to_text(static_cast<uint64_t>(value.integer));
  } else if (is_integer(value.dtype)) {
    text = to_text(value.integer);
  } else {
    text = value.dtype == DType::f64 ? to_text(value.real) : to_text(static_cast<float>(value.real));
    if (text.find_first_not_of("-0123456789") == std::string::npos) text += ".0";
  }
  return value.dtype == DType::f32 ? text : cat(text, ":", value.dtype);
}

// Tensors.

void Tensor::Free::operator()(std::byte* p) const { std::free(p); }

Tensor::Tensor(DType dtype, std::vector<int64_t> shape)
    : dtype_(dtype), shape_(std::move(shape)), elements_(1) {
  for (const int64_t size : shape_) {
    KERATIN_CHECK(size >= 0, cat("shape [", join(shape_, ","), "]"));
  }
  int64_t size = byte_size(dtype);
  for (const int64_t n : shape_) {
    if (__builtin_mul_overflow(size, n, &size) || size > std::numeric_limits<int64_t>::max() - 64) {
      throw Error(ErrorKind::data,
                  cat("an array ", dtype, "[", join(shape_, ","), "] exceeds the address space"));
    }
    elements_ *= n;
  }
  const size_t allocated = static_cast<size_t>(size + 63) / 64 * 64;
  auto* memory = static_cast<std::byte*>(std::aligned_alloc(64, allocated == 0 ? 64 : allocated));
  if (memory == nullptr) throw std::bad_alloc();
  storage_.reset(memory);
  std::memset(memory, 0, static_cast<size_t>(size));
}

Tensor::Tensor(const Tensor& other) : Tensor(other.dtype_, other.shape_) {
  std::memcpy(data(), other.data(), static_cast<size_t>(bytes()));
}

Tensor& Tensor::operator=(const Tensor& other) {
  if (this != &other) *this = Tensor(other);
  return *this;
}

double Tensor::get(int64_t i) const {
  return with_element_type(
      dtype_, [&](auto element) { return widen(reinterpret_cast<const decltype(element)*>(data())[i]); });
}

void Tensor::set(int64_t i, double value) {
  with_element_type(dtype_, [&](auto element) {
    using T = decltype(element);
    reinterpret_cast<T*>(data())[i] = narrow<T>(value);
  });
}

int64_t Tensor::get_integer(int64_t i) const {
  return with_element_type(dtype_, [&](auto element) {
    return to_integer(reinterpret_cast<const decltype(element)*>(data())[i]);
  });
}

void Tensor::set_integer(int64_t i, int64_t value) {
  with_element_type(dtype_, [&](auto element) {
    using T = decltype(element);
    reinterpret_cast<T*>(data())[i] = from_integer<T>(value);
  });
}

Type Tensor::type() const { return Type(dtype_, Shape(shape_.begin(), shape_.end())); }

bool Tensor::operator==(const Tensor& other) const {
  return dtype_ == other.dtype_ && shape_ == other.shape_ &&
         std::memcmp(data(), other.data(), static_cast<size_t>(bytes())) == 0;
}

Scalar scalar_at(const Tensor& tensor, int64_t i) {
  return is_float(tensor.dtype()) ? Scalar::of(tensor.dtype(), tensor.get(i))
                                  : Scalar::of_integer(tensor.dtype(), tensor.get_integer(i));
}

void set_scalar(Tensor& tensor, int64_t i, const Scalar& value) {
  if (is_float(tensor.dtype()))
    tensor.set(i, value.as_double());
  else
    tensor.set_integer(i, value.integer);
}

}  // namespace keratin
