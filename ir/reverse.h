// A function rebuilt together with its reverse sweep: what differentiate() and the gradient of scan share.
#pragma once

#include <memory>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "ir/rebuild.h"

namespace keratin {

class ScanGradient;

class ReverseSweep : public Rebuilder {
 public:
  ~ReverseSweep() override;

 protected:
  explicit ReverseSweep(const Function& source);

  /// Finds the nodes on a path from `inputs`, values of the source, to `ends`. Comes before any node is visited.
  void find_paths(std::vector<Value> inputs, const std::vector<Value>& ends);
  /// True if the value depends on an input by differentiable ops, or is one.
  bool depends_on_inputs(Value value) const;
  /// True if an end depends on the value by differentiable ops, or is it.
  bool reaches_ends(Value value) const { return read_.contains(value); }

  /// A scan on a path also puts out what its gradient reads.
  std::vector<Value> visit(const Node& node) override;

  /// The gradients of the inputs, null where nothing arrives, from those of the ends (a value of the source, its gradient).
  std::vector<Value> sweep(const std::vector<std::pair<Value, Value>>& seeds);

 private:
  void add(Value to, Value gradient);
  void sweep_node(const Node& node);

  std::vector<Value> inputs_;
  std::unordered_set<Value> is_input_, read_;
  std::vector<bool> depends_;                  // by node of the source
  std::vector<std::vector<Value>> gradients_;  // by node and result of the source
  std::unordered_map<const Node*, std::unique_ptr<ScanGradient>> of_scans_;  // by scan of the source
};

}  // namespace keratin
