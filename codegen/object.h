// Kernel modules to machine code, for the JIT.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "codegen/emit.h"

namespace keratin {

/// A relocatable object of all programs.
struct NativeModule {
  std::vector<std::byte> object;
  std::vector<std::string> runs;  ///< the symbols of the run functions, by program
};
NativeModule emit_native(const KernelModule& module, const Target& target, const EmitOptions& options);

}  // namespace keratin
