#include "ir/scan_gradient.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "ir/error.h"
#include "ir/op.h"
#include "ir/region.h"
#include "ir/reverse.h"
#include "ir/text.h"

namespace keratin {
namespace {

/// A body with its reverse sweep behind it: one function of the body's params and the gradients of its results.
class JointBody : public ReverseSweep {
 public:
  JointBody(const Node& scan, const std::vector<bool>& wanted, const std::vector<bool>& read)
      : ReverseSweep(*scan.body), attrs_(scan.as<ScanAttrs>()), carries_(attrs_.carries) {
    find_carries(wanted, read);
    for (size_t i = 0; i < wanted.size(); ++i) is_input_.push_back(wanted[i] || is_carry(i));
    for (size_t i = 0; i < source().results.size(); ++i) {
      const bool ends = i < carries_ ? is_carry(i) : read[i] && depends_on_inputs(source().results[i].value);
      if (ends) ends_.push_back(i);
    }
    find_paths(inputs(), end_values());
  }

  /// Results that have a gradient, by index, and params that get one; carries in both.
  const std::vector<size_t>& ends() const { return ends_; }
  bool is_input(size_t param) const { return is_input_[param]; }
  bool is_carry(size_t i) const { return i < carries_ && carried_[i]; }

  /// Its params: the body's, then one per end. Its results: the body's, then a gradient per input, in order of params.
  Function joint() {
    ParamNames names(source());
    for (const Node* param : source().params) rebuild(*param);
    std::vector<std::pair<Value, Value>> seeds;
    for (const size_t end : ends_) {
      const Value value = source().results[end].value;
      seeds.emplace_back(value, builder().param(names.make("d"), value.type()));
    }
    for (const auto& node : source().nodes)
      if (node->op != Op::param) rebuild(*node);
    for (const Result& result : source().results) builder().result(result.name, mapped(result.value));
    const std::vector<Value> of_inputs = inputs(), found = sweep(seeds);
    for (size_t i = 0; i < found.size(); ++i)
      builder().result({}, found[i] ? found[i] : builder().constant_like(mapped(of_inputs[i]), 0));
    return builder().finish();
  }

 private:
  /// A carry has a gradient if it depends on a wanted operand, in some step, and a read result depends on it.
  void find_carries(const std::vector<bool>& wanted, const std::vector<bool>& read) {
    std::vector<bool> depends = wanted, reaches = read;
    for (bool grows = true; grows;) {
      grows = false;
      std::vector<Value> starts, ends;
      for (size_t i = 0; i < depends.size(); ++i)
        if (depends[i]) starts.push_back(source().params[i]->value());
      for (size_t i = 0; i < reaches.size(); ++i)
        if (reaches[i]) ends.push_back(source().results[i].value);
      find_paths(starts, ends);
      for (size_t i = 0; i < carries_; ++i) {
        const bool now_depends = depends[i] || depends_on_inputs(source().results[i].value);
        const bool now_reaches = reaches[i] || (is_float(source().params[i]->type().dtype) &&
                                                reaches_ends(source().params[i]->value()));
        grows |= now_depends != depends[i] || now_reaches != reaches[i];
        depends[i] = now_depends;
        reaches[i] = now_reaches;
      }
    }
    for (size_t i = 0; i < carries_; ++i) carried_.push_back(depends[i] && reaches[i]);
  }

  std::vector<Value> inputs() const {
    std::vector<Value> values;
    for (size_t i = 0; i < is_input_.size(); ++i)
      if (is_input_[i]) values.push_back(source().params[i]->value());
    return values;
  }

  std::vector<Value> end_values() const {
    std::vector<Value> values;
    for (const size_t end : ends_) values.push_back(source().results[end].value);
    return values;
  }

  const ScanAttrs& attrs_;
  const size_t carries_;
  std::vector<bool> carried_, is_input_;
  std::vector<size_t> ends_;
};

/// Part of a function: what some of its values need, given those that its params stand for.
class Part : public Rebuilder {
 public:
  explicit Part(const Function& source) : Rebuilder(source), names_(source) {}
  using Rebuilder::builder;
  using Rebuilder::mapped;

  /// The next param stands for `value`; if its rank is below `rank`, axes of extent 1 stand in front.
  void param(Value value, int64_t rank = 0) {
    const bool is_param = value.node->op == Op::param;
    given_.emplace_back(value,
                        builder().param(is_param ? value.node->as<NameAttrs>().name : names_.make("kept"),
                                        padded_type(value, rank)));
  }
  /// The next param stands for no value of the source.
  Value param(Type type) { return builder().param(names_.make("sum"), std::move(type)); }

  /// Maps `values`. No params can be added afterwards.
  void compute(const std::vector<Value>& values) {
    for (const auto& [value, param] : given_)
      params_[value] = param.type() == value.type() ? param : builder().reshape(param, value.shape());
    find_read(values);
    for (const auto& node : source().nodes)
      if (read_.contains(node.get())) rebuild(*node);
  }

  void result(Value value, int64_t rank = 0) {
    builder().result({},
                     value.rank() < rank ? builder().reshape(value, padded_type(value, rank).shape) : value);
  }

 protected:
  std::vector<Value> visit(const Node& node) override {
    std::vector<Value> values(node.types.size());
    bool is_given = false;
    for (uint32_t i = 0; i < node.types.size(); ++i) {
      const auto found = params_.find(node.value(i));
      if (found == params_.end()) continue;
      values[i] = found->second;
      is_given = true;
    }
    if (is_given && !computed_.contains(&node)) return values;
    std::vector<Value> computed = copy(node);
    for (size_t i = 0; i < values.size(); ++i)
      if (!values[i]) values[i] = computed[i];
    return values;
  }

 private:
  static Type padded_type(Value value, int64_t rank) {
    Shape shape;
    for (int64_t i = value.rank(); i < rank; ++i) shape.emplace_back(1);
    for (const Dim dim : value.shape()) shape.push_back(dim);
    return Type(value.dtype(), std::move(shape));
  }

  /// The nodes with a value that is read, and those among them that are computed.
  void find_read(const std::vector<Value>& results) {
    std::vector<Value> todo = results;
    std::unordered_set<Value> seen;
    while (!todo.empty()) {
      const Value value = todo.back();
      todo.pop_back();
      if (!seen.insert(value).second) continue;
      read_.insert(value.node);
      if (params_.contains(value)) continue;
      KERATIN_CHECK(value.node->op != Op::param, "a part reads a param that it is not given");
      if (!computed_.insert(value.node).second) continue;
      todo.insert(todo.end(), value.node->operands.begin(), value.node->operands.end());
    }
  }

  ParamNames names_;
  std::vector<std::pair<Value, Value>> given_;
  std::unordered_map<Value, Value> params_;
  std::unordered_set<const Node*> read_, computed_;
};

/// True if computing it again costs no more than reading it.
bool is_cheap(const Node& node) {
  switch (family_of(node.op)) {
    case Family::structure:
    case Family::shape: return true;
    case Family::pointwise: return !is_expensive(node.op);
    default: return false;
  }
}

/// By node of the joint body: whether it depends on the gradients of results, which are the params from `first` on.
std::vector<bool> find_backward(const Function& joint, size_t first) {
  std::vector<bool> backward(joint.nodes.size(), false);
  for (size_t i = first; i < joint.params.size(); ++i) backward[joint.params[i]->index] = true;
  for (const auto& node : joint.nodes)
    for (const Value operand : node->operands)
      if (backward[operand.node->index]) backward[node->index] = true;
  return backward;
}

/// What `results` read of the forward computation: values to keep, and params.
struct Reads {
  std::vector<Value> kept;
  std::vector<bool> params;  ///< by index
};

Reads find_reads(const std::vector<Value>& results, const std::vector<bool>& backward, size_t params) {
  Reads reads{{}, std::vector<bool>(params, false)};
  std::vector<Value> todo = results;
  std::unordered_set<Value> seen;
  while (!todo.empty()) {
    const Value value = todo.back();
    todo.pop_back();
    if (!seen.insert(value).second) continue;
    const Node& node = *value.node;
    if (node.op == Op::param) {
      if (node.index < params) reads.params[node.index] = true;
    } else if (backward[node.index] || is_cheap(node)) {
      todo.insert(todo.end(), node.operands.begin(), node.operands.end());
    } else {
      reads.kept.push_back(value);
    }
  }
  // In the body's order: the text does not depend on how the search went.
  std::sort(reads.kept.begin(), reads.kept.end(), [](Value a, Value b) {
    return std::pair(a.node->index, a.result) < std::pair(b.node->index, b.result);
  });
  return reads;
}

}  // namespace

ScanGradient::ScanGradient(const Node& scan, const std::vector<bool>& wanted, const std::vector<bool>& read)
    : scan_(scan), reverse_(scan.as<ScanAttrs>()) {
  const size_t carries = reverse_.carries, first_captured = carries + reverse_.sequences;
  const size_t params = scan.operands.size(), results = scan.types.size();
  JointBody body(scan, wanted, read);
  const Function joint = body.joint();
  const std::vector<bool> backward = find_backward(joint, params);

  std::vector<Value> gradients(params);  // by operand
  size_t next = results;
  for (size_t i = 0; i < params; ++i)
    if (body.is_input(i)) gradients[i] = joint.results[next++].value;
  std::vector<Value> asked;
  std::copy_if(gradients.begin(), gradients.end(), std::back_inserter(asked),
               [](Value g) { return bool(g); });
  Reads reads = find_reads(asked, find_backward(joint, params), params);
  for (size_t i = carries; i-- > 0;)
    if (reads.params[i]) reads.kept.insert(reads.kept.begin(), joint.params[i]->value());
  kept_ = reads.kept.size();

  Part forward(joint);
  for (size_t i = 0; i < params; ++i) forward.param(joint.params[i]->value());
  std::vector<Value> put_out;
  for (size_t i = 0; i < results; ++i) put_out.push_back(joint.results[i].value);
  put_out.insert(put_out.end(), reads.kept.begin(), reads.kept.end());
  forward.compute(put_out);
  for (size_t i = 0; i < put_out.size(); ++i)
    forward.result(forward.mapped(put_out[i]), i < results ? 0 : reverse_.axis);
  forward_body_ = std::make_shared<const Function>(forward.builder().finish());

  // The reverse body's params: carries, then sequences, then what is captured.
  Part reverse(joint);
  std::vector<Value> sums(params);
  for (size_t i = 0; i < body.ends().size(); ++i) {
    const Value of_end = joint.params[params + i]->value();
    if (const size_t end = body.ends()[i]; end < carries) {
      carries_.push_back(end);
      reverse.param(of_end);
    } else {
      outputs_.push_back(end);
    }
  }
  for (size_t i = first_captured; i < params; ++i) {
    if (!gradients[i]) continue;
    sums_.push_back(i);
    sums[i] = reverse.param(gradients[i].type());
  }
  for (const Value kept : reads.kept) reverse.param(kept, reverse_.axis);
  for (size_t i = carries; i < first_captured; ++i) {
    if (gradients[i]) stepwise_.push_back(i);
    if (!reads.params[i]) continue;
    sequences_.push_back(i);
    reverse.param(joint.params[i]->value());
  }
  for (size_t i = 0; i < body.ends().size(); ++i)
    if (body.ends()[i] >= carries) reverse.param(joint.params[params + i]->value());
  for (size_t i = first_captured; i < params; ++i) {
    if (!reads.params[i]) continue;
    captured_.push_back(i);
    reverse.param(joint.params[i]->value());
  }
  reverse.compute(asked);
  for (const size_t i : carries_) reverse.result(reverse.mapped(gradients[i]));
  for (const size_t i : sums_) reverse.result(reverse.builder().add(sums[i], reverse.mapped(gradients[i])));
  for (const size_t i : stepwise_) reverse.result(reverse.mapped(gradients[i]));
  backward_body_ = std::make_shared<const Function>(reverse.builder().finish());
  reverse_.carries = static_cast<int64_t>(carries_.size() + sums_.size());
  reverse_.sequences = static_cast<int64_t>(kept_ + sequences_.size() + outputs_.size());
  reverse_.reverse = !reverse_.reverse;
}

std::vector<Value> ScanGradient::forward(Builder& builder, const std::vector<Value>& operands) {
  built_ = builder.make_node(Op::scan, operands, scan_.attrs, forward_body_);
  std::vector<Value> results = results_of(*built_);
  results.resize(scan_.types.size());
  return results;
}

void ScanGradient::backward(Builder& builder, const std::vector<Value>& operands,
                            const std::vector<Value>& of_results, std::vector<Value>& of_operands) {
  auto or_zero = [&](Value gradient, const Type& type) {
    return gradient ? gradient : builder.splat(Scalar::of(type.dtype, 0), type);
  };
  std::vector<Value> arguments;
  for (const size_t i : carries_) arguments.push_back(or_zero(of_results[i], scan_.types[i]));
  for (const size_t i : sums_) arguments.push_back(or_zero({}, operands[i].type()));
  for (size_t i = 0; i < kept_; ++i)
    arguments.push_back(built_->value(static_cast<uint32_t>(scan_.types.size() + i)));
  for (const size_t i : sequences_) arguments.push_back(operands[i]);
  for (const size_t i : outputs_) arguments.push_back(or_zero(of_results[i], scan_.types[i]));
  for (const size_t i : captured_) arguments.push_back(operands[i]);
  const Node* scan = builder.make_node(Op::scan, arguments, reverse_, backward_body_);
  uint32_t next = 0;
  for (const auto* group : {&carries_, &sums_, &stepwise_})
    for (const size_t i : *group) of_operands[i] = scan->value(next++);
}

}  // namespace keratin
