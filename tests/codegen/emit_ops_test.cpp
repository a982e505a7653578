// Every op of kernel IR as machine code, for every dtype and several numbers of lanes, on every processor level that this
// machine has: the same bits as the kernel interpreter, on all pairs of awkward operands.
#include <gtest/gtest.h>

#include <bit>
#include <cstring>
#include <random>

#include "codegen/emit.h"
#include "op_modules.h"

namespace keratin {
namespace {

void check(const OpModule& ops) {
  const auto module = std::make_shared<const KernelModule>(ops.module());
  const std::vector<Tensor> expected = interpret_kernels(module)->call("predict", ops.inputs());
  for (const Target& target : host_levels()) {
    if (!ops.fits(target)) continue;
    const std::vector<Tensor> found = jit_kernels(module, target, {}, 1)->call("predict", ops.inputs());
    for (size_t i = 0; i < expected.size(); ++i)
      expect_same(expected[i], found[i], cat(ops.name(i), " on ", target.cpu));
  }
}

class EmitOps : public ::testing::TestWithParam<DType> {
 protected:
  OpModule ops{GetParam()};
};

TEST_P(EmitOps, Arithmetic) {
  add_arithmetic(ops, GetParam());
  check(ops);
}

TEST_P(EmitOps, ConstantOperands) {
  add_constant_operands(ops, GetParam());
  check(ops);
}

TEST_P(EmitOps, Casts) {
  add_casts(ops, GetParam());
  check(ops);
}

TEST_P(EmitOps, Folds) {
  add_folds(ops, GetParam());
  check(ops);
}

INSTANTIATE_TEST_SUITE_P(AllDTypes, EmitOps, ::testing::ValuesIn(kDTypes),
                         [](const auto& info) { return std::string(to_text(info.param)); });

TEST(EmitFma, RoundsOnce) {
  for (const DType dtype : {DType::f32, DType::f64}) {
    OpModule ops(dtype);
    add_fma(ops, dtype);
    check(ops);
  }
}

/// Operands of dot2: numbers of all magnitudes, and those where denormals, infinities and NaN begin.
Tensor pairs(DType dtype, uint32_t seed, int64_t count) {
  constexpr uint32_t kHalves[] = {0,      0x8000, 0x7f80, 0xff80, 0x7fc0, 0x7f81, 0x0001, 0x8001,
                                  0x007f, 0x0080, 0x3f80, 0xbf80, 0x7f7f, 0xff7f, 0x0100, 0x2000};
  Tensor tensor(dtype, {count});
  std::mt19937 random(seed);
  for (int64_t i = 0; i < count; ++i) {
    const auto half = [&] { return random() % 4 == 0 ? kHalves[random() % 16] : random() >> 16; };
    // Often products of about 2^-126, which the third operand may bring near to the least normal number.
    const auto small = [&](uint32_t x) { return (x & 0x807f) | (56 + random() % 12) << 7; };
    const bool near = random() % 2 == 0;
    const uint32_t low = half(), high = half();
    const uint32_t bits = near ? small(low) | small(high) << 16 : low | high << 16;
    const uint32_t sum = near ? (bits & 0x807fffff) | (random() % 3) << 23 : bits ^ (random() & 0xff);
    if (dtype == DType::u32)
      tensor.set_integer(i, bits);
    else
      tensor.set(i, std::bit_cast<float>(sum));
  }
  return tensor;
}

TEST(EmitDot2, ComputesWhatTheProcessorDoes) {
  constexpr int64_t kNumber = 1 << 16;
  const Target target = host_target();
  if (!target.dot2) GTEST_SKIP() << "this machine has no AVX512-BF16";
  for (const int lanes : {1, 2, 4, 8, 16}) {
    const std::string place = lanes == 1 ? "[i]" : cat("[i : ", lanes, "]");
    const auto module = std::make_shared<const KernelModule>(parse_kernels(cat(
        "kernels @m\nkernel @k(%a: in u32[65536], %b: in u32[65536], %c: in f32[65536], %y: out f32[65536]) {\n"
        "  for i in 0..65536 step ",
        lanes, " { store %y", place, " = dot2(load %a", place, ", load %b", place, ", load %c", place,
        ") }\n}\nprogram @predict(%a, %b, %c) -> (%y) memory 0 {\n  input %a: u32[65536]\n  input %b: u32[65536]\n"
        "  input %c: f32[65536]\n  output %y: f32[65536]\n  launch @k(%a, %b, %c, %y)\n}\n")));
    const std::vector<Tensor> inputs{pairs(DType::u32, 1, kNumber), pairs(DType::u32, 2, kNumber),
                                     pairs(DType::f32, 3, kNumber)};
    expect_same(interpret_kernels(module)->call("predict", inputs)[0],
                jit_kernels(module, target, {}, 1)->call("predict", inputs)[0], cat(lanes, " lanes"));
  }
}

TEST(EmitNarrow, ComputesWhatTheProcessorDoes) {
  const Target target = host_target();
  if (!target.dot2) GTEST_SKIP() << "this machine has no AVX512-BF16";
  for (const int lanes : {1, 2, 4, 8, 16, 32, 64}) {
    const std::string place = lanes == 1 ? "[i]" : cat("[i : ", lanes, "]");
    const auto module = std::make_shared<const KernelModule>(parse_kernels(cat(
        "kernels @m\nkernel @k(%a: in f32[65536], %y: out u16[65536]) {\n  for i in 0..65536 step ", lanes,
        " { store %y", place, " = narrow(load %a", place,
        ") }\n}\nprogram @predict(%a) -> (%y) memory 0 {\n  input %a: f32[65536]\n  output %y: u16[65536]\n"
        "  launch @k(%a, %y)\n}\n")));
    const std::vector<Tensor> inputs{pairs(DType::f32, 4, 1 << 16)};
    expect_same(interpret_kernels(module)->call("predict", inputs)[0],
                jit_kernels(module, target, {}, 1)->call("predict", inputs)[0], cat(lanes, " lanes"));
  }
}

TEST(EmitZip, InterleavesHalves) {
  for (const DType dtype : {DType::f32, DType::u16, DType::i64}) {
    for (const int lanes : {2, 4, 6, 16, 64}) {
      const std::string half = to_text(lanes), array = cat(dtype, "[", 2 * lanes, "]");
      const auto module = std::make_shared<const KernelModule>(parse_kernels(
          cat("kernels @m\nkernel @k(%a: in ", array, ", %y: out ", array, ") {\n  store %y[0 : ", half,
              "] = zip_low(load %a[0 : ", half, "], load %a[", half, " : ", half, "])\n  store %y[", half,
              " : ", half, "] = zip_high(load %a[0 : ", half, "], load %a[", half, " : ", half,
              "])\n}\nprogram @predict(%a) -> (%y) memory 0 {\n  input %a: ", array, "\n  output %y: ", array,
              "\n  launch @k(%a, %y)\n}\n")));
      std::vector<Tensor> inputs{Tensor(dtype, {2 * lanes})};
      for (int i = 0; i < 2 * lanes; ++i) inputs[0].set(i, i);
      const Tensor found = interpret_kernels(module)->call("predict", inputs)[0];
      for (int i = 0; i < 2 * lanes; ++i) EXPECT_EQ(found.get(i), i / 2 + i % 2 * lanes);
      expect_same(found, jit_kernels(module, host_target(), {}, 1)->call("predict", inputs)[0],
                  cat(lanes, " lanes"));
    }
  }
}

TEST(EmitZip, RoundsOfItTranspose) {
  std::vector<ExprRef> rows;
  for (int row = 0; row < 4; ++row)
    rows.push_back(bitcast(DType::f32, index_value(DType::i32, Index(10 * row), 4, 1)));
  Kernel kernel{.name = "k"};
  const BufferId y = add_buffer(kernel, {"y", DType::f32, {4, 4}, Mode::out});
  rows = transposed(std::move(rows), [](ExprRef row) { return row; });
  for (int column = 0; column < 4; ++column)
    kernel.body.push_back(store_stmt(neighbours(y, {column, 0}, 4), rows[static_cast<size_t>(column)]));
  KernelModule module{.name = "m"};
  module.kernels.push_back(std::move(kernel));
  Program program{.name = "predict"};
  program.buffers.push_back({"y", DType::f32, {4, 4}, Storage::output, {}});
  program.outputs = {0};
  program.launches.push_back({0, {0}});
  module.programs.push_back(std::move(program));
  const Tensor found =
      interpret_kernels(std::make_shared<const KernelModule>(std::move(module)))->call("predict", {})[0];
  const auto* bits = reinterpret_cast<const int32_t*>(found.data());
  for (int i = 0; i < 16; ++i) EXPECT_EQ(bits[i], 10 * (i % 4) + i / 4);
}

/// Two by two tiles, rows two apart, three steps.
TEST(EmitTiles, ComputesWhatTheProcessorDoes) {
  const Target target = host_target();
  if (!target.tiles) GTEST_SKIP() << "this machine has no AMX";
  const auto module = std::make_shared<const KernelModule>(parse_kernels(
      "kernels @m\n"
      "kernel @k(%a: in u16[64,96], %b: in u16[2,48,32], %y: out f32[32,32]) {\n"
      "  tiles %y[0, 0] 2 x 2 {\n"
      "    for k in 0..3 { mma %a[0, 32*k] along 0 by 2, %b[0, 16*k, 0] along 0 }\n"
      "  }\n"
      "}\n"
      "program @predict(%a, %b) -> (%y) memory 0 {\n"
      "  input %a: u16[64,96]\n  input %b: u16[2,48,32]\n  output %y: f32[32,32]\n  launch @k(%a, %b, %y)\n"
      "}\n"));
  for (uint32_t seed = 1; seed <= 64; ++seed) {
    const auto halves = [&](uint32_t s, std::vector<int64_t> shape) {
      const int64_t count = shape[0] * shape[1] * (shape.size() > 2 ? shape[2] : 1);
      const Tensor source = pairs(DType::u32, s, count / 2);
      Tensor tensor(DType::u16, std::move(shape));
      std::memcpy(tensor.data(), source.data(), static_cast<size_t>(tensor.bytes()));
      return tensor;
    };
    const std::vector<Tensor> inputs{halves(2 * seed, {64, 96}), halves(2 * seed + 1, {2, 48, 32})};
    expect_same(interpret_kernels(module)->call("predict", inputs)[0],
                jit_kernels(module, target, {}, 1)->call("predict", inputs)[0], cat("seed ", seed));
  }
}

}  // namespace
}  // namespace keratin
