// A list scheduler, from the end of a block to its beginning: of the instructions whose results are not needed before others that are
// already placed, those go last that have least before them. What takes no time, loads above all, stays close to its first use, so
// that registers are not held for long.
#include "codegen/chains.h"

#include <llvm/Analysis/AliasAnalysis.h>
#include <llvm/IR/Instructions.h>

#include <queue>
#include <unordered_map>
#include <vector>

namespace keratin {
namespace {

constexpr int kLongChain = 64;         // cycles; shorter ones are in view of any processor
constexpr int kAtOnce = 2;             // instructions that are begun in a cycle
constexpr size_t kMostAccesses = 256;  // to memory, in a block: all pairs are looked at

/// Cycles until the result is there, about.
int latency(const llvm::Instruction& instruction) {
  if (instruction.mayReadOrWriteMemory() || llvm::isa<llvm::CastInst, llvm::GetElementPtrInst>(instruction) ||
      instruction.getOpcode() == llvm::Instruction::FNeg)
    return 0;
  const bool is_select = llvm::isa<llvm::SelectInst, llvm::CmpInst>(instruction);
  return instruction.getType()->isFPOrFPVectorTy() && !is_select ? 4 : 1;
}

/// An instruction, by its place in the block.
struct Item {
  llvm::Instruction* instruction;
  std::vector<size_t> before;  // what must come earlier
  int depth = 0;               // cycles until its result can be there
  int users = 0;               // that are not placed yet
  int ready = 0;               // how many cycles before the end it can begin
};

/// The order of the instructions of one block.
class BlockOrder {
 public:
  BlockOrder(llvm::BasicBlock& block, llvm::AAResults& aliases) : block_(block), aliases_(aliases) {}

  void run() {
    if (!collect() || depth_ < kLongChain) return;
    for (const Item& item : items_)
      for (const size_t earlier : item.before) ++items_[earlier].users;
    place();
  }

 private:
  /// False if the block has something that must stay where it is.
  bool collect() {
    std::unordered_map<const llvm::Value*, size_t> places;
    std::vector<size_t> accesses;
    for (llvm::Instruction& instruction : block_) {
      if (llvm::isa<llvm::PHINode>(instruction) || instruction.isTerminator()) continue;
      Item item{&instruction, {}};
      for (const llvm::Value* operand : instruction.operands())
        if (const auto found = places.find(operand); found != places.end())
          item.before.push_back(found->second);
      if (instruction.mayReadOrWriteMemory() || instruction.mayHaveSideEffects()) {
        if (!is_simple_access(instruction) || accesses.size() == kMostAccesses) return false;
        for (const size_t earlier : accesses)
          if (must_follow(*items_[earlier].instruction, instruction)) item.before.push_back(earlier);
        accesses.push_back(items_.size());
      }
      for (const size_t earlier : item.before) item.depth = std::max(item.depth, items_[earlier].depth);
      item.depth += latency(instruction);
      depth_ = std::max(depth_, item.depth);
      places[&instruction] = items_.size();
      items_.push_back(std::move(item));
    }
    return true;
  }

  static bool is_simple_access(const llvm::Instruction& instruction) {
    if (const auto* load = llvm::dyn_cast<llvm::LoadInst>(&instruction)) return load->isSimple();
    if (const auto* store = llvm::dyn_cast<llvm::StoreInst>(&instruction)) return store->isSimple();
    return false;
  }

  bool must_follow(const llvm::Instruction& first, const llvm::Instruction& second) {
    if (first.mayWriteToMemory() || second.mayWriteToMemory())
      return !aliases_.isNoAlias(llvm::MemoryLocation::get(&first), llvm::MemoryLocation::get(&second));
    return false;
  }

  /// Places all instructions, the last one first.
  void place() {
    next_ = block_.getTerminator();
    std::vector<size_t> last;  // whose results nothing in the block uses
    for (size_t i = items_.size(); i-- > 0;)
      if (items_[i].users == 0) last.push_back(i);
    for (const size_t i : last) release(i);
    int begun = 0;
    while (!waiting_.empty() || !ready_.empty()) {
      if (begun == kAtOnce || ready_.empty()) {
        begun = 0;
        cycle_ = ready_.empty() ? std::max(cycle_ + 1, waiting_.top().first) : cycle_ + 1;
      }
      for (; !waiting_.empty() && waiting_.top().first <= cycle_; waiting_.pop()) {
        const size_t i = waiting_.top().second;
        ready_.push({items_[i].depth, i});
      }
      if (ready_.empty()) continue;
      const size_t i = ready_.top().second;
      ready_.pop();
      put(i);
      ++begun;
    }
  }

  /// All that comes after an instruction has been placed.
  void release(size_t i) {
    if (latency(*items_[i].instruction) == 0)
      put(i);
    else
      waiting_.push({items_[i].ready, i});
  }

  void put(size_t i) {
    items_[i].instruction->moveBefore(next_);
    next_ = items_[i].instruction;
    for (const size_t earlier : items_[i].before) {
      Item& item = items_[earlier];
      item.ready = std::max(item.ready, cycle_ + latency(*item.instruction));
      if (--item.users == 0) release(earlier);
    }
  }

  using Order = std::pair<int, size_t>;  // cycles, then the place in the block
  llvm::BasicBlock& block_;
  llvm::AAResults& aliases_;
  std::vector<Item> items_;
  int depth_ = 0;  // of the block
  int cycle_ = 0;  // counted from the end
  llvm::Instruction* next_ = nullptr;
  std::priority_queue<Order, std::vector<Order>, std::greater<>> waiting_;  // the soonest first
  std::priority_queue<Order> ready_;                                        // the deepest first
};

}  // namespace

void interleave_chains(llvm::Function& function, llvm::AAResults& aliases) {
  for (llvm::BasicBlock& block : function) BlockOrder(block, aliases).run();
}

}  // namespace keratin
