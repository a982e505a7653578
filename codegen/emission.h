// What the files that write LLVM IR share: only they, emit_*.cpp and object.cpp, include this.
//
// object.cpp makes the LLVM module, has emit_kernel() add each kernel of each level of processors, emit_run() each program's
// run function and emit_entries() an artefact's constants and exported functions; then it optimises and writes machine code.
#pragma once

#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Module.h>

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "codegen/emit.h"
#include "codegen/index_emitter.h"
#include "codegen/kernel.h"
#include "codegen/program_facts.h"
#include "codegen/target.h"

namespace keratin {

class DebugInfo;

/// KRT_F32, …
uint32_t abi_dtype(DType dtype);

/// One level of processors in the LLVM module being written: functions say themselves which processor they are for.
struct Emission {
  const KernelModule& source;
  const Target& target;
  const EmitOptions& options;
  llvm::Module& module;
  std::vector<Symbol> symbols;           ///< the order in which kernels find the symbols' values
  Placement placement;                   ///< of the variables
  std::vector<llvm::Function*> kernels;  ///< by number; null: not emitted
  std::vector<llvm::Function*> runs;     ///< by program
  std::string ending;                    ///< of its functions' names, which tells levels apart
  DebugInfo* debug = nullptr;            ///< if wanted

  bool is_x86() const { return target.triple.starts_with("x86_64"); }
};

/// Scalars in registers, or vectors of them; booleans are i1.
llvm::Type* register_type(llvm::LLVMContext& context, DType dtype, int lanes);
/// Elements in memory; booleans are i8.
llvm::Type* memory_type(llvm::LLVMContext& context, DType dtype, int lanes);
llvm::Constant* constant(llvm::Type* type, const Scalar& value);

/// `op` of `args`, whose elements are of `dtype` (select: of the two alternatives), lane by lane. Not for cast.
/// `rounds`: the processor has instructions for floor, ceil and round.
llvm::Value* emit_op(llvm::IRBuilder<>& builder, Op op, DType dtype, std::span<llvm::Value* const> args,
                     bool rounds);
llvm::Value* emit_cast(llvm::IRBuilder<>& builder, DType from, DType to, llvm::Value* value);

/// void NAME(ptr args, ptr symbols, ptr tile, i64 begin, i64 end), of internal linkage: krt_kernel.
llvm::Function* emit_kernel(Emission& emission, uint32_t kernel);
/// void NAME(ptr call): krt_run. Requires: the kernels that it launches are emitted.
llvm::Function* emit_run(Emission& emission, const Program& program, const std::string& name);
/// The description of the only program and the exported functions. Requires: the run functions are emitted, and the levels
/// differ in nothing but kernels and what they take of the workspace.
void emit_entries(std::span<const Emission> levels, const EntrySpec& entry);
/// The same for a trainer: the constant keratin_trainer_model.
void emit_trainer(std::span<const Emission> levels, const EntrySpec& entry, const TrainerSpec& trainer);
/// The constant keratin_trainer_exports.
void emit_exports(std::span<const Emission> levels, const EntrySpec& entry, const TrainerSpec& trainer,
                  const ExportsSpec& exports, const std::string& folder);
/// Attributes that all functions of a module have.
void set_attributes(const EmitOptions& options, llvm::Function& function);
/// The same, and those of a level: processor, vector width.
void set_attributes(const Emission& emission, llvm::Function& function);

}  // namespace keratin
