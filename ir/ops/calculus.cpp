// gradient: a request, not a computation. `differentiate` (ir/differentiate.h) puts the nodes that compute it in its place, so a
// function can be written, printed and read with its loss and its gradients in one piece.
#include "ir/array.h"
#include "ir/ops/rules.h"

namespace keratin {
namespace {

using namespace rules;

std::vector<Type> infer_gradient(Operands operands, const Attrs&, const Function*) {
  expect_count_at_least(operands, 2);
  expect_rank(operands, 0, 0);
  std::vector<Type> types;
  for (size_t i = 0; i < operands.size(); ++i) {
    expect_dtype(operands, i, kFloats);
    if (i > 0) types.push_back(operands[i].type());
  }
  return types;
}

}  // namespace

constinit const OpDef def_gradient{
    .form = "(loss: T[], x: T[S] …) -> T[S] …, T floats",
    .doc =
        "How fast the loss changes with each element of each x, in reverse mode: the sum over all paths through this "
        "function from x to the loss. 0 where there is none.",
    .infer = infer_gradient,
    .gradient = differentiated_elsewhere,
    .eval = [](const EvalContext&, std::span<const Array* const>,
               std::span<Array>) { KERATIN_CHECK(false, "functions are differentiated before they run"); },
};

}  // namespace keratin
