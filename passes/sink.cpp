// The mirror image of hoist: what a scan does with its steps' values, and never looks at again, is done behind it.
//
// A carry that only grows is a sum over the steps. If what each step adds comes from contractions or sums, then one
// contraction over steps and rows does the same at once, on values that the scan puts out: the gradients of a recurrent
// layer's weights and biases are of this kind.
//
//     scan: s' = s + dot a_t, b_t {contract = [0]x[0]}
//     becomes
//     scan: puts out a, b : f32[N,T,…];  s = s0 + dot a, b {contract = [0,1]x[0,1]}
//
// Between the contraction and the sum there may be whatever is linear: sums, slices, paddings with zeros.
// A step's output that is a dot product with a captured operand becomes, likewise, one product with a row per step.
#include <algorithm>
#include <optional>

#include "ir/error.h"
#include "ir/rebuild.h"
#include "ir/region.h"
#include "ir/text.h"
#include "passes/pass.h"
#include "passes/uses.h"

namespace keratin {

namespace {

/// What a scan's results become: which the loop no longer computes, and what it puts out instead.
class SunkScan {
 public:
  explicit SunkScan(const Node& scan)
      : attrs_(scan.as<ScanAttrs>()), body_(*scan.body), uses_(find_uses(body_)), sunk_(scan.types.size()) {
    for (size_t i = 0; i < sunk_.size(); ++i) {
      const Value result = body_.results[i].value;
      if (is_carry(i)) {
        const Value added = what_is_added(i);
        sunk_[i] = added && sums_up(added);
      } else {
        sunk_[i] =
            count_results(result) == 1 && uses_.users[result.node->index].empty() && is_projection(result);
      }
    }
  }

  bool is_carry(size_t result) const { return static_cast<int64_t>(result) < attrs_.carries; }
  bool is_sunk(size_t result) const { return sunk_[result]; }
  int64_t count() const { return std::count(sunk_.begin(), sunk_.end(), true); }

  /// What each step adds to a carry that is a sum and nothing else; otherwise empty.
  Value what_is_added(size_t carry) const {
    const Node& param = *body_.params[carry];
    const Value next = body_.results[carry].value;
    if (next.node->op != Op::add || !is_read_once(param) || uses_.users[param.index][0] != next.node)
      return {};
    if (!uses_.users[next.node->index].empty() || count_results(next) != 1) return {};
    return next.node->operands[next.node->operands[0].node == &param ? 1 : 0];
  }

  /// The sequence that a value of the body is a step of, as an operand of the scan.
  std::optional<size_t> sequence_of(Value value) const {
    const size_t index = value.node->index;
    if (value.node->op != Op::param || is_carry(index) || is_captured(value)) return {};
    return index;
  }

 private:
  bool is_captured(Value value) const {
    return value.node->op == Op::param && value.node->index >= attrs_.carries + attrs_.sequences;
  }

  bool is_read_once(const Node& node) const {
    return uses_.users[node.index].size() == 1 && !uses_.escapes[node.index];
  }

  int64_t count_results(Value value) const {
    return std::count_if(body_.results.begin(), body_.results.end(),
                         [&](const Result& result) { return result.value == value; });
  }

  /// True if the steps' values can be stacked, and differ.
  bool can_be_stacked(Value value) const {
    return !is_captured(value) && value.node->op != Op::constant && value.rank() >= attrs_.axis &&
           value.type().layout.is_row_major();
  }

  /// True if the sum of the value over the steps is a contraction or a sum over steps, or linear in such.
  bool sums_up(Value value) const {
    const Node& node = *value.node;
    if (!is_read_once(node)) return false;
    const auto all_sum_up = [&] {
      return std::all_of(node.operands.begin(), node.operands.end(),
                         [&](Value operand) { return sums_up(operand); });
    };
    switch (node.op) {
      case Op::dot: return can_be_stacked(node.operands[0]) && can_be_stacked(node.operands[1]);
      case Op::reduce_sum: return can_be_stacked(node.operands[0]);
      case Op::pad: return is_splat(node.operands[1], 0) && sums_up(node.operands[0]);
      case Op::add:
      case Op::sub:
      case Op::neg:
      case Op::slice:
      case Op::reshape:
      case Op::transpose:
      case Op::concat:
      case Op::broadcast: return all_sum_up();
      default: return false;
    }
  }

  /// True for the dot product of a step's value with a captured operand, if all steps' products stand along the axis.
  bool is_projection(Value value) const {
    const Node& node = *value.node;
    if (node.op != Op::dot || !is_captured(node.operands[1]) || !can_be_stacked(node.operands[0]))
      return false;
    const auto& attrs = node.as<DotAttrs>();
    return attrs.batch.lhs.empty() && value.rank() >= attrs_.axis &&
           std::all_of(attrs.contract.lhs.begin(), attrs.contract.lhs.end(),
                       [&](int64_t axis) { return axis >= attrs_.axis; });
  }

  const ScanAttrs& attrs_;
  const Function& body_;
  const Uses uses_;
  std::vector<bool> sunk_;  // by result
};

/// The body without the carries and outputs that are sunk, with further outputs, and without what nothing reads any more.
class RestOfBody : public Rebuilder {
 public:
  RestOfBody(const Node& scan, const SunkScan& sunk, const std::vector<Value>& put_out)
      : Rebuilder(*scan.body),
        attrs_(scan.as<ScanAttrs>()),
        sunk_(sunk),
        read_(source().nodes.size(), false) {
    for (size_t i = 0; i < source().results.size(); ++i)
      if (!sunk.is_sunk(i)) results_.push_back(source().results[i].value);
    results_.insert(results_.end(), put_out.begin(), put_out.end());
    for (const Value result : results_) read_[result.node->index] = true;
    for (size_t i = source().nodes.size(); i-- > 0;)
      if (read_[i])
        for (const Value operand : source().nodes[i]->operands) read_[operand.node->index] = true;
  }

  /// Which of the scan's operands are left.
  bool keeps_operand(size_t i) const { return sunk_.is_carry(i) ? !sunk_.is_sunk(i) : read_[i]; }

  ScanAttrs attrs() const {
    ScanAttrs attrs = attrs_;
    const auto count = [&](int64_t from, int64_t to) {
      int64_t kept = 0;
      for (int64_t i = from; i < to; ++i) kept += keeps_operand(i) ? 1 : 0;
      return kept;
    };
    attrs.carries = count(0, attrs_.carries);
    attrs.sequences = count(attrs_.carries, attrs_.carries + attrs_.sequences);
    return attrs;
  }

  bool is_empty() const { return results_.empty(); }

  std::shared_ptr<const Function> make() {
    for (const auto& node : source().nodes)
      if (node->op == Op::param ? keeps_operand(node->index) : read_[node->index]) rebuild(*node);
    for (const Value result : results_) builder().result({}, mapped(result));
    return std::make_shared<const Function>(builder().finish());
  }

 private:
  const ScanAttrs& attrs_;
  const SunkScan& sunk_;
  std::vector<Value> results_;
  std::vector<bool> read_;  // by node
};

/// Builds what stands behind one scan.
class Sinker {
 public:
  Sinker(Builder& builder, const Node& scan, const std::vector<Value>& operands)
      : builder_(builder), scan_(scan), attrs_(scan.as<ScanAttrs>()), operands_(operands), sunk_(scan) {}

  int64_t count_sunk() const { return sunk_.count(); }

  /// The scan's results; none if everything stays in it.
  std::vector<Value> run() {
    if (count_sunk() == 0) return {};
    const Function& body = *scan_.body;
    std::vector<Value> results(body.results.size());
    for (size_t i = 0; i < results.size(); ++i) {
      if (!sunk_.is_sunk(i)) continue;
      if (sunk_.is_carry(i))
        find_leaves(sunk_.what_is_added(i));
      else
        need(body.results[i].value.node->operands[0]);
    }
    build_scan(results);
    for (size_t i = 0; i < results.size(); ++i) {
      if (!sunk_.is_sunk(i)) continue;
      if (sunk_.is_carry(i)) {
        const Value sum = summed(sunk_.what_is_added(i));
        builder_.set_origin(scan_.origin);
        results[i] = is_splat(operands_[i], 0) ? sum : builder_.add(operands_[i], sum);
      } else {
        results[i] = projected(*body.results[i].value.node);
      }
    }
    return results;
  }

 private:
  /// Asks the scan for the values that `value` sums up.
  void find_leaves(Value value) {
    const Node& node = *value.node;
    const bool is_leaf = node.op == Op::dot || node.op == Op::reduce_sum;
    for (const Value operand : node.operands) {
      if (is_leaf)
        need(operand);
      else if (operand.node->op != Op::constant)
        find_leaves(operand);
    }
  }

  void need(Value value) {
    const bool known = std::find(put_out_.begin(), put_out_.end(), value) != put_out_.end();
    if (!known && !sunk_.sequence_of(value) && !output_of(value)) put_out_.push_back(value);
  }

  /// The scan's result that stacks a value of the body already.
  std::optional<size_t> output_of(Value value) const {
    for (size_t i = attrs_.carries; i < scan_.body->results.size(); ++i)
      if (!sunk_.is_sunk(i) && scan_.body->results[i].value == value) return i;
    return {};
  }

  void build_scan(std::vector<Value>& results) {
    RestOfBody rest(scan_, sunk_, put_out_);
    if (rest.is_empty()) return;
    std::vector<Value> operands;
    for (size_t i = 0; i < operands_.size(); ++i)
      if (rest.keeps_operand(i)) operands.push_back(operands_[i]);
    builder_.set_origin(scan_.origin);
    const Node& built = *builder_.make_node(Op::scan, operands, rest.attrs(), rest.make());
    uint32_t next = 0;
    for (size_t i = 0; i < results.size(); ++i)
      if (!sunk_.is_sunk(i)) results[i] = built.value(next++);
    kept_ = results;
    for (size_t i = 0; i < put_out_.size(); ++i) stacked_.push_back(built.value(next++));
  }

  /// All steps of a value of the body.
  Value stacked(Value value) const {
    if (const auto sequence = sunk_.sequence_of(value)) return operands_[*sequence];
    if (const auto output = output_of(value)) return kept_[*output];
    const auto found = std::find(put_out_.begin(), put_out_.end(), value);
    KERATIN_CHECK(found != put_out_.end(), "the scan puts out what is summed up behind it");
    return stacked_[found - put_out_.begin()];
  }

  /// The same axes where the steps stand along one of them.
  Ints moved(Ints axes) const {
    for (int64_t& axis : axes)
      if (axis >= attrs_.axis) ++axis;
    return axes;
  }

  /// The sum of a value of the body over the steps.
  Value summed(Value value) {
    const Node& node = *value.node;
    builder_.set_origin(node.origin);
    if (node.op == Op::dot) {
      DotAttrs attrs = node.as<DotAttrs>();
      for (Ints* axes : {&attrs.contract.lhs, &attrs.contract.rhs, &attrs.batch.lhs, &attrs.batch.rhs})
        *axes = moved(*axes);
      // Steps are contracted where they stand in the left operand, so that neighbours in memory are so in the sum.
      const auto place = std::find_if(attrs.contract.lhs.begin(), attrs.contract.lhs.end(),
                                      [&](int64_t axis) { return axis > attrs_.axis; });
      attrs.contract.rhs.insert(attrs.contract.rhs.begin() + (place - attrs.contract.lhs.begin()),
                                attrs_.axis);
      attrs.contract.lhs.insert(place, attrs_.axis);
      return builder_.make(Op::dot, {stacked(node.operands[0]), stacked(node.operands[1])}, attrs);
    }
    if (node.op == Op::reduce_sum) {
      Ints axes = moved(node.as<AxesAttrs>().axes);
      axes.insert(std::upper_bound(axes.begin(), axes.end(), attrs_.axis), attrs_.axis);
      return builder_.reduce(Op::reduce_sum, stacked(node.operands[0]), axes);
    }
    std::vector<Value> operands;
    for (const Value operand : node.operands)
      operands.push_back(operand.node->op == Op::constant ? builder_.constant_like(operand, 0)
                                                          : summed(operand));
    builder_.set_origin(node.origin);
    return builder_.make(node.op, operands, node.attrs);
  }

  /// The dot product of every step's value with the captured operand.
  Value projected(const Node& dot) {
    DotAttrs attrs = dot.as<DotAttrs>();
    attrs.contract.lhs = moved(attrs.contract.lhs);
    builder_.set_origin(dot.origin);
    return builder_.make(Op::dot, {stacked(dot.operands[0]), operands_[dot.operands[1].node->index]}, attrs);
  }

  Builder& builder_;
  const Node& scan_;
  const ScanAttrs& attrs_;
  const std::vector<Value>& operands_;
  const SunkScan sunk_;
  std::vector<Value> put_out_;  // values of the body, beside its own outputs
  std::vector<Value> stacked_;  // by place in put_out_
  std::vector<Value> kept_;     // by result of the scan
};

class ScanSinker : public Rebuilder {
 public:
  ScanSinker(const Function& function, Decisions* decisions) : Rebuilder(function), decisions_(decisions) {}

 protected:
  std::vector<Value> visit(const Node& node) override {
    if (node.op != Op::scan) return copy(node);
    const std::vector<Value> operands = mapped(node.operands);
    Sinker sinker(builder(), node, operands);
    const std::vector<Value> results = sinker.run();
    if (decisions_ != nullptr && !results.empty())
      decisions_->choices.push_back(
          {"sink", source().name, node.origin,
           cat(sinker.count_sunk(), " of ", node.types.size(), " results computed behind the loop")});
    return results.empty() ? copy(node) : results;
  }

 private:
  Decisions* const decisions_;
};

}  // namespace

Module sink_from_scans(const Module& module, Decisions* decisions) {
  return map_functions(module,
                       [&](const Function& function) { return ScanSinker(function, decisions).run(); });
}

}  // namespace keratin
