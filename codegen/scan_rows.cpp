#include "codegen/scan_rows.h"

#include <algorithm>
#include <variant>

#include "ir/rebuild.h"
#include "ir/region.h"
#include "passes/traits.h"

namespace keratin {

namespace {

/// True if there are no free dimensions but the rows, as first axis.
bool fits(const Type& type, Dim rows) {
  for (size_t axis = 0; axis < type.shape.size(); ++axis)
    if (!type.shape[axis].is_static() && (axis > 0 || type.shape[axis] != rows)) return false;
  return type.layout.is_row_major() || !has_rows(type, rows);
}

/// True if a product's first axis is rows, each from the same row of the operands that have any.
bool keeps_rows_of_product(const Node& dot, Dim rows) {
  const auto& [contract, batch] = dot.as<DotAttrs>();
  const bool left = has_rows(dot.operands[0].type(), rows), right = has_rows(dot.operands[1].type(), rows);
  if (!batch.lhs.empty()) return left && right && batch.lhs[0] == 0 && batch.rhs[0] == 0;
  return left && !right && std::find(contract.lhs.begin(), contract.lhs.end(), 0) == contract.lhs.end();
}

bool keeps_rows_of(const Node& node, size_t operand, Dim rows) {
  if (node.op == Op::dot) return keeps_rows_of_product(node, rows);
  if (node.op == Op::reshape) return has_rows(node.type(), rows);
  return keeps_rows(node, operand, 1);
}

bool rows_are_independent(const Function& function, Dim rows) {
  for (const auto& node : function.nodes) {
    for (const Type& type : node->types)
      if (!fits(type, rows)) return false;
    switch (node->op) {
      case Op::random_bits:
      case Op::dim_size: return false;
      case Op::iota:
        if (node->as<IotaAttrs>().axis == 0 && has_rows(node->type(), rows)) return false;
        break;
      case Op::fusion:
        if (!rows_are_independent(*node->body, rows)) return false;
        break;
      default:
        for (size_t i = 0; i < node->operands.size(); ++i)
          if (has_rows(node->operands[i].type(), rows) && !keeps_rows_of(*node, i, rows)) return false;
    }
  }
  return std::all_of(function.results.begin(), function.results.end(),
                     [&](const Result& result) { return fits(result.value.type(), rows); });
}

class RowFixer : public Rebuilder {
 public:
  RowFixer(const Function& body, Dim rows, int64_t count)
      : Rebuilder(body, Builder::Mode::verbatim), rows_(rows), count_(count) {}

 protected:
  std::vector<Value> visit(const Node& node) override {
    const Type type(node.type().dtype, fixed(node.type().shape), node.type().layout);
    if (node.op == Op::param) return {builder().param(node.as<NameAttrs>().name, type)};
    if (node.op == Op::constant) return {builder().splat(node.as<ConstantAttrs>().splat, type)};
    Attrs attrs = node.attrs;
    std::visit(
        [&](auto& all) {
          if constexpr (requires { all.shape; }) all.shape = fixed(all.shape);
          if constexpr (requires { all.limit; }) all.limit = fixed(all.limit);
        },
        attrs);
    std::shared_ptr<const Function> region = node.body;
    if (region) region = std::make_shared<const Function>(with_rows(*region, rows_, count_));
    return results_of(
        *builder().make_node(node.op, mapped(node.operands), std::move(attrs), std::move(region)));
  }

 private:
  Shape fixed(Shape shape) const {
    for (Dim& dim : shape)
      if (dim == rows_) dim = Dim(count_);
    return shape;
  }

  const Dim rows_;
  const int64_t count_;
};

}  // namespace

bool has_rows(const Type& type, Dim rows) { return type.rank() > 0 && type.shape[0] == rows; }

std::optional<Dim> independent_rows(const Node& scan) {
  const auto& attrs = scan.as<ScanAttrs>();
  const Function& body = *scan.body;
  if (attrs.carries == 0 || body.params[0]->type().rank() == 0) return {};
  const Dim rows = body.params[0]->type().shape[0];
  if (rows.is_static() || rows.coef != 1 || rows.symbol == attrs.length.symbol) return {};
  for (const Result& result : body.results)
    if (!has_rows(result.value.type(), rows)) return {};
  return rows_are_independent(body, rows) ? std::optional(rows) : std::nullopt;
}

Function with_rows(const Function& body, Dim rows, int64_t count) {
  return RowFixer(body, rows, count).run();
}

}  // namespace keratin
