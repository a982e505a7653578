// A model's description as constants laid out as runtime/abi.h says, and the bytes of its weights: what artefacts and trainers
// have in common.
//
// Weights never pass through LLVM's IR: module-level assembly includes their file, and the constants refer to its symbol.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "codegen/emission.h"

namespace keratin {

class ModelData {
 protected:
  using Constants = std::vector<llvm::Constant*>;

  ModelData(std::span<const Emission> levels, const EntrySpec& entry);

  llvm::ConstantInt* number(uint32_t value) { return builder_.getInt32(value); }
  llvm::ConstantInt* number64(uint64_t value) { return builder_.getInt64(value); }
  llvm::Constant* null() { return llvm::ConstantPointerNull::get(pointer_); }
  llvm::Constant* text(const std::string& value);
  /// A struct of the C ABI. `size`: what sizeof says.
  llvm::Constant* record(const Constants& fields, size_t size);
  llvm::Constant* constant_global(llvm::Constant* value, const char* name);
  /// The address of a file's bytes, which are at keratin.NAME; null without a file.
  llvm::Constant* file_bytes(const std::string& path, const std::string& name);
  /// The address of an array; null if it is empty.
  llvm::Constant* array(const Constants& elements, const char* name);

  /// A krt_array.
  llvm::Constant* description(const std::string& name, DType dtype, const Shape& shape);
  /// The address of krt_array[], of a program's inputs or outputs.
  llvm::Constant* descriptions(const Program& program, const std::vector<uint32_t>& buffers);
  /// What is free beside the batch, and what is computed from it: as fields of krt_program and keratin_info.
  struct Symbols {
    llvm::Constant *length_count, *quotient_count, *lengths, *quotients;
  };
  Symbols symbols();
  /// A krt_program.
  llvm::Constant* program(const Program& program, llvm::Constant* inputs, llvm::Constant* outputs,
                          const Symbols& symbols);
  /// The address of a krt_model.
  llvm::Constant* model(const Constants& programs);

  const EntrySpec& entry_;
  std::span<const Emission> levels_;
  const Emission& first_;  ///< for what is the same in all levels
  llvm::Module& module_;
  llvm::IRBuilder<> builder_;
  llvm::PointerType* pointer_;
  llvm::Constant* weights_;

 private:
  llvm::Constant* tables(const Program& program);
  uint32_t symbol_number(const Symbol& symbol) const;
  llvm::Constant* workspace_terms(const Program& program);
  llvm::Constant* code(const Emission& level, size_t program);
  llvm::Constant* level(const Emission& level);
};

}  // namespace keratin
