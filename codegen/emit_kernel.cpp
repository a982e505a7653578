// A kernel as a function: the grid of its pieces, loops, statements.
//
//     void kernel(ptr args, ptr symbols, ptr tile, i64 begin, i64 end)
//       entry:   buffers and sizes are loaded, `begin` becomes coordinates
//       pieces:  body; the coordinates count on, the last one fastest
//
// Unrolled loops are written out here, once per value of their variable; so the indices of accumulators become numbers, and
// each element of an accumulator becomes a stack slot of its own, which LLVM turns into a register.
#include "codegen/debug_info.h"
#include "codegen/kernel_emitter.h"
#include "ir/error.h"
#include "ir/text.h"
#include "runtime/abi.h"

namespace keratin {

KernelEmitter::KernelEmitter(const Emission& emission, uint32_t kernel, llvm::Function* function)
    : emission_(emission),
      kernel_(emission.source.kernels[kernel]),
      number_(kernel),
      rounds_(!emission.is_x86() || (emission.target.cpu_features & KRT_CPU_X86_64_V2) != 0),
      context_(emission.module.getContext()),
      function_(function),
      entry_(context_),
      builder_(context_),
      index_(entry_, builder_, function->getArg(1), emission.symbols) {}

void KernelEmitter::emit() {
  llvm::BasicBlock* entry = new_block("entry");
  llvm::BasicBlock* start = new_block("start");
  entry_.SetInsertPoint(entry);
  entry_.SetInsertPoint(entry_.CreateBr(start));
  builder_.SetInsertPoint(start);
  if (emission_.debug != nullptr) {
    emission_.debug->begin(kernel_, *function_);
    entry_.SetCurrentDebugLocation(emission_.debug->location());
    builder_.SetCurrentDebugLocation(emission_.debug->location());
  }
  prepare_buffers(function_->getArg(0), function_->getArg(2));
  if (uses_tiles(kernel_)) configure_tiles();
  grid(function_->getArg(3), function_->getArg(4));
  if (uses_tiles(kernel_)) release_tiles();
  builder_.CreateRetVoid();
}

llvm::BasicBlock* KernelEmitter::new_block(const char* name) {
  return llvm::BasicBlock::Create(context_, name, function_);
}

void KernelEmitter::grid(llvm::Value* begin, llvm::Value* end) {
  if (kernel_.par.empty()) return block(kernel_.body);
  const size_t axes = kernel_.par.size();
  std::vector<llvm::Value*> extents(axes), first(axes);
  llvm::Value* rest = begin;
  for (size_t axis = axes; axis-- > 0;) {
    extents[axis] = index_.value(kernel_.par[axis].extent);
    first[axis] = axis == 0 ? rest : builder_.CreateURem(rest, extents[axis]);
    if (axis > 0) rest = builder_.CreateUDiv(rest, extents[axis]);
  }
  llvm::BasicBlock* before = builder_.GetInsertBlock();
  llvm::BasicBlock* pieces = new_block("pieces");
  builder_.CreateBr(pieces);
  builder_.SetInsertPoint(pieces);
  llvm::PHINode* piece = builder_.CreatePHI(builder_.getInt64Ty(), 2, "piece");
  piece->addIncoming(begin, before);
  std::vector<llvm::PHINode*> coordinates(axes, piece);
  for (size_t axis = 0; axis < axes; ++axis) {
    if (axes > 1) {
      coordinates[axis] = builder_.CreatePHI(builder_.getInt64Ty(), 2);
      coordinates[axis]->addIncoming(first[axis], before);
    }
    const Interval extent = kernel_.par[axis].extent.interval({});
    const std::optional<int64_t> last = extent.high ? std::optional(*extent.high - 1) : std::nullopt;
    index_.bind(kernel_.par[axis].variable, coordinates[axis], {0, last});
  }

  block(kernel_.body);

  llvm::BasicBlock* latch = builder_.GetInsertBlock();
  llvm::Value* carry = builder_.getTrue();
  for (size_t axis = axes; axes > 1 && axis-- > 0;) {
    llvm::Value* next =
        builder_.CreateNUWAdd(coordinates[axis], builder_.CreateZExt(carry, builder_.getInt64Ty()));
    carry = axis == 0 ? builder_.getFalse() : builder_.CreateICmpEQ(next, extents[axis]);
    coordinates[axis]->addIncoming(builder_.CreateSelect(carry, builder_.getInt64(0), next), latch);
  }
  llvm::Value* next = builder_.CreateAdd(piece, builder_.getInt64(1), "", true, true);
  piece->addIncoming(next, latch);
  llvm::BasicBlock* done = new_block("done");
  builder_.CreateCondBr(builder_.CreateICmpSLT(next, end), pieces, done);
  builder_.SetInsertPoint(done);
}

void KernelEmitter::block(const Block& block) {
  for (const Stmt& stmt : block) statement(stmt);
}

void KernelEmitter::statement(const Stmt& stmt) {
  values_.clear();
  if (emission_.debug != nullptr) {
    if (const llvm::DebugLoc location = emission_.debug->location(stmt))
      builder_.SetCurrentDebugLocation(location);
  }
  switch (stmt.kind) {
    case StmtKind::for_: return stmt.loop == LoopKind::unroll ? unrolled_loop(stmt) : serial_loop(stmt);
    case StmtKind::let: {
      llvm::Value* bound = value(stmt.value);
      lets_[stmt.variable] = bound;
      if (stmt.value->dtype == DType::i64 && stmt.value->lanes == 1) index_.bind(stmt.variable, bound, {});
      return;
    }
    case StmtKind::store: return store(stmt.access, stmt.value);
    case StmtKind::prefetch: return prefetch(stmt.access);
    case StmtKind::acc: return declare(stmt);
    case StmtKind::set: {
      llvm::Value* next = value(stmt.value);
      builder_.CreateStore(next, element(stmt.acc, stmt.at));
      return;
    }
    case StmtKind::if_:
      return branch(index_.condition(stmt.guard), [&] { block(stmt.body); }, [&] { block(stmt.otherwise); });
    case StmtKind::tiles: return tiles(stmt);
    case StmtKind::mma: return mma(stmt);
  }
}

void KernelEmitter::serial_loop(const Stmt& stmt) {
  const Interval trips = (stmt.high - stmt.low).interval(index_.ranges());
  if (trips.high && *trips.high <= 0) return;
  llvm::Value* low = index_.value(stmt.low);
  llvm::Value* high = index_.value(stmt.high);
  llvm::BasicBlock* loop = new_block("loop");
  llvm::BasicBlock* after = new_block("after");
  llvm::BasicBlock* before = builder_.GetInsertBlock();
  if (trips.low && *trips.low > 0)
    builder_.CreateBr(loop);
  else
    builder_.CreateCondBr(builder_.CreateICmpSLT(low, high), loop, after);

  builder_.SetInsertPoint(loop);
  llvm::PHINode* variable =
      builder_.CreatePHI(builder_.getInt64Ty(), 2, kernel_.variables[stmt.variable].name);
  variable->addIncoming(low, before);
  const Interval first = stmt.low.interval(index_.ranges()), limit = stmt.high.interval(index_.ranges());
  const std::optional<int64_t> last = limit.high ? std::optional(*limit.high - 1) : std::nullopt;
  index_.bind(stmt.variable, variable, {first.low, last});
  block(stmt.body);

  const bool counts_up = first.low && *first.low >= 0;
  llvm::Value* next =
      builder_.CreateAdd(variable, builder_.getInt64(static_cast<uint64_t>(stmt.step)), "", counts_up, true);
  variable->addIncoming(next, builder_.GetInsertBlock());
  builder_.CreateCondBr(builder_.CreateICmpSLT(next, high), loop, after);
  builder_.SetInsertPoint(after);
}

void KernelEmitter::unrolled_loop(const Stmt& stmt) {
  for (int64_t i = stmt.low.value(); i < stmt.high.value(); i += stmt.step) {
    index_.bind(stmt.variable, builder_.getInt64(static_cast<uint64_t>(i)), {});
    block(stmt.body);
  }
}

/// `condition` null: true. `otherwise` may be empty.
void KernelEmitter::branch(llvm::Value* condition, const std::function<void()>& then,
                           const std::function<void()>& otherwise) {
  const auto* known = llvm::dyn_cast_or_null<llvm::ConstantInt>(condition);
  if (condition == nullptr || (known != nullptr && known->isOne())) return then();
  if (known != nullptr) return otherwise ? otherwise() : void();
  llvm::BasicBlock* yes = new_block("then");
  llvm::BasicBlock* no = otherwise ? new_block("else") : nullptr;
  llvm::BasicBlock* after = new_block("after");
  builder_.CreateCondBr(condition, yes, no != nullptr ? no : after);
  builder_.SetInsertPoint(yes);
  then();
  builder_.CreateBr(after);
  if (no != nullptr) {
    builder_.SetInsertPoint(no);
    otherwise();
    builder_.CreateBr(after);
  }
  builder_.SetInsertPoint(after);
}

void KernelEmitter::declare(const Stmt& stmt) {
  const Accumulator& accumulator = kernel_.accumulators[stmt.acc];
  llvm::Value* initial = value(stmt.value);
  int64_t count = 1;
  for (const int64_t extent : accumulator.shape) count *= extent;
  std::vector<llvm::AllocaInst*>& elements = accumulators_[stmt.acc];
  elements.clear();
  for (int64_t i = 0; i < count; ++i) {
    elements.push_back(entry_.CreateAlloca(initial->getType(), nullptr, accumulator.name));
    builder_.CreateStore(initial, elements.back());
  }
}

llvm::AllocaInst* KernelEmitter::element(AccId acc, const std::vector<Index>& at) {
  const Accumulator& accumulator = kernel_.accumulators[acc];
  int64_t number = 0;
  for (size_t axis = 0; axis < at.size(); ++axis) {
    const auto* index = llvm::dyn_cast<llvm::ConstantInt>(index_.value(at[axis]));
    KERATIN_CHECK(index != nullptr, cat("an index of ", accumulator.name, " that is not constant"));
    number = number * accumulator.shape[axis] + index->getSExtValue();
  }
  const auto elements = accumulators_.find(acc);
  KERATIN_CHECK(elements != accumulators_.end() && number >= 0 &&
                    number < static_cast<int64_t>(elements->second.size()),
                cat("element ", number, " of ", accumulator.name));
  return elements->second[static_cast<size_t>(number)];
}

llvm::Function* emit_kernel(Emission& emission, uint32_t kernel) {
  llvm::LLVMContext& context = emission.module.getContext();
  llvm::Type* pointer = llvm::PointerType::getUnqual(context);
  llvm::Type* number = llvm::Type::getInt64Ty(context);
  llvm::FunctionType* type = llvm::FunctionType::get(llvm::Type::getVoidTy(context),
                                                     {pointer, pointer, pointer, number, number}, false);
  const Kernel& source = emission.source.kernels[kernel];
  std::string name = emission.debug != nullptr ? DebugInfo::function_name(source) : source.name;
  // No C identifier: an exported function may be called so.
  if (name.find_first_of(".:") == std::string::npos) name += ".kernel";
  llvm::Function* function = llvm::Function::Create(type, llvm::GlobalValue::InternalLinkage,
                                                    name + emission.ending, emission.module);
  set_attributes(emission, *function);
  KernelEmitter(emission, kernel, function).emit();
  return function;
}

}  // namespace keratin
