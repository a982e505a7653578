#include "codegen/profile.h"

#include <algorithm>
#include <chrono>
#include <set>

#include "codegen/emit.h"
#include "codegen/jit.h"
#include "ir/error.h"

namespace keratin {
namespace {

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Where timed_launch() leaves how long launches took; one call is measured at a time.
std::vector<double>* launch_seconds = nullptr;

void timed_launch(const krt_call* call, krt_kernel* kernel, void* const* args, int64_t pieces) {
  const double start = now();
  krt_launch(call, kernel, args, pieces);
  launch_seconds->push_back(now() - start);
}

int64_t bytes_of(const Program& program, const Launch& launch, const Bindings& bindings) {
  int64_t bytes = 0;
  for (const uint32_t arg : std::set<uint32_t>(launch.args.begin(), launch.args.end())) {
    const ProgramBuffer& buffer = program.buffers[arg];
    bytes += Size::product(buffer.shape).value(bindings) * byte_size(buffer.dtype);
  }
  return bytes;
}

}  // namespace

Profile profile(std::shared_ptr<const KernelModule> module, const Program& program, const Target& target,
                unsigned threads, std::span<const Tensor> inputs, double budget) {
  const auto plain = jit_kernels(module, target, {}, threads);
  const auto timed = jit_kernels_launched_by(&timed_launch, module, target, threads);
  const Bindings bindings = bind(program, inputs);
  Profile result;
  for (const Launch& launch : program.launches)
    result.launches.push_back({launch.kernel, 1e30, bytes_of(program, launch, bindings)});

  constexpr int kLeastCalls = 5;
  std::vector<double> seconds;
  launch_seconds = &seconds;
  result.seconds = 1e30;
  for (const double begin = now(); result.calls < kLeastCalls || now() - begin < budget; ++result.calls) {
    const double start = now();
    plain->call(program.name, inputs);
    result.seconds = std::min(result.seconds, now() - start);
    seconds.clear();
    timed->call(program.name, inputs);
    KERATIN_CHECK(seconds.size() == result.launches.size(), "a launch per launch");
    for (size_t i = 0; i < seconds.size(); ++i)
      result.launches[i].seconds = std::min(result.launches[i].seconds, seconds[i]);
  }
  launch_seconds = nullptr;
  return result;
}

}  // namespace keratin
