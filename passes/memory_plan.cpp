#include "passes/memory_plan.h"

#include <algorithm>
#include <functional>
#include <map>

#include "ir/error.h"
#include "ir/text.h"

namespace keratin {

namespace {

struct Block {
  size_t buffer;
  int64_t first, last, bytes;
  int64_t offset = 0;
};

bool overlap(const Block& a, const Block& b) { return a.first <= b.last && b.first <= a.last; }

/// Places blocks one by one, each at the lowest offset that is free while it lives. Returns the bytes needed.
int64_t place(std::vector<Block>& blocks) {
  int64_t peak = 0;
  std::vector<const Block*> placed;  // by offset
  for (Block& block : blocks) {
    int64_t offset = 0;
    for (const Block* other : placed) {
      if (!overlap(block, *other)) continue;
      if (offset + block.bytes <= other->offset) break;
      offset = std::max(offset, other->offset + other->bytes);
    }
    block.offset = offset;
    peak = std::max(peak, offset + block.bytes);
    auto by_offset = [](const Block* a, const Block* b) { return a->offset < b->offset; };
    placed.insert(std::upper_bound(placed.begin(), placed.end(), &block, by_offset), &block);
  }
  return peak;
}

int64_t fullest_moment(const std::vector<Block>& blocks) {
  std::map<int64_t, int64_t> change;
  for (const Block& block : blocks) {
    change[block.first] += block.bytes;
    change[block.last + 1] -= block.bytes;
  }
  int64_t live = 0, most = 0;
  for (const auto& [step, bytes] : change) most = std::max(most, live += bytes);
  return most;
}

/// Tries several orders of placing and keeps the best; stops early where the lower bound is met.
int64_t plan_arena(std::vector<Block>& blocks, int64_t lower_bound) {
  using Before = std::function<bool(const Block&, const Block&)>;
  auto length = [](const Block& b) { return b.last - b.first; };
  const Before orders[] = {
      [](const Block& a, const Block& b) { return a.bytes > b.bytes; },
      [](const Block& a, const Block& b) { return a.first < b.first; },
      [&](const Block& a, const Block& b) { return length(a) > length(b); },
      [&](const Block& a, const Block& b) { return a.bytes * (length(a) + 1) > b.bytes * (length(b) + 1); },
  };
  std::vector<Block> best;
  int64_t least = -1;
  for (const Before& order : orders) {
    std::vector<Block> attempt = blocks;
    std::stable_sort(attempt.begin(), attempt.end(), order);
    const int64_t peak = place(attempt);
    if (least < 0 || peak < least) {
      least = peak;
      best = std::move(attempt);
    }
    if (least == lower_bound) break;
  }
  blocks = std::move(best);
  return least;
}

}  // namespace

Size planned_size(const Size& bytes) {
  Size planned;
  for (const auto& [symbols, coefficient] : bytes.terms()) {
    Size term((coefficient + kAlignment - 1) / kAlignment * kAlignment);
    for (const Symbol symbol : symbols) term *= Size(Dim(1, symbol));
    planned += term;
  }
  return planned;
}

MemoryPlan plan_memory(const std::vector<Lifetime>& buffers) {
  std::map<std::vector<Symbol>, std::vector<Block>> arenas;
  for (size_t i = 0; i < buffers.size(); ++i) {
    const Size planned = planned_size(buffers[i].bytes);
    const auto& terms = planned.terms();
    if (terms.empty()) continue;  // an empty buffer: anywhere
    KERATIN_CHECK(terms.size() == 1, cat("a buffer of ", to_text(buffers[i].bytes), " bytes"));
    const auto& [symbols, bytes] = *terms.begin();
    arenas[symbols].push_back({i, buffers[i].first, buffers[i].last, bytes});
  }

  MemoryPlan plan;
  plan.offsets.resize(buffers.size());
  for (auto& [symbols, blocks] : arenas) {
    Size unit(1);
    for (Symbol symbol : symbols) unit *= Size(Dim(1, symbol));
    const int64_t lower_bound = fullest_moment(blocks);
    const int64_t peak = plan_arena(blocks, lower_bound);
    for (const Block& block : blocks) plan.offsets[block.buffer] = plan.total + unit * Size(block.offset);
    plan.total += unit * Size(peak);
    plan.lower_bound += unit * Size(lower_bound);
  }
  return plan;
}

}  // namespace keratin
