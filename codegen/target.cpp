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
#include <map>
#include <memory>
#include <string_view>

#include "ir/error.h"
#include "ir/text.h"
#include "runtime/abi.h"

namespace keratin {
namespace {

/// An x86-64 level, or an addition to one: its name, what LLVM calls its features, and the runtime's bit for all of them.
struct Checkable {
  const char* name;
  const char* features;
  uint32_t bit;
};
constexpr Checkable kLevels[] = {
    {"x86-64-v2", "+cx16,+popcnt,+sahf,+sse4.2", KRT_CPU_X86_64_V2},
    {"x86-64-v3", "+avx2,+bmi,+bmi2,+f16c,+fma,+lzcnt,+movbe", KRT_CPU_X86_64_V3},
    {"x86-64-v4", "+avx512f,+avx512bw,+avx512cd,+avx512dq,+avx512vl", KRT_CPU_X86_64_V4},
};
constexpr Checkable kAdditions[] = {
    {"bf16", "+avx512bf16", KRT_CPU_AVX512_BF16},
    {"amx", "+amx-bf16,+amx-tile", KRT_CPU_AMX_BF16},
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

bool is_x86(const std::string& triple) { return llvm::Triple(triple).getArch() == llvm::Triple::x86_64; }

void describe_x86(Target& target, const llvm::MCSubtargetInfo& subtarget) {
  for (const Checkable& level : kLevels) {
    if (!subtarget.checkFeatures(level.features)) break;
    target.cpu_features |= level.bit;
  }
  for (const Checkable& addition : kAdditions) {
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
  if (is_x86(triple)) {
    describe_x86(target, *subtarget);
  } else {
    target.vector_registers = 32;
    target.fma = true;
  }
  return target;
}

/// Of an x86-64 processor no more than what the runtime can look for. `has`: whether it has a Checkable.
template <typename Has>
Target checkable_part(const std::string& triple, const Has& has) {
  std::string cpu = "x86-64", features;
  for (const Checkable& level : kLevels) {
    if (!has(level)) break;
    cpu = level.name;
  }
  for (const Checkable& addition : kAdditions) {
    if (cpu == "x86-64-v4" && has(addition)) features += cat(features.empty() ? "" : ",", addition.features);
  }
  return describe(triple, cpu, features);
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
  const auto has = [](const Checkable& part) { return host_has(part.features) && krt_cpu_has(part.bit); };
  Target target = is_x86(triple) ? checkable_part(triple, has) : describe(triple, "generic", "");
  target.l1_bytes = cache_bytes(_SC_LEVEL1_DCACHE_SIZE, target.l1_bytes);
  target.l2_bytes = cache_bytes(_SC_LEVEL2_CACHE_SIZE, target.l2_bytes);
  return target;
}

std::string host_processor() { return llvm::sys::getHostCPUName().str(); }

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

std::vector<Target> make_levels(const std::string& cpus, const std::string& triple) {
  if (cpus.find(',') == std::string::npos) return {make_target(cpus, triple)};
  std::vector<Target> levels;
  std::map<uint32_t, std::string> names;  // as given, by what is looked for
  for (size_t at = 0, comma = 0; comma != std::string::npos; at = comma + 1) {
    comma = cpus.find(',', at);
    const std::string name = cpus.substr(at, comma - at);
    const Target named = make_target(name, triple);
    if (!is_x86(named.triple))
      throw Error(ErrorKind::usage, "only levels of x86-64 can be told apart by code that runs", named.triple,
                  "name one processor");
    const Subtarget subtarget = subtarget_of(named.triple, named.cpu, named.features);
    Target level = checkable_part(
        named.triple, [&](const Checkable& part) { return subtarget->checkFeatures(part.features); });
    level.l1_bytes = named.l1_bytes;
    level.l2_bytes = named.l2_bytes;
    const auto [same, is_new] = names.emplace(level.cpu_features, name);
    if (!is_new)
      throw Error(ErrorKind::usage,
                  cat(quoted(same->second), " and ", quoted(name), " are one level, ", level_name(level)),
                  cpus);
    levels.push_back(std::move(level));
  }
  // A level has all bits of those below it.
  std::sort(levels.begin(), levels.end(),
            [](const Target& a, const Target& b) { return a.cpu_features > b.cpu_features; });
  return levels;
}

std::string level_name(const Target& target) {
  std::string name = target.cpu;
  for (const Checkable& addition : kAdditions)
    if (!target.features.empty() && (target.cpu_features & addition.bit) != 0)
      name += cat("+", addition.name);
  return name;
}

bool runs_on_host(const Target& target) {
  if (!same_machine_kind(target.triple)) return false;
  if (!is_x86(target.triple)) return target.cpu == "generic";
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
  if (!is_x86(triple)) return {host_target()};
  std::vector<Target> levels;
  for (const char* cpu : {"x86-64", "x86-64-v3", "x86-64-v4"}) {
    Target level = describe(triple, cpu, "");
    if (runs_on_host(level)) levels.push_back(std::move(level));
  }
  return levels;
}

}  // namespace keratin
