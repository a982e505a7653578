// What a processor can do, asked of LLVM's tables.
//
// "native" is the x86-64 level that this machine fulfils, not its exact model: the artefact then asks for nothing that it
// cannot check when it is called, and two machines of one level get the same bits. What a level does not cover and the
// runtime can check (bf16 and AMX) comes on top.
#include "codegen/target.h"

#include <llvm/ADT/StringMap.h>
#include <llvm/MC/MCSubtargetInfo.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/TargetParser/Host.h>
#include <llvm/TargetParser/Triple.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string_view>

#include "ir/error.h"
#include "ir/text.h"
#include "runtime/abi.h"

namespace keratin {
namespace {

/// An x86-64 level, or an addition to one: what LLVM calls its features, and the runtime's bit for all of them.
struct Level {
  const char* cpu;
  const char* features;
  uint32_t bit;
};
constexpr Level kLevels[] = {
    {"x86-64-v2", "+cx16,+popcnt,+sahf,+sse4.2", KRT_CPU_X86_64_V2},
    {"x86-64-v3", "+avx2,+bmi,+bmi2,+f16c,+fma,+lzcnt,+movbe", KRT_CPU_X86_64_V3},
    {"x86-64-v4", "+avx512f,+avx512bw,+avx512cd,+avx512dq,+avx512vl", KRT_CPU_X86_64_V4},
};
constexpr Level kAdditions[] = {
    {"", "+avx512bf16", KRT_CPU_AVX512_BF16},
    {"", "+amx-bf16,+amx-tile", KRT_CPU_AMX_BF16},
};

void initialize_llvm() {
  [[maybe_unused]] static const bool done = [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86TargetMC();
    LLVMInitializeAArch64TargetInfo();
    LLVMInitializeAArch64TargetMC();
    return true;
  }();
}

const llvm::Target& find_target(const std::string& triple) {
  initialize_llvm();
  const llvm::Triple parsed(triple);
  std::string detail;
  const llvm::Target* found = llvm::TargetRegistry::lookupTarget(triple, detail);
  const bool known = parsed.getArch() == llvm::Triple::x86_64 || parsed.getArch() == llvm::Triple::aarch64;
  if (found == nullptr || !known || !parsed.isOSLinux()) {
    throw Error(ErrorKind::usage, cat("unknown target ", quoted(triple)), {},
                "x86_64-unknown-linux-gnu, aarch64-unknown-linux-gnu");
  }
  return *found;
}

using Subtarget = std::unique_ptr<llvm::MCSubtargetInfo>;

Subtarget subtarget_of(const std::string& triple, const std::string& cpu, const std::string& features) {
  return Subtarget(find_target(triple).createMCSubtargetInfo(triple, cpu, features));
}

void check_cpu(const std::string& triple, const std::string& cpu) {
  // LLVM prints a warning of its own when a subtarget is made for an unknown name.
  const Subtarget generic = subtarget_of(triple, "", "");
  if (generic->isCPUStringValid(cpu)) return;
  std::vector<std::string> names;
  for (const auto& description : generic->getAllProcessorDescriptions()) names.emplace_back(description.Key);
  throw Error(ErrorKind::usage, cat("unknown processor ", quoted(cpu)), triple,
              cat("native, ", join(names, ", ")));
}

void describe_x86(Target& target, const llvm::MCSubtargetInfo& subtarget) {
  for (const Level& level : kLevels) {
    if (!subtarget.checkFeatures(level.features)) break;
    target.cpu_features |= level.bit;
  }
  for (const Level& addition : kAdditions) {
    if (subtarget.checkFeatures(addition.features)) target.cpu_features |= addition.bit;
  }
  const bool v4 = (target.cpu_features & KRT_CPU_X86_64_V4) != 0;
  target.fma = subtarget.checkFeatures("+fma");
  target.dot2 = v4 && (target.cpu_features & KRT_CPU_AVX512_BF16) != 0;
  target.tiles = target.dot2 && (target.cpu_features & KRT_CPU_AMX_BF16) != 0;
  target.masks = subtarget.checkFeatures("+avx2");
  target.vector_bytes = v4 ? 64 : target.masks ? 32 : 16;
  target.vector_registers = v4 ? 32 : 16;
}

Target describe(const std::string& triple, const std::string& cpu, const std::string& features) {
  Target target{.triple = triple, .cpu = cpu, .features = features};
  const Subtarget subtarget = subtarget_of(triple, cpu, features);
  if (llvm::Triple(triple).getArch() == llvm::Triple::x86_64) {
    describe_x86(target, *subtarget);
  } else {
    target.vector_registers = 32;
    target.fma = true;
  }
  return target;
}

std::string host_triple() { return llvm::sys::getDefaultTargetTriple(); }

bool same_machine_kind(const std::string& triple) {
  return llvm::Triple(triple).getArch() == llvm::Triple(host_triple()).getArch();
}

/// Whether this machine has all of "+a,+b".
bool host_has(std::string_view features) {
  static const llvm::StringMap<bool> found = llvm::sys::getHostCPUFeatures();
  while (!features.empty()) {
    const size_t comma = std::min(features.find(','), features.size());
    if (!found.lookup(features.substr(1, comma - 1))) return false;
    features.remove_prefix(std::min(comma + 1, features.size()));
  }
  return true;
}

/// The size of a data cache, or `otherwise` where the system does not say.
int64_t cache_bytes(int name, int64_t otherwise) {
  const long bytes = sysconf(name);
  return bytes > 0 ? bytes : otherwise;
}

}  // namespace

Target host_target() {
  const std::string triple = host_triple();
  std::string cpu = "generic", features;
  if (llvm::Triple(triple).getArch() == llvm::Triple::x86_64) {
    cpu = "x86-64";
    for (const Level& level : kLevels) {
      if (!host_has(level.features)) break;
      cpu = level.cpu;
    }
    for (const Level& addition : kAdditions) {
      if (cpu == "x86-64-v4" && host_has(addition.features) && krt_cpu_has(addition.bit))
        features += cat(features.empty() ? "" : ",", addition.features);
    }
  }
  Target target = describe(triple, cpu, features);
  target.l1_bytes = cache_bytes(_SC_LEVEL1_DCACHE_SIZE, target.l1_bytes);
  target.l2_bytes = cache_bytes(_SC_LEVEL2_CACHE_SIZE, target.l2_bytes);
  return target;
}

Target make_target(const std::string& cpu, const std::string& triple) {
  const std::string full = triple.empty() ? host_triple() : llvm::Triple::normalize(triple);
  find_target(full);
  if (cpu == "native") {
    if (!same_machine_kind(full)) {
      throw Error(ErrorKind::usage, "this machine is not of the target's kind, so native says nothing", full,
                  "name the processor: --cpu generic");
    }
    return host_target();
  }
  check_cpu(full, cpu);
  return describe(full, cpu, "");
}

bool runs_on_host(const Target& target) {
  if (!same_machine_kind(target.triple)) return false;
  if (llvm::Triple(target.triple).getArch() != llvm::Triple::x86_64) return target.cpu == "generic";
  if (!krt_cpu_has(target.cpu_features)) return false;
  const Subtarget wanted = subtarget_of(target.triple, target.cpu, target.features);
  const llvm::StringMap<bool> host = llvm::sys::getHostCPUFeatures();
  return std::all_of(host.begin(), host.end(), [&](const auto& feature) {
    return feature.second || !wanted->checkFeatures(cat("+", std::string_view(feature.first())));
  });
}

bool same_kind_as_host(const Target& target) { return same_machine_kind(target.triple); }

std::vector<Target> host_levels() {
  const std::string triple = host_triple();
  if (llvm::Triple(triple).getArch() != llvm::Triple::x86_64) return {host_target()};
  std::vector<Target> levels;
  for (const char* cpu : {"x86-64", "x86-64-v3", "x86-64-v4"}) {
    Target level = describe(triple, cpu, "");
    if (runs_on_host(level)) levels.push_back(std::move(level));
  }
  return levels;
}

}  // namespace keratin
