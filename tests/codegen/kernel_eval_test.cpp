// The kernel interpreter: the meaning of every op and kind of access, checks, memory as planned.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "codegen/emit.h"
#include "ir/error.h"
#include "ir/text.h"
#include "kernel_texts.h"

namespace keratin {
namespace {

std::unique_ptr<Executable> interpreter(std::string_view text) {
  return interpret_kernels(std::make_shared<const KernelModule>(parse_kernels(text)));
}

Tensor floats(std::vector<int64_t> shape, const std::vector<float>& values) {
  Tensor tensor(DType::f32, std::move(shape));
  std::copy(values.begin(), values.end(), tensor.as<float>().begin());
  return tensor;
}

Tensor random_floats(std::vector<int64_t> shape, uint32_t seed) {
  Tensor tensor(DType::f32, std::move(shape));
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform(-1, 1);
  for (float& value : tensor.as<float>()) value = uniform(random);
  return tensor;
}

/// A kernel over %x: f32[n] and %y: f32[n], as text; %y for the given %x.
std::vector<float> run(const std::string& body, const std::vector<float>& x) {
  const auto n = static_cast<int64_t>(x.size());
  const std::string type = cat("f32[", n, "]");
  const auto executable = interpreter(cat("kernels @m kernel @k(%x: in ", type, ", %y: out ", type, ") {\n",
                                          body, "\n} program @p(%x) -> (%y) memory 0 { input %x: ", type,
                                          " output %y: ", type, " launch @k(%x, %y) }"));
  const Tensor y = executable->call("p", std::vector<Tensor>{floats({n}, x)})[0];
  return {y.as<float>().begin(), y.as<float>().end()};
}

/// The value of a scalar expression, as a double.
double value_of(const std::string& type, const std::string& expr) {
  const auto executable =
      interpreter(cat("kernels @m kernel @k(%y: out ", type, "[]) { store %y[] = ", expr,
                      " } program @p() -> (%y) memory 0 { output %y: ", type, "[] launch @k(%y) }"));
  return executable->call("p", {})[0].get(0);
}

using Floats = std::vector<float>;

TEST(KernelEval, RunsTheGemmOfTheHead) {
  const auto executable = interpreter(kGemm);
  const Tensor w = random_floats({784, 32}, 1), b = random_floats({32}, 2);
  executable->set_variable("dense/kernel", w);
  executable->set_variable("dense/bias", b);
  for (const int64_t n : {0, 1, 4, 7}) {
    const Tensor x = random_floats({n, 784}, 3);
    const Tensor y = executable->call("predict", std::vector<Tensor>{x})[0];
    ASSERT_EQ(y.shape(), (std::vector<int64_t>{n, 32}));
    for (size_t i = 0; i < static_cast<size_t>(n); ++i) {
      for (size_t j = 0; j < 32; ++j) {
        float sum = 0;
        for (size_t k = 0; k < 784; ++k)
          sum = std::fma(x.as<float>()[784 * i + k], w.as<float>()[32 * k + j], sum);
        ASSERT_EQ(y.as<float>()[32 * i + j], std::max(sum + b.as<float>()[j], 0.0f)) << i << ", " << j;
      }
    }
  }
}

TEST(KernelEval, RunsEverything) {
  const auto executable = interpreter(kEverything);
  executable->call("run", std::vector<Tensor>{random_floats({3, 24}, 1), Tensor(DType::f16, {12, 2})});
  EXPECT_EQ(executable->get_variable("count").get(0), 2 * 3 * 3);  // launches, pieces
}

TEST(KernelEval, IntegersWrapAndDivideAsStated) {
  EXPECT_EQ(value_of("i8", "add(127:i8, 1:i8)"), -128);
  EXPECT_EQ(value_of("u16", "mul(65535:u16, 65535:u16)"), 1);
  EXPECT_EQ(value_of("i32", "neg(-2147483648:i32)"), -2147483648.0);
  EXPECT_EQ(value_of("i32", "abs(-2147483648:i32)"), -2147483648.0);
  EXPECT_EQ(value_of("i32", "div(-7:i32, 2:i32)"), -3);
  EXPECT_EQ(value_of("i32", "div(7:i32, 0:i32)"), 0);
  EXPECT_EQ(value_of("i64", "div(-9223372036854775808:i64, -1:i64)"), -0x1p63);
  EXPECT_EQ(value_of("i32", "rem(-7:i32, 3:i32)"), 2);
  EXPECT_EQ(value_of("i32", "rem(7:i32, -3:i32)"), -2);
  EXPECT_EQ(value_of("i32", "rem(7:i32, 0:i32)"), 0);
  EXPECT_EQ(value_of("u8", "rem(200:u8, 7:u8)"), 4);
  EXPECT_EQ(value_of("i32", "shl(1:i32, 31:i32)"), -2147483648.0);
  EXPECT_EQ(value_of("i32", "shl(1:i32, 32:i32)"), 0);
  EXPECT_EQ(value_of("i32", "shl(1:i32, -1:i32)"), 0);
  EXPECT_EQ(value_of("i32", "shr(-8:i32, 1:i32)"), -4);
  EXPECT_EQ(value_of("i32", "shr(-8:i32, 40:i32)"), -1);
  EXPECT_EQ(value_of("u32", "shr(4294967295:u32, 32:u32)"), 0);
  EXPECT_EQ(value_of("u8", "not(1:u8)"), 254);
  EXPECT_EQ(value_of("bool", "not(true)"), 0);
  EXPECT_EQ(value_of("bool", "xor(true, true)"), 0);
  EXPECT_EQ(value_of("bool", "lt(200:u8, 100:u8)"), 0);
}

TEST(KernelEval, CastsTruncateAndSaturate) {
  EXPECT_EQ(value_of("i32", "cast i32(-1.9)"), -1);
  EXPECT_EQ(value_of("i8", "cast i8(300.0)"), 127);
  EXPECT_EQ(value_of("i8", "cast i8(-inf)"), -128);
  EXPECT_EQ(value_of("u8", "cast u8(-3.0)"), 0);
  EXPECT_EQ(value_of("i32", "cast i32(nan)"), 0);
  EXPECT_EQ(value_of("i64", "cast i64(1e30)"), 0x1p63);  // the largest i64, as a double
  EXPECT_EQ(value_of("u64", "cast u64(1e30)"), 0x1p64);
  EXPECT_EQ(value_of("bool", "cast bool(nan)"), 1);
  EXPECT_EQ(value_of("f32", "cast f32(16777217:i32)"), 16777216);
  EXPECT_EQ(value_of("i8", "cast i8(257:i32)"), 1);
  EXPECT_EQ(value_of("f32", "cast f32(true)"), 1);
  EXPECT_EQ(value_of("f32", "bitcast f32(1065353216:i32)"), 1);
}

TEST(KernelEval, FloatsFollowIeee) {
  EXPECT_EQ(value_of("f32", "round(2.5)"), 2);
  EXPECT_EQ(value_of("f32", "round(-3.5)"), -4);
  EXPECT_EQ(value_of("f32", "floor(-0.5)"), -1);
  EXPECT_EQ(value_of("f32", "ceil(0.5)"), 1);
  EXPECT_EQ(value_of("f32", "sqrt(2.25)"), 1.5);
  EXPECT_TRUE(std::isnan(value_of("f32", "max(1.0, nan)")));
  EXPECT_TRUE(std::isnan(value_of("f32", "max(nan, 1.0)")));
  EXPECT_FALSE(std::signbit(value_of("f32", "max(0.0, -0.0)")));
  EXPECT_TRUE(std::signbit(value_of("f32", "max(-0.0, 0.0)")));
  EXPECT_TRUE(std::signbit(value_of("f32", "min(-0.0, 0.0)")));
  EXPECT_TRUE(std::signbit(value_of("f32", "neg(0.0)")));
  EXPECT_EQ(value_of("bool", "ne(nan, nan)"), 1);
  EXPECT_EQ(value_of("bool", "le(nan, 1.0)"), 0);
  EXPECT_EQ(value_of("f32", "select(lt(1.0, 2.0), 3.0, 4.0)"), 3);
  // 1 + 2^-23 squared, less 1 + 2^-22: the product's last bit survives in fma only.
  EXPECT_EQ(value_of("f32", "fma(1.0000001, 1.0000001, -1.0000002)"), 0x1p-46);
  EXPECT_EQ(value_of("f32", "add(mul(1.0000001, 1.0000001), -1.0000002)"), 0);
}

TEST(KernelEval, FoldCombinesHalves) {
  const Floats x{1e8f, 1, -1e8f, 1, 0, 0, 0, 0};
  // (x0 + x4) + (x2 + x6) = 0, (x1 + x5) + (x3 + x7) = 2
  EXPECT_EQ(run("store %y[0] = fold add x8(load %x[0 : 8])", x)[0], 2);
  EXPECT_EQ(run("store %y[0] = fold max x4(load %x[0 : 4])", x)[0], 1e8f);
}

TEST(KernelEval, LanesThatAreNotAccessed) {
  const Floats x{1, 2, 3, 4};
  EXPECT_EQ(run("store %y[0 : 4] = (load %x[0 : 4] only 1..3 or -1.0)", x), (Floats{-1, 2, 3, -1}));
  EXPECT_EQ(run("store %y[0 : 4] = (load %x[2 : 4] only ..2)", x), (Floats{3, 4, 0, 0}));
  EXPECT_EQ(run("store %y[0 : 4] = (load %x[90 : 4] if -1 or 7.0)", x), (Floats{7, 7, 7, 7}));
  EXPECT_EQ(run("store %y[3 : 4 by -1] = load %x[0 : 4]", x), (Floats{4, 3, 2, 1}));
  EXPECT_EQ(run("store %y[0 : 4] = 5.0 store %y[0 : 4] = load %x[0 : 4] only 2..90", x),
            (Floats{5, 5, 3, 4}));
  EXPECT_EQ(run("store %y[0 : 4] = 5.0 store %y[-3 : 4] = load %x[0 : 4] only 3..", x), (Floats{4, 5, 5, 5}));
  EXPECT_EQ(run("store %y[0 : 4] = cast f32(i32(10 - 2*lane))", x), (Floats{10, 8, 6, 4}));
}

TEST(KernelEval, LoopsConditionsAndAccumulators) {
  const Floats x{1, 2, 3, 4};
  EXPECT_EQ(run("for k in 0..4 { acc a: f32[2] = 1.0 for l in 0..k + 1 step 2 { unroll r in 0..2 {"
                " set a[r] = add(a[1 - r], load %x[l]) } } store %y[k] = a[0] }",
                x),
            (Floats{2, 2, 6, 6}));
  EXPECT_EQ(run("for k in 0..4 { if k - 1 and 2 - k { store %y[k] = 1.0 } else { store %y[k] = 2.0 } }", x),
            (Floats{2, 1, 1, 2}));
  EXPECT_EQ(
      run("for k in 0..4 { let m: i64 = cast i64(load %x[k]) store %y[m mod 4] = cast f32(i64(m div 2)) }",
          x),
      (Floats{2, 0, 1, 1}));
  EXPECT_EQ(
      run("for k in 0..4 { let v: f32 = load %x[k] let w: f32 = mul(v, v) store %y[k] = add(w, cast f32(k)) }",
          x),
      (Floats{1, 5, 11, 19}));
}

TEST(KernelEval, UndefinedMemoryShows) {
  const Floats y = run("tile %t: f32[4] store %t[1] = 8.0 store %y[0 : 2] = load %t[0 : 2]", {0, 0, 0, 0});
  EXPECT_TRUE(std::isnan(y[0]));
  EXPECT_EQ(y[1], 8);
  EXPECT_TRUE(std::isnan(y[2]));  // never written
}

TEST(KernelEval, TilesAreFreshInEveryPiece) {
  const auto executable = interpreter(R"(kernels @m
    kernel @k(%y: out f32[4]) par i in 0..2, j in 0..2 {
      tile %t: f32[1]
      store %y[2*i + j] = load %t[0]
      store %t[0] = 1.0
    }
    program @p() -> (%y) memory 0 { output %y: f32[4] launch @k(%y) })");
  const Tensor y = executable->call("p", {})[0];
  for (const float value : y.as<float>()) EXPECT_TRUE(std::isnan(value));
}

TEST(KernelEval, BuffersLieWhereTheProgramSays) {
  const auto executable = interpreter(R"(kernels @m
    kernel @fill(%t: out f32[2N]) par i in 0..2*N { store %t[i] = cast f32(i) }
    kernel @copy(%t: in f32[N], %y: out f32[N]) par i in 0..N { store %y[i] = load %t[i] }
    program @p(%x) -> (%y) memory 128*N {
      input %x: f32[N]
      output %y: f32[N]
      workspace %all: f32[2N] at 0
      workspace %part: f32[N] at 64
      launch @fill(%all)
      launch @copy(%part, %y)
    })");
  const Tensor y = executable->call("p", std::vector<Tensor>{Tensor(DType::f32, {17})})[0];
  EXPECT_EQ(y.as<float>()[0], 16);
  EXPECT_EQ(y.as<float>()[16], 32);
}

constexpr std::string_view kCounter = R"(kernels @counter
  var @steps: i64[] state
  var @table: f32[2,5]{1:4}
  kernel @count(%n: inout i64[]) { store %n[] = add(load %n[], 1:i64) }
  kernel @read(%t: in f32[2,2,4], %y: out f32[16]) par p in 0..2, i in 0..2 {
    store %y[8*p + 4*i : 4] = load %t[p, i, 0 : 4]
  }
  program @step() -> (%y) memory 0 {
    output %y: f32[16]
    variable @steps: i64[]
    variable @table: f32[2,2,4]
    launch @count(@steps)
    launch @read(@table, %y)
  })";

TEST(KernelEval, VariablesAreKeptAndLaidOut) {
  const auto executable = interpreter(kCounter);
  Tensor table = floats({2, 5}, {0, 1, 2, 3, 4, 10, 11, 12, 13, 14});
  executable->set_variable("table", table);
  EXPECT_EQ(executable->get_variable("table"), table);
  executable->call("step", {});
  const Tensor y = executable->call("step", {})[0];
  EXPECT_EQ(executable->get_variable("steps").get(0), 2);
  EXPECT_EQ(y, floats({16}, {0, 1, 2, 3, 10, 11, 12, 13, 4, 0, 0, 0, 14, 0, 0, 0}));
}

TEST(KernelEval, MisuseIsAnError) {
  const auto executable = interpreter(kGemm);
  const auto message = [](const auto& action) -> std::string {
    try {
      action();
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  };
  const auto call = [&](std::string_view function, std::vector<Tensor> inputs) {
    return message([&] { executable->call(function, inputs); });
  };
  EXPECT_NE(call("fit", {}).find("one of predict"), std::string::npos);
  EXPECT_EQ(call("predict", {}), "function predict: found 0 inputs, expected 1");
  EXPECT_EQ(call("predict", {Tensor(DType::f32, {2, 783})}),
            "function predict: input x: found f32[2,783], expected f32[N,784]");
  EXPECT_EQ(call("predict", {Tensor(DType::f64, {2, 784})}),
            "function predict: input x: found f64[2,784], expected f32[N,784]");
  EXPECT_NE(message([&] { executable->set_variable("dense/bias", Tensor(DType::f32, {31})); }), "no error");
  EXPECT_NE(message([&] { executable->get_variable("dense"); }), "no error");
}

TEST(KernelEvalDeathTest, AnAccessOutsideIsCaught) {
  EXPECT_DEATH(
      run("for k in 0..5 { store %y[k] = load %x[0] }", {0, 0, 0, 0}),
      "access to %y at 4..4 of axis 0, which has 4 elements(.|\n)*store %y.k. = load %x.0.(.|\n)*k = 4");
  EXPECT_DEATH(run("for k in 0..2 { store %y[0 : 4] = load %x[k : 4] }", {0, 0, 0, 0}),
               "access to %x at 1..4");
}

TEST(Placement, WhatIsWrittenIsState) {
  const Placement placement = place_variables(parse_kernels(kCounter));
  ASSERT_EQ(placement.slots.size(), 2u);
  EXPECT_TRUE(placement.slots[0].in_state);
  EXPECT_FALSE(placement.slots[1].in_state);
  EXPECT_EQ(placement.state_bytes, 64);
  EXPECT_EQ(placement.weight_bytes, 64);
}

TEST(Placement, PanelsComeAndGo) {
  for (const Layout layout : {Layout{0, 4}, Layout{1, 3}, Layout{2, 8}, Layout{0, 4, 1}, Layout{2, 4, 0},
                              Layout{1, 3, 2}, Layout{}}) {
    const Type type(DType::f32, {Dim(5), Dim(7), Dim(6)}, layout);
    const Tensor logical = random_floats({5, 7, 6}, 5), physical = to_physical(logical, type);
    EXPECT_EQ(physical.type().shape, type.physical_shape());
    EXPECT_EQ(to_logical(physical, type), logical);
  }
  const Tensor panels =
      to_physical(floats({2, 3}, {1, 2, 3, 4, 5, 6}), Type(DType::f32, {Dim(2), Dim(3)}, {1, 2}));
  EXPECT_EQ(panels, floats({2, 2, 2}, {1, 2, 4, 5, 3, 0, 6, 0}));
  const Tensor pairs =
      to_physical(floats({3, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9}), Type(DType::f32, {Dim(3), Dim(3)}, {1, 2, 0}));
  EXPECT_EQ(pairs, floats({2, 2, 4}, {1, 4, 2, 5, 7, 0, 8, 0, 3, 6, 0, 0, 9, 0, 0, 0}));
}

}  // namespace
}  // namespace keratin
