// Ops that add to places which depend on data: scatter_add and the gradient of max pooling.
//
// The result is first filled, then added to, element by element in the order of the updates, so that what meets in one
// place is always summed in the same order. Windows that do not overlap store instead.
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

/// Makes `value` the result at `point`.
void store_at(RegionLowering& lowering, const Type& type, const Point& point, ExprRef value) {
  Access access = lowering.values.access(lowering.outputs[0], type, point);
  if (value->lanes != access.lanes) value = splat(std::move(value), access.lanes);
  lowering.writer.emit(
      store_stmt(std::move(access), lowering.values.to_memory(type.dtype, std::move(value))));
}

void lower_scatter_add(RegionLowering& lowering, const Node& node) {
  const auto& [axis, batch_dims] = node.as<GatherAttrs>();
  const Value data = node.operands[0], indices = node.operands[1], updates = node.operands[2];
  element_loops(lowering, node.type().shape, true, [&](const Point& point) {
    store_at(lowering, node.type(), point, lowering.values.at(data, point));
  });
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

/// The gradient of max pooling: each window's gradient goes to the first of its greatest elements.
class PoolMaxGrad {
 public:
  PoolMaxGrad(RegionLowering& lowering, const Node& node)
      : lowering_(lowering),
        writer_(lowering.writer),
        values_(lowering.values),
        node_(node),
        attrs_(node.as<WindowAttrs>()),
        x_(node.operands[0]),
        dy_(node.operands[1]),
        dtype_(compute_dtype(x_.dtype())) {}

  void run() {
    // Axes without windows, such as the batch, are independent of each other.
    const int64_t last = x_.rank() - 1;
    while (first_ < last && has_no_window(first_))
      outer_.push_back(lowering_.par_index("p", x_.shape()[first_++]));
    if (!is_covered())
      element_loops(lowering_, inner(x_.shape()), true, [&](const Point& point) {
        store_at(lowering_, node_.type(), whole(point), number(Scalar::of(dtype_, 0)));
      });
    // Lanes run along the last axis that is longer than 1.
    int64_t lanes_axis = last;
    while (lanes_axis > first_ && dy_.shape()[lanes_axis].is(1)) --lanes_axis;
    element_loops(lowering_, inner(dy_.shape()), lanes_axis >= 0 && has_no_window(lanes_axis),
                  [&](const Point& point) { give(whole(point)); });
  }

 private:
  bool has_no_window(int64_t axis) const {
    return attrs_.size[axis] == 1 && attrs_.stride[axis] == 1 && attrs_.pad_low[axis] == 0 &&
           attrs_.pad_high[axis] == 0;
  }

  /// No element lies in two windows.
  bool is_disjoint() const {
    for (int64_t axis = 0; axis < x_.rank(); ++axis)
      if (attrs_.size[axis] > attrs_.stride[axis]) return false;
    return true;
  }

  /// Every element lies in one window.
  bool is_covered() const {
    for (int64_t axis = 0; axis < x_.rank(); ++axis) {
      if (has_no_window(axis)) continue;
      const Dim elements = x_.shape()[axis], windows = dy_.shape()[axis];
      if (attrs_.size[axis] != attrs_.stride[axis] || attrs_.pad_low[axis] != 0 ||
          attrs_.pad_high[axis] != 0 || !elements.is_static() ||
          elements.coef != windows.coef * attrs_.stride[axis])
        return false;
    }
    return true;
  }

  Shape inner(const Shape& shape) const { return Shape(shape.begin() + first_, shape.end()); }

  Point whole(const Point& inner) const {
    Point point = outer_;
    point.insert(point.end(), inner.begin(), inner.end());
    return point;
  }

  /// Calls `body` for every element of a window that is no padding, with its number in the window.
  void elements(const Point& window, const std::function<void(const Point& at, const Index& number)>& body) {
    Shape sizes;
    for (int64_t size : attrs_.size) sizes.push_back(size);
    element_loops(lowering_, sizes, false, [&](const Point& offset) {
      Point at;
      Guard inside;
      Index number(0);
      for (int64_t i = 0; i < x_.rank(); ++i) {
        number = number * attrs_.size[i] + offset[i];
        at.push_back(window[i] * attrs_.stride[i] + offset[i] - Index(attrs_.pad_low[i]));
        if (attrs_.pad_low[i] == 0 && attrs_.pad_high[i] == 0) continue;
        inside.push_back(at[i]);
        inside.push_back(Index(Size(x_.shape()[i])) - 1 - at[i]);
      }
      writer_.guarded(inside, [&] { body(at, number); });
    });
  }

  /// Finds out where a window's gradient goes, and stores it there. Lanes, if any, are windows side by side.
  void give(const Point& window) {
    const int lanes = values_.lanes();
    const auto numbered = [&](int64_t element) {
      return number(Scalar::of_integer(DType::i32, element), lanes);
    };
    const AccId best = writer_.accumulator("best", dtype_, lanes, {});
    const AccId chosen = writer_.accumulator("chosen", DType::i32, lanes, {});
    writer_.emit(acc_stmt(best, number(Scalar::of(dtype_, 0), lanes)));
    writer_.emit(acc_stmt(chosen, numbered(-1)));
    const ExprRef best_so_far = acc_value(writer_.kernel, best, {});
    const ExprRef place = acc_value(writer_.kernel, chosen, {});
    elements(window, [&](const Point& at, const Index& index) {
      const ExprRef element = writer_.let("element", values_.widen(values_.at(x_, at)));
      const ExprRef first = apply(Op::lt, {place, numbered(0)});
      ExprRef better = apply(Op::or_, {first, apply(Op::lt, {best_so_far, element})});
      if (is_float(dtype_))
        better = apply(Op::or_, {better, apply(Op::and_, {apply(Op::ne, {element, element}),
                                                          apply(Op::eq, {best_so_far, best_so_far})})});
      better = writer_.let("better", better);
      writer_.emit(set_stmt(best, {}, apply(Op::select, {better, element, best_so_far})));
      const ExprRef here = index_value(DType::i32, index, lanes);
      writer_.emit(set_stmt(chosen, {}, apply(Op::select, {better, here, place})));
    });

    // A window that lies in the padding altogether has no place to give its gradient to.
    const ExprRef gradient = writer_.let("gradient", values_.widen(values_.at(dy_, window)));
    const ExprRef nothing = number(Scalar::of(dtype_, 0), lanes);
    const bool alone = is_disjoint();
    elements(window, [&](const Point& at, const Index& index) {
      const ExprRef is_here = apply(Op::eq, {place, index_value(DType::i32, index, lanes)});
      const ExprRef share = apply(Op::select, {is_here, gradient, nothing});
      if (alone)
        store_at(lowering_, node_.type(), at, share);
      else
        add_at(lowering_, node_.type(), at, share);
    });
  }

  RegionLowering& lowering_;
  KernelWriter& writer_;
  Values& values_;
  const Node& node_;
  const WindowAttrs& attrs_;
  const Value x_, dy_;
  const DType dtype_;
  int64_t first_ = 0;  // of the axes that are not parallel
  Point outer_;        // indices of those before
};

}  // namespace

void lower_scatter(RegionLowering& lowering, const Node& node) {
  KERATIN_CHECK(lowering.region.results.size() == 1, "a scatter has one result");
  if (node.op == Op::scatter_add)
    lower_scatter_add(lowering, node);
  else
    PoolMaxGrad(lowering, node).run();
}

}  // namespace keratin
