// Where functions are only as right as bf16 needs: in kernels that leave nothing but bf16, and in the steps of scans whose products
// round to it. Everywhere else as right as f32 goes.
#include <gtest/gtest.h>

#include <cmath>

#include "codegen/emit.h"
#include "codegen/native.h"
#include "ir/text.h"
#include "ir/text_format.h"

namespace keratin {
namespace {

constexpr double kOfF32 = 0x1p-22, kOfBf16 = 0x1p-12;

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

/// The largest error, relative to the result, of a result f(%x: f32[16,64]) that should be its sigmoid.
double worst_error(std::string_view functions, bool after_rounding = false) {
  const Module module = parse_module(cat("module @m {\n", functions, "\n}\n"), "m.kir");
  Tensor x(DType::f32, {16, 64});
  for (int64_t i = 0; i < x.elements(); ++i) x.set(i, static_cast<double>(i - 512) / 61);
  const auto kernels = std::make_shared<const KernelModule>(compile_kernels(module, host_target()));
  const Tensor y = interpret_kernels(kernels)->call("f", std::vector<Tensor>{x})[0];
  double worst = 0;
  for (int64_t i = 0; i < y.elements(); ++i) {
    double expected = sigmoid(x.get(i));
    if (after_rounding) expected = bfloat_to_float(float_to_bfloat(static_cast<float>(expected)));
    worst = std::max(worst, std::fabs(y.get(i) - expected) / expected);
  }
  return worst;
}

TEST(Accuracy, OfBf16WhereNothingElseIsLeft) {
  // Some results are rounded the other way.
  const double error = worst_error(R"(  func @f(%x: f32[16,64]) -> (%y: bf16[16,64]) {
    %0 = sigmoid %x : f32[16,64]
    %1 = cast %0 : bf16[16,64]
    return %1
  })",
                                   true);
  EXPECT_GT(error, 0);
  EXPECT_LE(error, 0x1p-7);
}

TEST(Accuracy, OfF32WhereThatIsLeftToo) {
  EXPECT_LE(worst_error(R"(  func @f(%x: f32[16,64]) -> (%y: f32[16,64], %z: bf16[16,64]) {
    %0 = sigmoid %x : f32[16,64]
    %1 = cast %0 : bf16[16,64]
    return %0, %1
  })"),
            kOfF32);
}

/// A scan of one step from zeros, whose product has factors of a dtype.
std::string scan_of(std::string_view dtype) {
  return cat(R"(  func @f(%x: f32[16,64]) -> (%y: f32[16,64]) {
    %0 = constant 0.0 : f32[16,64]
    %1 = reshape %x : f32[16,1,64]
    %2 = scan %0, %1 {axis = 1, carries = 1, length = 1, sequences = 1} (%h: f32[16,64], %x: f32[16,64]) {
      %0 = cast %h : )",
             dtype, R"([16,64]
      %1 = cast %0 : f32[16,64]
      %2 = dot %1, %1 {contract = [1]x[1]} : f32[16,16]
      %3 = reduce_sum %2 {axes = [1]} : f32[16]
      %4 = broadcast %3 {dims = [0]} : f32[16,64]
      %5 = add %x, %4 : f32[16,64]
      %6 = sigmoid %5 : f32[16,64]
      return %6
    } : f32[16,64]
    return %2
  })");
}

TEST(Accuracy, OfBf16InScansWhoseProductsAre) {
  const double error = worst_error(scan_of("bf16"));
  EXPECT_GT(error, kOfF32);
  EXPECT_LE(error, kOfBf16);
}

TEST(Accuracy, OfF32InOtherScans) { EXPECT_LE(worst_error(scan_of("f32")), kOfF32); }

}  // namespace
}  // namespace keratin
