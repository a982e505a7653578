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
// Hoisted: dot products of a sequence's step with a captured operand, and dot products of these in turn. The rest of the
// body stays as it is.
#include <map>

#include "ir/rebuild.h"
#include "ir/region.h"
#include "ir/text.h"
#include "passes/pass.h"

namespace keratin {

namespace {

using Hoisted = std::map<const Node*, Value>;  // by node of the body: its values of all steps, outside

/// By node of the body: whether a result needs it, when the hoisted values come from outside.
std::vector<bool> find_read(const Function& body, const Hoisted& hoisted) {
  std::vector<bool> read(body.nodes.size(), false);
  for (const Result& result : body.results) read[result.value.node->index] = true;
  for (size_t i = body.nodes.size(); i-- > 0;) {
    if (!read[i] || hoisted.contains(body.nodes[i].get())) continue;
    for (Value operand : body.nodes[i]->operands) read[operand.node->index] = true;
  }
  return read;
}

/// The scan's body with the hoisted values as further sequences, without the parameters that nothing reads any more.
class BodyRest : public Rebuilder {
 public:
  BodyRest(const Node& scan, const std::vector<Value>& operands, const Hoisted& hoisted)
      : Rebuilder(*scan.body),
        attrs_(scan.as<ScanAttrs>()),
        carries_(attrs_.carries),
        first_captured_(attrs_.carries + attrs_.sequences),
        old_operands_(operands),
        hoisted_(hoisted),
        read_(find_read(*scan.body, hoisted)),
        names_(*scan.body) {
    attrs_.sequences = 0;
  }

  const ScanAttrs& attrs() const { return attrs_; }
  const std::vector<Value>& operands() const { return operands_; }

 protected:
  std::vector<Value> visit(const Node& node) override {
    // Sequences stand before what is captured.
    if (node.index >= first_captured_ || node.op != Op::param) add_hoisted();
    if (const auto found = params_.find(&node); found != params_.end()) return {found->second};
    const bool is_carry = node.index < carries_;
    if (!read_[node.index] && !is_carry) return {};
    if (node.op != Op::param) return copy(node);
    operands_.push_back(old_operands_[node.index]);
    if (!is_carry && node.index < first_captured_) ++attrs_.sequences;
    return copy(node);
  }

 private:
  void add_hoisted() {
    if (!params_.empty()) return;
    for (const auto& node : source().nodes) {
      const auto found = hoisted_.find(node.get());
      if (found == hoisted_.end() || !read_[node->index]) continue;
      params_[node.get()] = builder().param(names_.make("hoisted"), node->type());
      operands_.push_back(found->second);
      ++attrs_.sequences;
    }
  }

  ScanAttrs attrs_;
  const uint32_t carries_, first_captured_;
  const std::vector<Value>& old_operands_;
  const Hoisted& hoisted_;
  std::vector<bool> read_;
  ParamNames names_;
  std::vector<Value> operands_;          // of the new scan
  std::map<const Node*, Value> params_;  // by hoisted node
};

class ScanHoister : public Rebuilder {
 public:
  ScanHoister(const Function& function, Decisions* decisions) : Rebuilder(function), decisions_(decisions) {}

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
    Hoisted hoisted;
    for (const auto& node : body.nodes) {
      if (node->op != Op::dot) continue;
      const std::string what = cat("dot ", to_text(node->type()));
      const Node &left = *node->operands[0].node, &right = *node->operands[1].node;
      if (!stacked.contains(&left) || !captured.contains(&right)) {
        decide(scan, cat(what, " in every step: it does not multiply a sequence with what all steps share"));
        continue;
      }
      const Value whole = stacked_dot(scan, *node, stacked[&left], captured[&right]);
      decide(scan, cat(what, whole ? " before the loop, for all steps at once"
                                   : " in every step: of all at once its axes would lie in another order"));
      if (!whole) continue;
      hoisted[node.get()] = whole;
      stacked[node.get()] = whole;
    }
    if (hoisted.empty()) return copy(scan);
    BodyRest rest(scan, operands, hoisted);
    auto body_rest = std::make_shared<const Function>(rest.run());
    builder().set_origin(scan.origin);
    return results_of(*builder().make_node(Op::scan, rest.operands(), rest.attrs(), std::move(body_rest)));
  }

  /// The dot of all steps at once, with the steps along the scan's axis of the result; none if the steps would end up elsewhere.
  Value stacked_dot(const Node& scan, const Node& dot, Value left, Value right) {
    const int64_t axis = scan.as<ScanAttrs>().axis;
    DotAttrs attrs = dot.as<DotAttrs>();
    if (!attrs.batch.lhs.empty()) return {};
    // The step's axes move up by one from `axis` on.
    for (int64_t& a : attrs.contract.lhs) {
      if (a < axis) return {};
      ++a;
    }
    if (dot.type().rank() < axis) return {};
    builder().set_origin(dot.origin ? dot.origin : scan.origin);
    return builder().make(Op::dot, {left, right}, attrs);
  }

  void decide(const Node& scan, std::string how) {
    if (decisions_ != nullptr)
      decisions_->choices.push_back({"hoist", source().name, scan.origin, std::move(how)});
  }

  Decisions* const decisions_;
};

}  // namespace

Module hoist_from_scans(const Module& module, Decisions* decisions) {
  return map_functions(module,
                       [&](const Function& function) { return ScanHoister(function, decisions).run(); });
}

}  // namespace keratin
