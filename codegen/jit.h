// Machine code in this process: the object that an artefact would hold, loaded by LLVM's JIT linker, with the runtime that is
// linked into this program.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "codegen/object.h"
#include "runtime/abi.h"

namespace llvm::orc {
class LLJIT;
}

namespace keratin {

/// What runs the pieces of a kernel: krt_launch, or something around it.
using Launcher = void(const krt_call* call, krt_kernel* kernel, void* const* args, int64_t pieces,
                      int64_t rounds);

/// A relocatable object in memory; gone when destroyed.
class LoadedObject {
 public:
  explicit LoadedObject(std::span<const std::byte> object, Launcher* launcher = &krt_launch);
  LoadedObject(const LoadedObject&) = delete;
  LoadedObject& operator=(const LoadedObject&) = delete;
  ~LoadedObject();

  /// Requires: the object exports it.
  void* address(const std::string& symbol) const;

 private:
  std::unique_ptr<llvm::orc::LLJIT> jit_;
};

class LoadedModule {
 public:
  explicit LoadedModule(const NativeModule& native, Launcher* launcher = &krt_launch);
  krt_run* run(size_t program) const { return runs_[program]; }

 private:
  LoadedObject object_;
  std::vector<krt_run*> runs_;
};

/// What a trainer executable is linked with: the model's constants, and the variables as they start.
class LoadedTrainer {
 public:
  LoadedTrainer(const LevelKernels& level, const EmitOptions& options, const TrainerSpec& trainer);
  LoadedTrainer(const LoadedTrainer&) = delete;
  LoadedTrainer& operator=(const LoadedTrainer&) = delete;

  const krt_trainer& trainer() const { return trainer_; }

 private:
  LoadedObject object_;
  PlacedData data_;
  krt_model model_;
  krt_trainer trainer_;
};

/// jit_kernels() with another launcher.
std::unique_ptr<Executable> jit_kernels_launched_by(Launcher* launcher,
                                                    std::shared_ptr<const KernelModule> module,
                                                    const Target& target, unsigned threads);

}  // namespace keratin
