// An artefact's exported functions: one thunk per entry point (codegen/artefact.h has the list).
#include "codegen/c_names.h"
#include "codegen/emit_data.h"
#include "ir/error.h"
#include "ir/text.h"
#include "runtime/abi.h"

namespace keratin {
namespace {

class EntryEmitter : ModelData {
 public:
  EntryEmitter(std::span<const Emission> levels, const EntrySpec& entry)
      : ModelData(levels),
        program_(first_.source.programs[0]),
        entry_(entry),
        has_state_(first_.placement.state_bytes > 0) {}

  void emit() {
    inputs_ = descriptions(program_, program_.inputs);
    outputs_ = descriptions(program_, program_.outputs);
    model_ = model(entry_, {program(program_, inputs_, outputs_)});
    llvm::Function* call = call_entry();
    program_entry("", "krt_invoke");
    program_entry("_alloc", "krt_invoke_alloc");
    llvm::Function* workspace_size = thunk("workspace_size", builder_.getInt64Ty(),
                                           {builder_.getInt64Ty(), builder_.getInt32Ty()}, [&](auto args) {
                                             return invoke("krt_workspace_size", builder_.getInt64Ty(),
                                                           {model_, number(0), args[0], args[1]});
                                           });
    llvm::Constant* state_init = llvm::ConstantPointerNull::get(pointer_);
    if (has_state_) {
      thunk("state_size", builder_.getInt64Ty(), {},
            [&](auto) { return number64(static_cast<uint64_t>(first_.placement.state_bytes)); });
      state_init = thunk("state_init", builder_.getInt32Ty(), {pointer_}, [&](auto args) {
        return invoke("krt_state_init", builder_.getInt32Ty(), {model_, args[0]});
      });
    }
    llvm::Function* selftest = thunk("selftest", builder_.getInt32Ty(), {}, [&](auto) {
      return invoke("krt_selftest", builder_.getInt32Ty(), {model_});
    });
    llvm::Function* strerror = thunk("strerror", pointer_, {builder_.getInt32Ty()},
                                     [&](auto args) { return invoke("krt_strerror", pointer_, {args[0]}); });
    llvm::Function* pool_create = thunk("pool_create", pointer_, {builder_.getInt32Ty()}, [&](auto args) {
      return invoke("krt_pool_create", pointer_, {args[0]});
    });
    llvm::Function* pool_destroy = thunk("pool_destroy", builder_.getVoidTy(), {pointer_}, [&](auto args) {
      return invoke("krt_pool_destroy", builder_.getVoidTy(), {args[0]});
    });
    info_entry({call, workspace_size, state_init, selftest, strerror, pool_create, pool_destroy});
  }

 private:
  /// An exported function PREFIX_name that returns what `body` makes of its arguments. It asks for no more than the
  /// architecture's first processors have: what the kernels need is looked for behind it.
  llvm::Function* thunk(const std::string& name, llvm::Type* result, std::vector<llvm::Type*> parameters,
                        const std::function<llvm::Value*(std::vector<llvm::Value*>)>& body) {
    llvm::Function* function =
        llvm::Function::Create(llvm::FunctionType::get(result, parameters, false),
                               llvm::GlobalValue::ExternalLinkage, cat(entry_.prefix, "_", name), module_);
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

  llvm::Function* call_entry() {
    return thunk("call", builder_.getInt32Ty(),
                 {pointer_, pointer_, pointer_, builder_.getInt64Ty(), pointer_, pointer_}, [&](auto args) {
                   return invoke("krt_invoke", builder_.getInt32Ty(),
                                 {model_, number(0), args[0], args[1], args[3], args[2], args[4], args[5]});
                 });
  }

  /// PREFIX_<program>: inputs, outputs, [state,] n and what else `function` of the runtime takes.
  void program_entry(const std::string& suffix, const char* function) {
    const size_t inputs = program_.inputs.size(), outputs = program_.outputs.size();
    std::vector<llvm::Type*> parameters(inputs + outputs + (has_state_ ? 1 : 0), pointer_);
    parameters.push_back(builder_.getInt64Ty());
    if (suffix.empty()) parameters.insert(parameters.end(), 2, pointer_);
    thunk(c_names(program_).entry + suffix, builder_.getInt32Ty(), parameters, [&](auto args) {
      auto next = args.begin();
      const auto pointers = [&](size_t count) {
        llvm::Value* list = builder_.CreateAlloca(llvm::ArrayType::get(pointer_, std::max<size_t>(count, 1)));
        for (size_t i = 0; i < count; ++i)
          builder_.CreateStore(*next++, builder_.CreateConstInBoundsGEP1_64(pointer_, list, i));
        return list;
      };
      llvm::Value* from = pointers(inputs);
      llvm::Value* to = pointers(outputs);
      llvm::Value* state = has_state_ ? *next++ : null();
      std::vector<llvm::Value*> all{model_, number(0), from, to, *next++, state};
      all.insert(all.end(), next, args.end());
      return invoke(function, builder_.getInt32Ty(), all);
    });
  }

  /// PREFIX_info and its second name. `functions`: from keratin_info::call on.
  void info_entry(const Constants& functions) {
    const auto count = [this](size_t size) { return number(static_cast<uint32_t>(size)); };
    Constants fields{number(sizeof(keratin_info)),
                     number(KRT_ABI_VERSION),
                     text(entry_.prefix),
                     count(program_.inputs.size()),
                     count(program_.outputs.size()),
                     inputs_,
                     outputs_,
                     number64(static_cast<uint64_t>(fixed_batch(program_))),
                     number64(static_cast<uint64_t>(first_.placement.state_bytes))};
    fields.insert(fields.end(), functions.begin(), functions.end());
    llvm::Constant* info = constant_global(record(fields, sizeof(keratin_info)), "info");
    llvm::Function* function = thunk("info", pointer_, {}, [&](auto) { return info; });
    if (entry_.prefix != "keratin") llvm::GlobalAlias::create("keratin_info", function);
  }

  const Program& program_;
  const EntrySpec& entry_;
  const bool has_state_;
  llvm::Constant* model_ = nullptr;
  llvm::Constant *inputs_ = nullptr, *outputs_ = nullptr;
};

}  // namespace

void emit_entries(std::span<const Emission> levels, const EntrySpec& entry) {
  EntryEmitter(levels, entry).emit();
}

}  // namespace keratin
