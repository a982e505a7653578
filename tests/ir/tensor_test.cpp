#include "ir/tensor.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "ir/error.h"

namespace keratin {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

/// The 16-bit format with `mantissa` bits, by its definition.
double value_of(uint16_t bits, int mantissa) {
  const int exponent_bits = 15 - mantissa;
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const int exponent = (bits & 0x7fff) >> mantissa;
  const double fraction = std::ldexp(bits & ((1 << mantissa) - 1), -mantissa);
  const double sign = (bits & 0x8000) != 0 ? -1 : 1;
  if (exponent == (1 << exponent_bits) - 1) return fraction != 0 ? kNaN : sign * kInf;
  return sign * (exponent == 0 ? std::ldexp(fraction, 1 - bias) : std::ldexp(1 + fraction, exponent - bias));
}

struct Format {
  const char* name;
  DType dtype;
  int mantissa;
  uint16_t infinity;
  float (*widen)(uint16_t);
  uint16_t (*narrow)(float);
};

class SixteenBits : public testing::TestWithParam<Format> {};

TEST_P(SixteenBits, AllValues) {
  const Format& format = GetParam();
  for (int i = 0; i < 65536; ++i) {
    const auto bits = static_cast<uint16_t>(i);
    const double expected = value_of(bits, format.mantissa);
    const float widened = format.widen(bits);
    if (std::isnan(expected)) {
      ASSERT_TRUE(std::isnan(widened)) << i;
      const uint16_t back = format.narrow(widened);
      ASSERT_TRUE(std::isnan(format.widen(back))) << i;
      ASSERT_EQ(back & 0x8000, bits & 0x8000);
    } else {
      ASSERT_EQ(widened, expected) << i;
      ASSERT_EQ(std::signbit(widened), std::signbit(expected)) << i;
      ASSERT_EQ(format.narrow(widened), bits);
    }
  }
}

TEST_P(SixteenBits, RoundsToNearestEven) {
  const Format& format = GetParam();
  for (int i = 0; i + 1 < format.infinity; ++i) {
    const double low = value_of(static_cast<uint16_t>(i), format.mantissa);
    const double high = value_of(static_cast<uint16_t>(i + 1), format.mantissa);
    const double middle = (low + high) / 2;
    const double even = (i & 1) == 0 ? low : high;
    // The neighbours of the middle are doubles that no float is near enough to tell apart.
    ASSERT_EQ(round_to(format.dtype, middle), even) << i;
    ASSERT_EQ(round_to(format.dtype, std::nextafter(middle, -kInf)), low) << i;
    ASSERT_EQ(round_to(format.dtype, std::nextafter(middle, kInf)), high) << i;
    ASSERT_EQ(round_to(format.dtype, -middle), -even) << i;
    if (static_cast<double>(static_cast<float>(middle)) == middle) {
      ASSERT_EQ(format.widen(format.narrow(static_cast<float>(middle))), even) << i;
    }
  }
  const double largest = value_of(static_cast<uint16_t>(format.infinity - 1), format.mantissa);
  const double step = largest - value_of(static_cast<uint16_t>(format.infinity - 2), format.mantissa);
  EXPECT_EQ(round_to(format.dtype, std::nextafter(largest + step / 2, 0)), largest);
  EXPECT_EQ(round_to(format.dtype, largest + step / 2), kInf);
  EXPECT_EQ(round_to(format.dtype, std::numeric_limits<double>::max()), kInf);
  EXPECT_EQ(round_to(format.dtype, -kInf), -kInf);
  EXPECT_EQ(round_to(format.dtype, std::numeric_limits<double>::denorm_min()), 0);
  EXPECT_TRUE(std::signbit(round_to(format.dtype, -0.0)));
  EXPECT_TRUE(std::isnan(round_to(format.dtype, kNaN)));
}

INSTANTIATE_TEST_SUITE_P(, SixteenBits,
                         testing::Values(Format{"half", DType::f16, 10, 0x7c00, half_to_float, float_to_half},
                                         Format{"bfloat", DType::bf16, 7, 0x7f80, bfloat_to_float,
                                                float_to_bfloat}),
                         [](const testing::TestParamInfo<Format>& info) { return info.param.name; });

TEST(Scalar, OfRoundsTruncatesSaturates) {
  EXPECT_EQ(Scalar::of(DType::f32, 0.1).real, static_cast<double>(0.1f));
  EXPECT_EQ(Scalar::of(DType::i8, 2.9).integer, 2);
  EXPECT_EQ(Scalar::of(DType::i8, -2.9).integer, -2);
  EXPECT_EQ(Scalar::of(DType::i8, 300).integer, 127);
  EXPECT_EQ(Scalar::of(DType::i8, -300).integer, -128);
  EXPECT_EQ(Scalar::of(DType::u8, -1).integer, 0);
  EXPECT_EQ(Scalar::of(DType::u8, 255.9).integer, 255);
  EXPECT_EQ(Scalar::of(DType::i64, 1e30).integer, std::numeric_limits<int64_t>::max());
  EXPECT_EQ(Scalar::of(DType::u64, 1e30).integer, -1);
  EXPECT_EQ(Scalar::of(DType::i32, kNaN).integer, 0);
  EXPECT_EQ(Scalar::of(DType::boolean, 0.5).integer, 1);
  EXPECT_EQ(Scalar::of_integer(DType::i8, 200).integer, -56);
  EXPECT_EQ(Scalar::of_integer(DType::u8, -1).integer, 255);
  EXPECT_EQ(Scalar::of_integer(DType::u64, -1).as_double(), 18446744073709551616.0);
  EXPECT_EQ(Scalar::of_integer(DType::f16, 3).real, 3);
}

TEST(Scalar, EqualIfTheSameBits) {
  EXPECT_EQ(Scalar::of(DType::f32, kNaN), Scalar::of(DType::f32, -kNaN));
  EXPECT_NE(Scalar::of(DType::f32, 0.0), Scalar::of(DType::f32, -0.0));
  EXPECT_NE(Scalar::of(DType::f32, 1.0), Scalar::of(DType::f64, 1.0));
}

TEST(Scalar, Text) {
  EXPECT_EQ(to_text(Scalar::of(DType::f32, 1)), "1.0");
  EXPECT_EQ(to_text(Scalar::of(DType::f32, 0.1)), "0.1");
  EXPECT_EQ(to_text(Scalar::of(DType::f32, 1e20)), "1e+20");
  EXPECT_EQ(to_text(Scalar::of(DType::f32, -0.0)), "-0.0");
  EXPECT_EQ(to_text(Scalar::of(DType::f64, kNaN)), "nan:f64");
  EXPECT_EQ(to_text(Scalar::of(DType::bf16, -kInf)), "-inf:bf16");
  EXPECT_EQ(to_text(Scalar::of(DType::i32, 3)), "3:i32");
  EXPECT_EQ(to_text(Scalar::of_integer(DType::u64, -1)), "18446744073709551615:u64");
  EXPECT_EQ(to_text(Scalar::of(DType::boolean, 1)), "true");
}

TEST(Tensor, HoldsEveryDType) {
  for (int i = 0; i < kDTypeCount; ++i) {
    const auto dtype = static_cast<DType>(i);
    Tensor tensor(dtype, {2, 3});
    EXPECT_EQ(tensor.bytes(), 6 * byte_size(dtype));
    EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor.data()) % 64, 0);
    EXPECT_EQ(tensor.get(5), 0);
    tensor.set(5, 1);
    EXPECT_EQ(tensor.get(5), 1);
    EXPECT_EQ(tensor.get_integer(5), 1);
    tensor.set_integer(4, 1);
    EXPECT_EQ(tensor.get(4), 1);
    EXPECT_EQ(scalar_at(tensor, 5), Scalar::of(dtype, 1));
    set_scalar(tensor, 0, Scalar::of(dtype, 1));
    EXPECT_EQ(tensor.get(0), 1);
    EXPECT_EQ(tensor.type(), Type(dtype, {2, 3}));
  }
}

TEST(Tensor, Converts) {
  Tensor bytes(DType::u8, {1});
  bytes.set_integer(0, 257);
  EXPECT_EQ(bytes.get_integer(0), 1);
  bytes.set(0, 257);
  EXPECT_EQ(bytes.get_integer(0), 255);
  Tensor flags(DType::boolean, {1});
  flags.as<uint8_t>()[0] = 7;  // files may hold it
  EXPECT_EQ(flags.get(0), 1);
  EXPECT_EQ(flags.get_integer(0), 1);
  Tensor words(DType::u64, {1});
  words.set_integer(0, -1);
  EXPECT_EQ(words.get(0), 18446744073709551616.0);
  EXPECT_EQ(words.get_integer(0), -1);
}

TEST(Tensor, CopiesAndCompares) {
  Tensor a(DType::f32, {2});
  a.set(1, 5);
  Tensor b = a;
  EXPECT_EQ(a, b);
  b.set(0, -0.0);
  EXPECT_NE(a, b);
  b = a;
  EXPECT_EQ(a, b);
  EXPECT_NE(a, Tensor(DType::i32, {2}));
  EXPECT_NE(Tensor(DType::f32, {1, 2}), Tensor(DType::f32, {2, 1}));
  EXPECT_EQ(Tensor(DType::f32, {0}), Tensor());
  EXPECT_EQ(Tensor(DType::f32, {}).elements(), 1);
}

TEST(Tensor, RefusesWhatNoMemoryHolds) {
  const int64_t huge = int64_t{1} << 40;
  EXPECT_THROW(Tensor(DType::f32, {huge, huge}), Error);
  EXPECT_EQ(Tensor(DType::f32, {huge, 0}).elements(), 0);
}

TEST(Tensor, WrapsIntegers) {
  EXPECT_EQ(wrap_to(DType::i8, 128), -128);
  EXPECT_EQ(wrap_to(DType::u16, -1), 65535);
  EXPECT_EQ(wrap_to(DType::u64, -1), -1);
  EXPECT_EQ(wrap_to(DType::boolean, 2), 1);
}

}  // namespace
}  // namespace keratin
