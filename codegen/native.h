// Graph modules on native code or on the kernel interpreter: the executors behind `Executor`.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "codegen/emit.h"
#include "codegen/target.h"
#include "ir/executor.h"
#include "passes/pipeline.h"

namespace keratin {

/// Finds schedules for a module that is optimised and prepared; none: what lowering decides by itself.
using Tuner = std::function<Schedules(const Module& module, const Target& target)>;

/// Optimises, prepares and lowers a module as traced or read. `prepare` runs here, in the reference interpreter: a model is the
/// same whatever machine compiles it.
KernelModule compile_kernels(const Module& module, const Target& target, const PipelineOptions& options = {},
                             const Tuner& tuner = {});

/// The same for several levels of processors: only the last step is done for each.
std::vector<LevelKernels> compile_levels(const Module& module, std::vector<Target> levels,
                                         const PipelineOptions& options = {}, const Tuner& tuner = {});

/// The same for weights that are not known yet: what depends on them alone is left to be computed, and zeros stand for it.
struct UnpreparedLevels {
  std::vector<LevelKernels> levels;
  Module preparation;  ///< passes/pipeline.h
};
UnpreparedLevels compile_unprepared(const Module& module, std::vector<Target> levels,
                                    const PipelineOptions& options = {}, const Tuner& tuner = {});

/// Compiles for this machine as it runs, with `threads` threads. Requires: runs_on_host(target).
std::unique_ptr<Executor> make_native_executor(const Target& target, const EmitOptions& options = {},
                                               unsigned threads = 1);

/// Runs kernels without compiling them: every access is checked.
std::unique_ptr<Executor> make_kernel_interpreter(const Target& target);

}  // namespace keratin
