// A new function made from an old one, node by node: the frame of every pass.
//
// A pass derives from Rebuilder and overrides visit() for the nodes that it changes; all others are copied with their
// operands mapped, and the builder folds, simplifies and shares as it goes:
//
//     struct NoReluOfRelu : Rebuilder {
//       using Rebuilder::Rebuilder;
//       std::vector<Value> visit(const Node& node) override { return is_relu_of_relu(node) ? … : copy(node); }
//     };
//     Function better = NoReluOfRelu(function).run();
#pragma once

#include <vector>

#include "ir/builder.h"
#include "ir/graph.h"

namespace keratin {

/// The same node over other operands, and with another body.
std::vector<Value> copy(Builder& builder, const Node& node, std::vector<Value> operands,
                        std::shared_ptr<const Function> body);

class Rebuilder {
 public:
  explicit Rebuilder(const Function& source, Builder::Mode mode = Builder::Mode::fold)
      : source_(source), builder_(source.name, mode), values_(source.nodes.size()) {}
  virtual ~Rebuilder() = default;

  /// Can be called once.
  Function run();

 protected:
  /// What takes the node's place: one value per result. An empty one stands for a result that nobody reads any more.
  virtual std::vector<Value> visit(const Node& node) { return copy(node); }

  /// Visits the node: from here on its values are mapped. For derived classes with a run() of their own.
  void rebuild(const Node& node);

  /// The same node over the mapped operands.
  std::vector<Value> copy(const Node& node);
  /// The same, with another body.
  std::vector<Value> copy(const Node& node, std::shared_ptr<const Function> body);

  /// What stands for a value of the source. Requires: visited before.
  Value mapped(Value value) const;
  std::vector<Value> mapped(const std::vector<Value>& values) const;

  const Function& source() const { return source_; }
  Builder& builder() { return builder_; }

 private:
  const Function& source_;
  Builder builder_;
  std::vector<std::vector<Value>> values_;  // by node of the source
};

}  // namespace keratin
