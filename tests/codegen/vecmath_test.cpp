// Elementary functions against libm in the next larger format, through the kernel interpreter: the largest error in units
// in the last place over a sweep of all exponents and dense stretches near the edges, with and without fma.
#include "codegen/vecmath.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <random>

#include "codegen/emit.h"
#include "ir/text.h"

namespace keratin {
namespace {

constexpr int kLanes = 16;

/// `function` over arrays like `values`, of a multiple of kLanes elements.
std::shared_ptr<const KernelModule> map_of(
    const std::vector<DType>& inputs, DType output, const std::vector<Tensor>& values,
    const std::function<ExprRef(const std::vector<ExprRef>&)>& function) {
  auto module = std::make_shared<KernelModule>();
  Kernel& kernel = module->kernels.emplace_back();
  kernel.name = "map";
  Program& program = module->programs.emplace_back();
  program.name = "map";
  const Shape shape{Dim(values[0].elements())};
  for (size_t i = 0; i < inputs.size(); ++i) {
    add_buffer(kernel, {cat("x", i), inputs[i], shape, Mode::in});
    program.buffers.push_back({cat("x", i), inputs[i], shape, Storage::input, {}});
    program.inputs.push_back(static_cast<uint32_t>(i));
  }
  const BufferId out = add_buffer(kernel, {"y", output, shape, Mode::out});
  program.buffers.push_back({"y", output, shape, Storage::output, {}});
  program.outputs.push_back(out);
  const VarId i = add_variable(kernel, "i");
  kernel.par.push_back({i, Index(values[0].elements() / kLanes)});
  std::vector<ExprRef> args;
  for (BufferId buffer = 0; buffer < out; ++buffer) {
    args.push_back(load(kernel, {.buffer = buffer, .at = {Index::variable(i) * kLanes}, .lanes = kLanes}));
  }
  kernel.body.push_back(
      store_stmt({.buffer = out, .at = {Index::variable(i) * kLanes}, .lanes = kLanes}, function(args)));
  Launch launch;
  for (uint32_t buffer = 0; buffer <= out; ++buffer) launch.args.push_back(buffer);
  program.launches.push_back(launch);
  return module;
}

std::vector<Tensor> run(const std::vector<DType>& inputs, DType output, const std::vector<Tensor>& values,
                        const std::function<ExprRef(const std::vector<ExprRef>&)>& function) {
  return interpret_kernels(map_of(inputs, output, values, function))->call("map", values);
}

template <typename T>
constexpr DType dtype_of = sizeof(T) == 4 ? DType::f32 : DType::f64;

template <typename T>
Tensor tensor(std::vector<T> values) {
  while (values.size() % kLanes != 0) values.push_back(values.back());
  Tensor result(dtype_of<T>, {static_cast<int64_t>(values.size())});
  std::copy(values.begin(), values.end(), result.as<T>().begin());
  return result;
}

template <typename T>
Tensor expanded(Op op, const std::vector<Tensor>& args, bool fma, Accuracy accuracy = Accuracy::full) {
  return run(std::vector<DType>(args.size(), dtype_of<T>), dtype_of<T>, args,
             [&](const std::vector<ExprRef>& exprs) { return expand(op, exprs, fma, accuracy); })[0];
}

void expect_same_bits(float got, float expected) {
  if (std::isnan(expected))
    EXPECT_TRUE(std::isnan(got));
  else
    EXPECT_EQ(std::bit_cast<uint32_t>(got), std::bit_cast<uint32_t>(expected));
}

/// What T computes in, for references.
template <typename T>
using Wide = std::conditional_t<sizeof(T) == 4, double, long double>;

/// |got - expected| in units of T's last place at `expected`; huge if one is NaN or inf and the other is not.
template <typename T>
double ulps(T got, Wide<T> expected) {
  const T rounded = static_cast<T>(expected);
  if (std::isnan(rounded)) return std::isnan(got) ? 0 : 1e9;
  if (std::isnan(got)) return 1e9;
  if (got == rounded) {
    if (std::isinf(got)) return 0;
    if (got == 0 && std::signbit(got) != std::signbit(expected)) return 1e9;
  } else if (std::isinf(got) || std::isinf(rounded)) {
    // One step past the largest number is inf.
    const T finite = std::isinf(got) ? rounded : got;
    return std::fabs(finite) == std::numeric_limits<T>::max() ? 1 : 1e9;
  }
  const int exponent = std::max(std::ilogb(rounded == 0 ? std::numeric_limits<T>::denorm_min() : rounded),
                                std::numeric_limits<T>::min_exponent - 1);
  const Wide<T> unit = std::ldexp(Wide<T>(1), exponent - (std::numeric_limits<T>::digits - 1));
  return static_cast<double>(std::fabs(static_cast<Wide<T>>(got) - expected) / unit);
}

using Bits32 = uint32_t;
using Bits64 = uint64_t;

/// Numbers of all signs and exponents, the special ones among them, and `dense` ones from each of the given intervals.
template <typename T>
std::vector<T> samples(int count, const std::vector<std::pair<T, T>>& intervals, int dense) {
  using Bits = std::conditional_t<sizeof(T) == 4, Bits32, Bits64>;
  using Limits = std::numeric_limits<T>;
  std::vector<T> result{T(0),
                        -T(0),
                        Limits::infinity(),
                        -Limits::infinity(),
                        Limits::quiet_NaN(),
                        Limits::max(),
                        Limits::lowest(),
                        Limits::min(),
                        -Limits::min(),
                        Limits::denorm_min(),
                        -Limits::denorm_min(),
                        T(1),
                        T(-1),
                        T(0.5),
                        T(-0.5)};
  std::mt19937_64 random(7);
  const auto stride = static_cast<Bits>(std::numeric_limits<Bits>::max() / static_cast<Bits>(count));
  for (int i = 0; i < count; ++i) {
    result.push_back(std::bit_cast<T>(
        static_cast<Bits>(static_cast<Bits>(i) * stride + static_cast<Bits>(random()) % stride)));
  }
  for (const auto& [low, high] : intervals) {
    std::uniform_real_distribution<T> uniform(low, high);
    for (int i = 0; i < dense; ++i) result.push_back(uniform(random));
  }
  return result;
}

template <typename T>
struct Worst {
  double error = 0;
  T at = 0, got = 0;
};

template <typename T>
Worst<T> worst_error(Op op, const std::vector<T>& values, Wide<T> (*reference)(Wide<T>), bool fma,
                     Wide<T> limit) {
  const Tensor x = tensor(values);
  const Tensor y = expanded<T>(op, {x}, fma);
  Worst<T> worst;
  for (int64_t i = 0; i < x.elements(); ++i) {
    const T value = x.as<T>()[static_cast<size_t>(i)], got = y.as<T>()[static_cast<size_t>(i)];
    if (std::fabs(static_cast<Wide<T>>(value)) > limit && std::isfinite(value)) continue;
    const double error = ulps<T>(got, reference(value));
    if (error > worst.error) worst = {error, value, got};
  }
  return worst;
}

template <typename W>
W sigmoid_reference(W x) {
  return x >= 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x));
}
template <typename W>
W softplus_reference(W x) {
  return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x));
}
template <typename W>
W rsqrt_reference(W x) {
  return 1 / std::sqrt(x);
}

struct Case {
  Op op;
  double f32_bound, f64_bound;
  double (*f32_reference)(double);
  long double (*f64_reference)(long double);
  double limit = std::numeric_limits<double>::infinity(), f64_limit = std::numeric_limits<double>::infinity();
};

const Case kCases[] = {
    {Op::exp, 1, 1, std::exp, std::exp},
    {Op::expm1, 1.75, 2, std::expm1, std::expm1},
    {Op::log, 1, 1, std::log, std::log},
    {Op::log1p, 1.5, 1.5, std::log1p, std::log1p},
    {Op::sin, 1, 2.5, std::sin, std::sin, 1e6, 1e5},
    {Op::cos, 1, 2.5, std::cos, std::cos, 1e6, 1e5},
    {Op::tanh, 1.5, 2.5, std::tanh, std::tanh},
    {Op::sigmoid, 1.75, 1.75, sigmoid_reference<double>, sigmoid_reference<long double>},
    {Op::softplus, 1.75, 1.75, softplus_reference<double>, softplus_reference<long double>},
    {Op::erf, 1.5, 2, std::erf, std::erf},
    {Op::rsqrt, 1.5, 1.5, rsqrt_reference<double>, rsqrt_reference<long double>},
};

class Vecmath : public testing::TestWithParam<Case> {};

std::vector<float> single_samples() {
  return samples<float>(60000,
                        {{-104.2f, -87.f},
                         {86.f, 89.f},
                         {-1.f, 1.f},
                         {-3.f, 3.f},
                         {-20.f, 20.f},
                         {0.3f, 2.2f},
                         {-.01f, .01f},
                         {-1e5f, 1e5f}},
                        12000);
}

TEST_P(Vecmath, F32) {
  const Case& c = GetParam();
  const std::vector<float> values = single_samples();
  for (const bool fma : {false, true}) {
    const Worst<float> worst = worst_error<float>(c.op, values, c.f32_reference, fma, c.limit);
    RecordProperty(fma ? "fma" : "plain", cat(worst.error, " at ", worst.at));
    EXPECT_LE(worst.error, c.f32_bound) << to_text(c.op) << "(" << to_text(worst.at) << ") gave "
                                        << to_text(worst.got) << (fma ? " with fma" : "");
  }
}

TEST_P(Vecmath, F64) {
  const Case& c = GetParam();
  const std::vector<double> values = samples<double>(
      40000, {{-746, -700}, {700, 711}, {-1, 1}, {-3, 3}, {-20, 20}, {0.3, 2.2}, {-.01, .01}, {-1e5, 1e5}},
      8000);
  for (const bool fma : {false, true}) {
    const Worst<double> worst = worst_error<double>(c.op, values, c.f64_reference, fma, c.f64_limit);
    RecordProperty(fma ? "fma" : "plain", cat(worst.error, " at ", worst.at));
    EXPECT_LE(worst.error, c.f64_bound) << to_text(c.op) << "(" << to_text(worst.at) << ") gave "
                                        << to_text(worst.got) << (fma ? " with fma" : "");
  }
}

INSTANTIATE_TEST_SUITE_P(All, Vecmath, testing::ValuesIn(kCases),
                         [](const auto& info) { return std::string(to_text(info.param.op)); });

/// Right enough for bf16: the largest error relative to the result.
struct Bf16Case {
  Op op;
  double bound;
  double (*reference)(double);
  double largest = std::numeric_limits<double>::infinity();  ///< that results may be
};

const Bf16Case kBf16Cases[] = {
    {Op::exp, 0x1p-13, std::exp},
    {Op::expm1, 0x1p-13, std::expm1},
    {Op::tanh, 0x1p-13, std::tanh, 1},
    {Op::sigmoid, 0x1p-13, sigmoid_reference<double>, 1},
    {Op::softplus, 0x1p-12, softplus_reference<double>},
    {Op::erf, 0x1p-11, std::erf, 1},
};

class VecmathBf16 : public testing::TestWithParam<Bf16Case> {};

TEST_P(VecmathBf16, IsRightEnough) {
  constexpr double kAlmostDenormal = 0x1p-125, kInfinity = 0x1p128;
  const Bf16Case& c = GetParam();
  const Tensor x = tensor(single_samples());
  for (const bool fma : {false, true}) {
    const Tensor y = expanded<float>(c.op, {x}, fma, Accuracy::bf16);
    double worst = 0;
    float at = 0;
    for (size_t i = 0; i < x.as<float>().size(); ++i) {
      const float value = x.as<float>()[i], got = y.as<float>()[i];
      const double expected = std::clamp(c.reference(value), -kInfinity, kInfinity);
      ASSERT_EQ(std::isnan(got), std::isnan(value)) << to_text(value);
      if (std::isnan(value)) continue;
      EXPECT_LE(std::fabs(got), c.largest) << to_text(value);
      const double difference =
          std::fabs(std::clamp(static_cast<double>(got), -kInfinity, kInfinity) - expected);
      if (difference <= kAlmostDenormal) continue;
      const double error = difference / std::fabs(expected);
      if (error > worst) worst = error, at = value;
    }
    RecordProperty(fma ? "fma" : "plain", cat("2^", std::log2(worst), " at ", at));
    EXPECT_LE(worst, c.bound) << to_text(c.op) << "(" << to_text(at) << ")" << (fma ? " with fma" : "");
  }
}

INSTANTIATE_TEST_SUITE_P(All, VecmathBf16, testing::ValuesIn(kBf16Cases),
                         [](const auto& info) { return std::string(to_text(info.param.op)); });

// Gelu takes 1 + erf of negative numbers.
TEST(VecmathBf16Erf, IsRightInItsDistanceFromOne) {
  const Tensor x = tensor(samples<float>(1000, {{-4.f, -.5f}, {.5f, 4.f}}, 12000));
  for (const bool fma : {false, true}) {
    const Tensor y = expanded<float>(Op::erf, {x}, fma, Accuracy::bf16);
    for (size_t i = 0; i < x.as<float>().size(); ++i) {
      const float size = std::fabs(x.as<float>()[i]);
      if (!(size >= .5f)) continue;
      const double expected = std::erfc(size);
      EXPECT_NEAR(1 - std::fabs(static_cast<double>(y.as<float>()[i])), expected,
                  0x1p-11 * expected + 0x1p-24)
          << to_text(size);
    }
  }
}

TEST(VecmathBf16Special, AreThoseOfFullAccuracy) {
  const float infinity = std::numeric_limits<float>::infinity();
  const Tensor x = tensor(std::vector<float>{0.f, -0.f, infinity, -infinity, 1000.f, -1000.f});
  for (const Bf16Case& c : kBf16Cases) {
    for (const bool fma : {false, true}) {
      const Tensor got = expanded<float>(c.op, {x}, fma, Accuracy::bf16),
                   expected = expanded<float>(c.op, {x}, fma);
      for (size_t i = 0; i < 6; ++i) {
        const float value = x.as<float>()[i];
        EXPECT_EQ(float_to_bfloat(got.as<float>()[i]), float_to_bfloat(expected.as<float>()[i]))
            << to_text(c.op) << "(" << to_text(value) << ") gave " << to_text(got.as<float>()[i]);
      }
    }
  }
}

TEST_P(VecmathBf16, IsTheSameInMachineCode) {
  const std::vector<Tensor> x{tensor(samples<float>(2000, {{-100.f, 100.f}, {-6.f, 6.f}}, 1000))};
  for (const Target& target : host_levels()) {
    const auto module = map_of({DType::f32}, DType::f32, x, [&](const std::vector<ExprRef>& args) {
      return expand(GetParam().op, args, target.fma, Accuracy::bf16);
    });
    const Tensor interpreted = interpret_kernels(module)->call("map", x)[0],
                 compiled = jit_kernels(module, target, {}, 1)->call("map", x)[0];
    for (size_t i = 0; i < x[0].as<float>().size(); ++i)
      expect_same_bits(compiled.as<float>()[i], interpreted.as<float>()[i]);
  }
}

template <typename T>
void check_pow(double bound, const std::vector<std::pair<T, T>>& bases, T largest_exponent) {
  std::vector<T> x, y;
  const std::vector<T> special{T(0),
                               -T(0),
                               T(1),
                               T(-1),
                               T(2),
                               T(-2),
                               T(3),
                               T(-3),
                               T(0.5),
                               T(-0.5),
                               T(1.5),
                               T(1e30),
                               T(-1e30),
                               T(16777217),
                               std::numeric_limits<T>::infinity(),
                               -std::numeric_limits<T>::infinity(),
                               std::numeric_limits<T>::quiet_NaN(),
                               std::numeric_limits<T>::denorm_min(),
                               std::numeric_limits<T>::max()};
  for (const T a : special) {
    for (const T b : special) {
      x.push_back(a);
      y.push_back(b);
    }
  }
  std::mt19937 random(3);
  for (const auto& [low, high] : bases) {
    std::uniform_real_distribution<T> base(low, high), exponent(-largest_exponent, largest_exponent);
    for (int i = 0; i < 20000; ++i) {
      x.push_back(base(random));
      // Exponents spread so that results cover the whole range.
      y.push_back(i % 4 == 0 ? std::round(exponent(random) / 10)
                             : exponent(random) / (1 + 50 * std::fabs(std::log(std::fabs(x.back())))));
    }
  }
  const Tensor bases_tensor = tensor(x), exponents = tensor(y);
  for (const bool fma : {false, true}) {
    const Tensor results = expanded<T>(Op::pow, {bases_tensor, exponents}, fma);
    double worst = 0;
    size_t at = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      const double error =
          ulps<T>(results.as<T>()[i], std::pow(static_cast<Wide<T>>(x[i]), static_cast<Wide<T>>(y[i])));
      if (error > worst) worst = error, at = i;
    }
    testing::Test::RecordProperty(fma ? "fma" : "plain", std::to_string(worst));
    EXPECT_LE(worst, bound) << to_text(x[at]) << " to the power " << to_text(y[at]) << " gave "
                            << to_text(results.as<T>()[at]);
  }
}

TEST(VecmathPow, F32) { check_pow<float>(1, {{0, 2}, {0.9f, 1.1f}, {-10, 10}, {0, 1e5f}}, 2000); }
TEST(VecmathPow, F64) { check_pow<double>(1.5, {{0, 2}, {0.9, 1.1}, {-10, 10}, {0, 1e5}}, 20000); }

TEST(VecmathSign, KeepsNanAndZeros) {
  const Tensor x = tensor(std::vector<float>{-3, -0.0f, 0.0f, 1e-40f, NAN, INFINITY});
  const Tensor y = expanded<float>(Op::sign, {x}, true);
  EXPECT_EQ(y.as<float>()[0], -1);
  EXPECT_TRUE(y.as<float>()[1] == 0 && std::signbit(y.as<float>()[1]));
  EXPECT_TRUE(y.as<float>()[2] == 0 && !std::signbit(y.as<float>()[2]));
  EXPECT_EQ(y.as<float>()[3], 1);
  EXPECT_TRUE(std::isnan(y.as<float>()[4]));
  EXPECT_EQ(y.as<float>()[5], 1);
}

TEST(VecmathSign, OfIntegers) {
  Tensor x(DType::i32, {kLanes});
  x.set(0, -7);
  x.set(1, 7);
  const Tensor y = run({DType::i32}, DType::i32, {x}, [](const std::vector<ExprRef>& args) {
    return expand(Op::sign, args, true, Accuracy::full);
  })[0];
  EXPECT_EQ(y.get(0), -1);
  EXPECT_EQ(y.get(1), 1);
  EXPECT_EQ(y.get(2), 0);
}

/// All 2^16 patterns of a 16-bit float.
Tensor all_words() {
  Tensor words(DType::u16, {65536});
  for (int64_t i = 0; i < 65536; ++i) words.as<uint16_t>()[static_cast<size_t>(i)] = static_cast<uint16_t>(i);
  return words;
}

TEST(Vecmath16, WidensEveryPattern) {
  const Tensor half =
      run({DType::u16}, DType::f32, {all_words()}, [](const auto& args) { return f32_from_f16(args[0]); })[0];
  const Tensor bfloat = run({DType::u16}, DType::f32, {all_words()},
                            [](const auto& args) { return f32_from_bf16(args[0]); })[0];
  for (size_t i = 0; i < 65536; ++i) {
    expect_same_bits(half.as<float>()[i], half_to_float(static_cast<uint16_t>(i)));
    expect_same_bits(bfloat.as<float>()[i], bfloat_to_float(static_cast<uint16_t>(i)));
  }
}

TEST(Vecmath16, NarrowsWithTiesToEven) {
  std::vector<float> values =
      samples<float>(100000, {{-70000, 70000}, {-1e-4f, 1e-4f}, {-1e-7f, 1e-7f}}, 20000);
  for (uint32_t i = 0; i < 65536; i += 7) {  // halfway between two halves, and just beside
    const auto middle = std::bit_cast<uint32_t>(half_to_float(static_cast<uint16_t>(i))) + 0x1000;
    for (const uint32_t bits : {middle - 1, middle, middle + 1, (i << 16) + 0x8000})
      values.push_back(std::bit_cast<float>(bits));
  }
  const Tensor x = tensor(values);
  const Tensor half =
      run({DType::f32}, DType::u16, {x}, [](const auto& args) { return f16_from_f32(args[0]); })[0];
  const Tensor bfloat = run({DType::f32}, DType::u16, {x}, [](const auto& args) {
    return bf16_from_f32(args[0], make_target("x86-64-v3", "x86_64-unknown-linux-gnu"));
  })[0];
  for (size_t i = 0; i < values.size(); ++i) {
    ASSERT_EQ(half.as<uint16_t>()[i], float_to_half(values[i])) << to_text(values[i]);
    ASSERT_EQ(bfloat.as<uint16_t>()[i], float_to_bfloat(values[i])) << to_text(values[i]);
  }
}

}  // namespace
}  // namespace keratin
