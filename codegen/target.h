// The processor that kernels are made for: what lowering needs to know of it, without LLVM's headers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace keratin {

struct Target {
  std::string triple;     ///< LLVM's: x86_64-unknown-linux-gnu
  std::string cpu;        ///< LLVM's name of the processor: x86-64-v3, znver4, generic
  std::string features;   ///< LLVM's feature string
  int vector_bytes = 16;  ///< of the widest vectors to use
  int vector_registers = 16;
  bool fma = false;    ///< has fused multiply-add
  bool dot2 = false;   ///< has an instruction for dot2 (codegen/kernel.h)
  bool tiles = false;  ///< has instructions for tiles and mma (codegen/kernel.h)
  bool masks = false;  ///< predicated loads and stores are cheap
  int64_t l1_bytes = 32 << 10, l2_bytes = 512 << 10;  ///< data caches of one core
  int threads =
      8;  ///< that may be there to share the pieces of a kernel; 1: what is lowered is within a piece
  uint32_t cpu_features = 0;  ///< KRT_CPU_* that must be present where it runs (runtime/abi.h)

  /// The same for kernels that run within a piece of another.
  Target within_piece() const {
    Target target = *this;
    target.threads = 1;
    return target;
  }

  int lanes(int64_t element_bytes) const { return static_cast<int>(vector_bytes / element_bytes); }
};

/// This machine. x86: classified to the level (v2, v3, v4) it fulfils, with all its features.
Target host_target();
/// LLVM's name of this machine's processor, more exact than host_target().cpu.
std::string host_processor();
/// `cpu`: native, or x86-64, x86-64-v2, -v3, -v4, or a processor LLVM knows. `triple`: empty for this machine's.
/// Throws Error(usage) that lists what is known.
Target make_target(const std::string& cpu, const std::string& triple = {});
/// The levels among which an artefact chooses when it runs: what `cpus`, such as "x86-64-v2,x86-64-v4,native", names, of each
/// only what the runtime can look for, more demanding ones first. Of one name: make_target().
/// Throws Error(usage): an unknown name, one level twice, several on another architecture than x86-64.
std::vector<Target> make_levels(const std::string& cpus, const std::string& triple = {});
/// "x86-64-v4", or with what comes on top of a level "x86-64-v4+bf16+amx".
std::string level_name(const Target& target);
bool runs_on_host(const Target& target);
/// Whether this machine has the target's architecture, if perhaps not all of its instructions.
bool same_kind_as_host(const Target& target);
/// x86-64, -v3, -v4 as far as this machine has them: what tests go through.
std::vector<Target> host_levels();

}  // namespace keratin
