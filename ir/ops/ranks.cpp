// all_reduce: what each rank has becomes what all have. How ranks reach each other is the executor's affair.
#include <algorithm>
#include <array>

#include "ir/array.h"
#include "ir/executor.h"
#include "ir/ops/rules.h"

namespace keratin {
namespace {

using namespace rules;

constexpr std::array<std::string_view, 4> kReductions{"sum", "prod", "max", "min"};

std::vector<Type> infer_all_reduce(Operands operands, const Attrs& attrs, const Function*) {
  expect_count(operands, 1);
  expect_row_major(operands, 0);
  const std::string& by = attrs_as<AllReduceAttrs>(attrs).by;
  if (std::find(kReductions.begin(), kReductions.end(), by) == kReductions.end())
    fail(cat("by has ", quoted(by), ", expected sum, prod, max or min"));
  const Type& type = operands[0].type();
  if (is_float(type.dtype) && byte_size(type.dtype) < byte_size(DType::f32))
    fail_operand(operands, 0, "floats are reduced with at least 32 bits");
  if (type.dtype == DType::boolean && (by == "sum" || by == "prod"))
    fail_operand(operands, 0, cat("booleans have no ", by));
  return {type};
}

}  // namespace

constinit const OpDef def_all_reduce{
    .form = "(x: T[S]) -> T[S], T anything but floats of 16 bits",
    .doc =
        "The sum, product, maximum or minimum of what the ranks have as x, element by element; of booleans the last "
        "two: whether any, or all, are true. x itself where there is one rank. Made by the pass `partition`, after "
        "differentiation.",
    .infer = infer_all_reduce,
    .gradient = not_differentiable,
    .eval =
        [](const EvalContext& context, std::span<const Array* const> operands, std::span<Array> results) {
          results[0].data = operands[0]->data;
          if (context.ranks == nullptr) return;
          const std::string& by = context.node.as<AllReduceAttrs>().by;
          results[0] = to_array(context.ranks->all_reduce(to_tensor(*operands[0]), by));
        },
};

}  // namespace keratin
