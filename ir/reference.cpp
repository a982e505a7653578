// Each op in a few lines: what it takes and gives, its attributes, its meaning, its gradient.
//
// The gradient of a pointwise op is a formula, and it is the rule itself that writes it: the rule is run on operands named
// as in OpDef::form, and the nodes that it builds are printed as one expression. What other rules build depends on shapes;
// their paragraphs say it in words.
#include "ir/reference.h"

#include <array>

#include "ir/builder.h"
#include "ir/error.h"
#include "ir/op.h"
#include "ir/text.h"
#include "ir/text_rules.h"

namespace keratin {
namespace {

struct FamilyText {
  Family family;
  std::string_view title, text;
};

constexpr FamilyText kFamilies[] = {
    {Family::structure, "Structure",
     "What a function is made of. These nodes have no statements of their own."},
    {Family::pointwise, "Pointwise",
     "Element by element: operands and result have one shape and one layout. Nothing is broadcast implicitly."},
    {Family::reduce, "Reduce",
     "Over a set of axes, which the result lacks. Float sums and products are accumulated in f64 by the reference\n"
     "interpreter and rounded once."},
    {Family::contract, "Contract",
     "Sums of products. One code generator serves dot, conv and their gradients; another one makes Winograd's convolutions."},
    {Family::window, "Window",
     "Reductions over sliding windows; axes with symbols have windows of one element."},
    {Family::shape, "Shape", "The same elements elsewhere, and ops that know only places."},
    {Family::index, "Index",
     "Places that depend on data. Every index means something: none is out of range."},
    {Family::loop, "Loop", "A body that runs once per step."},
    {Family::order, "Order", "Sorting and running sums along one axis."},
    {Family::random, "Random", "Bits that depend on a key and a counter and on nothing else."},
    {Family::ranks, "Ranks",
     "What processes give each other that compute together, each with samples of its own: the ranks. See passes/partition.cpp."},
    {Family::calculus, "Calculus",
     "What stands for nodes that the pass `differentiate` builds, and the interpreter before it runs a function."},
    {Family::fused, "Fused", "What the pass `fuse` makes."},
};

std::string_view kind_of(bool) { return "bool"; }
std::string_view kind_of(int64_t) { return "int"; }
std::string_view kind_of(const Ints&) { return "ints"; }
std::string_view kind_of(const AxisPairs&) { return "ints x ints"; }
std::string_view kind_of(const std::string&) { return "text"; }
std::string_view kind_of(DType) { return "dtype"; }
std::string_view kind_of(Dim) { return "dim"; }
std::string_view kind_of(const Shape&) { return "shape"; }
std::string_view kind_of(const Layout&) { return "layout"; }

/// " {axis: int, reverse: bool}"; empty if there are no attributes.
std::string attributes_text(Op op) {
  return std::visit(
      []<typename Struct>(const Struct& attrs) {
        std::string text;
        for_each_field<Struct>([&](const auto& field) {
          text += cat(text.empty() ? " {" : ", ", field.name, ": ", kind_of(attrs.*field.member));
        });
        return text.empty() ? text : text + "}";
      },
      default_attrs(op));
}

/// "mul(dy, sub(1.0, mul(y, y)))".
std::string expression(Value value) {
  const Node& node = *value.node;
  if (const auto* name = std::get_if<NameAttrs>(&node.attrs)) return name->name;
  if (const ConstantAttrs* constant = as_constant(value)) return element_text(constant->splat);
  std::string arguments;
  for (const Value operand : node.operands)
    arguments += cat(arguments.empty() ? "" : ", ", expression(operand));
  return cat(to_text(node.op), "(", arguments, ")");
}

/// The operands of a pointwise op as params of `builder`, from its form: "(p: bool[S], a: T[S], b: T[S]) -> …".
std::vector<Value> params_of(Builder& builder, std::string_view form) {
  std::vector<Value> params;
  form = form.substr(1, form.find(')') - 1);
  while (!form.empty()) {
    const size_t colon = form.find(": "), end = std::min(form.find(", "), form.size());
    const DType dtype = form.substr(colon + 2, end - colon - 2) == "bool[S]" ? DType::boolean : DType::f32;
    params.push_back(builder.param(std::string(form.substr(0, colon)), Type(dtype, {Dim::batch()})));
    form.remove_prefix(std::min(end + 2, form.size()));
  }
  return params;
}

/// "dx = mul(dy, …)" for each operand that has one, a line each.
std::vector<std::string> gradient_formulas(Op op) {
  Builder builder;
  const std::vector<Value> operands = params_of(builder, def_of(op).form);
  const Type type = operands.back().type();
  const Value y = builder.param("y", type), dy = builder.param("dy", type);
  const Value results[] = {y}, result_gradients[] = {dy};
  const bool wanted[] = {true, true, true};
  std::array<Value, 3> gradients;
  const Node node{.op = op, .index = 0, .operands = operands, .types = {type}, .attrs = default_attrs(op)};
  KERATIN_CHECK(operands.size() <= gradients.size(), cat(op, " has many operands"));
  def_of(op).gradient.fn({builder, node, operands, results, result_gradients,
                          std::span(wanted, operands.size()), std::span(gradients.data(), operands.size())});
  std::vector<std::string> lines;
  for (size_t i = 0; i < operands.size(); ++i)
    if (gradients[i])
      lines.push_back(cat("d", operands[i].node->as<NameAttrs>().name, " = ", expression(gradients[i])));
  return lines;
}

}  // namespace

std::string op_reference(Op op) {
  const OpDef& def = def_of(op);
  const size_t arrow = def.form.find(" -> ");
  std::string text = cat("### `", op, "`\n\n```text\n", op, " ", def.form.substr(0, arrow),
                         attributes_text(op), def.form.substr(arrow), "\n");
  const bool has_formula = family_of(op) == Family::pointwise && def.gradient.fn != not_differentiable;
  if (has_formula) text += cat(join(gradient_formulas(op), "\n"), "\n");
  text += cat("```\n\n", def.doc);
  if (def.gradient.fn == not_differentiable && family_of(op) != Family::structure) text += " No gradient.";
  return text + "\n";
}

std::string op_reference() {
  std::string text;
  for (const auto& [family, title, about] : kFamilies) {
    text += cat(text.empty() ? "" : "\n", "## ", title, "\n\n", about, "\n");
    for (int i = 0; i < kOpCount; ++i)
      if (family_of(static_cast<Op>(i)) == family) text += cat("\n", op_reference(static_cast<Op>(i)));
  }
  return text;
}

}  // namespace keratin
