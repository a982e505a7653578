// How random graphs grow: the dice, and one function being drawn together with the values of all its nodes.
#pragma once

#include <optional>
#include <random>
#include <span>
#include <unordered_map>
#include <unordered_set>

#include "ir/array.h"
#include "ir/builder.h"
#include "ir/ops/rules.h"
#include "tests/random_graph.h"

namespace keratin::testing {

/// The same numbers from the same seed with any standard library.
class Dice {
 public:
  explicit Dice(uint64_t seed) : engine_(seed) {}
  int64_t below(int64_t bound) { return static_cast<int64_t>(engine_() % static_cast<uint64_t>(bound)); }
  int64_t between(int64_t first, int64_t last) { return first + below(last - first + 1); }
  double real(double low, double high) {
    return low + (high - low) * static_cast<double>(engine_() >> 11) * 0x1p-53;
  }
  bool chance(double probability) { return real(0, 1) < probability; }
  template <typename T>
  T pick(const std::vector<T>& items) {
    return items[below(static_cast<int64_t>(items.size()))];
  }
  template <typename T>
  void shuffle(std::vector<T>& items) {
    for (size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[below(static_cast<int64_t>(i))]);
  }

 private:
  std::mt19937_64 engine_;
};

/// A value in one call: as it is, and with the noise of rounding one way and the other.
struct Sample {
  Array exact;
  std::array<Array, 2> noisy;
};

/// One function being drawn.
class Drawer {
 public:
  /// The function of `module`, to which new variables are added.
  Drawer(const RandomGraphOptions& options, Dice& dice, Bindings bindings, Module& module);
  /// A body within what `outer` draws: one param per type, with the values that it has in the first step.
  Drawer(Drawer& outer, const std::vector<Type>& params, std::vector<Sample> samples);

  /// Draws about `nodes` ops of `families` (all: empty).
  void draw(int64_t nodes, const std::vector<Family>& families = {});
  Function finish() { return builder_.finish(); }

  // What rows of the table draw from.
  Dice& dice() { return dice_; }
  bool is_body() const { return module_ == nullptr; }
  const Bindings& bindings() const { return bindings_; }
  Dim dim() { return dice_.pick(palette_); }
  /// A shape whose rank lies in the range, of not too many elements.
  Shape shape(int64_t lowest_rank, int64_t highest_rank);
  /// Any of the graph's dtypes that is in the set.
  std::optional<DType> dtype(rules::DTypeSet set);
  /// A row-major value of one of these dtypes and at least this rank; new if there is none. Empty if none can be.
  Value some(rules::DTypeSet set, int64_t lowest_rank = 0);
  /// A value of this row-major type, new if there is none. Empty if it would be too large.
  Value like(const Type& type);
  /// A new variable or constant, or a broadcast of one. Empty if it would be too large.
  Value fresh(const Type& type);
  Value number(DType dtype, double value);
  const Sample& sample(Value value) const { return samples_[value.node->index][value.result]; }

  /// The result types, or nothing if the operands do not fit.
  std::optional<std::vector<Type>> infer(Op op, const std::vector<Value>& operands,
                                         const Attrs& attrs = NoAttrs{},
                                         const Function* body = nullptr) const;
  /// The new node; null if it does not fit, or if its values are not fit for comparison.
  const Node* add(Op op, const std::vector<Value>& operands, const Attrs& attrs = NoAttrs{},
                  std::shared_ptr<const Function> body = nullptr);

  /// Computed values that nothing reads.
  std::vector<Value> unread() const;
  void result(Value value);
  void update(const std::string& variable, Value value);
  /// A parameter with random elements.
  Tensor param(const std::string& name, const Type& type);

 private:
  bool is_allowed(const Type& type) const;
  Value known(Value leaf, const Array& array);  ///< without noise
  Value remember(Value leaf, Sample sample);
  Tensor random_tensor(const Type& type);
  std::vector<Sample> evaluate_all(const Node& node);

  const RandomGraphOptions& options_;
  Dice& dice_;
  Bindings bindings_;
  Module* module_;
  std::vector<Dim> palette_;
  Builder builder_;
  std::vector<std::vector<Sample>> samples_;  // by node and result
  std::vector<Value> values_;                 // all of them
  std::unordered_set<Value> read_;
  int64_t results_ = 0;
};

/// How to draw one op: valid attributes and operands for it. False if that did not work out this time.
struct DrawRule {
  Op op;
  bool (*draw)(Drawer& drawer, Op op);
};
/// One rule for each op but param, var and constant, which are drawn as operands.
std::span<const DrawRule> draw_rules();

/// The rules of ops with a body.
bool draw_scan(Drawer& drawer, Op op);
bool draw_fusion(Drawer& drawer, Op op);

}  // namespace keratin::testing
