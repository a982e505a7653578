// One kernel becoming one LLVM function. Split over emit_kernel.cpp (loops, statements), emit_expr.cpp (values),
// emit_access.cpp (memory) and emit_tiles.cpp (AMX).
#pragma once

#include <functional>
#include <map>
#include <unordered_map>
#include <vector>

#include "codegen/emission.h"

namespace keratin {

class KernelEmitter {
 public:
  /// `function` is empty, of krt_kernel's type.
  KernelEmitter(const Emission& emission, uint32_t kernel, llvm::Function* function);
  void emit();

 private:
  // emit_kernel.cpp
  void grid(llvm::Value* begin, llvm::Value* end);
  void block(const Block& block);
  void statement(const Stmt& stmt);
  void serial_loop(const Stmt& stmt);
  void unrolled_loop(const Stmt& stmt);
  void branch(llvm::Value* condition, const std::function<void()>& then,
              const std::function<void()>& otherwise);
  void declare(const Stmt& stmt);
  llvm::AllocaInst* element(AccId acc, const std::vector<Index>& at);
  llvm::BasicBlock* new_block(const char* name);

  // emit_tiles.cpp
  void configure_tiles();
  void release_tiles();
  void tiles(const Stmt& stmt);
  void mma(const Stmt& stmt);

  // emit_expr.cpp
  llvm::Value* value(const ExprRef& expr);
  llvm::Value* compute(const Expr& expr);
  llvm::Value* dot2(llvm::Value* a, llvm::Value* b, llvm::Value* c);
  llvm::Value* narrow(llvm::Value* value);
  llvm::Value* index_vector(const Expr& expr);
  llvm::Value* fold(Op op, DType dtype, std::vector<llvm::Value*> vectors);

  // emit_access.cpp
  struct Place;
  struct Lanes;
  void prepare_buffers(llvm::Value* args, llvm::Value* tile);
  Place place(const Access& access, const Lanes& lanes);
  Lanes lanes(const Access& access);
  llvm::Value* load(const Expr& expr);
  llvm::Value* address(const Access& access);
  void prefetch(const Access& access);
  void store(const Access& access, const ExprRef& value);
  void store_lanes(const Access& access, const Place& place, llvm::Value* mask, llvm::Value* value);
  void store_whole(const Place& place, int lanes, llvm::Value* value);
  void check_bounds(const Access& access, const Lanes& lanes);
  llvm::Instruction* tagged(llvm::Instruction* instruction, BufferId buffer);
  llvm::Value* zeros();

  const Emission& emission_;
  const Kernel& kernel_;
  const uint32_t number_;
  const bool rounds_;  // the processor has instructions for floor, ceil, round
  llvm::LLVMContext& context_;
  llvm::Function* function_;
  llvm::IRBuilder<> entry_, builder_;
  IndexEmitter index_;

  struct Buffer {
    llvm::Value* base;
    int64_t alignment;
    std::vector<Size> strides;    // in bytes, per axis
    llvm::MDNode *scope, *apart;  // alias.scope and noalias of its accesses
  };
  std::vector<Buffer> buffers_;
  std::map<AccId, std::vector<llvm::AllocaInst*>> accumulators_;
  std::map<VarId, llvm::Value*> lets_;
  std::unordered_map<const Expr*, llvm::Value*> values_;  // of the current statement
  const Stmt* tiles_ = nullptr;                           // around it
};

}  // namespace keratin
