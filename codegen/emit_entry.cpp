// An artefact's exported functions: one thunk per entry point (codegen/artefact.h has the list).
#include "codegen/c_names.h"
#include "codegen/emit_thunks.h"
#include "codegen/strings.h"
#include "ir/error.h"
#include "ir/text.h"
#include "runtime/abi.h"

namespace keratin {
namespace {

class EntryEmitter : Thunks {
 public:
  EntryEmitter(std::span<const Emission> levels, const EntrySpec& entry)
      : Thunks(levels, entry),
        program_(first_.source.programs[0]),
        has_state_(first_.placement.state_bytes > 0),
        lengths_(lengths_of(first_.source).size()) {}

  void emit() {
    inputs_ = descriptions(program_, program_.inputs);
    outputs_ = descriptions(program_, program_.outputs);
    symbols_ = symbols();
    model_ = model({program(program_, inputs_, outputs_, symbols_)});
    llvm::Function* call = call_entry();
    program_entry("", "krt_invoke");
    program_entry("_alloc", "krt_invoke_alloc");
    llvm::Function* workspace_size = workspace_size_entry();
    llvm::Constant* state_init = llvm::ConstantPointerNull::get(pointer_);
    if (has_state_) {
      thunk("state_size", builder_.getInt64Ty(), {},
            [&](auto) { return number64(static_cast<uint64_t>(first_.placement.state_bytes)); });
      state_init = thunk("state_init", builder_.getInt32Ty(), {pointer_}, [&](auto args) {
        return invoke("krt_state_init", builder_.getInt32Ty(), {model_, args[0]});
      });
    }
    // What reads strings is linked to those alone that are called with some.
    const char* selftested = entry_.selftest_strings.empty() ? "krt_selftest" : "krt_selftest_of_strings";
    llvm::Function* selftest = thunk("selftest", builder_.getInt32Ty(), {}, [&](auto) {
      return invoke(selftested, builder_.getInt32Ty(), {model_});
    });
    llvm::Function* strerror = thunk("strerror", pointer_, {builder_.getInt32Ty()},
                                     [&](auto args) { return invoke("krt_strerror", pointer_, {args[0]}); });
    llvm::Function* pool_create = thunk("pool_create", pointer_, {builder_.getInt32Ty()}, [&](auto args) {
      return invoke("krt_pool_create", pointer_, {args[0]});
    });
    llvm::Function* pool_destroy = thunk("pool_destroy", builder_.getVoidTy(), {pointer_}, [&](auto args) {
      return invoke("krt_pool_destroy", builder_.getVoidTy(), {args[0]});
    });
    const auto [encode, encoded_length] = string_entries();
    info_entry({call, workspace_size, state_init, selftest, strerror, pool_create, pool_destroy, encode,
                encoded_length});
  }

 private:
  llvm::Function* call_entry() {
    return thunk(
        "call", builder_.getInt32Ty(),
        {pointer_, pointer_, pointer_, builder_.getInt64Ty(), pointer_, pointer_, pointer_}, [&](auto args) {
          return invoke("krt_invoke", builder_.getInt32Ty(),
                        {model_, number(0), args[0], args[1], args[3], args[4], args[2], args[5], args[6]});
        });
  }

  /// The function of keratin_info, which takes the address of the lengths; for C, one that takes n and each of them.
  llvm::Function* workspace_size_entry() {
    llvm::Type *word = builder_.getInt64Ty(), *threads = builder_.getInt32Ty();
    if (lengths_ == 0)
      thunk("workspace_size", word, {word, threads}, [&](auto args) {
        return invoke("krt_workspace_size", word, {model_, number(0), args[0], null(), args[1]});
      });
    else
      thunk("workspace_size", word, sizes({}, {threads}), [&](auto args) {
        auto next = args.begin() + 1;
        llvm::Value* lengths = stored(builder_.getInt64Ty(), next, lengths_);
        return invoke("krt_workspace_size", word, {model_, number(0), args[0], lengths, args.back()});
      });
    return thunk(
        "info_workspace_size", word, {word, pointer_, threads},
        [&](auto args) {
          return invoke("krt_workspace_size", word, {model_, number(0), args[0], args[1], args[2]});
        },
        llvm::GlobalValue::InternalLinkage);
  }

  /// Parameters: `before`, n and the lengths, `behind`.
  std::vector<llvm::Type*> sizes(std::vector<llvm::Type*> before, const std::vector<llvm::Type*>& behind) {
    before.insert(before.end(), 1 + lengths_, builder_.getInt64Ty());
    before.insert(before.end(), behind.begin(), behind.end());
    return before;
  }

  /// PREFIX_<program>: inputs, outputs, [state,] n, the lengths, and what else `function` of the runtime takes.
  void program_entry(const std::string& suffix, const char* function) {
    const size_t inputs = program_.inputs.size(), outputs = program_.outputs.size();
    const std::vector<llvm::Type*> arrays(inputs + outputs + (has_state_ ? 1 : 0), pointer_),
        behind(suffix.empty() ? 2 : 0, pointer_), parameters = sizes(arrays, behind);
    thunk(c_names(program_, {}).entry + suffix, builder_.getInt32Ty(), parameters, [&](auto args) {
      auto next = args.begin();
      llvm::Value* from = stored(pointer_, next, inputs);
      llvm::Value* to = stored(pointer_, next, outputs);
      llvm::Value* state = has_state_ ? *next++ : null();
      llvm::Value* n = *next++;
      llvm::Value* lengths = lengths_ > 0 ? stored(builder_.getInt64Ty(), next, lengths_) : null();
      std::vector<llvm::Value*> all{model_, number(0), from, to, n, lengths, state};
      all.insert(all.end(), next, args.end());
      return invoke(function, builder_.getInt32Ty(), all);
    });
  }

  /// PREFIX_encode_INPUT and PREFIX_length_INPUT of all inputs that are made of strings; and what keratin_info has for all of them.
  std::pair<llvm::Constant*, llvm::Constant*> string_entries() {
    llvm::Type *word = builder_.getInt64Ty(), *status = builder_.getInt32Ty(), *place = builder_.getInt32Ty();
    const std::vector<std::string> names = c_names(program_, {}).inputs;
    bool are_there = false;
    for (size_t i = 0; i < names.size(); ++i) {
      const ProgramBuffer& input = program_.buffers[program_.inputs[i]];
      const Type type(input.dtype, input.shape);
      const krt_strings* table = find_string_table(first_.source.variables, input.name, type);
      if (table == nullptr) continue;
      are_there = true;
      const Dim length = integers_per_string(*table, type);
      llvm::Value* which = number(static_cast<uint32_t>(i));
      std::vector<llvm::Type*> parameters{pointer_, pointer_, word};
      if (!length.is_static()) {
        thunk(cat("length_", names[i]), word, parameters, [&](auto args) {
          return invoke("krt_encoded_length", word, {model_, number(0), which, args[0], args[1], args[2]});
        });
        parameters.push_back(word);
      }
      parameters.push_back(pointer_);
      thunk(cat("encode_", names[i]), status, parameters, [&](auto args) {
        llvm::Value* each = length.is_static() ? number64(static_cast<uint64_t>(length.value())) : args[3];
        return invoke("krt_encode", status,
                      {model_, number(0), which, args[0], args[1], args[2], each, args.back()});
      });
    }
    if (!are_there) return {null(), null()};
    return {thunk(
                "info_encode", status, {place, pointer_, pointer_, word, word, pointer_},
                [&](auto args) {
                  args.insert(args.begin(), {model_, number(0)});
                  return invoke("krt_encode", status, args);
                },
                llvm::GlobalValue::InternalLinkage),
            thunk(
                "info_encoded_length", word, {place, pointer_, pointer_, word},
                [&](auto args) {
                  args.insert(args.begin(), {model_, number(0)});
                  return invoke("krt_encoded_length", word, args);
                },
                llvm::GlobalValue::InternalLinkage)};
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
                     number64(static_cast<uint64_t>(first_.placement.state_bytes)),
                     symbols_.length_count,
                     symbols_.quotient_count,
                     symbols_.lengths,
                     symbols_.quotients};
    fields.insert(fields.end(), functions.begin(), functions.end());
    llvm::Constant* info = constant_global(record(fields, sizeof(keratin_info)), "info");
    llvm::Function* function = thunk("info", pointer_, {}, [&](auto) { return info; });
    if (entry_.prefix != "keratin") llvm::GlobalAlias::create("keratin_info", function);
  }

  const Program& program_;
  const bool has_state_;
  const size_t lengths_;
  Symbols symbols_{};
  llvm::Constant* model_ = nullptr;
  llvm::Constant *inputs_ = nullptr, *outputs_ = nullptr;
};

}  // namespace

void emit_entries(std::span<const Emission> levels, const EntrySpec& entry) {
  EntryEmitter(levels, entry).emit();
}

}  // namespace keratin
