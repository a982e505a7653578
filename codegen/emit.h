// Kernel modules to native code. LLVM's headers stay behind this one.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "codegen/kernel.h"
#include "codegen/target.h"
#include "ir/executor.h"
#include "ir/file_template.h"
#include "runtime/abi.h"

namespace keratin {

struct EmitOptions {
  bool check_bounds =
      false;  ///< a range check before every access; a violation prints kernel and buffer, and aborts
  bool optimize = true;
  bool debug_info = false;  ///< line tables that lead from machine code to kernel and layer
};

/// Where variables live at run time: read-only ones in `weights`, ones that some program updates in `state`.
struct Placement {
  struct Slot {
    bool in_state = false;
    int64_t offset = 0;
  };
  std::vector<Slot> slots;  ///< one per variable of the module
  int64_t weight_bytes = 0, state_bytes = 0;
};
Placement place_variables(const KernelModule& module);

/// The bytes of all variables as they start, placed: their data, or zeros.
struct PlacedData {
  Tensor weights, state;  ///< u8
  bool state_is_zero = true;
};
/// Throws Error(data) if a variable that nothing updates has no data.
PlacedData place_data(const KernelModule& module, const Placement& placement);

/// `logical`, row-major, as it lies in memory under `type`: its shape is type.physical_shape(), panels filled up with
/// zeros. And back.
Tensor to_physical(const Tensor& logical, const Type& type);
Tensor to_logical(const Tensor& physical, const Type& type);

/// The module as LLVM IR text, before or after LLVM's optimizer; as assembly.
std::string llvm_text(const KernelModule& module, const Target& target, const EmitOptions& options);
std::string assembly_text(const KernelModule& module, const Target& target, const EmitOptions& options);

/// A module's kernels for one level of processors. Levels of one artefact differ in nothing else: passes know no processor, so
/// that variables, weights and their places, programs, inputs and outputs are the same.
struct LevelKernels {
  Target target;
  KernelModule kernels;
  bool without_stages = false;  ///< where that was needed to keep a workspace limit
};

/// Symbols of an artefact, which it does not export: its krt_model, and the bytes of files: "weights", "selftest_inputs", ….
inline constexpr const char* kModelSymbol = "keratin.model";
std::string data_symbol(const std::string& file);

/// What an artefact holds beside the kernels: see codegen/artefact.h, which fills this in.
struct EntrySpec {
  std::string prefix;        ///< of all exported symbols
  std::string weights_file;  ///< path of the weights' bytes (empty: none); becomes one aligned symbol
  std::string state_file;    ///< initial state, likewise
  std::string selftest_inputs_file, selftest_outputs_file;
  std::vector<std::string> selftest_strings;
  uint64_t selftest_n = 0;
  std::vector<uint64_t> selftest_lengths;
  double selftest_atol = 0, selftest_rtol = 0;
};
/// A relocatable object: kernels and run functions of all levels, the krt_model description and the entry points
/// PREFIX_predict, PREFIX_workspace_size, … as codegen/artefact.h documents them.
/// Requires: the modules have one program; more demanding levels come first.
std::vector<std::byte> emit_object(std::span<const LevelKernels> levels, const EmitOptions& options,
                                   const EntrySpec& entry);

/// A trainer's model: the programs predict and initialize, and of one that trains train_step, evaluate_step, metrics,
/// reset_metrics and, where they are there, finish_training, swap_averages and learning_rates, too; and what the runtime needs to know of them (struct krt_trainer).
struct TrainerSpec {
  std::vector<int64_t> classes;  ///< per target of train_step; 0: it holds no labels
  std::vector<int> directions;   ///< per result of metrics: -1 the less the better, 1 the more, 0 not known
  std::vector<std::string>
      variables;  ///< all that steps read and write; each is updated by `initialize` or `reset_metrics`
  std::vector<krt_role> roles;  ///< per variable
  std::vector<uint32_t>
      learning_rates;  ///< per result of learning_rates: the place of the variable that it is, or KRT_NO_VARIABLE
  bool exports = false;  ///< another object, of emit_exports_object(), is linked with it
};
TrainerSpec trainer_spec(const Module& module, std::vector<int64_t> classes, std::vector<int> directions);

/// A relocatable object that exports keratin_trainer_model. Requires: more demanding levels come first.
std::vector<std::byte> emit_trainer_object(std::span<const LevelKernels> levels, const EmitOptions& options,
                                           const EntrySpec& entry, const TrainerSpec& trainer);

/// The models that a trainer can write (runtime/abi.h, krt_exports). Their holes are variables of the trainer, or what `derive`
/// (passes/derive.h) makes of them.
struct ExportsSpec {
  std::vector<LevelKernels> derivation;  ///< that function; there may be none
  FileTemplate keras, library;           ///< without bytes: it cannot be written
  std::string why_not_keras, why_not_library;
  std::string header;  ///< of the library
  uint64_t selftest_n = 0;
};
/// A relocatable object that exports keratin_trainer_exports. `folder`: where it may write files.
std::vector<std::byte> emit_exports_object(const ExportsSpec& exports, const EmitOptions& options,
                                           const EntrySpec& entry, const TrainerSpec& trainer,
                                           const std::string& folder);

/// The symbols' values, from the inputs' shapes. Throws Error(data), naming the input, if one does not fit, or if a length leaves
/// nothing of one of `symbols`, the module's.
Bindings bind_symbols(const Program& program, std::span<const Symbol> symbols,
                      std::span<const Tensor> inputs);

/// Something that runs kernel modules: both take the module's variables as Executable does.
std::unique_ptr<Executable> interpret_kernels(std::shared_ptr<const KernelModule> module);
std::unique_ptr<Executable> jit_kernels(std::shared_ptr<const KernelModule> module, const Target& target,
                                        const EmitOptions& options, unsigned threads);

}  // namespace keratin
