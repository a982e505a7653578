#include "codegen/profile.h"

#include <algorithm>
#include <chrono>
#include <limits>

#include "codegen/emit.h"
#include "codegen/jit.h"
#include "codegen/program_facts.h"
#include "ir/error.h"

namespace keratin {
namespace {

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Where timed_launch() leaves how long launches took; one call is measured at a time.
std::vector<double>* launch_seconds = nullptr;

void timed_launch(const krt_call* call, krt_kernel* kernel, void* const* args, int64_t pieces,
                  int64_t rounds) {
  const double start = now();
  krt_launch(call, kernel, args, pieces, rounds);
  launch_seconds->push_back(now() - start);
}

/// Calls a program whose launches are timed_launch(), and lowers `least` to what they took, in all slices together.
void time_launches(Executable& timed, const Program& program, std::span<const Tensor> inputs,
                   std::vector<double>& least) {
  std::vector<double> seconds;
  launch_seconds = &seconds;
  timed.call(program.name, inputs);
  launch_seconds = nullptr;
  const size_t launches = program.launches.size();
  KERATIN_CHECK(launches == 0 || seconds.size() % launches == 0, "a launch per launch and slice");
  for (size_t i = launches; i < seconds.size(); ++i) seconds[i % launches] += seconds[i];
  least.resize(launches, std::numeric_limits<double>::max());
  for (size_t i = 0; i < launches; ++i) least[i] = std::min(least[i], seconds[i]);
}

int64_t bytes_of(const ProgramBuffer& buffer, const Bindings& bindings) {
  return Size::product(buffer.shape).value(bindings) * byte_size(buffer.dtype);
}

/// What launches have to do, and what the whole call has to read and write of each buffer.
class Amounts {
 public:
  Amounts(const KernelModule& module, const Program& program, const Bindings& bindings)
      : module_(module),
        program_(program),
        bindings_(bindings),
        slices_(fixed_slices(program)),
        read_(program.buffers.size()),
        written_(program.buffers.size()) {}

  LaunchTime add(const Launch& launch) {
    const Kernel& kernel = module_.kernels[launch.kernel];
    const auto flops = [this](const Size& multiply_adds) {
      return 2.0 * static_cast<double>(multiply_adds.value(bindings_) * slices_);
    };
    LaunchTime result{.kernel = launch.kernel,
                      .seconds = 0,
                      .flops = flops(kernel.work.multiply_adds),
                      .bf16_flops = flops(kernel.work.of_bf16),
                      .variables = {},
                      .others = {}};
    for (size_t i = 0; i < kernel.work.bytes.size(); ++i) {
      const ProgramBuffer& buffer = program_.buffers[launch.args[i]];
      const bool is_variable = buffer.storage == Storage::variable;
      const int64_t slices =
          is_variable ? 1 : slices_;  // variables are read again by each, but from where they are
      const int64_t part = kernel.work.bytes[i].value(bindings_), bytes = part * slices;
      const int64_t whole = bytes_of(buffer, bindings_) * (buffer.storage == Storage::workspace ? slices : 1);
      Touched& touched = (kernel.buffers[i].mode == Mode::in ? read_ : written_)[launch.args[i]];
      (bytes > whole ? touched.repeatedly : touched.once) += bytes;
      Traffic& traffic = is_variable ? result.variables : result.others;
      traffic.bytes += bytes;
      traffic.footprint += std::min(part, whole / slices);
    }
    return result;
  }

  void finish(Profile& profile) const {
    for (const LaunchTime& launch : profile.launches) {
      profile.flops += launch.flops;
      profile.bf16_flops += launch.bf16_flops;
    }
    for (size_t i = 0; i < program_.buffers.size(); ++i) {
      const ProgramBuffer& buffer = program_.buffers[i];
      if (buffer.storage == Storage::workspace) continue;
      const int64_t whole = bytes_of(buffer, bindings_);
      profile.traffic.bytes += read_[i].bytes(whole) + written_[i].bytes(whole);
      profile.traffic.footprint += whole;
      if (buffer.storage == Storage::variable) profile.variable_bytes += whole;
    }
  }

 private:
  /// Of a buffer, by all launches: what several read once, they might read together.
  struct Touched {
    int64_t once = 0, repeatedly = 0;
    int64_t bytes(int64_t whole) const { return std::min(once, whole) + repeatedly; }
  };

  const KernelModule& module_;
  const Program& program_;
  const Bindings& bindings_;
  const int64_t slices_;
  std::vector<Touched> read_, written_;  // by buffer
};

/// How many threads compute slices of a call side by side; 1 if it is not cut.
int64_t slices_at_once(const Program& program, std::span<const Tensor> inputs, unsigned threads) {
  if (program.slices.least == 0) return 1;
  return std::min<int64_t>(slices_of(program, inputs[0].shape()[0], threads), threads);
}

}  // namespace

Profile profile(std::shared_ptr<const KernelModule> module, const Program& program, const Target& target,
                unsigned threads, std::span<const Tensor> inputs, double budget) {
  const Bindings bindings = bind_symbols(program, symbols_of(*module), inputs);
  // Threads that compute whole slices have no launch in common: what one thread takes is shared by all.
  const int64_t sharing = slices_at_once(program, inputs, threads);
  const auto plain = jit_kernels(module, target, {}, threads);
  const auto timed = jit_kernels_launched_by(&timed_launch, module, target, sharing > 1 ? 1 : threads);
  Profile result;
  Amounts amounts(*module, program, bindings);
  for (const Launch& launch : program.launches) result.launches.push_back(amounts.add(launch));
  amounts.finish(result);

  constexpr int kLeastCalls = 5;
  std::vector<double> least;
  result.seconds = std::numeric_limits<double>::max();
  for (const double begin = now(); result.calls < kLeastCalls || now() - begin < budget; ++result.calls) {
    // The first of two calls finds the threads asleep if the one that was measured last has taken long.
    for (int i = 0; i < 2; ++i) {
      const double start = now();
      plain->call(program.name, inputs);
      result.seconds = std::min(result.seconds, now() - start);
    }
    time_launches(*timed, program, inputs, least);
  }
  for (size_t i = 0; i < least.size(); ++i)
    result.launches[i].seconds = least[i] / static_cast<double>(sharing);
  return result;
}

std::vector<std::vector<double>> least_launch_times(const std::shared_ptr<const KernelModule>& module,
                                                    const Target& target, unsigned threads,
                                                    std::span<const Tensor> inputs, const Effort& effort) {
  const auto timed = jit_kernels_launched_by(&timed_launch, module, target, threads);
  std::vector<std::vector<double>> least(module->programs.size());
  const double begin = now();
  for (int64_t calls = 0; calls < effort.most_calls; ++calls) {
    if (calls >= effort.least_calls && now() - begin >= effort.seconds) break;
    for (size_t i = 0; i < least.size(); ++i) time_launches(*timed, module->programs[i], inputs, least[i]);
  }
  return least;
}

std::vector<Tensor> sample_inputs(const Program& program, const Bindings& bindings) {
  std::vector<Tensor> inputs;
  uint32_t state = 1;
  for (const uint32_t input : program.inputs) {
    const ProgramBuffer& buffer = program.buffers[input];
    std::vector<int64_t> shape;
    for (const Dim dim : buffer.shape) shape.push_back(dim.value(bindings));
    Tensor& tensor = inputs.emplace_back(buffer.dtype, shape);
    if (!is_float(buffer.dtype)) continue;
    for (int64_t i = 0; i < tensor.elements(); ++i)
      tensor.set(i, static_cast<double>((state = state * 1664525u + 1013904223u) >> 8) / (1 << 24));
  }
  return inputs;
}

}  // namespace keratin
