// Regions whose results all have one shape: a loop over its elements. The physical axes are walked.
//
// Where arrays are put side by side along the vectors' axis (concat, or sums of what is padded with zeros, the gradient of several
// slices) each has a loop of its own: in none of them anything is computed for the others.
#include <algorithm>
#include <map>
#include <set>

#include "codegen/group.h"
#include "ir/builder.h"
#include "ir/error.h"
#include "passes/traits.h"

namespace keratin {

namespace {

constexpr int64_t kPieceElements = 8192;  // what one piece of work is: some microseconds
constexpr size_t kMostSeams = 8;          // more loops than that cost more to compile than they bring

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

/// Where one array ends along an axis of the results and the next begins, as far as vectors end there.
std::vector<int64_t> find_seams(const Function& region, int64_t axis, int64_t lanes) {
  const Type& type = region.results[0].value.type();
  if (!type.layout.is_row_major() || axis < 0 || !type.shape[axis].is_static()) return {};
  const int64_t extent = type.shape[axis].coef;
  std::set<int64_t> seams;
  const auto add = [&](int64_t at) {
    if (at > 0 && at < extent && at % lanes == 0) seams.insert(at);
  };
  for (const auto& node : region.nodes) {
    if (node->type().shape != type.shape) continue;
    if (node->op == Op::pad) {
      add(node->as<PadAttrs>().low[axis]);
      add(extent - node->as<PadAttrs>().high[axis]);
    } else if (node->op == Op::concat && node->as<AxisAttrs>().axis == axis) {
      int64_t at = 0;
      for (const Value part : node->operands) add(at += part.shape()[axis].value());
    }
  }
  return seams.size() > kMostSeams ? std::vector<int64_t>()
                                   : std::vector<int64_t>(seams.begin(), seams.end());
}

/// The axis that is walked in vectors, up to each of the seams by itself.
struct VectorAxis {
  int axis, lanes;
  int side_by_side = 1;
  std::vector<int64_t> seams = {};
};

/// Loops over the axes from `axis` on.
void axis_loops(RegionLowering& lowering, const Shape& shape, size_t axis, const VectorAxis& vectors,
                const Point& point, const std::pair<Index, Index>* range,
                const std::function<void(const Point&)>& body) {
  if (axis == shape.size()) return body(point);
  KernelWriter& writer = lowering.writer;
  const Index low = range ? range->first : Index(0);
  const Index high = range ? range->second : Index(Size(shape[axis]));
  auto inner = [&](const Index& index) {
    Point longer = point;
    longer.push_back(index);
    axis_loops(lowering, shape, axis + 1, vectors, longer, nullptr, body);
  };
  const int lanes = vectors.lanes;
  if (static_cast<int>(axis) != vectors.axis || lanes == 1) {
    writer.loop("i", low, high, 1, LoopKind::serial, inner);
    return;
  }
  const VarId lane = writer.variable("lane", {0, lanes - 1});
  lowering.values.with_lanes(lane, lanes, [&] {
    Index start = low;
    if (!range) {
      for (const int64_t seam : vectors.seams) {
        writer.loop("j", start, seam, lanes, LoopKind::serial,
                    [&](const Index& j) { inner(j + Index::variable(lane)); });
        start = seam;
      }
    }
    const auto whole_vectors = [&](int64_t count) {
      const int64_t step = count * lanes;
      const Index end = start + floor_div(high - start, step, writer.ranges) * step;
      writer.loop("j", start, end, step, LoopKind::serial, [&](const Index& j) {
        writer.loop("c", 0, count, 1, LoopKind::unroll,
                    [&](const Index& c) { inner(j + c * lanes + Index::variable(lane)); });
      });
      start = end;
    };
    if (vectors.side_by_side > 1) whole_vectors(vectors.side_by_side);
    whole_vectors(1);
    writer.loop("j", start, high, lanes, LoopKind::serial, [&](const Index& j) {
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
    axis_loops(lowering, shape, 0, {axis, with_vectors ? lanes : 1}, {}, nullptr, body);
  });
}

namespace {

/// Stores results, all of one type, at a place of their memory.
void store_at(RegionLowering& lowering, const std::vector<uint32_t>& results, const Point& place) {
  const Type& type = lowering.region.results[results[0]].value.type();
  if (type.layout.is_row_major()) return lowering.store_results(results, place);
  // Panels: panel p, …, place q stand for index width·p + q of their axis; places beyond the axis hold zeros. With pairs, every
  // other place is the next index of the pairs' axis.
  const Layout& layout = type.layout;
  const Ranges& ranges = lowering.writer.ranges;
  Point point(place.begin() + 1, place.end() - 1);
  const Index column = layout.has_pairs() ? floor_div(place.back(), 2, ranges) : place.back();
  point.insert(point.begin() + layout.axis, place.front() * layout.width + column);
  Guard inside{Index(Size(type.shape[layout.axis])) - 1 - point[layout.axis]};
  if (layout.has_pairs()) {
    Index& along = point[layout.pair_axis];
    along = along * 2 + modulo(place.back(), 2, ranges);
    inside.push_back(Index(Size(type.shape[layout.pair_axis])) - 1 - along);
  }
  lowering.store_panels(results, point, inside);
}

/// Results of several layouts, which do not share their loops: a piece for each layout.
void lower_layouts(RegionLowering& lowering, const std::map<Layout, std::vector<uint32_t>>& layouts) {
  const Index which = lowering.par_index("layout", static_cast<int64_t>(layouts.size()));
  int64_t number = 0;
  for (const auto& [layout, results] : layouts) {
    const Shape shape = lowering.region.results[results[0]].value.type().physical_shape();
    lowering.writer.guarded({which - Index(number), Index(number) - which}, [&] {
      element_loops(lowering, shape, true, [&](const Point& place) { store_at(lowering, results, place); });
    });
    ++number;
  }
}

}  // namespace

void lower_elements(RegionLowering& lowering) {
  const Function& region = lowering.region;
  std::map<Layout, std::vector<uint32_t>> layouts;
  for (uint32_t i = 0; i < region.results.size(); ++i)
    layouts[region.results[i].value.type().layout].push_back(i);
  if (layouts.size() > 1) return lower_layouts(lowering, layouts);
  const std::vector<uint32_t>& all = layouts.begin()->second;
  const Shape shape = region.results[0].value.type().physical_shape();
  auto body = [&](const Point& place) { store_at(lowering, all, place); };

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
  const std::vector<int64_t> seams = vectors ? find_seams(region, axis, lanes) : std::vector<int64_t>();
  vectorize_or_not(lowering.writer, vectors, [&](bool with_vectors) {
    const VectorAxis walked{axis, with_vectors ? lanes : 1, lowering.side_by_side(), seams};
    axis_loops(lowering, shape, first, walked, point, along, body);
  });
}

}  // namespace keratin
