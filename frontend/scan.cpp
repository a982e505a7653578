#include "frontend/scan.h"

namespace keratin {
namespace {

constexpr int64_t kTimeAxis = 1;

}  // namespace

Expr ScanBuilder::add(std::string name, const Expr& operand, bool is_sequence) {
  Type type = operand.value().type();
  if (is_sequence) type.shape.erase(type.shape.begin() + kTimeAxis);
  operands_.push_back(operand.value());
  return {body_, body_.param(std::move(name), type)};
}

std::vector<Expr> ScanBuilder::finish(Builder& outer, ScanAttrs attrs) {
  attrs.axis = kTimeAxis;
  const auto body = std::make_shared<const Function>(body_.finish());
  const size_t count = body->results.size();
  const Node* node = outer.make_node(Op::scan, std::move(operands_), attrs, body);
  std::vector<Expr> results;
  for (size_t i = 0; i < count; ++i) results.emplace_back(outer, node->value(static_cast<uint32_t>(i)));
  return results;
}

}  // namespace keratin
