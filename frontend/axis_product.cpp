#include "frontend/axis_product.h"

namespace keratin {

Expr multiply_along(const Expr& x, int64_t axis, const Expr& matrix) {
  const Expr product(x.builder(), x.builder().make(Op::dot, {x.value(), matrix.value()},
                                                   DotAttrs{.contract = {{axis}, {0}}}));
  return move_axis(product, -1, axis);
}

}  // namespace keratin
