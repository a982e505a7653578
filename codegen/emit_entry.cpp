// An artefact's data and exported functions: the description of the model as constants laid out as runtime/abi.h says,
// the bytes of the weights, and one thunk per entry point (codegen/artefact.h has the list).
//
// Weights never pass through LLVM's IR: module-level assembly includes their file, and the constants refer to its symbol.
#include "codegen/c_names.h"
#include "codegen/emission.h"
#include "ir/error.h"
#include "ir/text.h"
#include "runtime/abi.h"

namespace keratin {
namespace {

constexpr krt_dtype abi_dtype(DType dtype) {
  switch (dtype) {
    case DType::boolean: return KRT_BOOL;
    case DType::i8: return KRT_I8;
    case DType::i16: return KRT_I16;
    case DType::i32: return KRT_I32;
    case DType::i64: return KRT_I64;
    case DType::u8: return KRT_U8;
    case DType::u16: return KRT_U16;
    case DType::u32: return KRT_U32;
    case DType::u64: return KRT_U64;
    case DType::f16: return KRT_F16;
    case DType::bf16: return KRT_BF16;
    case DType::f32: return KRT_F32;
    case DType::f64: return KRT_F64;
  }
  return KRT_F32;
}

class EntryEmitter {
 public:
  EntryEmitter(const Emission& emission, const Program& program, llvm::Function* run, const EntrySpec& entry)
      : emission_(emission),
        program_(program),
        run_(run),
        entry_(entry),
        module_(emission.module),
        builder_(module_.getContext()),
        pointer_(builder_.getPtrTy()),
        has_state_(emission.placement.state_bytes > 0) {}

  void emit() {
    model_ = model();
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
            [&](auto) { return number64(static_cast<uint64_t>(emission_.placement.state_bytes)); });
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
  using Constants = std::vector<llvm::Constant*>;

  llvm::ConstantInt* number(uint32_t value) { return builder_.getInt32(value); }
  llvm::ConstantInt* number64(uint64_t value) { return builder_.getInt64(value); }
  llvm::Constant* null() { return llvm::ConstantPointerNull::get(pointer_); }
  llvm::Constant* text(const std::string& value) {
    return builder_.CreateGlobalString(value, "", 0, &module_);
  }

  /// A struct of the C ABI. `size`: what sizeof says.
  llvm::Constant* record(const Constants& fields, size_t size) {
    llvm::Constant* made = llvm::ConstantStruct::getAnon(fields);
    const uint64_t bytes = module_.getDataLayout().getTypeAllocSize(made->getType());
    KERATIN_CHECK(bytes == size, cat("a struct of ", bytes, " bytes, in C ", size));
    return made;
  }

  llvm::Constant* constant_global(llvm::Constant* value, const char* name) {
    return new llvm::GlobalVariable(module_, value->getType(), true, llvm::GlobalValue::PrivateLinkage, value,
                                    name);
  }

  /// The address of an array; null if it is empty.
  llvm::Constant* array(const Constants& elements, const char* name) {
    if (elements.empty()) return null();
    llvm::ArrayType* type = llvm::ArrayType::get(elements[0]->getType(), elements.size());
    return constant_global(llvm::ConstantArray::get(type, elements), name);
  }

  /// The address of a file's bytes; null without a file.
  llvm::Constant* file_bytes(const std::string& path, const std::string& name) {
    if (path.empty()) return null();
    const std::string symbol = cat("keratin.", name);
    module_.appendModuleInlineAsm(cat(".section .rodata.", symbol, ",\"a\",@progbits\n.p2align 6\n", symbol,
                                      ":\n.incbin ", quoted(path), "\n.text"));
    auto* data = new llvm::GlobalVariable(module_, builder_.getInt8Ty(), true,
                                          llvm::GlobalValue::ExternalLinkage, nullptr, symbol);
    data->setDSOLocal(true);
    return data;
  }

  llvm::Constant* describe(const std::vector<uint32_t>& numbers, const char* name) {
    Constants arrays;
    for (const uint32_t index : numbers) {
      const ProgramBuffer& buffer = program_.buffers[index];
      Constants dims;
      for (const Dim& dim : buffer.shape) {
        dims.push_back(
            record({number64(static_cast<uint64_t>(dim.coef)), number(symbol_number(dim.symbol)), number(0)},
                   sizeof(krt_dim)));
      }
      arrays.push_back(record({text(buffer.name), number(abi_dtype(buffer.dtype)),
                               number(static_cast<uint32_t>(dims.size())), array(dims, "shape")},
                              sizeof(krt_array)));
    }
    return array(arrays, name);
  }

  uint32_t symbol_number(const Symbol& symbol) const {
    if (symbol.empty()) return ~0u;
    const auto& order = emission_.symbols;
    return static_cast<uint32_t>(std::find(order.begin(), order.end(), symbol) - order.begin());
  }

  llvm::Constant* workspace_terms() {
    Constants terms;
    for (const auto& [symbols, coef] : program_.workspace.terms()) {
      KERATIN_CHECK(symbols.size() <= 4, "a workspace of more than four dimensions with symbols");
      Constants powers(4, number(~0u));
      for (size_t i = 0; i < symbols.size(); ++i) powers[i] = number(symbol_number(symbols[i]));
      llvm::Constant* list = llvm::ConstantArray::get(llvm::ArrayType::get(builder_.getInt32Ty(), 4), powers);
      terms.push_back(record({number64(static_cast<uint64_t>(coef)), list}, sizeof(krt_term)));
    }
    return array(terms, "workspace");
  }

  llvm::Constant* model() {
    Constants symbols;
    for (const Symbol& symbol : emission_.symbols) symbols.push_back(text(symbol.name()));
    inputs_ = describe(program_.inputs, "inputs");
    outputs_ = describe(program_.outputs, "outputs");
    const auto count = [this](size_t size) { return number(static_cast<uint32_t>(size)); };
    llvm::Constant* program =
        record({text(program_.name), run_, count(program_.inputs.size()), count(program_.outputs.size()),
                count(symbols.size()), count(program_.workspace.terms().size()), inputs_, outputs_,
                array(symbols, "symbols"), workspace_terms(),
                number64(static_cast<uint64_t>(tile_bytes(emission_.source, program_)))},
               sizeof(krt_program));
    const Placement& placement = emission_.placement;
    llvm::Type* real = builder_.getDoubleTy();
    llvm::Constant* value = record(
        {number(KRT_ABI_VERSION), number(1), text(entry_.prefix), constant_global(program, "programs"),
         file_bytes(entry_.weights_file, "weights"), number64(static_cast<uint64_t>(placement.weight_bytes)),
         number64(static_cast<uint64_t>(placement.state_bytes)), file_bytes(entry_.state_file, "state"),
         number(emission_.target.cpu_features), number(0),
         file_bytes(entry_.selftest_inputs_file, "selftest_inputs"),
         file_bytes(entry_.selftest_outputs_file, "selftest_outputs"), number64(entry_.selftest_n),
         llvm::ConstantFP::get(real, entry_.selftest_atol),
         llvm::ConstantFP::get(real, entry_.selftest_rtol)},
        sizeof(krt_model));
    return constant_global(value, "model");
  }

  /// An exported function PREFIX_name that returns what `body` makes of its arguments.
  llvm::Function* thunk(const std::string& name, llvm::Type* result, std::vector<llvm::Type*> parameters,
                        const std::function<llvm::Value*(std::vector<llvm::Value*>)>& body) {
    llvm::Function* function =
        llvm::Function::Create(llvm::FunctionType::get(result, parameters, false),
                               llvm::GlobalValue::ExternalLinkage, cat(entry_.prefix, "_", name), module_);
    set_attributes(emission_, *function);
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
                     number64(static_cast<uint64_t>(emission_.placement.state_bytes))};
    fields.insert(fields.end(), functions.begin(), functions.end());
    llvm::Constant* info = constant_global(record(fields, sizeof(keratin_info)), "info");
    llvm::Function* function = thunk("info", pointer_, {}, [&](auto) { return info; });
    if (entry_.prefix != "keratin") llvm::GlobalAlias::create("keratin_info", function);
  }

  const Emission& emission_;
  const Program& program_;
  llvm::Function* run_;
  const EntrySpec& entry_;
  llvm::Module& module_;
  llvm::IRBuilder<> builder_;
  llvm::PointerType* pointer_;
  const bool has_state_;
  llvm::Constant* model_ = nullptr;
  llvm::Constant *inputs_ = nullptr, *outputs_ = nullptr;
};

}  // namespace

void emit_entries(Emission& emission, const Program& program, llvm::Function* run, const EntrySpec& entry) {
  EntryEmitter(emission, program, run, entry).emit();
}

}  // namespace keratin
