// Operands of contractions are rounded to bf16; their products are summed in f32, as before.
//
//     %0 = dot %x, @w …        becomes        %0 = cast %x : bf16[N,784]        %2 = cast @w : bf16[784,32]
//                                             %1 = cast %0 : f32[N,784]         %3 = cast %2 : f32[784,32]
//                                             %4 = dot %1, %3 …
//
// The casts back are exact, and free: what lies in memory are bf16, half the bytes, and processors that multiply pairs of bf16 do
// so. Rounded values are made as early as possible, before they are only moved about (reshape, transpose, pad), so that the kernel
// that computes them rounds them.
//
// Only what can be multiplied in pairs is rounded: sums that run along the left operand's last axis. Depthwise convolutions, and
// others with groups, stay as they are, and so does what is computed once, from weights alone.
#include <unordered_map>
#include <unordered_set>

#include "ir/conv_axes.h"
#include "ir/rebuild.h"
#include "ir/region.h"
#include "passes/pass.h"
#include "passes/traits.h"
#include "passes/weights.h"

namespace keratin {

namespace {

/// Only moves elements about: what it makes of rounded ones is rounded.
bool moves(Op op) {
  switch (op) {
    case Op::reshape:
    case Op::transpose:
    case Op::reverse:
    case Op::slice:
    case Op::concat:
    case Op::pad: return true;
    default: return false;
  }
}

class OperandRounder : public Rebuilder {
 public:
  /// `fixed`: by node, whether it depends on weights alone.
  OperandRounder(const Function& function, std::vector<bool> fixed)
      : Rebuilder(function), fixed_(std::move(fixed)) {
    for (size_t i = function.nodes.size(); i-- > 0;) {
      const Node& node = *function.nodes[i];
      if (moves(node.op) ? wanted_.contains(node.value()) : makes_pairs(node))
        wanted_.insert(node.operands.begin(), node.operands.end());
    }
  }

 protected:
  std::vector<Value> visit(const Node& node) override {
    if (node.op == Op::param) return copy(node);
    if (!params_are_rounded_) {  // behind the last of them
      params_are_rounded_ = true;
      for (const Node* param : source().params) round(*param, {mapped(param->value())});
    }
    const std::vector<Value> results = rebuilt(node);
    round(node, results);
    return results;
  }

 private:
  std::vector<Value> rebuilt(const Node& node) {
    if (node.op == Op::scan) return copy(node, std::make_shared<const Function>(rounded_body(node)));
    if (!makes_pairs(node)) return copy(node);
    std::vector<Value> factors;
    for (const Value operand : node.operands)
      factors.push_back(builder().cast(rounded_.at(operand), DType::f32));
    builder().set_origin(node.origin);
    return {builder().make(node.op, std::move(factors), node.attrs)};
  }

  /// Makes what is wanted of the node's results in bf16; `results` stand for them in f32.
  void round(const Node& node, const std::vector<Value>& results) {
    builder().set_origin(node.origin);
    for (uint32_t i = 0; i < results.size(); ++i) {
      if (!wanted_.contains(node.value(i))) continue;
      if (!moves(node.op)) {
        rounded_[node.value(i)] = builder().cast(results[i], DType::bf16);
        continue;
      }
      std::vector<Value> operands;
      for (const Value operand : node.operands) operands.push_back(rounded_.at(operand));
      rounded_[node.value(i)] = builder().make(node.op, std::move(operands), node.attrs);
    }
  }

  Function rounded_body(const Node& scan) const {
    const Function& body = *scan.body;
    std::vector<bool> fixed(body.nodes.size(), false);
    const auto first = static_cast<size_t>(scan.as<ScanAttrs>().carries + scan.as<ScanAttrs>().sequences);
    for (size_t i = first; i < body.params.size(); ++i)
      fixed[body.params[i]->index] = fixed_[scan.operands[i].node->index];
    for (const auto& node : body.nodes)
      if (node->op == Op::slice) fixed[node->index] = fixed[node->operands[0].node->index];
    return OperandRounder(body, std::move(fixed)).run();
  }

  bool makes_pairs(const Node& node) const {
    if ((node.op != Op::dot && node.op != Op::conv) || fixed_[node.index]) return false;
    const Value left = node.operands[0], right = node.operands[1];
    if (left.dtype() != DType::f32 || is_widening(*left.node) || is_widening(*right.node)) return false;
    const bool is_weight = fixed_[right.node->index];
    if (node.op == Op::dot) {
      const auto& [contract, batch] = node.as<DotAttrs>();
      if (contract.lhs.empty() || contract.lhs.back() != left.rank() - 1) return false;
      if (left.shape().back().is(1)) return false;
      return !is_weight || panel_axis(node) >= 0;
    }
    const ConvAxes axes = parse_conv_axes(node.as<ConvAttrs>().dims);
    return is_weight && panel_axis(node) >= 0 && axes.input.feature == left.rank() - 1 &&
           !left.shape().back().is(1);
  }

  std::vector<bool> fixed_;
  std::unordered_set<Value> wanted_;          // values of the source that something needs rounded
  std::unordered_map<Value, Value> rounded_;  // those, in bf16
  bool params_are_rounded_ = false;
};

}  // namespace

Module round_operands(const Module& module) {
  return map_functions(module, [&](const Function& function) {
    return OperandRounder(function, find_fixed(module, function)).run();
  });
}

}  // namespace keratin
