#include "codegen/native.h"

#include "codegen/lower.h"

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

Module prepared(const Module& module, const PipelineOptions& options) {
  const auto interpreter = make_interpreter();
  return bake(optimize(module, options), *interpreter);
}

KernelModule lower_tuned(const Module& module, const Target& target, const Tuner& tuner) {
  return lower(module, target, tuner ? tuner(module, target) : Schedules());
}

}  // namespace

KernelModule compile_kernels(const Module& module, const Target& target, const PipelineOptions& options,
                             const Tuner& tuner) {
  return lower_tuned(prepared(module, options), target, tuner);
}

std::vector<LevelKernels> compile_levels(const Module& module, std::vector<Target> levels,
                                         const PipelineOptions& options, const Tuner& tuner) {
  const Module ready = prepared(module, options);
  std::vector<LevelKernels> compiled;
  for (Target& level : levels) {
    KernelModule kernels = lower_tuned(ready, level, tuner);
    compiled.push_back({std::move(level), std::move(kernels)});
  }
  return compiled;
}

std::unique_ptr<Executor> make_native_executor(const Target& target, const EmitOptions& options,
                                               unsigned threads) {
  return std::make_unique<NativeExecutor>(target, options, threads);
}

std::unique_ptr<Executor> make_kernel_interpreter(const Target& target) {
  return std::make_unique<KernelInterpreter>(target);
}

}  // namespace keratin
