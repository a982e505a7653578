// How long the kernels of a program take.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <vector>

#include "codegen/kernel.h"
#include "codegen/target.h"
#include "ir/tensor.h"

namespace keratin {

/// Bytes to read or write, and those of the arrays that they belong to: in a scan more may be read than there are.
struct Traffic {
  int64_t bytes = 0, footprint = 0;
};

/// One launch of a kernel, in the program's order.
struct LaunchTime {
  uint32_t kernel;            ///< of the module
  double seconds;             ///< the least of all calls
  double flops;               ///< two for each multiply-add that it has to do
  double bf16_flops;          ///< of these, of factors in bf16
  Traffic variables, others;  ///< that it has to read or write
};

struct Profile {
  double seconds = 0;  ///< the least that a whole call took, by code that does not measure
  int64_t calls = 0;
  double flops = 0, bf16_flops = 0;  ///< of all launches
  Traffic traffic;             ///< of inputs, outputs and variables: what a call has to do without workspace
  int64_t variable_bytes = 0;  ///< that all variables have
  std::vector<LaunchTime> launches;
};

/// Calls a program of the module again and again for about `budget` seconds; two of three calls measure the whole, one the launches.
/// Requires: runs_on_host(target).
Profile profile(std::shared_ptr<const KernelModule> module, const Program& program, const Target& target,
                unsigned threads, std::span<const Tensor> inputs, double budget);

/// How long to measure: calls of each program are at least and at most so many, and end after some seconds.
struct Effort {
  double seconds = 1;
  int64_t least_calls = 5, most_calls = std::numeric_limits<int64_t>::max();
};

/// Calls all programs of the module in turns. The least seconds that each launch took, by program; all take the same inputs.
/// Requires: runs_on_host(target).
std::vector<std::vector<double>> least_launch_times(const std::shared_ptr<const KernelModule>& module,
                                                    const Target& target, unsigned threads,
                                                    std::span<const Tensor> inputs, const Effort& effort);

/// Inputs of a program, to measure with: floats between 0 and 1; integers are 0, which is a class and a word of any vocabulary.
std::vector<Tensor> sample_inputs(const Program& program, const Bindings& bindings);

}  // namespace keratin
