// Sums that are scattered into elements of 16 bits are made in f32, and rounded once.
//
//     %0 = scatter_add %x, %i, %dy : f16[80,32]      becomes      %2 = scatter_add (cast %x), %i, (cast %dy) : f32[80,32]
//                                                                 %3 = cast %2 : f16[80,32]
//
// Other sums are kept in registers, wide, until they are complete; these are in memory from one term to the next. The same holds for
// the gradient of max pooling.
#include "ir/rebuild.h"
#include "passes/pass.h"

namespace keratin {

namespace {

bool is_scattered(const Node& node) {
  return (node.op == Op::scatter_add || node.op == Op::pool_max_grad) && is_float(node.type().dtype) &&
         byte_size(node.type().dtype) < byte_size(DType::f32);
}

class WideSums : public Rebuilder {
 public:
  using Rebuilder::Rebuilder;

 protected:
  std::vector<Value> visit(const Node& node) override {
    if (node.body != nullptr) return copy(node, std::make_shared<const Function>(WideSums(*node.body).run()));
    if (!is_scattered(node)) return copy(node);
    std::vector<Value> operands;
    for (const Value operand : node.operands) {
      const Value value = mapped(operand);
      operands.push_back(is_float(value.dtype()) ? builder().cast(value, DType::f32) : value);
    }
    return {builder().cast(builder().make(node.op, operands, node.attrs), node.type().dtype)};
  }
};

}  // namespace

Module wide_sums(const Module& module) {
  return map_functions(module, [](const Function& function) { return WideSums(function).run(); });
}

}  // namespace keratin
