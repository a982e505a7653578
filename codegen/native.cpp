#include "codegen/native.h"

#include <set>
#include <string>

#include "codegen/lower.h"
#include "codegen/plan_program.h"
#include "codegen/program_facts.h"
#include "passes/slices.h"

namespace keratin {

namespace {

class NativeExecutor : public Executor {
 public:
  NativeExecutor(const Target& target, const EmitOptions& options, unsigned threads)
      : target_(target), options_(options), threads_(threads) {}

  std::string_view name() const override { return "native"; }

  std::unique_ptr<Executable> compile(const Module& module) override {
    auto kernels = std::make_shared<const KernelModule>(compile_kernels(module, target_));
    return jit_kernels(std::move(kernels), target_, options_, threads_);
  }

 private:
  Target target_;
  EmitOptions options_;
  unsigned threads_;
};

class KernelInterpreter : public Executor {
 public:
  explicit KernelInterpreter(const Target& target) : target_(target) {}

  std::string_view name() const override { return "kernels"; }

  std::unique_ptr<Executable> compile(const Module& module) override {
    return interpret_kernels(std::make_shared<const KernelModule>(compile_kernels(module, target_)));
  }

 private:
  Target target_;
};

}  // namespace

namespace {

/// The module optimised, its batches cut.
SlicedModule optimized(const Module& module, const PipelineOptions& options) {
  if (!options.slices) return {optimize(module, options), {}};
  SlicedModule cut = cut_batches(module, options.batch);
  return {optimize(cut.module, options), std::move(cut.slices)};
}

/// And prepared.
SlicedModule prepared(const Module& module, const PipelineOptions& options) {
  SlicedModule ready = optimized(module, options);
  ready.module = bake(ready.module, *make_interpreter());
  return ready;
}

/// `whole`: the module as it was before batches were cut.
KernelModule lower_tuned(const SlicedModule& prepared, const Module& whole, const Target& target,
                         const PipelineOptions& options, const Tuner& tuner) {
  KernelModule kernels = lower(prepared.module, target, tuner ? tuner(prepared.module, target) : Schedules(),
                               options.workspace_limit);
  for (Program& program : kernels.programs) {
    const auto found = prepared.slices.find(program.name);
    if (found == prepared.slices.end()) continue;
    const Function& function = whole.function(program.name);
    const bool is_fixed = function.params[0]->type().shape[0].is_static();
    if (!is_fixed && program.launches.size() < 2) continue;  // no kernel leaves anything for another one
    program.slices = found->second;
    for (size_t i = 0; i < program.inputs.size(); ++i)
      program.buffers[program.inputs[i]].shape = function.params[i]->type().shape;
    for (size_t i = 0; i < program.outputs.size(); ++i)
      program.buffers[program.outputs[i]].shape = function.results[i].value.shape();
  }
  return kernels;
}

std::vector<LevelKernels> lower_levels(const SlicedModule& prepared, const Module& whole,
                                       std::vector<Target> levels, const PipelineOptions& options,
                                       const Tuner& tuner) {
  std::vector<LevelKernels> compiled;
  for (Target& level : levels) {
    KernelModule kernels = lower_tuned(prepared, whole, level, options, tuner);
    compiled.push_back({std::move(level), std::move(kernels)});
  }
  return compiled;
}

}  // namespace

KernelModule compile_kernels(const Module& module, const Target& target, const PipelineOptions& options,
                             const Tuner& tuner) {
  return std::move(compile_levels(module, {target}, options, tuner)[0].kernels);
}

namespace {

/// Programs that take more than they should at some level.
std::set<std::string, std::less<>> above(const WorkspaceLimit& limit,
                                         const std::vector<LevelKernels>& levels) {
  std::set<std::string, std::less<>> names;
  for (const LevelKernels& level : levels)
    for (const Program& program : level.kernels.programs)
      if (exceeds(limit, level.kernels, program)) names.insert(program.name);
  return names;
}

/// What those take.
int64_t bytes_above(const WorkspaceLimit& limit, const KernelModule& kernels) {
  int64_t bytes = 0;
  for (const Program& program : kernels.programs)
    if (exceeds(limit, kernels, program))
      bytes += program.workspace.value(usual_bindings(kernels, limit.batch));
  return bytes;
}

}  // namespace

std::vector<LevelKernels> compile_levels(const Module& module, std::vector<Target> levels,
                                         const PipelineOptions& options, const Tuner& tuner) {
  std::vector<LevelKernels> compiled =
      lower_levels(prepared(module, options), module, levels, options, tuner);
  if (!options.workspace_limit) return compiled;
  // Stages are launched together or not at all, and all that they leave is there at once.
  PipelineOptions finer = options;
  finer.without_stages = above(*options.workspace_limit, compiled);
  if (finer.without_stages.empty()) return compiled;
  std::vector<LevelKernels> apart =
      lower_levels(prepared(module, finer), module, std::move(levels), finer, tuner);
  for (size_t i = 0; i < compiled.size(); ++i) {
    if (bytes_above(*options.workspace_limit, apart[i].kernels) >=
        bytes_above(*options.workspace_limit, compiled[i].kernels))
      continue;
    compiled[i] = std::move(apart[i]);
    compiled[i].without_stages = true;
  }
  return compiled;
}

UnpreparedLevels compile_unprepared(const Module& module, std::vector<Target> levels,
                                    const PipelineOptions& options, const Tuner& tuner) {
  SlicedModule ready = optimized(module, options);
  Module preparation = preparation_of(ready.module);
  ready.module = without_preparation(ready.module);
  return {lower_levels(ready, module, std::move(levels), options, tuner), std::move(preparation)};
}

std::unique_ptr<Executor> make_native_executor(const Target& target, const EmitOptions& options,
                                               unsigned threads) {
  return std::make_unique<NativeExecutor>(target, options, threads);
}

std::unique_ptr<Executor> make_kernel_interpreter(const Target& target) {
  return std::make_unique<KernelInterpreter>(target);
}

}  // namespace keratin
