// What the reference of the primitives says of operands, results and dtypes is what their rules do.
#include "ir/reference.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "ir/op.h"
#include "ir/ops/rules.h"
#include "ir/text_format.h"

namespace keratin {
namespace {

std::string_view operands_of(std::string_view form) { return form.substr(0, form.find(" -> ")); }
std::string_view results_of(std::string_view form) { return form.substr(form.find(" -> ")); }
size_t count(std::string_view text, char c) {
  return static_cast<size_t>(std::count(text.begin(), text.end(), c));
}

void expect_counts(const Node& node) {
  const std::string_view form = def_of(node.op).form;
  const std::string where = cat(node.op, " ", form);
  if (form.find("…") != std::string_view::npos || family_of(node.op) == Family::structure) return;
  EXPECT_EQ(count(operands_of(form), ':'), node.operands.size()) << where;
  EXPECT_EQ(count(results_of(form), '['), node.types.size()) << where;
}

TEST(Reference, FormsHaveAsManyOperandsAndResultsAsStatements) {
  std::ifstream in(KERATIN_SOURCE_DIR "/tests/kir/graph/every_op.kir");
  std::ostringstream text;
  text << in.rdbuf();
  const Module module = parse_module(text.str(), "every_op.kir");
  for (const Function& function : module.functions)
    for (const auto& node : function.nodes) expect_counts(*node);
}

/// True if the op's rule takes operands of this dtype, where its form has T.
bool takes(Op op, DType dtype) {
  Builder builder;
  std::vector<Value> operands;
  std::string_view form = operands_of(def_of(op).form);
  for (size_t i = 0; i < count(form, ':'); ++i) {
    const bool fixed = i == 0 && form.starts_with("(p: bool[S]");
    operands.push_back(builder.param(cat("p", i), Type(fixed ? DType::boolean : dtype, {2})));
  }
  try {
    builder.make_node(op, operands, default_attrs(op));
  } catch (const Error&) {
    return false;
  }
  return true;
}

TEST(Reference, PointwiseFormsNameTheDtypesThatAreTaken) {
  using namespace rules;
  const DTypeSet sets[] = {kFloats, kIntegers, kNumbers, kSignedNumbers, kBits, kAny};
  for (int i = 0; i < kOpCount; ++i) {
    const Op op = static_cast<Op>(i);
    if (family_of(op) != Family::pointwise) continue;
    const std::string_view form = def_of(op).form, name = form.substr(form.rfind(", T ") + 4);
    const auto set = std::find_if(std::begin(sets), std::end(sets), [&](auto& s) { return s.name == name; });
    ASSERT_NE(set, std::end(sets)) << to_text(op) << form;
    for (int d = 0; d < kDTypeCount; ++d) {
      const DType dtype = static_cast<DType>(d);
      EXPECT_EQ(takes(op, dtype), set->contains(dtype)) << to_text(op) << " " << to_text(dtype);
    }
  }
}

TEST(Reference, GradientsArePrintedByTheRules) {
  EXPECT_EQ(
      op_reference(Op::tanh),
      "### `tanh`\n\n```text\ntanh (x: T[S]) -> T[S], T floats\ndx = mul(dy, sub(1.0, mul(y, y)))\n```\n\n"
      "The hyperbolic tangent.\n");
  EXPECT_NE(op_reference(Op::floor).find("No gradient."), std::string::npos);
}

}  // namespace
}  // namespace keratin
