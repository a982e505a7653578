// Products of rows that are looked up in a table become rows of a table of products.
//
//     %0 = gather @table : f32[80,32], %x                      %0 = dot @table, @w : f32[80,384]
//     %1 = dot %0, @w : f32[N,100,384]           becomes       %1 = gather %0, %x : f32[N,100,384]
//
// The table of products depends on weights alone: it is computed once, when compiling, by the same sums. An embedding and
// the layer behind it, or the input projection of a recurrent layer (which `hoist` has taken out of its loop), are then one
// lookup. That costs memory where the products are wider than the rows, so large tables stay as they are: with them, the
// two are stages of one kernel (passes/stages.h).
#include <algorithm>

#include "ir/rebuild.h"
#include "passes/pass.h"
#include "passes/weights.h"

namespace keratin {

namespace {

/// Bytes of a table of products: what a second-level cache holds. One that is no larger than the table itself costs nothing.
constexpr int64_t kMostBytes = 1 << 20;

class Lookups : public Rebuilder {
 public:
  Lookups(const Module& module, const Function& function)
      : Rebuilder(function), fixed_(find_fixed(module, function)) {}

 protected:
  std::vector<Value> visit(const Node& node) override {
    if (node.op != Op::dot) return copy(node);
    const Value weight = node.operands[1];
    const Node& lookup = *node.operands[0].node;
    if (lookup.op != Op::gather || !is_weight(weight) || !is_weight(lookup.operands[0])) return copy(node);
    const auto& [axis, batch_dims] = lookup.as<GatherAttrs>();
    if (axis != 0 || batch_dims != 0) return copy(node);
    DotAttrs attrs = node.as<DotAttrs>();
    const Value table = lookup.operands[0], indices = lookup.operands[1];
    // Axes behind those of the indices are the row's: axis 1 of the table and further.
    for (int64_t& summed : attrs.contract.lhs) {
      summed += 1 - indices.rank();
      if (summed < 1) return copy(node);
    }
    if (!attrs.batch.lhs.empty()) return copy(node);
    Shape products = node.type().shape;
    products.erase(products.begin(), products.begin() + indices.rank());
    products.insert(products.begin(), table.shape()[0]);
    if (Type(node.type().dtype, products).bytes().value() >
        std::max(kMostBytes, table.type().bytes().value()))
      return copy(node);
    const Value product = builder().make(Op::dot, {mapped(table), mapped(weight)}, attrs);
    return {builder().make(Op::gather, {product, mapped(indices)}, GatherAttrs{})};
  }

 private:
  bool is_weight(Value value) const { return value.type().is_static() && fixed_[value.node->index]; }

  const std::vector<bool> fixed_;
};

}  // namespace

Module look_up_products(const Module& module) {
  return map_functions(module, [&](const Function& function) { return Lookups(module, function).run(); });
}

}  // namespace keratin
