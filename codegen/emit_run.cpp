// The run function of a program: its kernels, launched in order.
//
//     void run(const struct krt_call *call)
//       the addresses of all buffers: where inputs, outputs, variables and workspace begin, and the planned offsets
//       per launch: the kernel's arguments in an array on the stack, the number of pieces, krt_launch
//       around it, where ranks reduce what it stores, or what it reads: krt_reduce_start, krt_reduce_finish
#include <map>

#include "codegen/emission.h"
#include "ir/error.h"
#include "ir/text.h"
#include "runtime/abi.h"

namespace keratin {
namespace {

class RunEmitter {
 public:
  RunEmitter(const Emission& emission, const Program& program, llvm::Function* function)
      : emission_(emission),
        program_(program),
        function_(function),
        context_(emission.module.getContext()),
        entry_(context_),
        builder_(context_),
        index_(entry_, builder_, start(), emission.symbols) {}

  void emit() {
    size_t most = 0;
    for (const Launch& launch : program_.launches) most = std::max(most, launch.args.size());
    args_ = entry_.CreateAlloca(llvm::ArrayType::get(builder_.getPtrTy(), std::max<size_t>(most, 1)));
    for (const Launch& launch : program_.launches) {
      for (const uint32_t buffer : launch.args) finish_reduction(buffer);
      emit_launch(launch);
      if (!launch.reduced_by.empty()) start_reduction(launch);
    }
    while (!reduced_.empty()) finish_reduction(reduced_.front());
    builder_.CreateRetVoid();
  }

 private:
  /// The two blocks; the pointer to the symbols' values, which is needed first.
  llvm::Value* start() {
    llvm::BasicBlock* entry = llvm::BasicBlock::Create(context_, "entry", function_);
    llvm::BasicBlock* launches = llvm::BasicBlock::Create(context_, "launches", function_);
    entry_.SetInsertPoint(entry);
    entry_.SetInsertPoint(entry_.CreateBr(launches));
    builder_.SetInsertPoint(launches);
    return field(offsetof(krt_call, symbols));
  }

  /// A pointer in the krt_call.
  llvm::Value* field(size_t offset) {
    llvm::Value*& known = fields_[offset];
    if (known == nullptr)
      known = entry_.CreateLoad(entry_.getPtrTy(),
                                entry_.CreatePtrAdd(function_->getArg(0), entry_.getInt64(offset)));
    return known;
  }

  /// Entry number `i` of an array of pointers.
  llvm::Value* pointer_at(llvm::Value* array, size_t i) {
    return entry_.CreateLoad(entry_.getPtrTy(),
                             entry_.CreateConstInBoundsGEP1_64(entry_.getPtrTy(), array, i));
  }

  llvm::Value* address(uint32_t number) {
    llvm::Value*& known = addresses_[number];
    if (known == nullptr) known = compute_address(number);
    return known;
  }

  llvm::Value* compute_address(uint32_t number) {
    const ProgramBuffer& buffer = program_.buffers[number];
    const auto place_in = [number](const std::vector<uint32_t>& list) {
      const auto place = std::find(list.begin(), list.end(), number);
      KERATIN_CHECK(place != list.end(), cat("buffer ", number, " is not in the program's list"));
      return static_cast<size_t>(place - list.begin());
    };
    switch (buffer.storage) {
      case Storage::input: return pointer_at(field(offsetof(krt_call, inputs)), place_in(program_.inputs));
      case Storage::output: return pointer_at(field(offsetof(krt_call, outputs)), place_in(program_.outputs));
      case Storage::workspace:
        return entry_.CreatePtrAdd(field(offsetof(krt_call, workspace)), index_.value(buffer.offset),
                                   buffer.name);
      case Storage::variable: {
        const Placement::Slot& slot = emission_.placement.slots[variable_number(buffer.name)];
        llvm::Value* base = field(slot.in_state ? offsetof(krt_call, state) : offsetof(krt_call, weights));
        return entry_.CreatePtrAdd(base, entry_.getInt64(static_cast<uint64_t>(slot.offset)), buffer.name);
      }
    }
    check_failed(__FILE__, __LINE__, "a known storage", buffer.name);
  }

  size_t variable_number(const std::string& name) {
    const auto& variables = emission_.source.variables;
    const auto place = std::find_if(variables.begin(), variables.end(),
                                    [&](const Variable& variable) { return variable.name == name; });
    KERATIN_CHECK(place != variables.end(), cat("variable ", name));
    return static_cast<size_t>(place - variables.begin());
  }

  void emit_launch(const Launch& launch) {
    const Kernel& kernel = emission_.source.kernels[launch.kernel];
    for (size_t i = 0; i < launch.args.size(); ++i) {
      llvm::Value* slot = builder_.CreateConstInBoundsGEP1_64(builder_.getPtrTy(), args_, i);
      builder_.CreateStore(address(launch.args[i]), slot);
    }
    llvm::Value *pieces = builder_.getInt64(1), *rounds = pieces;
    for (const ParLoop& loop : kernel.par) {
      const bool is_round = kernel.in_rounds && &loop == kernel.par.data();
      llvm::Value*& count = is_round ? rounds : pieces;
      count = builder_.CreateMul(count, index_.value(loop.extent));
    }
    llvm::FunctionCallee krt_launch = emission_.module.getOrInsertFunction(
        "krt_launch", builder_.getVoidTy(), builder_.getPtrTy(), builder_.getPtrTy(), builder_.getPtrTy(),
        builder_.getInt64Ty(), builder_.getInt64Ty());
    builder_.CreateCall(krt_launch,
                        {function_->getArg(0), emission_.kernels[launch.kernel], args_, pieces, rounds});
  }

  void start_reduction(const Launch& launch) {
    const uint32_t buffer = launch.args.back();
    const ProgramBuffer& what = program_.buffers[buffer];
    llvm::FunctionCallee start = emission_.module.getOrInsertFunction(
        "krt_reduce_start", builder_.getVoidTy(), builder_.getPtrTy(), builder_.getInt32Ty(),
        builder_.getInt32Ty(), builder_.getPtrTy(), builder_.getInt64Ty());
    builder_.CreateCall(start, {function_->getArg(0), builder_.getInt32(*find_reduction(launch.reduced_by)),
                                builder_.getInt32(abi_dtype(what.dtype)), address(buffer),
                                index_.value(Size::product(what.shape))});
    reduced_.push_back(buffer);
  }

  void finish_reduction(uint32_t buffer) {
    const auto found = std::find(reduced_.begin(), reduced_.end(), buffer);
    if (found == reduced_.end()) return;
    reduced_.erase(found);
    llvm::FunctionCallee finish = emission_.module.getOrInsertFunction(
        "krt_reduce_finish", builder_.getVoidTy(), builder_.getPtrTy(), builder_.getPtrTy());
    builder_.CreateCall(finish, {function_->getArg(0), address(buffer)});
  }

  const Emission& emission_;
  const Program& program_;
  llvm::Function* function_;
  llvm::LLVMContext& context_;
  llvm::IRBuilder<> entry_, builder_;
  std::map<size_t, llvm::Value*> fields_;
  IndexEmitter index_;  // after what start() uses
  std::map<uint32_t, llvm::Value*> addresses_;
  llvm::Value* args_ = nullptr;
  std::vector<uint32_t>
      reduced_;  // buffers that ranks reduce at this place, in the order in which they began
};

}  // namespace

llvm::Function* emit_run(Emission& emission, const Program& program, const std::string& name) {
  llvm::LLVMContext& context = emission.module.getContext();
  llvm::FunctionType* type =
      llvm::FunctionType::get(llvm::Type::getVoidTy(context), {llvm::PointerType::getUnqual(context)}, false);
  llvm::Function* function =
      llvm::Function::Create(type, llvm::GlobalValue::InternalLinkage, name, emission.module);
  set_attributes(emission, *function);
  RunEmitter(emission, program, function).emit();
  return function;
}

}  // namespace keratin
