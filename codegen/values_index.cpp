// Values at indices that depend on data, and random bits, which depend on nothing but their place.
#include "codegen/values.h"
#include "codegen/vecmath.h"
#include "ir/error.h"
#include "ir/ops/philox.h"

namespace keratin {

namespace {

ExprRef word(uint64_t value, int lanes = 1) {
  return number(Scalar::of_integer(DType::u32, static_cast<int64_t>(value)), lanes);
}

ExprRef wide(uint64_t value, int lanes) {
  return number(Scalar::of_integer(DType::u64, static_cast<int64_t>(value)), lanes);
}

}  // namespace

Index Values::clamped_index(Value indices, const Point& point, const Size& extent, const Size& piece) {
  if (has_lanes(point)) throw NoLanes();
  const ExprRef zero = number(Scalar::of_integer(DType::i64, 0));
  const ExprRef last = index_value(DType::i64, Index(extent) - Index(piece));
  const ExprRef raw = cast(DType::i64, at(indices, point));
  // The larger bound is taken last: where nothing fits, the index is 0.
  const ExprRef clamped = apply(Op::max, {apply(Op::min, {raw, last}), zero});
  Interval range{0, std::nullopt};
  if (extent.is_static() && piece.is_static())
    range.high = std::max<int64_t>(0, extent.value() - piece.value());
  return writer_.let_index("at", clamped, range);
}

ExprRef Values::gather(const Node& node, const Point& point) {
  const auto& [axis, batch_dims] = node.as<GatherAttrs>();
  const Value data = node.operands[0], indices = node.operands[1];
  const int64_t index_rank = indices.rank() - batch_dims;
  Point where(point.begin(), point.begin() + batch_dims);
  where.insert(where.end(), point.begin() + axis, point.begin() + axis + index_rank);
  Point inner(point.begin(), point.begin() + axis);
  const Size extent(data.shape()[axis]);
  inner.push_back(clamped_index(indices, where, extent, 1));
  inner.insert(inner.end(), point.begin() + axis + index_rank, point.end());
  // An axis with a symbol may be empty: then there is nothing to read.
  const Guard not_empty{Index(extent) - 1};
  return guarded_or(not_empty, number(Scalar::of(compute_dtype(data.dtype()), 0)),
                    [&] { return at(data, inner); });
}

ExprRef Values::dynamic_slice(const Node& node, const Point& point) {
  const auto& [axis, size] = node.as<DynamicSliceAttrs>();
  const Value data = node.operands[0];
  const Size extent(data.shape()[axis]);
  Point inner = point;
  inner[axis] += clamped_index(node.operands[1], {}, extent, size);
  const Guard exists{Index(extent) - 1 - inner[axis]};
  return guarded_or(exists, number(Scalar::of(compute_dtype(data.dtype()), 0)),
                    [&] { return at(data, inner); });
}

ExprRef Values::dynamic_update_slice(const Node& node, const Point& point) {
  const int64_t axis = node.as<AxisAttrs>().axis;
  const Value data = node.operands[0], piece = node.operands[1];
  const Size extent(data.shape()[axis]), size(piece.shape()[axis]);
  const ExprRef old = at(data, point);
  Point inner = point;
  inner[axis] = point[axis] - clamped_index(node.operands[2], {}, extent, size);
  const Guard within{inner[axis], Index(size) - 1 - inner[axis]};
  return guarded_or(within, old, [&] { return at(piece, inner); });
}

ExprRef Values::random_bits(const Node& node, const Point& point) {
  // The place within the row as a number per lane: 32-bit arithmetic, as the op's definition says.
  const Shape& shape = node.type().shape;
  const int lanes = has_lanes(point) ? lanes_ : 1;
  auto scalar = [&](ExprRef value) { return value->lanes == lanes ? value : splat(std::move(value), lanes); };
  auto lane_value = [&](const Index& index) {
    if (lanes == 1 || !index.uses(lane_)) return scalar(index_value(DType::u32, index));
    const auto slope = index.slope(lane_);
    if (!slope) throw NoLanes();
    return index_value(DType::u32, index.substitute(lane_, 0, writer_.ranges), lanes, *slope);
  };
  ExprRef place = word(0, lanes);
  for (size_t i = 1; i < shape.size(); ++i) {
    const ExprRef extent = scalar(index_value(DType::u32, Index(Size(shape[i]))));
    place = apply(Op::add, {apply(Op::mul, {place, extent}), lane_value(point[i])});
  }
  ExprRef row = shape.empty() ? word(0, lanes) : lane_value(point[0]);
  if (node.operands.size() > 2) row = apply(Op::add, {row, scalar(at(node.operands[2], {}))});
  const ExprRef counter = scalar(at(node.operands[1], {}));
  ExprRef key0 = scalar(at(node.operands[0], {Index(0)})), key1 = scalar(at(node.operands[0], {Index(1)}));
  ExprRef c0 = apply(Op::shr, {place, word(2, lanes)}), c1 = row, c2 = counter,
          c3 = word(node.as<RandomAttrs>().stream, lanes);
  auto multiply = [&](uint32_t factor, const ExprRef& value) {
    return apply(Op::mul, {cast(DType::u64, value), wide(factor, lanes)});
  };
  auto high = [&](const ExprRef& product) {
    return cast(DType::u32, apply(Op::shr, {product, wide(32, lanes)}));
  };
  auto low = [&](const ExprRef& product) { return cast(DType::u32, product); };
  auto mix = [&](const ExprRef& a, const ExprRef& b, const ExprRef& c) {
    return apply(Op::xor_, {apply(Op::xor_, {a, b}), c});
  };
  for (int round = 0; round < kPhiloxRounds; ++round) {
    const ExprRef product0 = multiply(kPhiloxMultiplier0, c0), product1 = multiply(kPhiloxMultiplier1, c2);
    c0 = mix(high(product1), c1, key0);
    c1 = low(product1);
    c2 = mix(high(product0), c3, key1);
    c3 = low(product0);
    key0 = apply(Op::add, {key0, word(kPhiloxWeyl0, lanes)});
    key1 = apply(Op::add, {key1, word(kPhiloxWeyl1, lanes)});
  }
  const ExprRef which = apply(Op::and_, {place, word(3, lanes)});
  auto is = [&](uint64_t n) { return apply(Op::eq, {which, word(n, lanes)}); };
  return apply(Op::select, {is(0), c0, apply(Op::select, {is(1), c1, apply(Op::select, {is(2), c2, c3})})});
}

}  // namespace keratin
