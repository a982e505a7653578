// Index arithmetic: sums of products, floor division and its remainder, in 64 bits.
//
// An address is a chain of pointer additions, outermost loop first, number last:
//
//     %x[4*i + r, k] of f32[N,784], r unrolled to 2   ->   ((%x + 12544·i) + 4·k) + 6272
//
// so whatever does not change in a loop is outside of it after LICM, and the number ends up in the instruction.
#include <algorithm>
#include <numeric>

#include "codegen/index_emitter.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {
namespace {

llvm::Value* divide(llvm::IRBuilder<>& b, Index::Atom::Kind kind, llvm::Value* value, int64_t by,
                    bool non_negative) {
  const bool quotient = kind == Index::Atom::Kind::div;
  llvm::Value* divisor = b.getInt64(static_cast<uint64_t>(by));
  if (non_negative) return quotient ? b.CreateUDiv(value, divisor) : b.CreateURem(value, divisor);
  if ((by & (by - 1)) == 0) {
    const auto shift = static_cast<uint64_t>(std::countr_zero(static_cast<uint64_t>(by)));
    return quotient ? b.CreateAShr(value, shift) : b.CreateAnd(value, static_cast<uint64_t>(by - 1));
  }
  llvm::Value* rest = b.CreateSRem(value, divisor);
  llvm::Value* below = b.CreateICmpSLT(rest, b.getInt64(0));
  if (!quotient) return b.CreateAdd(rest, b.CreateSelect(below, divisor, b.getInt64(0)));
  return b.CreateSub(b.CreateSDiv(value, divisor), b.CreateZExt(below, b.getInt64Ty()));
}

std::optional<int64_t> number_of(llvm::Value* value) {
  const auto* number = llvm::dyn_cast<llvm::ConstantInt>(value);
  if (number == nullptr) return std::nullopt;
  return number->getSExtValue();
}

}  // namespace

void Linear::add(const Index& index, const Size& factor) {
  for (const auto& [atom, coef] : index.terms()) terms[atom] += Size(coef) * factor;
  constant += index.constant() * factor;
}

int64_t Linear::alignment(int64_t limit) const {
  int64_t divisor = limit;
  const auto include = [&divisor](const Size& size) {
    for (const auto& [symbols, coef] : size.terms()) divisor = std::gcd(divisor, coef);
  };
  include(constant);
  for (const auto& [atom, coef] : terms) include(coef);
  return divisor & -divisor;
}

void IndexEmitter::bind(VarId variable, llvm::Value* value, Interval range) {
  bindings_[variable] = {value, number_of(value) ? 0 : next_depth_++};
  ranges_[variable] = number_of(value) ? Interval{number_of(value), number_of(value)} : range;
}

llvm::Value* IndexEmitter::symbol(const Symbol& symbol) {
  llvm::Value*& known = symbol_values_[symbol];
  if (known != nullptr) return known;
  const auto place = std::find(order_.begin(), order_.end(), symbol);
  KERATIN_CHECK(place != order_.end(), cat("symbol ", symbol.name()));
  llvm::Value* pointer = entry_.CreateConstInBoundsGEP1_64(entry_.getInt64Ty(), symbols_,
                                                           static_cast<uint64_t>(place - order_.begin()));
  llvm::LoadInst* load = entry_.CreateLoad(entry_.getInt64Ty(), pointer, symbol.name());
  load->setMetadata(llvm::LLVMContext::MD_invariant_load, llvm::MDNode::get(entry_.getContext(), {}));
  return known = load;
}

llvm::Value* IndexEmitter::value(const Size& size) {
  if (size.is_static()) return here_.getInt64(static_cast<uint64_t>(size.value()));
  llvm::Value*& known = sizes_[size];
  if (known != nullptr) return known;
  llvm::Value* sum = nullptr;
  for (const auto& [symbols, coef] : size.terms()) {
    llvm::Value* product = entry_.getInt64(static_cast<uint64_t>(coef));
    for (const Symbol& s : symbols) product = entry_.CreateMul(product, symbol(s));
    sum = sum == nullptr ? product : entry_.CreateAdd(sum, product);
  }
  return known = sum;
}

int IndexEmitter::depth(const Index& index) const {
  int deepest = 0;
  for (const auto& [atom, coef] : index.terms()) {
    const bool is_variable = atom.kind == Index::Atom::Kind::variable;
    deepest = std::max(deepest, is_variable ? bindings_.at(atom.variable).depth : depth(*atom.inner));
  }
  return deepest;
}

llvm::Value* IndexEmitter::atom(const Index::Atom& atom) {
  if (atom.kind == Index::Atom::Kind::variable) {
    const auto binding = bindings_.find(atom.variable);
    KERATIN_CHECK(binding != bindings_.end(), cat("variable ", atom.variable, " has no value"));
    return binding->second.value;
  }
  llvm::Value* inner = value(*atom.inner);
  const Interval range = atom.inner->interval(ranges_);
  return divide(here_, atom.kind, inner, atom.by, range.low && *range.low >= 0);
}

IndexEmitter::Sum IndexEmitter::sum(const Linear& linear) {
  Sum result;
  Size constant = linear.constant;
  for (const auto& [key, coef] : linear.terms) {
    llvm::Value* factor = atom(key);
    if (const std::optional<int64_t> number = number_of(factor)) {
      constant += coef * Size(*number);
      continue;
    }
    const Index term = Index::of(key);
    const bool is_one = coef == Size(1);
    result.parts.push_back(
        {.value = is_one ? factor : here_.CreateMul(factor, value(coef)),
         .depth = depth(term),
         .range = coef.is_static() ? (term * coef.value()).interval(ranges_) : Interval{}});
  }
  if (const auto number = constant.terms().find({}); number != constant.terms().end())
    result.number = number->second;
  constant += Size(-result.number);
  if (constant != Size()) result.parts.push_back({.value = value(constant), .depth = 0, .range = {}});
  std::stable_sort(result.parts.begin(), result.parts.end(),
                   [](const Part& a, const Part& b) { return a.depth < b.depth; });
  return result;
}

llvm::Value* IndexEmitter::value(const Index& index) {
  Linear linear;
  linear.add(index, Size(1));
  const Sum all = sum(linear);
  llvm::Value* number = here_.getInt64(static_cast<uint64_t>(all.number));
  if (all.parts.empty()) return number;
  llvm::Value* result = all.parts[0].value;
  for (size_t i = 1; i < all.parts.size(); ++i) result = here_.CreateAdd(result, all.parts[i].value);
  return all.number == 0 ? result : here_.CreateAdd(result, number);
}

llvm::Value* IndexEmitter::advanced(llvm::Value* base, std::span<const Part> parts, int64_t number) {
  // Not inbounds: parts of a sum may lie outside of the buffer, and so does all of an access that a guard forbids.
  for (const Part& part : parts) base = here_.CreatePtrAdd(base, part.value);
  return number == 0 ? base : here_.CreatePtrAdd(base, here_.getInt64(static_cast<uint64_t>(number)));
}

llvm::Value* IndexEmitter::address(llvm::Value* base, const Linear& bytes) {
  const Sum all = sum(bytes);
  return advanced(base, all.parts, all.number);
}

llvm::Value* IndexEmitter::address_if(std::span<const Index> guard, llvm::Value* condition, llvm::Value* base,
                                      const Linear& bytes, llvm::Value* elsewhere, int64_t room,
                                      int64_t access) {
  const Sum all = sum(bytes);
  int guard_depth = 0;
  for (const Index& index : guard) guard_depth = std::max(guard_depth, depth(index));
  const std::span<const Part> parts = all.parts;
  const auto first_inner =
      std::find_if(parts.begin(), parts.end(), [&](const Part& part) { return part.depth > guard_depth; });
  const auto outer = static_cast<size_t>(first_inner - parts.begin());
  int64_t reach = access;
  bool fits = true;
  for (const Part& part : parts.subspan(outer)) {
    fits =
        fits && part.range.low && *part.range.low >= 0 && part.range.high && *part.range.high <= room - reach;
    if (fits) reach += *part.range.high;
  }
  if (!fits) return here_.CreateSelect(condition, advanced(base, parts, all.number), elsewhere);
  llvm::Value* start =
      here_.CreateSelect(condition, advanced(base, parts.first(outer), all.number), elsewhere);
  return advanced(start, parts.subspan(outer), 0);
}

llvm::Value* IndexEmitter::condition(std::span<const Index> guard) {
  llvm::Value* all = nullptr;
  for (const Index& index : guard) {
    const Interval range = index.interval(ranges_);
    if (range.low && *range.low >= 0) continue;
    llvm::Value* holds = range.high && *range.high < 0 ? here_.getFalse()
                                                       : here_.CreateICmpSGE(value(index), here_.getInt64(0));
    all = all == nullptr ? holds : here_.CreateAnd(all, holds);
  }
  if (const auto* number = llvm::dyn_cast_or_null<llvm::ConstantInt>(all);
      number != nullptr && number->isOne())
    return nullptr;
  return all;
}

}  // namespace keratin
