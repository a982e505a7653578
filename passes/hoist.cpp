// Scan fission: what a scan computes from its sequences and captured operands alone leaves the loop.
//
// A contraction in the body that does not depend on the carry is the same computation in every step: done for all steps at
// once, before the loop, it is one contraction with a row per step. The input projection of every recurrent layer is of
// this kind.
//
//     scan over x[N,T,F]: h' = tanh(dot x_t, w + dot h, u)
//     becomes
//     p = dot x, w : f32[N,T,U];  scan over p: h' = tanh(p_t + dot h, u)
//
// Hoisted: dot products of a sequence's step (or of a pointwise function of it) with captured operands. The rest of the body
// stays as it is.
#include <map>

#include "ir/rebuild.h"
#include "ir/text.h"
#include "passes/pass.h"

namespace keratin {

namespace {

class ScanHoister : public Rebuilder {
 public:
  using Rebuilder::Rebuilder;

 protected:
  std::vector<Value> visit(const Node& node) override {
    if (node.op != Op::scan) return copy(node);
    return hoist(node);
  }

 private:
  std::vector<Value> hoist(const Node& scan) {
    const auto& attrs = scan.as<ScanAttrs>();
    const Function& body = *scan.body;
    const std::vector<Value> operands = mapped(scan.operands);

    // Whole sequences by node of the body, as far as they are computed outside: all steps of the value, stacked.
    std::map<const Node*, Value> stacked;
    std::map<const Node*, Value> captured;
    for (int64_t i = 0; i < static_cast<int64_t>(body.params.size()); ++i) {
      if (i >= attrs.carries + attrs.sequences)
        captured[body.params[i]] = operands[i];
      else if (i >= attrs.carries)
        stacked[body.params[i]] = operands[i];
    }
    std::map<const Node*, Value> hoisted;
    for (const auto& node : body.nodes) {
      if (node->op != Op::dot || !stacked.contains(node->operands[0].node) ||
          !captured.contains(node->operands[1].node))
        continue;
      if (const Value whole = stacked_dot(*node, attrs.axis, stacked[node->operands[0].node],
                                          captured[node->operands[1].node])) {
        hoisted[node.get()] = whole;
        stacked[node.get()] = whole;
      }
    }
    if (hoisted.empty()) return copy(scan);
    return rebuild(scan, operands, hoisted);
  }

  /// The dot of all steps at once, with the steps along `axis` of the result; none if the steps would end up elsewhere.
  Value stacked_dot(const Node& dot, int64_t axis, Value left, Value right) {
    DotAttrs attrs = dot.as<DotAttrs>();
    if (!attrs.batch.lhs.empty()) return {};
    // The step's axes move up by one from `axis` on.
    for (int64_t& a : attrs.contract.lhs) {
      if (a < axis) return {};
      ++a;
    }
    if (dot.type().rank() < axis) return {};
    builder().set_origin(dot.origin);
    return builder().make(Op::dot, {left, right}, attrs);
  }

  /// The scan with the hoisted values as further sequences, without the operands that nothing in the body reads any more.
  std::vector<Value> rebuild(const Node& scan, const std::vector<Value>& operands,
                             const std::map<const Node*, Value>& hoisted) {
    ScanAttrs attrs = scan.as<ScanAttrs>();
    const Function& body = *scan.body;
    const int64_t first_captured = attrs.carries + attrs.sequences;
    const std::vector<bool> read = find_read(body, hoisted);
    Builder inner;
    std::map<const Node*, std::vector<Value>> values;
    std::vector<Value> new_operands;
    auto add_param = [&](const Node* param, Value operand) {
      values[param] = {inner.param(param->as<NameAttrs>().name, param->type())};
      new_operands.push_back(operand);
    };
    attrs.sequences = 0;
    for (int64_t i = 0; i < first_captured; ++i) {
      const bool carry = i < attrs.carries;
      if (!carry && !read[body.params[i]->index]) continue;
      add_param(body.params[i], operands[i]);
      if (!carry) ++attrs.sequences;
    }
    for (const auto& node : body.nodes) {
      const auto found = hoisted.find(node.get());
      if (found == hoisted.end() || !read[node->index]) continue;
      values[node.get()] = {inner.param(cat("hoisted", attrs.sequences++), node->type())};
      new_operands.push_back(found->second);
    }
    for (size_t i = first_captured; i < body.params.size(); ++i)
      if (read[body.params[i]->index]) add_param(body.params[i], operands[i]);

    for (const auto& node : body.nodes) {
      if (values.contains(node.get()) || !read[node->index] || node->op == Op::param) continue;
      inner.set_origin(node->origin);
      if (node->op == Op::constant) {
        const auto& constant = node->as<ConstantAttrs>();
        values[node.get()] = {constant.data ? inner.constant(constant.data)
                                            : inner.constant(constant.splat, node->type().shape)};
        continue;
      }
      std::vector<Value> args;
      for (Value operand : node->operands) args.push_back(values[operand.node][operand.result]);
      const Node* made = inner.make_node(node->op, args, node->attrs, node->body);
      for (uint32_t i = 0; i < made->types.size(); ++i) values[node.get()].push_back(made->value(i));
    }
    for (const Result& result : body.results)
      inner.result(result.name, values[result.value.node][result.value.result]);

    builder().set_origin(scan.origin);
    const Node* made =
        builder().make_node(Op::scan, new_operands, attrs, std::make_shared<const Function>(inner.finish()));
    std::vector<Value> results;
    for (uint32_t i = 0; i < made->types.size(); ++i) results.push_back(made->value(i));
    return results;
  }

  /// By node of the body: whether a result needs it, when the hoisted values come from outside.
  static std::vector<bool> find_read(const Function& body, const std::map<const Node*, Value>& hoisted) {
    std::vector<bool> read(body.nodes.size(), false);
    for (const Result& result : body.results) read[result.value.node->index] = true;
    for (size_t i = body.nodes.size(); i-- > 0;) {
      if (!read[i] || hoisted.contains(body.nodes[i].get())) continue;
      for (Value operand : body.nodes[i]->operands) read[operand.node->index] = true;
    }
    return read;
  }
};

}  // namespace

Module hoist_from_scans(const Module& module) {
  return map_functions(module, [](const Function& function) { return ScanHoister(function).run(); });
}

}  // namespace keratin
