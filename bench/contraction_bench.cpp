// How near the contraction generator comes to the machine's limit.
//
// In one run: the peak of multiply-adds as codegen/ceilings.h measures it, then each problem with packed weights, on one core.
// Rounds are interleaved and the best of each is taken, so that a busy machine slows all alike.
//
//     build/release/bin/contraction_bench
#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "codegen/ceilings.h"
#include "codegen/native.h"
#include "ir/builder.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {
namespace {

constexpr int kRounds = 15;
constexpr int kCalls = 4;  // in a round: the first ones find cold caches

double seconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

struct Work {
  std::string name;
  double flops;
  std::unique_ptr<Executable> code;
  std::string function;
  std::vector<Tensor> inputs;
  double best = 1e9;

  void measure() {
    for (int call = 0; call < kCalls; ++call)
      best = std::min(best, seconds_of([&] { code->call(function, inputs); }));
  }
};

Tensor numbers(std::vector<int64_t> shape) {
  Tensor tensor(DType::f32, std::move(shape));
  for (int64_t i = 0; i < tensor.elements(); ++i) tensor.set(i, static_cast<double>(i % 17 - 8) / 16);
  return tensor;
}

Work problem(const std::string& name, const Target& target, double flops, const Shape& input,
             const Shape& weight, Op op, const Attrs& attrs) {
  Module module;
  module.name = "bench";
  std::vector<int64_t> extents;
  for (Dim dim : weight) extents.push_back(dim.value());
  module.variables.push_back(
      {"w", Type(DType::f32, weight), Role::weight, false, std::make_shared<Tensor>(numbers(extents))});
  Builder builder("f");
  const Value x = builder.param("x", Type(DType::f32, input));
  const Value product = builder.make(op, {x, builder.var(module.variables[0])}, attrs);
  builder.result("y", builder.max(product, builder.constant_like(product, 0)));
  module.functions.push_back(builder.finish());
  extents.clear();
  for (Dim dim : input) extents.push_back(dim.value());
  return {name, flops, make_native_executor(target)->compile(module), "f", {numbers(extents)}};
}

Work gemm(const Target& target, int64_t m, int64_t n, int64_t k) {
  return problem(cat("gemm ", m, " x ", n, " x ", k), target, 2.0 * m * n * k, {m, k}, {k, n}, Op::dot,
                 DotAttrs{{{1}, {0}}, {}});
}

Work conv(const Target& target, int64_t size, int64_t from, int64_t to, int64_t window) {
  ConvAttrs attrs;
  attrs.dims = "b01f_01io->b01f";
  attrs.stride = attrs.input_dilation = attrs.kernel_dilation = {1, 1};
  attrs.pad_low = attrs.pad_high = {window / 2, window / 2};
  // Only taps inside the image are counted.
  double taps = 0;
  for (int64_t i = 0; i < size; ++i)
    taps += static_cast<double>(std::min(size, i + window / 2 + 1) - std::max<int64_t>(0, i - window / 2));
  return problem(cat("conv ", window, "x", window, "  ", size, "x", size, "x", from, " -> ", to), target,
                 2.0 * taps * taps * from * to, {1, size, size, from}, {window, window, from, to}, Op::conv,
                 attrs);
}

int run() {
  const Target target = host_target();
  std::vector<Work> work;
  work.push_back(gemm(target, 512, 512, 512));
  work.push_back(gemm(target, 32, 512, 784));
  work.push_back(gemm(target, 1, 512, 784));
  work.push_back(gemm(target, 3136, 256, 64));
  work.push_back(gemm(target, 3136, 64, 256));
  work.push_back(gemm(target, 196, 1024, 256));
  work.push_back(gemm(target, 49, 2048, 512));
  work.push_back(conv(target, 56, 64, 64, 3));
  work.push_back(conv(target, 14, 256, 256, 3));
  work.push_back(conv(target, 7, 512, 512, 3));
  work.push_back(conv(target, 56, 64, 256, 1));
  double peak = 0;
  for (int round = 0; round < kRounds; ++round) {
    peak = std::max(peak, Ceilings(target, 1).flops_per_second());
    for (Work& w : work) w.measure();
  }
  std::printf("%s, %d-byte vectors, one thread, best of %d\n\n", target.cpu.c_str(), target.vector_bytes,
              kRounds);
  std::printf("%-32s %11s %8.1f GFLOP/s\n", "peak of multiply-adds", "", peak * 1e-9);
  for (const Work& w : work)
    std::printf("%-32s %8.1f us %8.1f GFLOP/s %6.1f %% of peak\n", w.name.c_str(), w.best * 1e6,
                w.flops / w.best * 1e-9, 100 * w.flops / w.best / peak);
  return 0;
}

}  // namespace
}  // namespace keratin

int main() {
  // Results are allocated in every call: from memory that is there already.
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  try {
    return keratin::run();
  } catch (const keratin::Error& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return static_cast<int>(error.kind());
  }
}
