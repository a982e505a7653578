// What kernels leave in memory for one another is rounded to bf16: half the bytes.
//
//     %0 = fusion … -> f32[N,56,56,256]         becomes        %0 = fusion … -> bf16[N,56,56,256]
//     %1 = fusion %0 …                                         %1 = fusion %0 …, which widens it first
//
// Only large values, which go through caches or past them; results of the function stay as they are, and what an op reads or writes that
// is a kernel of its own (sort, scan: but for sequences that its steps only compute with). So does what reductions read: a normalisation
// of what layer after layer has been added to would otherwise see the roundings of all. Where a fusion leaves a value and the same
// rounded, one is left.
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

bool reduces(const Function& region) {
  return std::ranges::any_of(region.nodes,
                             [](const auto& node) { return family_of(node->op) == Family::reduce; });
}

/// The scan of a fusion that has nothing else but constants, or null.
const Node* as_scan(const Node& fusion) {
  const Node* scan = nullptr;
  for (const auto& node : fusion.body->nodes) {
    if (node->op == Op::scan && scan == nullptr)
      scan = node.get();
    else if (node->op != Op::param && node->op != Op::constant)
      return nullptr;
  }
  return scan;
}

/// Whether a scan's operand is a sequence, of whose elements nothing is read but by fusions.
bool is_widened_in_steps(const Node& scan, size_t operand) {
  const auto& attrs = scan.as<ScanAttrs>();
  const auto first = static_cast<size_t>(attrs.carries), end = first + static_cast<size_t>(attrs.sequences);
  if (operand < first || operand >= end) return false;
  const Value element = scan.body->params[operand]->value();
  const auto reads = [&](const auto& node) {
    return std::ranges::find(node->operands, element) != node->operands.end();
  };
  return std::ranges::none_of(scan.body->results,
                              [&](const Result& result) { return result.value == element; }) &&
         std::ranges::none_of(scan.body->nodes, [&](const auto& node) {
           return reads(node) && (node->op != Op::fusion || is_opaque(*node));
         });
}

/// The parameter that a bf16 value is, widened and rounded again; or null.
const Node* as_rounded_param(Value value) {
  if (value.dtype() == DType::bf16 && value.node->op == Op::cast &&
      value.node->operands[0].node->op == Op::cast)
    value = value.node->operands[0].node->operands[0];
  return value.dtype() == DType::bf16 && value.node->op == Op::param ? value.node : nullptr;
}

class StorageRounder : public Rebuilder {
 public:
  explicit StorageRounder(const Function& function) : Rebuilder(function) {
    for (const Result& result : function.results) kept_.insert(result.value);
    for (const Update& update : function.updates) kept_.insert(update.value);
    // From the last node to the first: whoever reads a value decides whether it may be rounded.
    for (size_t i = function.nodes.size(); i-- > 0;) {
      const Node& node = *function.nodes[i];
      for (size_t k = 0; k < node.operands.size(); ++k)
        if (!may_be_rounded(node, k)) kept_.insert(node.operands[k]);
    }
  }
  /// The body of a scan, some of whose parameters are rounded. What it computes is not.
  StorageRounder(const Function& body, std::vector<bool> rounded_params)
      : Rebuilder(body), rounded_params_(std::move(rounded_params)) {
    for (const auto& node : body.nodes)
      for (uint32_t i = 0; i < node->types.size(); ++i) kept_.insert(node->value(i));
  }

 protected:
  std::vector<Value> visit(const Node& node) override {
    if (node.op == Op::param && !rounded_params_.empty() && rounded_params_[node.index])
      return {builder().param(node.as<NameAttrs>().name, Type(DType::bf16, node.type().shape))};
    if (node.op != Op::fusion) return copy(node);
    if (is_opaque(node)) return reads_rounded(node) ? rounded_scan(node) : copy(node);
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

    std::vector<Value> results, stand_ins(values.size());
    std::vector<uint32_t> places;  // among those, of each result of the node
    for (uint32_t i = 0; i < values.size(); ++i) {
      const bool rounds =
          !kept_.contains(node.value(i)) && values[i].dtype() == DType::f32 && is_large(values[i].shape());
      inner.set_origin(values[i].node->origin);
      const Value result = rounds ? inner.cast(values[i], DType::bf16) : values[i];
      if (const Node* param = as_rounded_param(result)) stand_ins[i] = operands[param->index];
      const auto known = std::find(results.begin(), results.end(), result);
      places.push_back(static_cast<uint32_t>(known - results.begin()));
      if (known == results.end()) results.push_back(result);
    }
    // Where all that is left of a fusion is the rounding of what is rounded now, nothing is left to do.
    if (std::ranges::none_of(stand_ins, [](Value value) { return value.node == nullptr; })) return stand_ins;
    for (size_t i = 0; i < results.size(); ++i) inner.result(cat("r", i), results[i]);
    builder().set_origin(node.origin);
    const Node* fusion = builder().make_node(Op::fusion, operands, NoAttrs{},
                                             std::make_shared<const Function>(inner.finish()));
    for (size_t i = 0; i < places.size(); ++i) stand_ins[i] = fusion->value(places[i]);
    return stand_ins;
  }

 private:
  bool may_be_rounded(const Node& reader, size_t operand) const {
    if (reader.op != Op::fusion) return !kept_.contains(reader.value());
    if (!is_opaque(reader)) return !reduces(*reader.body);
    const Node* scan = as_scan(reader);
    if (scan == nullptr) return false;
    const Value param = reader.body->params[operand]->value();
    for (size_t i = 0; i < scan->operands.size(); ++i)
      if (scan->operands[i] == param && !is_widened_in_steps(*scan, i)) return false;
    return true;
  }

  bool reads_rounded(const Node& fusion) const {
    return std::ranges::any_of(fusion.operands,
                               [&](Value operand) { return mapped(operand).dtype() != operand.dtype(); });
  }

  /// The fusion of a scan some of whose sequences are rounded.
  std::vector<Value> rounded_scan(const Node& fusion) {
    const Node& scan = *as_scan(fusion);
    Builder inner(fusion.body->name);
    std::vector<Value> values(fusion.body->nodes.size());
    for (size_t i = 0; i < fusion.operands.size(); ++i)
      values[i] =
          inner.param(fusion.body->params[i]->as<NameAttrs>().name, mapped(fusion.operands[i]).type());
    for (const auto& node : fusion.body->nodes)
      if (node->op == Op::constant)
        values[node->index] = inner.constant(node->as<ConstantAttrs>().splat, node->type().shape);
    std::vector<Value> operands;
    std::vector<bool> rounded;
    for (const Value operand : scan.operands) {
      operands.push_back(values[operand.node->index]);
      rounded.push_back(operands.back().dtype() != operand.dtype());
    }
    inner.set_origin(scan.origin);
    auto body = std::make_shared<const Function>(StorageRounder(*scan.body, std::move(rounded)).run());
    const Node* made = inner.make_node(Op::scan, operands, scan.attrs, std::move(body));
    for (const Result& result : fusion.body->results)
      inner.result(result.name, made->value(result.value.result));
    return copy(fusion, std::make_shared<const Function>(inner.finish()));
  }

  std::unordered_set<Value> kept_;  // read by somebody, or given out, as they are
  std::vector<bool> rounded_params_;
};

}  // namespace

Module round_storage(const Module& module) {
  return map_functions(module, [](const Function& function) { return StorageRounder(function).run(); });
}

}  // namespace keratin
