#include "codegen/ceilings.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <memory>
#include <string>

#include "codegen/emit.h"
#include "codegen/kernel.h"
#include "ir/text.h"

namespace keratin {
namespace {

constexpr int64_t kMegabyte = 1 << 20;
/// Independent sums: enough to hide the latency of an addition behind others.
constexpr int kChains = 12;

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// A kernel with one piece per thread, which does `body` to %a, and stores that. `tile`: scratch memory, declared.
std::string kernel_text(const std::string& input, int lanes, unsigned threads, const std::string& body,
                        const std::string& tile = {}) {
  const std::string output = cat("f32[", threads, ",", kChains, ",", lanes, "]");
  return cat("kernels @ceiling\n\nkernel @ceiling.0(%x: in ", input, ", %y: out ", output, ") par p in 0..",
             threads, " {\n", tile, "  acc a: f32x", lanes, "[", kChains, "] = 0.0\n", body,
             "  unroll r_1 in 0..", kChains, " {\n    store %y[p, r_1, 0 : ", lanes, "] = a[r_1]\n  }\n}\n\n",
             "program @ceiling(%x) -> (%y) memory 0 {\n  input %x: ", input, "\n  output %y: ", output,
             "\n  launch @ceiling.0(%x, %y)\n}\n");
}

/// The least of many calls: so short that a busy machine leaves some of them alone, so long that it does not matter when
/// threads begin.
double least_seconds(const std::string& text, const Target& target, unsigned threads, const Tensor& input) {
  const auto code =
      jit_kernels(std::make_shared<const KernelModule>(parse_kernels(text)), target, {}, threads);
  constexpr int kLeastCalls = 3;
  constexpr double kBudget = 0.05;
  double least = std::numeric_limits<double>::max();
  int calls = 0;
  for (const double begin = now(); calls < kLeastCalls || now() - begin < kBudget; ++calls) {
    const double start = now();
    code->call("ceiling", {&input, 1});
    least = std::min(least, now() - start);
  }
  return least;
}

int64_t system_number(int name) { return std::max<int64_t>(sysconf(name), 0); }

/// How much is read to measure a level: well within it, and far above the one before it.
int64_t probe_bytes(const Ceilings::Level& level, const std::vector<Ceilings::Level>& levels) {
  const auto place = std::ranges::find(levels, level.name, &Ceilings::Level::name);
  const int64_t nearer = place == levels.begin() ? level.holds : std::prev(place)->holds;
  if (level.name != "memory") return std::min(level.holds / 2, 4 * nearer);
  const int64_t memory = system_number(_SC_PHYS_PAGES) * system_number(_SC_PAGESIZE);
  return std::max(64 * kMegabyte, std::min(2 * nearer, memory / 8));
}

}  // namespace

Ceilings::Ceilings(const Target& target, unsigned threads) : target_(target), threads_(threads) {
  levels_.push_back({"L1", threads * target.l1_bytes, {}});
  levels_.push_back({"L2", threads * target.l2_bytes, {}});
  if (const int64_t bytes = system_number(_SC_LEVEL3_CACHE_SIZE); bytes > levels_.back().holds)
    levels_.push_back({"L3", bytes, {}});
  levels_.push_back({"memory", std::numeric_limits<int64_t>::max(), {}});
}

/// `multiply_add` makes of a[r] and of %x, the factors, another a[r], with `of_each` multiply-adds of each lane.
double Ceilings::measure_multiply_adds(const std::string& multiply_add, const Tensor& factors,
                                       int of_each) const {
  const int lanes = target_.lanes(4);
  constexpr int64_t kSteps = 1 << 16;
  const std::string body = cat("  for k in 0..", kSteps, " {\n    unroll r in 0..", kChains,
                               " {\n      set a[r] = ", multiply_add, "\n    }\n  }\n");
  const double seconds = least_seconds(kernel_text(cat(factors.dtype(), "[2]"), lanes, threads_, body),
                                       target_, threads_, factors);
  return 2.0 * kChains * lanes * of_each * static_cast<double>(kSteps) * threads_ / seconds;
}

/// With factors that stay in the first-level cache.
double Ceilings::measure_tiles() const {
  constexpr int64_t kSteps = 1 << 14, kTiles = 4;
  Tensor factors(DType::bf16, {2, kTileSize, kTileDepth});
  for (int64_t i = 0; i < factors.elements(); ++i) factors.set(i, 0.25);
  const std::string body = cat("  tiles %t[0, 0] 2 x 2 {\n    for k in 0..", kSteps,
                               " {\n      mma %x[0, 0, 0] along 1, %x[0, 0, 0] along 0\n    }\n  }\n"
                               "  set a[0] = load %t[0, 0 : 16]\n");
  const double seconds = least_seconds(
      kernel_text("bf16[2,16,32]", static_cast<int>(kTileSize), threads_, body, "  tile %t: f32[32,32]\n"),
      target_, threads_, factors);
  return 2.0 * kTiles * kTileSize * kTileSize * kTileDepth * kSteps * threads_ / seconds;
}

double Ceilings::measure_reads(const Level& level) const {
  const int lanes = target_.lanes(4);
  const int64_t step = int64_t{kChains} * lanes;
  const int64_t row = std::max<int64_t>(probe_bytes(level, levels_) / threads_ / 4 / step, 1) * step;
  const int64_t passes = std::max<int64_t>(8 * kMegabyte / (row * 4), 1);
  const std::string body =
      cat("  for pass in 0..", passes, ", k in 0..", row, " step ", step, " {\n    unroll r in 0..", kChains,
          " {\n      set a[r] = add(a[r], load %x[p, ", lanes, "*r + k : ", lanes, "])\n    }\n  }\n");
  Tensor data(DType::f32, {threads_, row});
  std::ranges::fill(data.as<float>(), 1.0f);  // pages that nobody has written are all the same one
  const double seconds = least_seconds(
      kernel_text(cat("f32[", threads_, ",", row, "]"), lanes, threads_, body), target_, threads_, data);
  return static_cast<double>(data.bytes()) * static_cast<double>(passes) / seconds;
}

double Ceilings::flops_per_second(DType factors) {
  const auto known = flops_per_second_.find(factors);
  if (known != flops_per_second_.end()) return known->second;
  double measured;
  if (factors == DType::bf16 && target_.tiles) {
    measured = measure_tiles();
  } else if (factors == DType::bf16 && !target_.dot2) {
    measured = flops_per_second();  // widened, which is not counted
  } else if (factors == DType::bf16) {
    Tensor pairs(DType::u32, {2});
    pairs.set_integer(0, 0x3e803e80);  // 0.25 and 0.25
    measured = measure_multiply_adds("dot2(splat(load %x[0]), splat(load %x[0]), a[r])", pairs, 2);
  } else {
    Tensor numbers(DType::f32, {2});
    numbers.set(0, 0.5);
    numbers.set(1, 0.25);
    measured = measure_multiply_adds(target_.fma ? "fma(a[r], splat(load %x[0]), splat(load %x[1]))"
                                                 : "add(mul(a[r], splat(load %x[0])), splat(load %x[1]))",
                                     numbers, 1);
  }
  return flops_per_second_[factors] = measured;
}

const Ceilings::Level& Ceilings::level_of(int64_t bytes) {
  const auto found = std::ranges::find_if(levels_, [&](const Level& level) { return bytes <= level.holds; });
  if (!found->bytes_per_second) found->bytes_per_second = measure_reads(*found);
  return *found;
}

Ceilings::Limit Ceilings::limit(double flops, double bf16_flops, const std::vector<Reads>& reads) {
  Limit limit{0, "fma"};
  if (flops > bf16_flops) limit.seconds += (flops - bf16_flops) / flops_per_second();
  if (bf16_flops > 0) limit.seconds += bf16_flops / flops_per_second(DType::bf16);
  for (const Reads& read : reads) {
    if (read.bytes == 0) continue;
    const Level& level = level_of(read.among);
    const double seconds = static_cast<double>(read.bytes) / *level.bytes_per_second;
    if (seconds > limit.seconds) limit = {seconds, level.name};
  }
  return limit;
}

}  // namespace keratin
