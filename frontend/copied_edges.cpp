#include "frontend/copied_edges.h"

namespace keratin {

Expr pad_with_copies(const Expr& x, int64_t axis, int64_t low, int64_t high, std::string_view mode) {
  Builder& b = x.builder();
  const Expr extent = length(b, x.dim(axis)),
             place = places(b, *sum(x.dim(axis), low + high)) - static_cast<double>(low);
  if (mode == "edge") return take(x, axis, minimum(maximum(place, 0), extent - 1));
  if (mode == "wrap") return take(x, axis, binary(Op::rem, place, extent));
  // There and back again. Turned round at its outermost elements, these are not repeated.
  const bool repeats_ends = mode == "symmetric";
  const Expr period = repeats_ends ? extent * 2 : maximum(extent * 2 - 2, 1);
  const Expr folded = binary(Op::rem, place, period), back = period - folded - (repeats_ends ? 1 : 0);
  return take(x, axis, where(less(folded, extent), folded, back));
}

}  // namespace keratin
