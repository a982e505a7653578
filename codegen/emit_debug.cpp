// Lines of the kernels' text as debug information.
#include <llvm/IR/Module.h>

#include "codegen/debug_info.h"
#include "ir/text.h"

namespace keratin {

DebugInfo::DebugInfo(const KernelModule& source, llvm::Module& module, const std::string& ending)
    : builder_(module) {
  print(source, lines_);
  module.setModuleFlag(llvm::Module::Warning, "Debug Info Version", llvm::DEBUG_METADATA_VERSION);
  module.setModuleFlag(llvm::Module::Warning, "Dwarf Version", 4);
  file_ = builder_.createFile(cat(source.name.empty() ? "model" : source.name, ending, ".kernels"), ".");
  builder_.createCompileUnit(llvm::dwarf::DW_LANG_C, file_, "keratin", true, "", 0);
  type_ = builder_.createSubroutineType(builder_.getOrCreateTypeArray({}));
}

std::string DebugInfo::function_name(const Kernel& kernel) {
  return kernel.origin ? cat(kernel.name, ":", *kernel.origin) : kernel.name;
}

void DebugInfo::begin(const Kernel& kernel, llvm::Function& function) {
  first_line_ = lines_.kernels.at(&kernel);
  function_ = builder_.createFunction(
      file_, function_name(kernel), function.getName(), file_, first_line_, type_, first_line_,
      llvm::DINode::FlagZero, llvm::DISubprogram::SPFlagDefinition | llvm::DISubprogram::SPFlagOptimized);
  function.setSubprogram(function_);
}

llvm::DebugLoc DebugInfo::location(const Stmt& stmt) const {
  const auto found = lines_.statements.find(&stmt);
  return found == lines_.statements.end() ? llvm::DebugLoc() : line(found->second);
}

llvm::DebugLoc DebugInfo::line(unsigned number) const {
  return llvm::DILocation::get(function_->getContext(), number, 0, function_);
}

}  // namespace keratin
