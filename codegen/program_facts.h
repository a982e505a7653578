// What follows from a kernel module and is needed to emit, describe and run it.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "codegen/kernel.h"
#include "codegen/target.h"

namespace keratin {

/// The program that an artefact of `module` runs. Throws Error(usage) if that is not clear.
const Program& artefact_program(const KernelModule& module);

/// `module` with one of its programs, and the kernels and variables that it uses, tables of strings included.
KernelModule extract_program(const KernelModule& module, const Program& program);

/// The only n that the program accepts, as the runtime sees it; 0: any. Without the symbol N it is the first dimension
/// of the first input (1 if there is none).
int64_t fixed_batch(const Program& program);

/// How many slices a call of n samples has; 1 if it is not cut.
int64_t slices_of(const Program& program, int64_t n, unsigned threads);
/// How many times the buffers of inputs and outputs hold what kernels compute: the slices of a fixed batch, 1 if any number may come.
int64_t fixed_slices(const Program& program);

/// KRT_CPU_* without which the module cannot run: all of the target's, but for the tiles of AMX that no kernel uses, since a process
/// has to ask for them.
uint32_t needed_cpu_features(const KernelModule& module, const Target& target);

/// KRT_SUM, …, by what Launch::reduced_by calls it.
std::optional<uint32_t> find_reduction(std::string_view name);

Size bytes_of(const ProgramBuffer& buffer);

/// A size as it may be when the program runs, to compare sizes by: every symbol is 32.
int64_t typical(const Size& size);

/// The symbols of a module, in the order in which run functions and kernels find their values (runtime/abi.h,
/// krt_call::symbols): N first, if there is any, then the others by name, and what is computed behind that from which it is.
std::vector<Symbol> symbols_of(const KernelModule& module);
/// Values to measure with and to tell sizes by: N is `batch`, and lengths are 128.
Bindings usual_bindings(const KernelModule& module, int64_t batch);
/// Those that callers give, beside N: no quotients.
std::vector<Symbol> lengths_of(const KernelModule& module);
/// The least value of a length that leaves something of all that is computed from it.
int64_t least_length(const KernelModule& module, Symbol length);

/// What all launches of a kernel have in common: which parameters start at multiples of 64 bytes, and which pairs never share
/// memory.
struct ParameterFacts {
  std::vector<bool> aligned;
  std::vector<std::vector<bool>> apart;  ///< symmetric; a parameter is not apart from itself
};
ParameterFacts parameter_facts(const KernelModule& module, uint32_t kernel);

}  // namespace keratin
