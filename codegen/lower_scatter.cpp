// Ops that add to places which depend on data: scatter_add and the gradient of max pooling.
//
// The result is first filled, then added to, element by element in the order of the updates, so that what meets in one
// place is always summed in the same order.
#include "codegen/group.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {

namespace {

/// Adds `value` to the result at `point`.
void add_at(RegionLowering& lowering, const Type& type, const Point& point, const ExprRef& value) {
  const Access access = lowering.values.access(lowering.outputs[0], type, point);
  ExprRef old = load(lowering.writer.kernel, access);
  if (type.dtype == DType::f16 || type.dtype == DType::bf16)
    throw Error(ErrorKind::unsupported, cat("sums scattered into ", to_text(type.dtype)), {},
                "use float32 here");
  ExprRef added = value->lanes == access.lanes ? value : splat(value, access.lanes);
  lowering.writer.emit(store_stmt(access, apply(Op::add, {old, added})));
}

void fill(RegionLowering& lowering, const Type& type, const std::function<ExprRef(const Point&)>& value) {
  element_loops(lowering, type.shape, true, [&](const Point& point) {
    Access access = lowering.values.access(lowering.outputs[0], type, point);
    ExprRef stored = value(point);
    if (stored->lanes != access.lanes) stored = splat(std::move(stored), access.lanes);
    lowering.writer.emit(store_stmt(std::move(access), Values::to_memory(type.dtype, std::move(stored))));
  });
}

void lower_scatter_add(RegionLowering& lowering, const Node& node) {
  const auto& [axis, batch_dims] = node.as<GatherAttrs>();
  const Value data = node.operands[0], indices = node.operands[1], updates = node.operands[2];
  fill(lowering, node.type(), [&](const Point& point) { return lowering.values.at(data, point); });
  const int64_t index_rank = indices.rank() - batch_dims;
  const Size extent(data.shape()[axis]);
  lowering.writer.guarded({Index(extent) - 1}, [&] {
    element_loops(lowering, updates.shape(), true, [&](const Point& point) {
      Point where(point.begin(), point.begin() + batch_dims);
      where.insert(where.end(), point.begin() + axis, point.begin() + axis + index_rank);
      Point place(point.begin(), point.begin() + axis);
      place.push_back(lowering.values.clamped_index(indices, where, extent, 1));
      place.insert(place.end(), point.begin() + axis + index_rank, point.end());
      add_at(lowering, node.type(), place, lowering.values.at(updates, point));
    });
  });
}

/// Each window's gradient goes to the first of its greatest elements.
void lower_pool_max_grad(RegionLowering& lowering, const Node& node) {
  KernelWriter& writer = lowering.writer;
  Values& values = lowering.values;
  const auto& attrs = node.as<WindowAttrs>();
  const Value x = node.operands[0], dy = node.operands[1];
  const DType dtype = compute_dtype(x.dtype());
  fill(lowering, node.type(), [&](const Point&) { return number(Scalar::of(dtype, 0)); });
  element_loops(lowering, dy.shape(), false, [&](const Point& window) {
    const AccId best = writer.accumulator("best", dtype, 1, {});
    const ExprRef best_so_far = acc_value(writer.kernel, best, {});
    writer.emit(acc_stmt(best, number(Scalar::of(dtype, 0))));
    const AccId place = writer.accumulator("place", DType::i64, 1, {x.rank()});
    writer.emit(acc_stmt(place, number(Scalar::of_integer(DType::i64, -1))));
    std::vector<ExprRef> places;
    for (int64_t i = 0; i < x.rank(); ++i) places.push_back(acc_value(writer.kernel, place, {Index(i)}));

    Shape sizes;
    for (int64_t size : attrs.size) sizes.push_back(size);
    element_loops(lowering, sizes, false, [&](const Point& offset) {
      Point at;
      Guard inside;
      for (int64_t i = 0; i < x.rank(); ++i) {
        at.push_back(window[i] * attrs.stride[i] + offset[i] - Index(attrs.pad_low[i]));
        if (attrs.pad_low[i] == 0 && attrs.pad_high[i] == 0) continue;
        inside.push_back(at[i]);
        inside.push_back(Index(Size(x.shape()[i])) - 1 - at[i]);
      }
      writer.guarded(inside, [&] {
        const ExprRef element = writer.let("element", values.at(x, at));
        const ExprRef first = apply(Op::lt, {places[0], number(Scalar::of_integer(DType::i64, 0))});
        ExprRef better = apply(Op::or_, {first, apply(Op::lt, {best_so_far, element})});
        if (is_float(dtype))
          better = apply(Op::or_, {better, apply(Op::and_, {apply(Op::ne, {element, element}),
                                                            apply(Op::eq, {best_so_far, best_so_far})})});
        better = writer.let("better", better);
        writer.emit(set_stmt(best, {}, apply(Op::select, {better, element, best_so_far})));
        for (int64_t i = 0; i < x.rank(); ++i)
          writer.emit(set_stmt(place, {Index(i)},
                               apply(Op::select, {better, index_value(DType::i64, at[i]), places[i]})));
      });
    });

    // A window that lies in the padding altogether has no place to give its gradient to.
    Point target;
    for (int64_t i = 0; i < x.rank(); ++i) {
      Interval range{-1, std::nullopt};
      if (x.shape()[i].is_static()) range.high = x.shape()[i].coef - 1;
      target.push_back(writer.let_index("at", places[i], range));
    }
    writer.guarded({target.empty() ? Index(0) : target[0]},
                   [&] { add_at(lowering, node.type(), target, values.at(dy, window)); });
  });
}

}  // namespace

void lower_scatter(RegionLowering& lowering, const Node& node) {
  KERATIN_CHECK(lowering.region.results.size() == 1, "a scatter has one result");
  if (node.op == Op::scatter_add)
    lower_scatter_add(lowering, node);
  else
    lower_pool_max_grad(lowering, node);
}

}  // namespace keratin
