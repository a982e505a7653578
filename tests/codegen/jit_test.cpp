// Programs in this process: loops, tiles, accumulators, symbols, shared memory, threads; the same bits as the interpreter.
#include <gtest/gtest.h>

#include <memory>
#include <random>

#include "codegen/emit.h"
#include "ir/error.h"
#include "ir/text.h"
#include "kernel_texts.h"

namespace keratin {
namespace {

Tensor random_floats(std::vector<int64_t> shape, uint32_t seed) {
  Tensor tensor(DType::f32, std::move(shape));
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform(-1, 1);
  for (float& value : tensor.as<float>()) value = uniform(random);
  return tensor;
}

/// Calls `function` in the interpreter and on all levels, with one thread and with three; expects equal results and, after
/// it, equal variables.
void expect_same(std::string_view text, std::string_view function, const std::vector<Tensor>& inputs,
                 const EmitOptions& options = {}) {
  const auto module = std::make_shared<const KernelModule>(parse_kernels(text));
  const bool needs_fma = text.find("fma(") != std::string_view::npos;
  for (const Target& target : host_levels()) {
    if (needs_fma && !target.fma) continue;
    for (const unsigned threads : {1u, 3u}) {
      SCOPED_TRACE(cat(target.cpu, ", ", threads, " threads"));
      const auto interpreter = interpret_kernels(module);
      const auto native = jit_kernels(module, target, options, threads);
      uint32_t seed = 100;
      for (const Variable& variable : module->variables) {
        if (variable.type.dtype != DType::f32) continue;
        std::vector<int64_t> shape;
        for (const Dim& dim : variable.type.shape) shape.push_back(dim.value());
        const Tensor value = random_floats(shape, seed++);
        interpreter->set_variable(variable.name, value);
        native->set_variable(variable.name, value);
      }
      for (int call = 0; call < 2; ++call)
        EXPECT_EQ(native->call(function, inputs), interpreter->call(function, inputs));
      for (const Variable& variable : module->variables)
        EXPECT_EQ(native->get_variable(variable.name), interpreter->get_variable(variable.name))
            << variable.name;
    }
  }
}

TEST(Jit, RegisterTiles) {
  for (const int64_t n : {0, 1, 3, 4, 9}) expect_same(kGemm, "predict", {random_floats({n, 784}, 1)});
}

TEST(Jit, WithoutOptimizerAndWithEveryCheck) {
  expect_same(kGemm, "predict", {random_floats({5, 784}, 1)}, {.optimize = false});
  expect_same(kGemm, "predict", {random_floats({5, 784}, 1)}, {.check_bounds = true});
  expect_same(kGemm, "predict", {random_floats({5, 784}, 1)}, {.debug_info = true});
}

// Several symbols, three parallel loops, loops with bounds that depend on others, lets that are indices.
constexpr std::string_view kSymbols = R"(kernels @m
kernel @k(%x: in f32[N,3,T], %y: out f32[2N,3,T], %s: out f32[N])
    par i in 0..N, c in 0..3, t in 0..T {
  acc a: f32[] = 0.0
  for u in 0..t + 1, v in u..u + 2 {
    let n: i64 = cast i64(mul(load %x[i, c, u], 3.0))
    if v - u - 1 {
      set a[] = add(a[], (load %x[(i + v) div 2 - v div 2, c, (n + 30) mod 3] if T - 3))
    } else {
      set a[] = sub(a[], cast f32(i64(N*T - v)))
    }
  }
  store %y[2*i, c, t] = a[]
  store %y[2*i + 1, c, T - 1 - t] = neg(a[])
  if -c and -t { store %s[i] = cast f32(i64(i - 7)) }
}
program @f(%x) -> (%y, %s) memory 0 {
  input %x: f32[N,3,T]
  output %y: f32[2N,3,T]
  output %s: f32[N]
  launch @k(%x, %y, %s)
}
)";

TEST(Jit, Symbols) {
  for (const auto& [n, t] : {std::pair{1, 3}, {4, 5}, {0, 4}, {7, 1}}) {
    SCOPED_TRACE(cat(n, ", ", t));
    const std::string text(kSymbols);
    expect_same(text, "f", {random_floats({n, 3, t}, 2)});
  }
}

// Two launches of one kernel: the second in place, on memory that the first kernel's result shares.
constexpr std::string_view kShared = R"(kernels @m
var @total: f32[8] state
kernel @shift(%x: in f32[N,8], %y: out f32[N,8]) {
  for i in 0..N {
    let v: f32x8 = load %x[i, 0 : 8]
    store %y[i, 0 : 8] = add(v, load %x[i, 7 : 8 by -1])
  }
}
kernel @sum(%x: in f32[N,8], %total: inout f32[8]) {
  tile %t: f32[2,8]
  acc a: f32x8[2] = 0.0
  for i in 0..N step 2 {
    unroll r in 0..2 { set a[r] = add(a[r], (load %x[i + r, 0 : 8] if N - i - r - 1)) }
  }
  unroll r in 0..2 { store %t[r, 0 : 8] = a[r] }
  for j in 0..8 { store %total[j] = add(load %total[j], add(load %t[0, j], load %t[1, 7 - j])) }
}
program @f(%x) -> (%y) memory 32*N + 64 {
  input %x: f32[N,8]
  workspace %a: f32[N,8] at 0
  workspace %b: f32[N,8] at 0
  output %y: f32[N,8]
  variable @total: f32[8]
  launch @shift(%x, %a)
  launch @shift(%a, %b)
  launch @sum(%b, @total)
  launch @shift(%b, %y)
}
)";

TEST(Jit, BuffersThatShareMemoryAndVariablesThatAreUpdated) {
  for (const int64_t n : {1, 5, 8}) expect_same(kShared, "f", {random_floats({n, 8}, 3)});
}

TEST(Jit, ManyCallsWithThreadsGiveTheSameBits) {
  const auto module = std::make_shared<const KernelModule>(parse_kernels(kShared));
  const Tensor x = random_floats({33, 8}, 4);
  const auto one = jit_kernels(module, host_target(), {}, 1),
             four = jit_kernels(module, host_target(), {}, 4);
  for (int call = 0; call < 50; ++call)
    ASSERT_EQ(four->call("f", std::vector<Tensor>{x}), one->call("f", std::vector<Tensor>{x}));
  EXPECT_EQ(four->get_variable("total"), one->get_variable("total"));
}

TEST(Jit, RefusesProcessorsOfAnotherKind) {
  const auto module = std::make_shared<const KernelModule>(parse_kernels(kShared));
  EXPECT_THROW(jit_kernels(module, make_target("generic", "aarch64-unknown-linux-gnu"), {}, 1), Error);
}

}  // namespace
}  // namespace keratin
