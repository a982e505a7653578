// LLVM modules to machine code. For the files that know LLVM.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "codegen/emission.h"

namespace llvm {
class TargetMachine;
}

namespace keratin {

/// A kernel module as machine code.
struct NativeModule {
  std::vector<std::byte> object;
  std::vector<std::string> runs;  ///< the symbols of the run functions, by program
};
NativeModule emit_native(const KernelModule& module, const Target& target, const EmitOptions& options);

}  // namespace keratin
