#include "runtime/trainer/array.h"

#include <sys/resource.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "runtime/trainer/convert.h"
#include "tests/trainer/fixtures.h"

namespace keratin::trainer {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

double through(DType dtype, double value) {
  char stored[8];
  convert(DType::f64, &value, dtype, stored, 1);
  convert(dtype, stored, DType::f64, &value, 1);
  return value;
}

TEST(Array, CopiesShareUntilWritten) {
  const Array first = array({2, 2}, {1, 2, 3, 4});
  Array second = first;
  EXPECT_EQ(second.data(), first.data());
  *reinterpret_cast<float*>(second.mutable_data()) = 7;
  EXPECT_EQ(first.number(0), 1);
  EXPECT_EQ(second.number(0), 7);
  EXPECT_EQ(second.number(3), 4);
}

TEST(Array, RowsShareTheBytes) {
  const Array all = array({3, 2}, {1, 2, 3, 4, 5, 6});
  const Array part = all.rows(1, 3);
  EXPECT_EQ(part.shape(), (Shape{2, 2}));
  EXPECT_EQ(part.number(0), 3);
  EXPECT_EQ(part.data(), all.data() + 8);
}

TEST(Array, ImpossibleShapes) {
  EXPECT_EQ(byte_count(DType::f64, {3, 4}), 96);
  EXPECT_EQ(byte_count(DType::f64, {3, 0}), 0);
  EXPECT_EQ(byte_count(DType::f64, {INT64_MAX, 2}), std::nullopt);
  EXPECT_EQ(byte_count(DType::f64, {0, INT64_MAX, 3}), std::nullopt);
  EXPECT_EQ(shape_text({3}), "(3,)");
  EXPECT_EQ(shape_text({3, 4}), "(3, 4)");
}

TEST(Convert, EveryPairKeepsSmallNumbers) {
  for (int from = 0; from < kDTypeCount; ++from)
    for (int to = 0; to < kDTypeCount; ++to)
      for (const double number : {0.0, 1.0}) {
        char a[8], b[8];
        double back = -1;
        convert(DType::f64, &number, static_cast<DType>(from), a, 1);
        convert(static_cast<DType>(from), a, static_cast<DType>(to), b, 1);
        convert(static_cast<DType>(to), b, DType::f64, &back, 1);
        EXPECT_EQ(back, number) << to_text(static_cast<DType>(from)) << " "
                                << to_text(static_cast<DType>(to));
        EXPECT_EQ(first_misfit(static_cast<DType>(from), a, static_cast<DType>(to), 1), -1);
      }
}

TEST(Convert, HalfPrecisionRoundsToTheNearestEven) {
  EXPECT_EQ(through(DType::f16, 65504), 65504);
  EXPECT_EQ(through(DType::f16, 65519.9), 65504);
  EXPECT_EQ(through(DType::f16, 65520), kInfinity);
  EXPECT_EQ(through(DType::f16, -kInfinity), -kInfinity);
  EXPECT_EQ(through(DType::f16, 2049), 2048);  // halfway, to the even one
  EXPECT_EQ(through(DType::f16, 2051), 2052);
  EXPECT_EQ(through(DType::f16, std::ldexp(1.0, -24)), std::ldexp(1.0, -24));  // the smallest
  EXPECT_EQ(through(DType::f16, std::ldexp(1.0, -25)), 0);
  EXPECT_EQ(through(DType::f16, std::ldexp(1.5, -25)), std::ldexp(1.0, -24));
  EXPECT_EQ(through(DType::f16, std::ldexp(1023.7, -24)), std::ldexp(1.0, -14));  // carries into the exponent
  EXPECT_TRUE(std::isnan(through(DType::f16, NAN)));
  EXPECT_TRUE(std::signbit(through(DType::f16, -0.0)));
  EXPECT_EQ(through(DType::bf16, 257), 256);
  EXPECT_EQ(through(DType::bf16, 3e38), std::ldexp(226.0, 120));
  EXPECT_EQ(through(DType::bf16, 3.4e38), kInfinity);
  // All codes of f16 survive the way there and back.
  for (int code = 0; code < 1 << 16; ++code) {
    const auto in = static_cast<uint16_t>(code);
    double value = 0;
    uint16_t out = 0;
    convert(DType::f16, &in, DType::f64, &value, 1);
    convert(DType::f64, &value, DType::f16, &out, 1);
    if (std::isnan(value)) continue;
    ASSERT_EQ(out, in);
  }
}

TEST(Convert, IntegersSaturate) {
  EXPECT_EQ(through(DType::u8, 300), 255);
  EXPECT_EQ(through(DType::u8, -3), 0);
  EXPECT_EQ(through(DType::i8, -1000), -128);
  EXPECT_EQ(through(DType::i32, 2.9), 2);
  EXPECT_EQ(through(DType::i64, 1e30), 9223372036854775807.0);
  EXPECT_EQ(through(DType::i32, NAN), 0);
}

TEST(Convert, Misfits) {
  const auto misfit = [](DType to, double value) { return first_misfit(DType::f64, &value, to, 1) == 0; };
  EXPECT_TRUE(misfit(DType::f32, NAN));
  EXPECT_TRUE(misfit(DType::f64, kInfinity));
  EXPECT_TRUE(misfit(DType::f32, 1e300));
  EXPECT_TRUE(misfit(DType::f16, 70000));
  EXPECT_TRUE(misfit(DType::i32, 0.5));
  EXPECT_TRUE(misfit(DType::u8, 256));
  EXPECT_TRUE(misfit(DType::u8, -1));
  EXPECT_TRUE(misfit(DType::i64, 9223372036854775808.0));
  EXPECT_TRUE(misfit(DType::boolean, 2));
  EXPECT_FALSE(misfit(DType::f32, 0.1));
  EXPECT_FALSE(misfit(DType::u8, 255));
  const int64_t big[] = {1, 2, 300};
  EXPECT_EQ(first_misfit(DType::i64, big, DType::u8, 3), 2);
}

/// Allows the process so many bytes of memory of its own for as long as it lives.
class MemoryLimit {
 public:
  explicit MemoryLimit(rlim_t bytes) {
    getrlimit(RLIMIT_DATA, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    setrlimit(RLIMIT_DATA, &limit);
  }
  MemoryLimit(const MemoryLimit&) = delete;
  ~MemoryLimit() { setrlimit(RLIMIT_DATA, &before_); }

 private:
  rlimit before_{};
};

TEST(Array, WhatMemoryDoesNotHoldIsKeptInAFile) {
  constexpr int64_t kElements = 40 << 20;
  const MemoryLimit limit(100 << 20);  // of which a quarter is less, and which the array alone would exceed
  Array array(DType::f32, {kElements});
  EXPECT_EQ(array.number(kElements - 1), 0);
  const float last = 3;
  std::memcpy(array.mutable_data() + array.bytes() - 4, &last, 4);
  EXPECT_EQ(array.number(kElements - 1), 3);
}

TEST(Array, WithoutRoomForTheFile) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "AddressSanitizer itself needs more memory than that to throw";
#endif
  const MemoryLimit limit(100 << 20);
  expect_error(ErrorKind::io, {"has no room for", "TMPDIR=FOLDER"},
               [] { Array(DType::f32, {int64_t{1} << 50}); });
}

}  // namespace
}  // namespace keratin::trainer
