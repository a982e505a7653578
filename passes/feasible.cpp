#include "passes/feasible.h"

#include "ir/conv_axes.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {
namespace {

// The largest models that are run on one processor have a tenth of these.
constexpr double kMostWork = 2e12;
constexpr size_t kMostNodes = 100'000;
// What the interpreter spends on a node beside its elements, in the time that an element takes.
constexpr double kNode = 1000;

/// `body`: the work of its region.
double work_of(const Node& node, double body) {
  double elements_of_all = 0;
  for (const Value operand : node.operands) elements_of_all += elements_of(operand.shape());
  for (const Type& type : node.types) elements_of_all += elements_of(type.shape);
  switch (node.op) {
    case Op::dot:
    case Op::conv: return multiply_adds_of(node);
    case Op::pool_max:
    case Op::pool_sum:
    case Op::pool_max_grad: {
      double window = 1;
      for (const int64_t size : node.as<WindowAttrs>().size) window *= static_cast<double>(size);
      return elements_of_all * window;
    }
    case Op::scan: return elements_of_all + static_cast<double>(node.as<ScanAttrs>().length.coef) * body;
    case Op::fusion: return body;
    default: return elements_of_all;
  }
}

struct Amount {
  double work = 0;
  size_t nodes = 0;
};

Amount amount_of(const Function& function) {
  Amount amount{0, function.nodes.size()};
  for (const auto& node : function.nodes) {
    const Amount body = node->body ? amount_of(*node->body) : Amount();
    amount.work += kNode + work_of(*node, body.work);
    amount.nodes += body.nodes;
  }
  return amount;
}

}  // namespace

double elements_of(const Shape& shape) {
  double product = 1;
  for (const Dim dim : shape) product *= static_cast<double>(dim.coef);
  return product;
}

double multiply_adds_of(const Node& node) {
  double terms = 1;  // of an element of the result
  if (node.op == Op::dot) {
    for (const int64_t axis : node.as<DotAttrs>().contract.lhs)
      terms *= static_cast<double>(node.operands[0].shape()[static_cast<size_t>(axis)].coef);
  } else {
    const ConvAxes axes = parse_conv_axes(node.as<ConvAttrs>().dims);
    const Shape& kernel = node.operands[1].shape();
    terms = elements_of(kernel);
    if (const auto outputs = static_cast<double>(kernel[static_cast<size_t>(axes.kernel.feature)].coef);
        outputs > 0)
      terms /= outputs;
  }
  return elements_of(node.type().shape) * terms;
}

double operations_of(const Function& function) { return amount_of(function).work; }

void expect_feasible(const Module& module) {
  for (const Function& function : module.functions) {
    const Amount amount = amount_of(function);
    const std::string where = cat("function ", function.name);
    if (amount.nodes > kMostNodes)
      throw Error(ErrorKind::unsupported,
                  cat("its ", amount.nodes, " nodes are more than the ", kMostNodes, " that are compiled"),
                  where);
    if (amount.work > kMostWork)
      throw Error(ErrorKind::unsupported,
                  cat("it asks for about ", amount.work, " operations per sample; at most ", kMostWork,
                      " are compiled"),
                  where);
  }
}

}  // namespace keratin
