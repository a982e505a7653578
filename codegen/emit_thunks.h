// Exported functions of a few instructions around functions of the runtime.
#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "codegen/emit_data.h"
#include "ir/text.h"

namespace keratin {

class Thunks : protected ModelData {
 protected:
  using ModelData::ModelData;

  /// An exported function PREFIX_name that returns what `body` makes of its arguments. It asks for no more than the
  /// architecture's first processors have: what the kernels need is looked for behind it.
  llvm::Function* thunk(const std::string& name, llvm::Type* result, std::vector<llvm::Type*> parameters,
                        const std::function<llvm::Value*(std::vector<llvm::Value*>)>& body,
                        llvm::GlobalValue::LinkageTypes linkage = llvm::GlobalValue::ExternalLinkage) {
    llvm::Function* function = llvm::Function::Create(llvm::FunctionType::get(result, parameters, false),
                                                      linkage, cat(entry_.prefix, "_", name), module_);
    set_attributes(first_.options, *function);
    function->setDSOLocal(true);
    builder_.SetInsertPoint(llvm::BasicBlock::Create(builder_.getContext(), "entry", function));
    std::vector<llvm::Value*> args;
    for (llvm::Argument& arg : function->args()) args.push_back(&arg);
    llvm::Value* value = body(args);
    if (result->isVoidTy())
      builder_.CreateRetVoid();
    else
      builder_.CreateRet(value);
    return function;
  }

  llvm::Value* invoke(const char* name, llvm::Type* result, const std::vector<llvm::Value*>& args) {
    std::vector<llvm::Type*> types;
    for (const llvm::Value* arg : args) types.push_back(arg->getType());
    return builder_.CreateCall(
        module_.getOrInsertFunction(name, llvm::FunctionType::get(result, types, false)), args);
  }

  /// The address of the next `count` arguments, on the stack.
  llvm::Value* stored(llvm::Type* type, std::vector<llvm::Value*>::iterator& next, size_t count) {
    llvm::Value* list = builder_.CreateAlloca(llvm::ArrayType::get(type, std::max<size_t>(count, 1)));
    for (size_t i = 0; i < count; ++i)
      builder_.CreateStore(*next++, builder_.CreateConstInBoundsGEP1_64(type, list, i));
    return list;
  }
};

}  // namespace keratin
