// What a function is made of: its parameters, the module's variables, constants. Their types stand in the
// node, where Builder::param, var and constant put them; nothing infers them.
#include "ir/array.h"
#include "ir/ops/rules.h"

namespace keratin {
namespace {

std::vector<Type> stands_in_node(std::span<const Value>, const Attrs&, const Function*) {
  KERATIN_CHECK(false, "params, variables and constants carry their type; there is nothing to infer");
  return {};
}

void given_from_outside(const EvalContext& context, std::span<const Array* const>, std::span<Array>) {
  KERATIN_CHECK(false, cat(to_text(context.node.op), " has the value that the caller gives it"));
}

}  // namespace

constinit const OpDef def_param{
    .form = "() -> its own type",
    .doc = "A parameter of the function, or of the body of a scan or fusion. Written %name where it is read.",
    .infer = stands_in_node,
    .gradient = not_differentiable,
    .eval = given_from_outside,
};

constinit const OpDef def_var{
    .form = "() -> its own type",
    .doc =
        "The value that a variable of the module has when the function is called. Bodies have no variables: "
        "what they read is an operand. Written @name where it is read.",
    .infer = stands_in_node,
    .gradient = not_differentiable,
    .eval = given_from_outside,
};

constinit const OpDef def_constant{
    .form = "() -> its own type",
    .doc =
        "One number repeated to any shape, or an array of static shape. A number is written where it is "
        "read: 0.5, 3:i32.",
    .infer = stands_in_node,
    .gradient = not_differentiable,
    .eval =
        [](const EvalContext& context, std::span<const Array* const>, std::span<Array> results) {
          const auto& constant = context.node.as<ConstantAttrs>();
          if (constant.data) {
            results[0] = to_array(*constant.data);
          } else if (is_float(constant.splat.dtype)) {
            results[0].real().fill(constant.splat.real);
          } else {
            results[0].integer().fill(constant.splat.integer);
          }
        },
};

}  // namespace keratin
