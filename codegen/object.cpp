// From kernel modules to LLVM modules, through LLVM's optimiser, to machine code.
//
// The optimiser is given little to do: kernels come vectorised, tiled and unrolled, and shall stay as they are written. It
// turns accumulators into registers, shares what is computed twice, moves what does not change out of loops. It does not
// vectorise and does not unroll.
#include "codegen/object.h"

#include <llvm/IR/LegacyPassManager.h>
#include <llvm/IR/Verifier.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Passes/PassBuilder.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/Target/TargetMachine.h>

#include <memory>
#include <mutex>

#include "codegen/c_names.h"
#include "codegen/debug_info.h"
#include "codegen/emission.h"
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

std::unique_ptr<llvm::TargetMachine> make_machine(const Target& target, bool optimize) {
  initialize_llvm();
  std::string detail;
  const llvm::Target* found = llvm::TargetRegistry::lookupTarget(target.triple, detail);
  KERATIN_CHECK(found != nullptr, detail);
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict;
  options.FunctionSections = options.DataSections = true;
  const auto level = optimize ? llvm::CodeGenOptLevel::Default : llvm::CodeGenOptLevel::None;
  return std::unique_ptr<llvm::TargetMachine>(found->createTargetMachine(
      target.triple, target.cpu, target.features, options, llvm::Reloc::PIC_, std::nullopt, level));
}

void check(llvm::Module& module) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  KERATIN_CHECK(!llvm::verifyModule(module, &stream), text);
}

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

/// A kernel module on its way through LLVM.
class Compilation {
 public:
  Compilation(const KernelModule& source, const Target& target, const EmitOptions& options)
      : options_(options),
        machine_(make_machine(target, options.optimize)),
        module_(source.name, context_),
        emission_{.source = source,
                  .target = target,
                  .options = options,
                  .module = module_,
                  .symbols = symbols_of(source),
                  .placement = place_variables(source),
                  .kernels = std::vector<llvm::Function*>(source.kernels.size())} {
    module_.setTargetTriple(target.triple);
    module_.setDataLayout(machine_->createDataLayout());
    module_.setPICLevel(llvm::PICLevel::BigPIC);
    if (options.debug_info) {
      debug_ = std::make_unique<DebugInfo>(source, module_);
      emission_.debug = debug_.get();
    }
  }

  /// The kernels that the program launches and its run function, which is called `name`.
  llvm::Function* add(const Program& program, const std::string& name) {
    for (const Launch& launch : program.launches) {
      llvm::Function*& kernel = emission_.kernels[launch.kernel];
      if (kernel == nullptr) kernel = emit_kernel(emission_, launch.kernel);
    }
    return emit_run(emission_, program, name);
  }

  /// All programs, their run functions visible from outside.
  std::vector<std::string> add_all() {
    std::vector<std::string> names;
    for (const Program& program : emission_.source.programs) {
      llvm::Function* run = add(program, cat("run.", program.name));
      run->setLinkage(llvm::GlobalValue::ExternalLinkage);
      names.push_back(run->getName().str());
    }
    return names;
  }

  void finish() {
    if (debug_) debug_->finish();
    check(module_);
    if (options_.optimize) optimize_module(module_, *machine_);
  }

  std::string text() {
    std::string result;
    llvm::raw_string_ostream stream(result);
    module_.print(stream, nullptr);
    return result;
  }

  Emission& emission() { return emission_; }
  llvm::SmallVector<char, 0> code(llvm::CodeGenFileType type) {
    return machine_code(module_, *machine_, type);
  }

 private:
  const EmitOptions& options_;
  llvm::LLVMContext context_;
  std::unique_ptr<llvm::TargetMachine> machine_;
  llvm::Module module_;
  Emission emission_;
  std::unique_ptr<DebugInfo> debug_;
};

}  // namespace

void set_attributes(const Emission& emission, llvm::Function& function) {
  const std::string width = to_text(8 * emission.target.vector_bytes);
  function.addFnAttr("target-cpu", emission.target.cpu);
  if (!emission.target.features.empty()) function.addFnAttr("target-features", emission.target.features);
  function.addFnAttr("prefer-vector-width", width);
  function.addFnAttr("min-legal-vector-width", width);
  function.addFnAttr(llvm::Attribute::NoUnwind);
  if (emission.options.debug_info) function.setUWTableKind(llvm::UWTableKind::Async);
}

NativeModule emit_native(const KernelModule& module, const Target& target, const EmitOptions& options) {
  Compilation compilation(module, target, options);
  NativeModule native{.object = {}, .runs = compilation.add_all()};
  compilation.finish();
  native.object = to_bytes(compilation.code(llvm::CodeGenFileType::ObjectFile));
  return native;
}

std::string llvm_text(const KernelModule& module, const Target& target, const EmitOptions& options) {
  Compilation compilation(module, target, options);
  compilation.add_all();
  compilation.finish();
  return compilation.text();
}

std::string assembly_text(const KernelModule& module, const Target& target, const EmitOptions& options) {
  Compilation compilation(module, target, options);
  compilation.add_all();
  compilation.finish();
  const llvm::SmallVector<char, 0> text = compilation.code(llvm::CodeGenFileType::AssemblyFile);
  return std::string(text.begin(), text.end());
}

std::vector<std::byte> emit_object(const KernelModule& module, const Target& target,
                                   const EmitOptions& options, const EntrySpec& entry) {
  Compilation compilation(module, target, options);
  const Program& program = artefact_program(module);
  llvm::Function* run = compilation.add(program, cat(entry.prefix, "_run_", c_identifier(program.name)));
  emit_entries(compilation.emission(), program, run, entry);
  compilation.finish();
  return to_bytes(compilation.code(llvm::CodeGenFileType::ObjectFile));
}

std::vector<std::byte> emit_trainer_object(const KernelModule& module, const Target& target,
                                           const EmitOptions& options, const EntrySpec& entry,
                                           const TrainerSpec& trainer) {
  Compilation compilation(module, target, options);
  std::vector<llvm::Function*> runs;
  for (const Program& program : module.programs)
    runs.push_back(compilation.add(program, cat(entry.prefix, "_run_", c_identifier(program.name))));
  emit_trainer(compilation.emission(), runs, entry, trainer);
  compilation.finish();
  return to_bytes(compilation.code(llvm::CodeGenFileType::ObjectFile));
}

}  // namespace keratin
