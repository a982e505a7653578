#include "ir/reverse.h"

#include <algorithm>

#include "ir/error.h"
#include "ir/op.h"
#include "ir/region.h"
#include "ir/scan_gradient.h"
#include "ir/text.h"

namespace keratin {
namespace {

bool is_differentiable(const Node& node) { return def_of(node.op).gradient.fn != not_differentiable; }

/// An array of bool, which std::vector is not.
class Flags {
 public:
  explicit Flags(size_t size) : data_(std::make_unique<bool[]>(size)), size_(size) {}
  bool& operator[](size_t i) { return data_[i]; }
  std::span<const bool> span() const { return {data_.get(), size_}; }

 private:
  std::unique_ptr<bool[]> data_;
  size_t size_;
};

}  // namespace

ReverseSweep::ReverseSweep(const Function& source) : Rebuilder(source) {}
ReverseSweep::~ReverseSweep() = default;

void ReverseSweep::find_paths(std::vector<Value> inputs, const std::vector<Value>& ends) {
  inputs_ = std::move(inputs);
  is_input_ = {inputs_.begin(), inputs_.end()};
  const auto& nodes = source().nodes;
  depends_.assign(nodes.size(), false);
  for (const auto& node : nodes)
    depends_[node->index] =
        is_differentiable(*node) && std::any_of(node->operands.begin(), node->operands.end(),
                                                [&](Value operand) { return depends_on_inputs(operand); });
  read_ = {ends.begin(), ends.end()};
  std::vector<bool> reaches(nodes.size(), false);
  for (const Value end : ends) reaches[end.node->index] = true;
  for (size_t i = nodes.size(); i-- > 0;) {
    if (!reaches[i] || !is_differentiable(*nodes[i])) continue;
    for (const Value operand : nodes[i]->operands) {
      reaches[operand.node->index] = true;
      read_.insert(operand);
    }
  }
}

bool ReverseSweep::depends_on_inputs(Value value) const {
  return is_float(value.dtype()) && (is_input_.contains(value) || depends_[value.node->index]);
}

std::vector<Value> ReverseSweep::visit(const Node& node) {
  if (node.op != Op::scan || !depends_[node.index]) return copy(node);
  std::vector<bool> wanted, read;
  for (const Value operand : node.operands) wanted.push_back(depends_on_inputs(operand));
  for (const Value result : results_of(node))
    read.push_back(reaches_ends(result) && is_float(result.dtype()));
  if (std::find(read.begin(), read.end(), true) == read.end()) return copy(node);
  auto& gradient = of_scans_[&node];
  gradient = std::make_unique<ScanGradient>(node, wanted, read);
  return gradient->forward(builder(), mapped(node.operands));
}

std::vector<Value> ReverseSweep::sweep(const std::vector<std::pair<Value, Value>>& seeds) {
  gradients_.clear();
  for (const auto& node : source().nodes) gradients_.emplace_back(node->types.size());
  for (const auto& [end, gradient] : seeds) add(end, gradient);
  for (size_t i = source().nodes.size(); i-- > 0;)
    if (depends_[i]) sweep_node(*source().nodes[i]);
  std::vector<Value> found;
  for (const Value input : inputs_) found.push_back(gradients_[input.node->index][input.result]);
  return found;
}

void ReverseSweep::sweep_node(const Node& node) {
  const std::vector<Value>& of_results = gradients_[node.index];
  if (std::none_of(of_results.begin(), of_results.end(), [](Value value) { return bool(value); })) return;
  builder().set_origin(node.origin);
  const std::vector<Value> operands = mapped(node.operands);
  std::vector<Value> of_operands(operands.size());
  if (node.op == Op::scan) {
    of_scans_.at(&node)->backward(builder(), operands, of_results, of_operands);
  } else {
    Flags wanted(operands.size());
    for (size_t i = 0; i < operands.size(); ++i) wanted[i] = depends_on_inputs(node.operands[i]);
    std::vector<Value> results;
    for (const Value result : results_of(node)) results.push_back(mapped(result));
    def_of(node.op).gradient.fn({builder(), node, operands, results, of_results, wanted.span(), of_operands});
  }
  for (size_t i = 0; i < operands.size(); ++i)
    if (of_operands[i] && depends_on_inputs(node.operands[i])) add(node.operands[i], of_operands[i]);
}

void ReverseSweep::add(Value to, Value gradient) {
  KERATIN_CHECK(gradient.type() == to.type(),
                cat("a ", gradient.type(), " is the gradient of a ", to.type()));
  Value& sum = gradients_[to.node->index][to.result];
  sum = sum ? builder().add(sum, gradient) : gradient;
}

}  // namespace keratin
