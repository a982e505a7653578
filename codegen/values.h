// Values at indices: the heart of lowering.
//
// A fusion's region is a graph of tensors; a kernel is loops around scalars and vectors. Between them stands one question:
// what is this value at this index? `at` answers it with an expression. For a buffer that is a load; for a pointwise op, the
// same op on the operands at the same index; for an index map (transpose, pad, …), the operand at another index; for a
// reduction, an accumulator around which a loop has just been written into the current block. Answers are remembered
// per (value, index) as long as the block they belong to is open, so that nothing is computed twice.
//
// One variable may stand for the lanes of a vector: an index that grows with it yields a vector expression. Where that
// cannot be expressed (the lanes would need a gather), `at` throws NoLanes and the caller tries another way.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "codegen/kernel.h"
#include "codegen/target.h"
#include "codegen/vecmath.h"
#include "ir/graph.h"

namespace keratin {

using Point = std::vector<Index>;

/// What values of `dtype` are in expressions: f32 for the 16-bit floats (always rounded to them), otherwise itself.
DType compute_dtype(DType dtype);

/// Thrown when an index is not linear enough in the lane variable.
struct NoLanes {};

/// The kernel being made, with the place where statements go.
class KernelWriter {
 public:
  KernelWriter(std::string name, const Target& target);

  Kernel kernel;
  const Target& target;
  Ranges ranges;

  void emit(Stmt statement) { block_->push_back(std::move(statement)); }
  void emit(Block statements) {
    for (Stmt& statement : statements) emit(std::move(statement));
  }
  /// Statements that `write` emits, collected instead of emitted; the values remembered meanwhile are forgotten.
  Block collect(const std::function<void()>& write);

  /// Emits what `write` emits, or nothing at all: false if it throws NoLanes, with the kernel as it was.
  bool attempt(const std::function<void()>& write);

  /// A loop around what `body` emits. A loop that runs exactly once is left out.
  void loop(const std::string& name, const Index& low, const Index& high, int64_t step, LoopKind kind,
            const std::function<void(const Index&)>& body);
  /// What `body` emits, under a condition; trivially true ones are left out.
  void guarded(const Guard& guard, const std::function<void()>& body);
  /// Binds a value, so that it is computed once, here.
  ExprRef let(const std::string& name, ExprRef value);
  /// The value of an integer expression as an index with the given range.
  Index let_index(const std::string& name, ExprRef value, Interval range);
  /// A new variable, known to lie in `range`.
  VarId variable(const std::string& name, Interval range);
  AccId accumulator(const std::string& name, DType dtype, int lanes, std::vector<int64_t> shape);

  /// Leaves out conditions that always hold. Null if one never holds.
  std::optional<Guard> simplify(Guard guard) const;
  /// The same; an impossible condition if one never holds.
  Guard needed(Guard guard) const { return simplify(std::move(guard)).value_or(Guard{Index(-1)}); }

  /// Called when a block closes: everything remembered since the matching open_scope is out of reach.
  std::function<void()> open_scope, close_scope;

 private:
  Block* block_;
};

class Values {
 public:
  /// `accuracy`: of the functions in the region.
  Values(KernelWriter& writer, Accuracy accuracy);

  /// From here on `value` is read from `buffer`, whose axes are the value's axes from `skip` on, the first of them from `first` on (a tile
  /// holds some rows of it).
  /// The value's layout says how the buffer lies.
  void bind(Value value, BufferId buffer, int64_t skip = 0, const Index& first = 0);

  /// The value at a point (one index per axis). Vectors have lanes() lanes. Throws NoLanes.
  ExprRef at(Value value, const Point& point);
  /// The same where every index of `guard` is >= 0, `otherwise` elsewhere.
  ExprRef at_or(const Guard& guard, const ExprRef& otherwise, Value value, const Point& point) {
    return guarded_or(guard, otherwise, [&] { return at(value, point); });
  }
  ExprRef pairs_or_zero(const Guard& guard, Value value, const Point& point, int64_t axis) {
    return guarded_or(guard, number(Scalar::of_integer(DType::u32, 0)),
                      [&] { return pairs(value, point, axis); });
  }

  /// Pairs of bf16, as u32 with the first in the lower half: the elements at `point` and next along `axis`, zero where there is none.
  /// Lanes run along the columns of panels that hold such pairs, or along the axis, from pair to pair.
  ExprRef pairs(Value value, const Point& point, int64_t axis);

  /// Whether `value` is read from memory.
  bool lies_in_memory(Value value) const { return bound_.contains(value); }
  /// Where it lies there, a place that no lane moves. Requires: lies_in_memory().
  Access place_of(Value value, const Point& point) const;

  /// Within `body`, `lanes` consecutive values of `variable` are the lanes of vectors.
  void with_lanes(VarId variable, int lanes, const std::function<void()>& body);
  int lanes() const { return lanes_; }
  /// Within `body` nothing is read unless every index is >= 0, lane by lane.
  void with_guard(const Guard& guard, const std::function<void()>& body);

  /// Where `value` goes: the access for a store at `point`.
  Access access(BufferId buffer, const Type& type, const Point& point, int64_t skip = 0,
                const Index& first = 0) const;
  /// `value` made a vector of lanes() lanes.
  ExprRef widen(ExprRef value) const;
  /// A value of `dtype` as it is stored: 16-bit floats, which are f32 in expressions, as their bits.
  ExprRef to_memory(DType dtype, ExprRef value) const;

  /// While set, the contraction's value at `point` is `sum`.
  struct Tile {
    const Node* node;
    Point point;
    ExprRef sum;
  };
  void set_tile(const Tile* tile) { tile_ = tile; }

  /// The index that `indices` holds at `point`, clamped so that a piece of `piece` elements fits into `extent`; 0 if none
  /// does. Throws NoLanes if the point varies along the lanes.
  Index clamped_index(Value indices, const Point& point, const Size& extent, const Size& piece);

  KernelWriter& writer() { return writer_; }

 private:
  struct Bound {
    BufferId buffer;
    int64_t skip;
    Index first;
  };
  struct Key {
    Value value;
    Point point;
    uint64_t guard;
    VarId lane;
    bool operator<(const Key& other) const;
  };

  ExprRef compute(Value value, const Point& point);
  ExprRef pointwise(const Node& node, const Point& point);
  ExprRef pad(const Node& node, const Point& point);
  ExprRef concat(const Node& node, const Point& point);
  ExprRef reshape(const Node& node, const Point& point);
  ExprRef gather(const Node& node, const Point& point);
  ExprRef dynamic_slice(const Node& node, const Point& point);
  ExprRef dynamic_update_slice(const Node& node, const Point& point);
  ExprRef random_bits(const Node& node, const Point& point);
  ExprRef reduce(const Node& node, const Point& point);
  ExprRef arg_reduce(const Node& node, const Point& point);
  ExprRef pool(const Node& node, const Point& point);
  ExprRef guarded_or(const Guard& guard, const ExprRef& otherwise, const std::function<ExprRef()>& value);
  ExprRef condition(const Guard& guard) const;
  ExprRef reduce_over_lanes(const Node& node, const Point& point);
  bool has_lanes(const Point& point) const;
  bool is_guarded_by_lane() const;

  KernelWriter& writer_;
  const Accuracy accuracy_;
  std::map<Value, Bound, bool (*)(const Value&, const Value&)> bound_;
  std::vector<std::map<Key, ExprRef>> memory_;  // one per open block
  VarId lane_ = 0;
  int lanes_ = 1;
  Guard guard_;
  uint64_t guard_serial_ = 0, next_serial_ = 1;
  const Tile* tile_ = nullptr;
  std::set<ExprRef> settled_;  // loads that say what they read as where a condition does not hold
};

}  // namespace keratin
