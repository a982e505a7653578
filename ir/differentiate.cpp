#include "ir/differentiate.h"

#include <algorithm>

#include "ir/region.h"
#include "ir/reverse.h"

namespace keratin {
namespace {

const Node* find_gradient(const Function& function) {
  const auto found = std::find_if(function.nodes.begin(), function.nodes.end(),
                                  [](const auto& node) { return node->op == Op::gradient; });
  return found == function.nodes.end() ? nullptr : found->get();
}

/// Puts the sweep in the place of one gradient node.
class Differentiator : public ReverseSweep {
 public:
  Differentiator(const Function& source, const Node& request) : ReverseSweep(source), request_(request) {
    find_paths({request.operands.begin() + 1, request.operands.end()}, {request.operands[0]});
  }

 protected:
  std::vector<Value> visit(const Node& node) override {
    if (&node != &request_) return ReverseSweep::visit(node);
    const Value loss = request_.operands[0];
    std::vector<Value> found = sweep({{loss, builder().constant_like(mapped(loss), 1)}});
    for (size_t i = 0; i < found.size(); ++i)
      if (!found[i]) found[i] = builder().constant_like(mapped(request_.operands[i + 1]), 0);
    return found;
  }

 private:
  const Node& request_;
};

/// Bodies differentiated, and those of fusions in their place: a sweep does not look into them.
class BodiesFirst : public Rebuilder {
 public:
  using Rebuilder::Rebuilder;

 protected:
  std::vector<Value> visit(const Node& node) override {
    if (node.body == nullptr) return copy(node);
    if (node.op == Op::fusion && find_gradient(source()) != nullptr)
      return inlined(builder(), differentiate(*node.body), mapped(node.operands));
    return copy(node, has_gradients(*node.body) ? std::make_shared<const Function>(differentiate(*node.body))
                                                : node.body);
  }
};

}  // namespace

Function differentiate(const Function& function) {
  if (!has_gradients(function)) return clone(function);
  Function current = BodiesFirst(function).run();
  // The first request first: what a later one differentiates has no requests any more.
  while (const Node* request = find_gradient(current)) current = Differentiator(current, *request).run();
  return current;
}

Module differentiate(const Module& module) {
  Module out;
  out.name = module.name;
  out.variables = module.variables;
  for (const Function& function : module.functions) out.functions.push_back(differentiate(function));
  return out;
}

bool has_gradients(const Function& function) {
  return std::any_of(function.nodes.begin(), function.nodes.end(), [](const auto& node) {
    return node->op == Op::gradient || (node->body && has_gradients(*node->body));
  });
}

}  // namespace keratin
