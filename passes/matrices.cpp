// Weights of products become matrices: axes that run together anyway are one.
//
//     dot %x : f32[N,128,256], %w : f32[256,8,32]    becomes    reshape (dot %x, (reshape %w : f32[256,256])) : f32[N,128,8,32]
//
// Columns of several axes would be cut into panels along the last of them alone. The reshapes cost nothing: the weight's is
// done once, the other's is a view, once it has moved behind what follows the product (simplify).
#include <numeric>

#include "ir/rebuild.h"
#include "passes/pass.h"
#include "passes/weights.h"

namespace keratin {

namespace {

/// `count` axes from `first` on.
Ints run_of(int64_t first, size_t count) {
  Ints axes(count);
  std::iota(axes.begin(), axes.end(), first);
  return axes;
}

/// The sizes as one.
Shape merged(const Shape& shape) {
  Dim all = 1;
  for (const Dim dim : shape) all.coef *= dim.coef;
  return {all};
}

class Matrices : public Rebuilder {
 public:
  Matrices(const Module& module, const Function& function)
      : Rebuilder(function), fixed_(find_fixed(module, function)) {}

 protected:
  std::vector<Value> visit(const Node& node) override {
    if (node.op != Op::dot || !is_weight(node.operands[1])) return copy(node);
    DotAttrs attrs = node.as<DotAttrs>();
    if (!attrs.batch.lhs.empty()) return copy(node);
    Value x = mapped(node.operands[0]);
    const Shape& shape = node.operands[1].shape();
    Ints &x_sums = attrs.contract.lhs, &w_sums = attrs.contract.rhs;
    const size_t count = w_sums.size();
    const bool first = w_sums == run_of(0, count);
    if (!first && w_sums != run_of(static_cast<int64_t>(shape.size() - count), count)) return copy(node);

    const auto middle =
        first ? shape.begin() + static_cast<int64_t>(count) : shape.end() - static_cast<int64_t>(count);
    Shape sums(first ? shape.begin() : middle, first ? middle : shape.end());
    const Shape columns = merged(Shape(first ? middle : shape.begin(), first ? shape.end() : middle));
    if (count > 1 && x_sums == run_of(x_sums[0], count)) {
      Shape x_shape = x.shape();
      sums = merged(sums);
      x_shape.erase(x_shape.begin() + x_sums[0] + 1,
                    x_shape.begin() + x_sums[0] + static_cast<int64_t>(count));
      x_shape[x_sums[0]] = sums[0];
      x = builder().reshape(x, x_shape);
      x_sums = {x_sums[0]};
    }
    w_sums = run_of(first ? 0 : 1, sums.size());
    Shape matrix = first ? sums : columns;
    const Shape& rest = first ? columns : sums;
    matrix.insert(matrix.end(), rest.begin(), rest.end());
    if (matrix == shape) return copy(node);
    const Value w = builder().reshape(mapped(node.operands[1]), matrix);
    return {builder().reshape(builder().make(Op::dot, {x, w}, attrs), node.type().shape)};
  }

 private:
  /// A variable, or computed from weights alone.
  bool is_weight(Value value) const {
    return value.type().is_static() && value.type().layout.is_row_major() &&
           (value.node->op == Op::var || fixed_[value.node->index]);
  }

  const std::vector<bool> fixed_;
};

}  // namespace

Module weights_to_matrices(const Module& module) {
  return simplify(
      map_functions(module, [&](const Function& function) { return Matrices(module, function).run(); }));
}

}  // namespace keratin
