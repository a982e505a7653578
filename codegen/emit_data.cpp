#include "codegen/emit_data.h"

#include "codegen/strings.h"
#include "codegen/tile_layout.h"
#include "ir/error.h"
#include "ir/string_table.h"
#include "ir/text.h"
#include "runtime/abi.h"

namespace keratin {
uint32_t abi_dtype(DType dtype) {
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

std::string data_symbol(const std::string& file) { return cat("keratin.", file); }

ModelData::ModelData(std::span<const Emission> levels, const EntrySpec& entry)
    : entry_(entry),
      levels_(levels),
      first_(levels[0]),
      module_(first_.module),
      builder_(module_.getContext()),
      pointer_(builder_.getPtrTy()),
      weights_(file_bytes(entry.weights_file, "weights")) {}

llvm::Constant* ModelData::text(const std::string& value) {
  return builder_.CreateGlobalString(value, "", 0, &module_);
}

llvm::Constant* ModelData::record(const Constants& fields, size_t size) {
  llvm::Constant* made = llvm::ConstantStruct::getAnon(fields);
  const uint64_t bytes = module_.getDataLayout().getTypeAllocSize(made->getType());
  KERATIN_CHECK(bytes == size, cat("a struct of ", bytes, " bytes, in C ", size));
  return made;
}

llvm::Constant* ModelData::constant_global(llvm::Constant* value, const char* name) {
  return new llvm::GlobalVariable(module_, value->getType(), true, llvm::GlobalValue::PrivateLinkage, value,
                                  name);
}

llvm::Constant* ModelData::array(const Constants& elements, const char* name) {
  if (elements.empty()) return null();
  llvm::ArrayType* type = llvm::ArrayType::get(elements[0]->getType(), elements.size());
  return constant_global(llvm::ConstantArray::get(type, elements), name);
}

llvm::Constant* ModelData::file_bytes(const std::string& path, const std::string& name) {
  if (path.empty()) return null();
  const std::string symbol = data_symbol(name);
  module_.appendModuleInlineAsm(cat(".section .rodata.", symbol, ",\"a\",@progbits\n.p2align 6\n", symbol,
                                    ":\n.incbin ", quoted(path), "\n.text"));
  auto* data = new llvm::GlobalVariable(module_, builder_.getInt8Ty(), true,
                                        llvm::GlobalValue::ExternalLinkage, nullptr, symbol);
  data->setDSOLocal(true);
  return data;
}

llvm::Constant* ModelData::description(const std::string& name, DType dtype, const Shape& shape) {
  Constants dims;
  for (const Dim& dim : shape)
    dims.push_back(
        record({number64(static_cast<uint64_t>(dim.coef)), number(symbol_number(dim.symbol)), number(0)},
               sizeof(krt_dim)));
  return record({text(name), number(abi_dtype(dtype)), number(static_cast<uint32_t>(dims.size())),
                 array(dims, "shape")},
                sizeof(krt_array));
}

llvm::Constant* ModelData::descriptions(const Program& program, const std::vector<uint32_t>& buffers) {
  Constants arrays;
  for (const uint32_t index : buffers) {
    const ProgramBuffer& buffer = program.buffers[index];
    arrays.push_back(description(buffer.name, buffer.dtype, buffer.shape));
  }
  return array(arrays, "arrays");
}

uint32_t ModelData::symbol_number(const Symbol& symbol) const {
  if (symbol.empty()) return ~0u;
  const auto& order = first_.symbols;
  return static_cast<uint32_t>(std::find(order.begin(), order.end(), symbol) - order.begin());
}

llvm::Constant* ModelData::workspace_terms(const Program& program) {
  Constants terms;
  for (const auto& [symbols, coef] : program.workspace.terms()) {
    Constants powers(KRT_MOST_FACTORS, number(~0u));
    for (size_t i = 0; i < symbols.size(); ++i) powers[i] = number(symbol_number(symbols[i]));
    llvm::Constant* list =
        llvm::ConstantArray::get(llvm::ArrayType::get(builder_.getInt32Ty(), KRT_MOST_FACTORS), powers);
    terms.push_back(record({number64(static_cast<uint64_t>(coef)), list}, sizeof(krt_term)));
  }
  return array(terms, "workspace");
}

ModelData::Symbols ModelData::symbols() {
  Constants lengths, quotients;
  for (const Symbol& symbol : first_.symbols) {
    if (symbol == Dim::batch().symbol) continue;
    if (const Quotient* quotient = symbol.quotient())
      quotients.push_back(record(
          {number64(static_cast<uint64_t>(quotient->times)), number64(static_cast<uint64_t>(quotient->plus)),
           number64(static_cast<uint64_t>(quotient->over)), number(symbol_number(quotient->of)),
           number(quotient->most == Quotient::kNoMost ? 0 : static_cast<uint32_t>(quotient->most))},
          sizeof(krt_quotient)));
    else
      lengths.push_back(text(symbol.name()));
  }
  return {number(static_cast<uint32_t>(lengths.size())), number(static_cast<uint32_t>(quotients.size())),
          array(lengths, "lengths"), array(quotients, "quotients")};
}

llvm::Constant* ModelData::program(const Program& program, llvm::Constant* inputs, llvm::Constant* outputs,
                                   const Symbols& symbols) {
  const auto count = [this](size_t size) { return number(static_cast<uint32_t>(size)); };
  return record(
      {text(program.name), count(program.inputs.size()), count(program.outputs.size()), symbols.length_count,
       symbols.quotient_count, inputs, outputs, symbols.lengths, symbols.quotients, tables(program)},
      sizeof(krt_program));
}

/// krt_program::strings: tables lie among the weights.
llvm::Constant* ModelData::tables(const Program& program) {
  Constants tables;
  bool are_there = false;
  for (const uint32_t input : program.inputs) {
    const ProgramBuffer& buffer = program.buffers[input];
    if (find_string_table(first_.source.variables, buffer.name, Type(buffer.dtype, buffer.shape)) ==
        nullptr) {
      tables.push_back(number64(KRT_NOWHERE));
      continue;
    }
    are_there = true;
    const auto& variables = first_.source.variables;
    const auto place = string_variable(variables, buffer.name) - variables.data();
    const Placement::Slot& slot = first_.placement.slots[static_cast<size_t>(place)];
    tables.push_back(number64(static_cast<uint64_t>(slot.offset)));
  }
  return are_there ? array(tables, "tables") : null();
}

static_assert(kMostCutArrays <= KRT_MOST_CUT);

/// A krt_code.
llvm::Constant* ModelData::code(const Emission& level, size_t number_of_program) {
  const Program& program = level.source.programs[number_of_program];
  const auto samples = [](int64_t count) {
    return static_cast<uint32_t>(std::min<int64_t>(count, INT32_MAX));
  };
  return record({level.runs[number_of_program], workspace_terms(program),
                 number(static_cast<uint32_t>(program.workspace.terms().size())),
                 number(samples(program.slices.least)), number(samples(program.slices.most)), number(0),
                 number64(static_cast<uint64_t>(tile_bytes(level.source, program)))},
                sizeof(krt_code));
}

/// A krt_level.
llvm::Constant* ModelData::level(const Emission& level) {
  Constants codes;
  for (size_t i = 0; i < level.runs.size(); ++i) codes.push_back(code(level, i));
  return record({number(needed_cpu_features(level.source, level.target)), number(0), array(codes, "codes")},
                sizeof(krt_level));
}

llvm::Constant* ModelData::model(const Constants& programs) {
  const Placement& placement = first_.placement;
  llvm::Type* real = builder_.getDoubleTy();
  Constants levels;
  for (const Emission& each : levels_) levels.push_back(level(each));
  Constants lengths;
  for (const uint64_t length : entry_.selftest_lengths) lengths.push_back(number64(length));
  Constants strings;
  for (const std::string& string : entry_.selftest_strings) strings.push_back(text(string));
  llvm::Constant* value = record(
      {number(KRT_ABI_VERSION), number(static_cast<uint32_t>(programs.size())), text(entry_.prefix),
       array(programs, "programs"), weights_, number64(static_cast<uint64_t>(placement.weight_bytes)),
       number64(static_cast<uint64_t>(placement.state_bytes)), file_bytes(entry_.state_file, "state"),
       number(static_cast<uint32_t>(levels.size())), number(0), array(levels, "levels"),
       file_bytes(entry_.selftest_inputs_file, "selftest_inputs"),
       file_bytes(entry_.selftest_outputs_file, "selftest_outputs"), array(strings, "selftest_strings"),
       number64(entry_.selftest_n), array(lengths, "selftest_lengths"),
       llvm::ConstantFP::get(real, entry_.selftest_atol), llvm::ConstantFP::get(real, entry_.selftest_rtol)},
      sizeof(krt_model));
  // Internal, not private: link.h finds it by its name.
  return new llvm::GlobalVariable(module_, value->getType(), true, llvm::GlobalValue::InternalLinkage, value,
                                  kModelSymbol);
}

}  // namespace keratin
