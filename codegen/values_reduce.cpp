// Values that take a loop: reductions and pooling.
//
// The loop is written into the current block, around an accumulator; what `at` returns reads the accumulator. If the
// result's lanes run over elements of the result, every lane has a sum of its own. If the result is a scalar and the
// reduced axis is contiguous, lanes run over that axis instead, and the partial sums are folded at the end: the order of
// a reduction depends on shapes and target alone.
#include <algorithm>
#include <limits>

#include "codegen/values.h"
#include "codegen/vecmath.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {

namespace {

/// What a reduction starts from.
Scalar neutral_element(Op op, DType dtype) {
  const double infinity = std::numeric_limits<double>::infinity();
  switch (op) {
    case Op::reduce_sum:
    case Op::pool_sum: return Scalar::of(dtype, 0);
    case Op::reduce_prod: return Scalar::of(dtype, 1);
    case Op::reduce_and: return Scalar::of_integer(dtype, -1);  // all bits
    case Op::reduce_or: return Scalar::of_integer(dtype, 0);
    case Op::reduce_max:
    case Op::pool_max:
    case Op::argmax: return Scalar::of(dtype, -infinity);
    case Op::reduce_min:
    case Op::argmin: return Scalar::of(dtype, infinity);
    default: KERATIN_CHECK(false, cat("no reduction: ", to_text(op)));
  }
  return {};
}

/// How a reduction combines what it has with one more element.
Op combining_op(Op op) {
  switch (op) {
    case Op::reduce_sum:
    case Op::pool_sum: return Op::add;
    case Op::reduce_prod: return Op::mul;
    case Op::reduce_and: return Op::and_;
    case Op::reduce_or: return Op::or_;
    case Op::reduce_max:
    case Op::pool_max: return Op::max;
    case Op::reduce_min: return Op::min;
    default: KERATIN_CHECK(false, cat("no reduction: ", to_text(op)));
  }
  return Op::add;
}

/// Calls `body` with every combination of indices below `extents`, as nested loops.
void nest(KernelWriter& writer, const std::vector<Index>& extents, size_t depth, Point& point,
          const std::function<void(const Point&)>& body) {
  if (depth == extents.size()) return body(point);
  writer.loop("k", 0, extents[depth], 1, LoopKind::serial, [&](const Index& k) {
    point.push_back(k);
    nest(writer, extents, depth + 1, point, body);
    point.pop_back();
  });
}

void nest(KernelWriter& writer, const std::vector<Index>& extents,
          const std::function<void(const Point&)>& body) {
  Point point;
  nest(writer, extents, 0, point, body);
}

/// The operand's point: `kept` fills the axes that are not reduced, `reduced` the others.
Point merge_points(const Ints& axes, int64_t rank, const Point& kept, const Point& reduced) {
  Point merged;
  size_t k = 0, r = 0;
  for (int64_t axis = 0; axis < rank; ++axis) {
    const bool is_reduced = r < axes.size() && axes[r] == axis;
    merged.push_back(is_reduced ? reduced[r++] : kept[k++]);
  }
  return merged;
}

}  // namespace

ExprRef Values::reduce(const Node& node, const Point& point) {
  const Ints& axes = node.as<AxesAttrs>().axes;
  const Value operand = node.operands[0];
  const Dim last = operand.shape().empty() ? Dim(1) : operand.shape().back();
  const bool contiguous = !axes.empty() && axes.back() == operand.rank() - 1;
  if (!has_lanes(point) && !is_guarded_by_lane() && contiguous && !(last.is_static() && last.coef < 4)) {
    ExprRef sum;
    if (writer_.attempt([&] { sum = reduce_over_lanes(node, point); })) return sum;
  }
  const int lanes = has_lanes(point) ? lanes_ : 1;
  const DType dtype = compute_dtype(node.type().dtype);
  const AccId acc = writer_.accumulator("acc", dtype, lanes, {});
  writer_.emit(acc_stmt(acc, number(neutral_element(node.op, dtype), lanes)));
  std::vector<Index> extents;
  for (int64_t axis : axes) extents.push_back(Index(Size(operand.shape()[axis])));
  const ExprRef so_far = acc_value(writer_.kernel, acc, {});
  nest(writer_, extents, [&](const Point& reduced) {
    ExprRef element = at(operand, merge_points(axes, operand.rank(), point, reduced));
    if (element->lanes != lanes) element = splat(element, lanes);
    writer_.emit(set_stmt(acc, {}, apply(combining_op(node.op), {so_far, element})));
  });
  return so_far;
}

ExprRef Values::reduce_over_lanes(const Node& node, const Point& point) {
  const Ints& axes = node.as<AxesAttrs>().axes;
  const Value operand = node.operands[0];
  const Size extent(operand.shape().back());
  const DType dtype = compute_dtype(node.type().dtype);
  const int most = std::max(1, writer_.target.lanes(byte_size(dtype)));
  int lanes = most;
  while (extent.is_static() && lanes > 1 && lanes > extent.value()) lanes /= 2;
  if (lanes == 1) throw NoLanes();

  std::vector<Index> outer;
  for (size_t i = 0; i + 1 < axes.size(); ++i) outer.push_back(Index(Size(operand.shape()[axes[i]])));
  const AccId acc = writer_.accumulator("acc", dtype, lanes, {});
  const ExprRef neutral = number(neutral_element(node.op, dtype), lanes);
  const ExprRef so_far = acc_value(writer_.kernel, acc, {});
  const VarId lane = writer_.variable("lane", {0, lanes - 1});

  with_lanes(lane, lanes, [&] {
    writer_.emit(acc_stmt(acc, neutral));
    nest(writer_, outer, [&](const Point& reduced) {
      auto step = [&](const Index& k, const Guard& guard) {
        Point full = reduced;
        full.push_back(k + Index::variable(lane));
        const Point inner = merge_points(axes, operand.rank(), point, full);
        ExprRef element = guarded_or(guard, neutral, [&] { return at(operand, inner); });
        writer_.emit(set_stmt(acc, {}, apply(combining_op(node.op), {so_far, widen(element)})));
      };
      const Index whole = floor_div(Index(extent), lanes, writer_.ranges) * lanes;
      writer_.loop("k", 0, whole, lanes, LoopKind::serial, [&](const Index& k) { step(k, {}); });
      writer_.loop("k", whole, Index(extent), lanes, LoopKind::serial,
                   [&](const Index& k) { step(k, {Index(extent) - 1 - k - Index::variable(lane)}); });
    });
  });
  return fold(combining_op(node.op), so_far);
}

ExprRef Values::arg_reduce(const Node& node, const Point& point) {
  // The first of the best; a NaN is better than anything, the first one best.
  const Ints& axes = node.as<AxesAttrs>().axes;
  const Value operand = node.operands[0];
  const int lanes = has_lanes(point) ? lanes_ : 1;
  const DType dtype = compute_dtype(operand.dtype());
  const AccId best = writer_.accumulator("best", dtype, lanes, {});
  const AccId place = writer_.accumulator("place", node.type().dtype, lanes, {});
  writer_.emit(acc_stmt(best, number(neutral_element(node.op, dtype), lanes)));
  writer_.emit(acc_stmt(place, number(Scalar::of_integer(node.type().dtype, 0), lanes)));
  const ExprRef best_so_far = acc_value(writer_.kernel, best, {});
  const ExprRef place_so_far = acc_value(writer_.kernel, place, {});
  nest(writer_, {Index(Size(operand.shape()[axes[0]]))}, [&](const Point& reduced) {
    ExprRef element = at(operand, merge_points(axes, operand.rank(), point, reduced));
    if (element->lanes != lanes) element = splat(element, lanes);
    element = writer_.let("element", element);
    ExprRef better =
        node.op == Op::argmax ? apply(Op::lt, {best_so_far, element}) : apply(Op::lt, {element, best_so_far});
    if (is_float(dtype))
      better = apply(Op::or_, {better, apply(Op::and_, {apply(Op::ne, {element, element}),
                                                        apply(Op::eq, {best_so_far, best_so_far})})});
    better = writer_.let("better", better);
    ExprRef here = index_value(node.type().dtype, reduced[0]);
    if (lanes > 1) here = splat(here, lanes);
    writer_.emit(set_stmt(best, {}, apply(Op::select, {better, element, best_so_far})));
    writer_.emit(set_stmt(place, {}, apply(Op::select, {better, here, place_so_far})));
  });
  return place_so_far;
}

ExprRef Values::pool(const Node& node, const Point& point) {
  const auto& attrs = node.as<WindowAttrs>();
  const Value operand = node.operands[0];
  const Shape& shape = operand.shape();
  const int lanes = has_lanes(point) ? lanes_ : 1;
  const DType dtype = compute_dtype(node.type().dtype);
  const Op combine = combining_op(node.op);
  const ExprRef neutral = number(neutral_element(node.op, dtype), lanes);
  const AccId acc = writer_.accumulator("acc", dtype, lanes, {});
  writer_.emit(acc_stmt(acc, neutral));
  const ExprRef so_far = acc_value(writer_.kernel, acc, {});
  std::vector<Index> extents;
  for (int64_t size : attrs.size) extents.push_back(Index(size));
  nest(writer_, extents, [&](const Point& offset) {
    Point inner;
    Guard guard;
    for (size_t i = 0; i < shape.size(); ++i) {
      inner.push_back(point[i] * attrs.stride[i] + offset[i] - Index(attrs.pad_low[i]));
      if (attrs.pad_low[i] == 0 && attrs.pad_high[i] == 0) continue;
      guard.push_back(inner[i]);
      guard.push_back(Index(Size(shape[i])) - 1 - inner[i]);
    }
    ExprRef element = guarded_or(guard, neutral, [&] { return at(operand, inner); });
    if (element->lanes != lanes) element = splat(element, lanes);
    writer_.emit(set_stmt(acc, {}, apply(combine, {so_far, element})));
  });
  return so_far;
}

}  // namespace keratin
