// Regions whose results all have one shape: a loop over its elements. The physical axes are walked.
#include <algorithm>

#include "codegen/group.h"
#include "ir/builder.h"
#include "ir/error.h"
#include "passes/traits.h"

namespace keratin {

namespace {

constexpr int64_t kPieceElements = 8192;  // what one piece of work is: some microseconds

/// How many axes, from the first, are parallel, and in blocks of how many along the last of them.
struct Cut {
  size_t axes = 0;
  int64_t block = 1;
};
Cut cut(const Shape& shape) {
  Cut cut;
  Size rest = Size::product(shape);
  while (cut.axes < shape.size() && !(rest.is_static() && rest.value() <= kPieceElements)) {
    ++cut.axes;
    rest = Size::product(Shape(shape.begin() + cut.axes, shape.end()));
  }
  if (cut.axes > 0 && rest.is_static())
    cut.block = std::max<int64_t>(1, kPieceElements / std::max<int64_t>(1, rest.value()));
  return cut;
}

/// Loops over the axes from `axis` on, the last axis longer than 1 in vectors.
void axis_loops(RegionLowering& lowering, const Shape& shape, size_t axis, int vector_axis, int lanes,
                const Point& point, const std::pair<Index, Index>* range,
                const std::function<void(const Point&)>& body) {
  if (axis == shape.size()) return body(point);
  KernelWriter& writer = lowering.writer;
  const Index low = range ? range->first : Index(0);
  const Index high = range ? range->second : Index(Size(shape[axis]));
  auto inner = [&](const Index& index) {
    Point longer = point;
    longer.push_back(index);
    axis_loops(lowering, shape, axis + 1, vector_axis, lanes, longer, nullptr, body);
  };
  if (static_cast<int>(axis) != vector_axis || lanes == 1) {
    writer.loop("i", low, high, 1, LoopKind::serial, inner);
    return;
  }
  const Index whole = low + floor_div(high - low, lanes, writer.ranges) * lanes;
  const VarId lane = writer.variable("lane", {0, lanes - 1});
  lowering.values.with_lanes(lane, lanes, [&] {
    writer.loop("j", low, whole, lanes, LoopKind::serial,
                [&](const Index& j) { inner(j + Index::variable(lane)); });
    writer.loop("j", whole, high, lanes, LoopKind::serial, [&](const Index& j) {
      const auto guard = writer.simplify({high - 1 - j - Index::variable(lane)});
      if (guard) lowering.values.with_guard(*guard, [&] { inner(j + Index::variable(lane)); });
    });
  });
}

int last_long_axis(const Shape& shape) {
  for (size_t i = shape.size(); i-- > 0;)
    if (!shape[i].is(1)) return static_cast<int>(i);
  return -1;
}

int fitting_lanes(int lanes, Dim extent) {
  while (lanes > 1 && extent.is_static() && lanes / 2 >= extent.coef) lanes /= 2;
  return lanes;
}

}  // namespace

void vectorize_or_not(KernelWriter& writer, bool vectors, const std::function<void(bool)>& write) {
  if (vectors && writer.attempt([&] { write(true); })) return;
  write(false);
}

void element_loops(RegionLowering& lowering, const Shape& shape, bool vectors,
                   const std::function<void(const Point&)>& body) {
  const int axis = last_long_axis(shape);
  const int lanes = axis < 0 ? 1 : fitting_lanes(lowering.lanes(), shape[axis]);
  vectorize_or_not(lowering.writer, vectors && lanes > 1, [&](bool with_vectors) {
    axis_loops(lowering, shape, 0, axis, with_vectors ? lanes : 1, {}, nullptr, body);
  });
}

void lower_elements(RegionLowering& lowering) {
  const Function& region = lowering.region;
  const Type& type = region.results[0].value.type();
  const Shape shape = type.physical_shape();
  std::vector<uint32_t> all;
  for (uint32_t i = 0; i < region.results.size(); ++i) all.push_back(i);

  // Panels: panel p, …, place q stand for index width·p + q of their axis; places beyond the axis hold zeros.
  auto body = [&](const Point& place) {
    if (type.layout.is_row_major()) return lowering.store_results(all, place);
    Point point(place.begin() + 1, place.end() - 1);
    const Index along = place.front() * type.layout.width + place.back();
    point.insert(point.begin() + type.layout.axis, along);
    lowering.store_panels(all, point, {Index(Size(type.shape[type.layout.axis])) - 1 - along});
  };

  const Cut how = cut(shape);
  Point point;
  std::pair<Index, Index> range;
  for (size_t i = 0; i < how.axes; ++i) {
    if (i + 1 == how.axes)
      range = lowering.par_range("p", shape[i], how.block);
    else
      point.push_back(lowering.par_index("p", shape[i]));
  }
  const size_t first = point.size();
  const auto* along = how.axes > 0 ? &range : nullptr;
  const int axis = last_long_axis(shape);
  const int lanes = axis < 0 ? 1 : fitting_lanes(lowering.lanes(), shape[axis]);
  // A parallel axis of single indices cannot be the vector's.
  const bool vectors = lanes > 1 && axis >= static_cast<int>(first);
  vectorize_or_not(lowering.writer, vectors, [&](bool with_vectors) {
    axis_loops(lowering, shape, first, axis, with_vectors ? lanes : 1, point, along, body);
  });
}

}  // namespace keratin
