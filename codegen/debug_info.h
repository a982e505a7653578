// Debug information: the "source" of an artefact is the text of its kernels.
#pragma once

#include <llvm/IR/DIBuilder.h>

#include <string>

#include "codegen/kernel.h"

namespace keratin {

/// One function per kernel, one line per statement, as print(module) numbers them; the file is called MODULE.kernels (of one
/// level among several MODULE.LEVEL.kernels). `keratin dump` writes it, and gdb then shows it.
class DebugInfo {
 public:
  /// `ending`: of the names of this level's functions.
  DebugInfo(const KernelModule& source, llvm::Module& module, const std::string& ending);

  /// What a kernel is called: its name and, after a colon, the layers that it computes.
  static std::string function_name(const Kernel& kernel);
  /// Describes the kernel's function; the statements that follow are its.
  void begin(const Kernel& kernel, llvm::Function& function);
  /// Where the function begins.
  llvm::DebugLoc location() const { return line(first_line_); }
  /// Where a statement stands. Absent: where the one around it stands.
  llvm::DebugLoc location(const Stmt& stmt) const;
  void finish() { builder_.finalize(); }

 private:
  llvm::DebugLoc line(unsigned number) const;

  TextLines lines_;
  llvm::DIBuilder builder_;
  llvm::DIFile* file_;
  llvm::DISubroutineType* type_;
  llvm::DISubprogram* function_ = nullptr;
  unsigned first_line_ = 0;
};

}  // namespace keratin
