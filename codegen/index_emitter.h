// Index arithmetic in LLVM IR.
#pragma once

#include <llvm/IR/IRBuilder.h>

#include <map>
#include <span>
#include <utility>
#include <vector>

#include "codegen/index.h"

namespace keratin {

/// An index whose coefficients may depend on symbols: a place in a buffer of symbolic shape.
struct Linear {
  std::map<Index::Atom, Size> terms;
  Size constant;

  void add(const Index& index, const Size& factor);
  /// The greatest power of two up to `limit` that divides the value, whatever the variables are.
  int64_t alignment(int64_t limit) const;
};

/// Computes indices in one function. What depends on symbols alone is computed once, in the entry block; of the rest, what
/// depends on outer loops comes first, so that LLVM can move it out of the inner ones.
class IndexEmitter {
 public:
  /// `entry` writes into the entry block, `here` where the values are needed. `symbols` points to their values.
  IndexEmitter(llvm::IRBuilder<>& entry, llvm::IRBuilder<>& here, llvm::Value* symbols,
               std::span<const Symbol> order)
      : entry_(entry), here_(here), symbols_(symbols), order_(order) {}

  /// Gives a variable its value and what is known of it. Those bound later are taken to change more often.
  void bind(VarId variable, llvm::Value* value, Interval range);
  const Ranges& ranges() const { return ranges_; }

  llvm::Value* value(const Index& index);  ///< i64; a constant if all its variables are
  llvm::Value* value(const Size& size);
  /// `base` advanced by as many bytes.
  llvm::Value* address(llvm::Value* base, const Linear& bytes);
  /// The same where `guard` holds, as `condition` says; elsewhere an address at which `access` bytes can be read from the
  /// `room` bytes at `elsewhere`. What changes more often than the guard is added after the choice, if the room allows.
  llvm::Value* address_if(std::span<const Index> guard, llvm::Value* condition, llvm::Value* base,
                          const Linear& bytes, llvm::Value* elsewhere, int64_t room, int64_t access);
  /// Whether all conditions hold: an i1, or null if they certainly do.
  llvm::Value* condition(std::span<const Index> guard);

 private:
  struct Binding {
    llvm::Value* value;
    int depth;
  };
  struct Part {
    llvm::Value* value;
    int depth;
    Interval range;
  };
  struct Sum {
    std::vector<Part> parts;  // those that change least come first
    int64_t number = 0;
  };
  Sum sum(const Linear& linear);
  llvm::Value* atom(const Index::Atom& atom);
  int depth(const Index& index) const;
  llvm::Value* advanced(llvm::Value* base, std::span<const Part> parts, int64_t number);
  llvm::Value* symbol(const Symbol& symbol);

  llvm::IRBuilder<>& entry_;
  llvm::IRBuilder<>& here_;
  llvm::Value* symbols_;
  std::span<const Symbol> order_;
  std::map<VarId, Binding> bindings_;
  int next_depth_ = 1;
  Ranges ranges_;
  std::map<Size, llvm::Value*> sizes_;
  std::map<Symbol, llvm::Value*> symbol_values_;
};

}  // namespace keratin
