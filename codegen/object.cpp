// From kernel modules to LLVM modules, through LLVM's optimiser, to machine code.
//
// The optimiser is given little to do: kernels come vectorised, tiled and unrolled, and shall stay as they are written. It
// turns accumulators into registers, shares what is computed twice, moves what does not change out of loops. It does not
// vectorise and does not unroll.
#include "codegen/object.h"

#include <llvm/Analysis/AliasAnalysis.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/IR/Verifier.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Passes/PassBuilder.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/Target/TargetMachine.h>

#include <map>
#include <memory>
#include <mutex>

#include "codegen/c_names.h"
#include "codegen/chains.h"
#include "codegen/debug_info.h"
#include "codegen/emission.h"
#include "codegen/emit_training.h"
#include "codegen/program_facts.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {
namespace {

constexpr const char* kPipeline =
    "function("
    "sroa,early-cse<memssa>,instcombine<no-verify-fixpoint>,simplifycfg,"
    // Without moving loads across edges (PRE): that would make registers of what is better read again.
    "gvn<no-pre;no-load-pre>,"
    "loop-mssa(loop-instsimplify,licm),"
    "early-cse<memssa>,instcombine<no-verify-fixpoint>,adce,simplifycfg)";

void initialize_llvm() {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
    LLVMInitializeX86AsmParser();  // module-level assembly: .incbin
    LLVMInitializeAArch64TargetInfo();
    LLVMInitializeAArch64Target();
    LLVMInitializeAArch64TargetMC();
    LLVMInitializeAArch64AsmPrinter();
    LLVMInitializeAArch64AsmParser();
  });
}

/// For the architecture's first processors: what is for later ones says so, function by function.
std::unique_ptr<llvm::TargetMachine> make_machine(const std::string& triple, bool optimize) {
  initialize_llvm();
  std::string detail;
  const llvm::Target* found = llvm::TargetRegistry::lookupTarget(triple, detail);
  KERATIN_CHECK(found != nullptr, detail);
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict;
  options.FunctionSections = options.DataSections = true;
  const auto level = optimize ? llvm::CodeGenOptLevel::Default : llvm::CodeGenOptLevel::None;
  return std::unique_ptr<llvm::TargetMachine>(found->createTargetMachine(
      triple, llvm::Triple(triple).getArch() == llvm::Triple::x86_64 ? "x86-64" : "generic", "", options,
      llvm::Reloc::PIC_, std::nullopt, level));
}

void check(llvm::Module& module) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  KERATIN_CHECK(!llvm::verifyModule(module, &stream), text);
}

struct InterleaveChains : llvm::PassInfoMixin<InterleaveChains> {
  static llvm::PreservedAnalyses run(llvm::Function& function, llvm::FunctionAnalysisManager& analyses) {
    interleave_chains(function, analyses.getResult<llvm::AAManager>(function));
    llvm::PreservedAnalyses preserved;
    preserved.preserveSet<llvm::CFGAnalyses>();
    return preserved;
  }
};

void optimize_module(llvm::Module& module, llvm::TargetMachine& machine) {
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager graphs;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(&machine);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(graphs);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, graphs, modules);
  llvm::ModulePassManager passes;
  llvm::Error error = builder.parsePassPipeline(passes, kPipeline);
  KERATIN_CHECK(!error, llvm::toString(std::move(error)));
  passes.addPass(llvm::createModuleToFunctionPassAdaptor(InterleaveChains()));
  passes.run(module, modules);
}

llvm::SmallVector<char, 0> machine_code(llvm::Module& module, llvm::TargetMachine& machine,
                                        llvm::CodeGenFileType type) {
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  llvm::legacy::PassManager passes;
  const bool cannot = machine.addPassesToEmitFile(passes, stream, nullptr, type);
  KERATIN_CHECK(!cannot, "no machine code of this type");
  passes.run(module);
  return bytes;
}

std::vector<std::byte> to_bytes(const llvm::SmallVector<char, 0>& text) {
  const auto* begin = reinterpret_cast<const std::byte*>(text.data());
  return {begin, begin + text.size()};
}

/// A kernel as it is emitted: kernels that differ in names only, of a model that does the same thing many times, are one function. Where
/// functions have debug information, which says whose they are, each is its own.
std::string emitted_text(const KernelModule& module, uint32_t number, const EmitOptions& options) {
  if (options.debug_info) return to_text(number);
  Kernel kernel = module.kernels[number];
  kernel.name.clear();
  kernel.origin = nullptr;
  std::string text = print(kernel);
  const ParameterFacts facts = parameter_facts(module, number);
  const auto add = [&text](const std::vector<bool>& answers) {
    for (const bool answer : answers) text += answer ? '1' : '0';
  };
  add(facts.aligned);
  for (const std::vector<bool>& apart : facts.apart) add(apart);
  return text;
}

/// Kernel modules on their way through LLVM, together in one of its modules.
class Compilation {
 public:
  Compilation(const std::string& name, const std::string& triple, const EmitOptions& options)
      : options_(options), machine_(make_machine(triple, options.optimize)), module_(name, context_) {
    module_.setTargetTriple(triple);
    module_.setDataLayout(machine_->createDataLayout());
    module_.setPICLevel(llvm::PICLevel::BigPIC);
  }

  /// All programs: their kernels and their run functions, which are called `run_prefix` and the program's name. All names end in
  /// `ending`. `source` and `target` must outlive this.
  const Emission& add(const KernelModule& source, const Target& target, const std::string& run_prefix,
                      const std::string& ending = {}) {
    Emission emission{.source = source,
                      .target = target,
                      .options = options_,
                      .module = module_,
                      .symbols = symbols_of(source),
                      .placement = place_variables(source),
                      .kernels = std::vector<llvm::Function*>(source.kernels.size()),
                      .runs = {},
                      .ending = ending};
    if (options_.debug_info) {
      debug_.push_back(std::make_unique<DebugInfo>(source, module_, ending));
      emission.debug = debug_.back().get();
    }
    std::map<std::string, llvm::Function*> emitted;
    for (const Program& program : source.programs) {
      for (const Launch& launch : program.launches) {
        llvm::Function*& kernel = emission.kernels[launch.kernel];
        if (kernel != nullptr) continue;
        llvm::Function*& same = emitted[emitted_text(source, launch.kernel, options_)];
        if (same == nullptr) same = emit_kernel(emission, launch.kernel);
        kernel = same;
      }
      emission.runs.push_back(
          emit_run(emission, program, cat(run_prefix, c_identifier(program.name), ending)));
    }
    levels_.push_back(std::move(emission));
    return levels_.back();
  }

  /// All levels, of an artefact or a trainer called `prefix`.
  std::span<const Emission> add(std::span<const LevelKernels> levels, const std::string& prefix) {
    for (const LevelKernels& level : levels)
      add(level.kernels, level.target, prefix + "_run_",
          levels.size() > 1 ? cat(".", level_name(level.target)) : "");
    return levels_;
  }

  /// One level, its run functions visible from outside. Their names, by program.
  std::vector<std::string> add_visible(const KernelModule& source, const Target& target) {
    std::vector<std::string> names;
    for (llvm::Function* run : add(source, target, "run.").runs) {
      run->setLinkage(llvm::GlobalValue::ExternalLinkage);
      names.push_back(run->getName().str());
    }
    return names;
  }

  void finish() {
    for (const auto& debug : debug_) debug->finish();
    check(module_);
    if (options_.optimize) optimize_module(module_, *machine_);
  }

  std::string text() {
    std::string result;
    llvm::raw_string_ostream stream(result);
    module_.print(stream, nullptr);
    return result;
  }

  llvm::SmallVector<char, 0> code(llvm::CodeGenFileType type) {
    return machine_code(module_, *machine_, type);
  }

 private:
  const EmitOptions& options_;
  llvm::LLVMContext context_;
  std::unique_ptr<llvm::TargetMachine> machine_;
  llvm::Module module_;
  std::vector<Emission> levels_;
  std::vector<std::unique_ptr<DebugInfo>> debug_;
};

/// An object of all levels and what `emit` adds to them.
template <typename Emit>
std::vector<std::byte> object_of(std::span<const LevelKernels> levels, const EmitOptions& options,
                                 const EntrySpec& entry, Emit emit) {
  Compilation compilation(levels[0].kernels.name, levels[0].target.triple, options);
  emit(compilation.add(levels, entry.prefix));
  compilation.finish();
  return to_bytes(compilation.code(llvm::CodeGenFileType::ObjectFile));
}

}  // namespace

void set_attributes(const EmitOptions& options, llvm::Function& function) {
  function.addFnAttr(llvm::Attribute::NoUnwind);
  if (options.debug_info) function.setUWTableKind(llvm::UWTableKind::Async);
}

void set_attributes(const Emission& emission, llvm::Function& function) {
  const std::string width = to_text(8 * emission.target.vector_bytes);
  function.addFnAttr("target-cpu", emission.target.cpu);
  if (!emission.target.features.empty()) function.addFnAttr("target-features", emission.target.features);
  function.addFnAttr("prefer-vector-width", width);
  function.addFnAttr("min-legal-vector-width", width);
  set_attributes(emission.options, function);
}

NativeModule emit_native(const KernelModule& module, const Target& target, const EmitOptions& options) {
  Compilation compilation(module.name, target.triple, options);
  NativeModule native{.object = {}, .runs = compilation.add_visible(module, target)};
  compilation.finish();
  native.object = to_bytes(compilation.code(llvm::CodeGenFileType::ObjectFile));
  return native;
}

std::string llvm_text(const KernelModule& module, const Target& target, const EmitOptions& options) {
  Compilation compilation(module.name, target.triple, options);
  compilation.add_visible(module, target);
  compilation.finish();
  return compilation.text();
}

std::string assembly_text(const KernelModule& module, const Target& target, const EmitOptions& options) {
  Compilation compilation(module.name, target.triple, options);
  compilation.add_visible(module, target);
  compilation.finish();
  const llvm::SmallVector<char, 0> text = compilation.code(llvm::CodeGenFileType::AssemblyFile);
  return std::string(text.begin(), text.end());
}

std::vector<std::byte> emit_object(std::span<const LevelKernels> levels, const EmitOptions& options,
                                   const EntrySpec& entry) {
  return object_of(levels, options, entry,
                   [&](std::span<const Emission> emissions) { emit_entries(emissions, entry); });
}

std::vector<std::byte> emit_trainer_object(std::span<const LevelKernels> levels, const EmitOptions& options,
                                           const EntrySpec& entry, const TrainerSpec& trainer) {
  return object_of(levels, options, entry,
                   [&](std::span<const Emission> emissions) { emit_trainer(emissions, entry, trainer); });
}

std::vector<std::byte> emit_exports_object(const ExportsSpec& exports, const EmitOptions& options,
                                           const EntrySpec& entry, const TrainerSpec& trainer,
                                           const std::string& folder) {
  return object_of(exports.derivation, options, entry, [&](std::span<const Emission> emissions) {
    emit_exports(emissions, entry, trainer, exports, folder);
  });
}

std::vector<std::byte> emit_training_object(std::span<const LevelKernels> levels, const EmitOptions& options,
                                            const EntrySpec& entry, const TrainingSpec& training) {
  return object_of(levels, options, entry,
                   [&](std::span<const Emission> emissions) { emit_training(emissions, entry, training); });
}

}  // namespace keratin
