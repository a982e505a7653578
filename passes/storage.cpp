// What kernels leave in memory for one another is rounded to bf16: half the bytes.
//
//     %0 = fusion … -> f32[N,56,56,256]         becomes        %0 = fusion … -> bf16[N,56,56,256]
//     %1 = fusion %0 …                                         %1 = fusion %0 …, which widens it first
//
// Only large values, which go through caches or past them; results of the function stay as they are, and what an op reads or writes that
// is a kernel of its own (scan, sort). Where a fusion leaves a value and the same rounded, one is left.
#include <algorithm>
#include <unordered_set>

#include "ir/rebuild.h"
#include "ir/region.h"
#include "ir/text.h"
#include "passes/pass.h"
#include "passes/traits.h"

namespace keratin {

namespace {

constexpr int64_t kLeastElements = 4096;  // of a sample

bool is_large(const Shape& shape) {
  int64_t elements = 1;
  for (const Dim dim : shape) elements *= dim.coef;
  return elements >= kLeastElements;
}

bool is_opaque(const Node& fusion) {
  const auto& nodes = fusion.body->nodes;
  return std::any_of(nodes.begin(), nodes.end(),
                     [](const auto& node) { return form_of(*node) == Form::opaque; });
}

class StorageRounder : public Rebuilder {
 public:
  explicit StorageRounder(const Function& function) : Rebuilder(function) {
    for (const Result& result : function.results) kept_.insert(result.value);
    for (const Update& update : function.updates) kept_.insert(update.value);
    // From the last node to the first: whoever reads a value decides whether it may be rounded.
    for (size_t i = function.nodes.size(); i-- > 0;) {
      const Node& node = *function.nodes[i];
      const bool reads_rounded = node.op == Op::fusion ? !is_opaque(node) : !kept_.contains(node.value());
      if (!reads_rounded) kept_.insert(node.operands.begin(), node.operands.end());
    }
  }

 protected:
  std::vector<Value> visit(const Node& node) override {
    if (node.op != Op::fusion || is_opaque(node)) return copy(node);
    const Function& body = *node.body;
    Builder inner(body.name);
    std::vector<Value> operands, params;
    const auto place_of = [&](Value operand) {
      return static_cast<size_t>(std::find(operands.begin(), operands.end(), operand) - operands.begin());
    };
    for (const Value operand : mapped(node.operands)) {
      if (place_of(operand) < operands.size()) continue;
      params.push_back(inner.param(cat("p", operands.size()), operand.type()));
      operands.push_back(operand);
    }
    std::vector<Value> values;
    for (size_t i = 0; i < body.params.size(); ++i) {
      const Value param = params[place_of(mapped(node.operands[i]))];
      values.push_back(inner.cast(param, body.params[i]->type().dtype));
    }
    values = inlined(inner, body, values);

    std::vector<Value> results;
    std::vector<uint32_t> places;  // among those, of each result of the node
    for (uint32_t i = 0; i < values.size(); ++i) {
      const bool rounds =
          !kept_.contains(node.value(i)) && values[i].dtype() == DType::f32 && is_large(values[i].shape());
      inner.set_origin(values[i].node->origin);
      const Value result = rounds ? inner.cast(values[i], DType::bf16) : values[i];
      const auto known = std::find(results.begin(), results.end(), result);
      places.push_back(static_cast<uint32_t>(known - results.begin()));
      if (known == results.end()) results.push_back(result);
    }
    for (size_t i = 0; i < results.size(); ++i) inner.result(cat("r", i), results[i]);
    builder().set_origin(node.origin);
    const Node* fusion = builder().make_node(Op::fusion, operands, NoAttrs{},
                                             std::make_shared<const Function>(inner.finish()));
    std::vector<Value> stand_ins;
    for (const uint32_t place : places) stand_ins.push_back(fusion->value(place));
    return stand_ins;
  }

 private:
  std::unordered_set<Value> kept_;  // read by somebody, or given out, as they are
};

}  // namespace

Module round_storage(const Module& module) {
  return map_functions(module, [](const Function& function) { return StorageRounder(function).run(); });
}

}  // namespace keratin
