// Machine code in this process: the object that an artefact would hold, loaded by LLVM's JIT linker, with the runtime that is
// linked into this program.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "codegen/object.h"
#include "runtime/abi.h"

namespace llvm::orc {
class LLJIT;
}

namespace keratin {

/// Gone when destroyed.
class LoadedModule {
 public:
  explicit LoadedModule(const NativeModule& native);
  LoadedModule(const LoadedModule&) = delete;
  LoadedModule& operator=(const LoadedModule&) = delete;
  ~LoadedModule();

  krt_run* run(size_t program) const { return runs_[program]; }

 private:
  std::unique_ptr<llvm::orc::LLJIT> jit_;
  std::vector<krt_run*> runs_;
};

}  // namespace keratin
