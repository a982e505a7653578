// Sorting and running sums: loops along one axis, in its order; the other axes are independent.
//
// Sorting needs no branches here: an element's place is the number of elements that come before it. That is quadratic in the
// length of the axis, which for class scores and beams is what a network has.
#include "codegen/group.h"
#include "ir/error.h"

namespace keratin {

namespace {

Shape without_axis(Shape shape, int64_t axis) {
  shape.erase(shape.begin() + axis);
  return shape;
}

Point with_axis(Point point, int64_t axis, const Index& index) {
  point.insert(point.begin() + axis, index);
  return point;
}

/// Which result buffers hold result `which` of `node`.
std::vector<BufferId> buffers_of(const RegionLowering& lowering, const Node& node, uint32_t which) {
  std::vector<BufferId> buffers;
  for (size_t i = 0; i < lowering.region.results.size(); ++i)
    if (lowering.region.results[i].value == node.value(which)) buffers.push_back(lowering.outputs[i]);
  return buffers;
}

void store(RegionLowering& lowering, const Node& node, uint32_t which, const Point& point,
           const ExprRef& value) {
  for (BufferId buffer : buffers_of(lowering, node, which)) {
    Access access = lowering.values.access(buffer, node.types[which], point);
    ExprRef stored = value->lanes == access.lanes ? value : splat(value, access.lanes);
    lowering.writer.emit(
        store_stmt(std::move(access), lowering.values.to_memory(node.types[which].dtype, std::move(stored))));
  }
}

void lower_cumulative(RegionLowering& lowering, const Node& node) {
  KernelWriter& writer = lowering.writer;
  const int64_t axis = node.as<AxisAttrs>().axis;
  const Shape& shape = node.type().shape;
  const DType dtype = compute_dtype(node.type().dtype);
  const bool sums = node.op == Op::cumsum;
  element_loops(lowering, without_axis(shape, axis), true, [&](const Point& line) {
    const AccId acc = writer.accumulator("acc", dtype, lowering.values.lanes(), {});
    const ExprRef so_far = acc_value(writer.kernel, acc, {});
    writer.emit(acc_stmt(acc, number(Scalar::of(dtype, sums ? 0 : 1), lowering.values.lanes())));
    writer.loop("k", 0, Index(Size(shape[axis])), 1, LoopKind::serial, [&](const Index& k) {
      const Point point = with_axis(line, axis, k);
      const ExprRef element = lowering.values.widen(lowering.values.at(node.operands[0], point));
      writer.emit(set_stmt(acc, {}, apply(sums ? Op::add : Op::mul, {so_far, element})));
      store(lowering, node, 0, point, so_far);
    });
  });
}

/// Whether `a` at index i comes before `b` at index j: NaN last, equal ones in their order.
ExprRef comes_before(const ExprRef& a, const Index& i, const ExprRef& b, const Index& j, bool descending) {
  const ExprRef less = descending ? apply(Op::lt, {b, a}) : apply(Op::lt, {a, b});
  const ExprRef earlier = apply(Op::lt, {index_value(DType::i64, i), index_value(DType::i64, j)});
  ExprRef same = apply(Op::eq, {a, b});
  ExprRef before = less;
  if (is_float(a->dtype)) {
    const ExprRef a_is_nan = apply(Op::ne, {a, a}), b_is_nan = apply(Op::ne, {b, b});
    before = apply(Op::or_, {before, apply(Op::and_, {b_is_nan, apply(Op::not_, {a_is_nan})})});
    same = apply(Op::or_, {same, apply(Op::and_, {a_is_nan, b_is_nan})});
  }
  return apply(Op::or_, {before, apply(Op::and_, {same, earlier})});
}

void lower_sort(RegionLowering& lowering, const Node& node) {
  KernelWriter& writer = lowering.writer;
  const auto& attrs = node.as<SortAttrs>();
  const bool descending = node.op == Op::top_k || attrs.descending;
  const Value operand = node.operands[0];
  const Index length{Size(operand.shape()[attrs.axis])};
  const Index kept{Size(node.type().shape[attrs.axis])};
  element_loops(lowering, without_axis(operand.shape(), attrs.axis), false, [&](const Point& line) {
    writer.loop("i", 0, length, 1, LoopKind::serial, [&](const Index& i) {
      const ExprRef element =
          writer.let("element", lowering.values.at(operand, with_axis(line, attrs.axis, i)));
      const AccId count = writer.accumulator("count", DType::i64, 1, {});
      const ExprRef so_far = acc_value(writer.kernel, count, {});
      writer.emit(acc_stmt(count, number(Scalar::of_integer(DType::i64, 0))));
      writer.loop("k", 0, length, 1, LoopKind::serial, [&](const Index& k) {
        const ExprRef other = lowering.values.at(operand, with_axis(line, attrs.axis, k));
        const ExprRef before = comes_before(other, k, element, i, descending);
        writer.emit(set_stmt(count, {}, apply(Op::add, {so_far, cast(DType::i64, before)})));
      });
      Interval range{0, std::nullopt};
      if (length.is_constant()) range.high = length.value() - 1;
      const Index rank = writer.let_index("rank", so_far, range);
      writer.guarded({kept - 1 - rank}, [&] {
        const Point place = with_axis(line, attrs.axis, rank);
        store(lowering, node, 0, place, element);
        store(lowering, node, 1, place, index_value(DType::i32, i));
      });
    });
  });
}

}  // namespace

void lower_order(RegionLowering& lowering, const Node& node) {
  if (node.op == Op::cumsum || node.op == Op::cumprod)
    lower_cumulative(lowering, node);
  else
    lower_sort(lowering, node);
}

}  // namespace keratin
