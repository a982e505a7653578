#include "frontend/layers/categories.h"

namespace keratin {

Expr encode_categories(const Expr& categories, int64_t depth, std::string_view mode, DType dtype,
                       const Expr& weights) {
  Builder& b = categories.builder();
  Shape shape = categories.shape();
  shape.push_back(depth);
  const Expr places(b, b.make(Op::iota, {}, IotaAttrs{categories.rank(), categories.dtype(), shape}));
  const Expr hit = equal(expand_dims(categories, -1), of_sane_size(places));
  const int64_t together = categories.rank() > 1 ? 1 : 0;
  if (mode == "one_hot") {
    const Expr ones = cast(hit, dtype);
    return categories.rank() > 1 && categories.dim(-1).is(1) ? squeeze(ones, {-2}) : ones;
  }
  if (mode == "multi_hot") return cast(reduce(Op::reduce_or, hit, {together}), dtype);
  if (!weights) return sum(cast(hit, dtype), {together});
  const Expr weight = expand_dims(weights, -1);
  return sum(where(hit, weight, number(weight, 0)), {together});
}

DType category_dtype(const Call& call, std::string_view mode) {
  return mode == "int" && call.args().config()["dtype"].is_null() ? DType::i64
                                                                  : call.layer().policy().variable;
}

}  // namespace keratin
