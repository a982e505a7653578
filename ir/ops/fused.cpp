// fusion: a part of a function that becomes one kernel. It means what its body means.
#include "ir/array.h"
#include "ir/ops/rules.h"

namespace keratin {
namespace {

using namespace rules;

std::vector<Type> infer_fusion(Operands operands, const Attrs&, const Function* body) {
  if (body == nullptr) fail("it has no body");
  if (body->params.size() != operands.size())
    fail(cat("the body has ", body->params.size(), " params, expected ", operands.size(),
             ", one per operand"));
  if (!body->updates.empty()) fail("the body updates a variable");
  std::vector<Type> types;
  for (size_t i = 0; i < operands.size(); ++i)
    if (body->params[i]->type() != operands[i].type())
      fail_operand(operands, i, cat("the body's param is ", to_text(body->params[i]->type())));
  for (const Result& result : body->results) types.push_back(result.value.type());
  return types;
}

}  // namespace

constinit const OpDef def_fusion{
    .form = "(operands …) -> results of the body",
    .doc =
        "Runs the body once, as one kernel: its params stand for the operands, its results are the results. "
        "Gradient: that of the body.",
    .infer = infer_fusion,
    .gradient = differentiated_elsewhere,
    .eval =
        [](const EvalContext& context, std::span<const Array* const> operands, std::span<Array> results) {
          std::vector<Array> params;
          for (const Array* operand : operands) params.push_back(*operand);
          std::vector<Array> values = context.run(*context.node.body, std::move(params), context);
          for (size_t i = 0; i < values.size(); ++i) results[i] = std::move(values[i]);
        },
};

}  // namespace keratin
