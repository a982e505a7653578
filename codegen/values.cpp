#include "codegen/values.h"

#include <algorithm>
#include <span>
#include <tuple>
#include <utility>

#include "ir/builder.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {

namespace {

bool value_less(const Value& a, const Value& b) {
  return std::tuple(a.node->index, a.node, a.result) < std::tuple(b.node->index, b.node, b.result);
}

bool points_less(const Point& a, const Point& b) {
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end());
}

/// A 16-bit float as an f32 that such a float can hold.
ExprRef rounded(DType dtype, ExprRef value, const Target& target) {
  if (dtype == DType::f16) return f32_from_f16(f16_from_f32(std::move(value)));
  if (dtype == DType::bf16) return f32_from_bf16(bf16_from_f32(std::move(value), target));
  return value;
}

int64_t static_extent(Dim dim) {
  if (!dim.is_static())
    throw Error(ErrorKind::unsupported,
                cat("a reshape inside a kernel moves the free dimension ", to_text(dim)), {},
                "fix the dimension with --shape");
  return dim.coef;
}

/// Whether a value is zero where the load in it does not read.
bool is_zero_outside(const Expr& value) {
  switch (value.kind) {
    case ExprKind::load: return value.number == Scalar::of_integer(value.number.dtype, 0);
    case ExprKind::bitcast: return is_zero_outside(*value.args[0]);
    case ExprKind::apply:
      return (value.op == Op::shl || (value.op == Op::cast && is_integer(value.dtype))) &&
             is_zero_outside(*value.args[0]);
    default: return false;
  }
}

/// The row-major number of a point's place along some axes.
Index flatten(const Point& point, const Shape& shape, std::span<const size_t> axes) {
  Index flat;
  int64_t stride = 1;
  for (size_t i = axes.size(); i-- > 0;) {
    flat += point[axes[i]] * stride;
    if (i > 0) stride *= static_extent(shape[axes[i]]);
  }
  return flat;
}

/// The reverse: sets the point's indices along the axes.
void unflatten(Index flat, const Shape& shape, std::span<const size_t> axes, const Ranges& ranges,
               Point& point) {
  for (size_t i = axes.size(); i-- > 1;) {
    const int64_t extent = static_extent(shape[axes[i]]);
    point[axes[i]] = modulo(flat, extent, ranges);
    flat = floor_div(flat, extent, ranges);
  }
  point[axes[0]] = flat;
}

}  // namespace

DType compute_dtype(DType dtype) { return dtype == DType::f16 || dtype == DType::bf16 ? DType::f32 : dtype; }

// KernelWriter

KernelWriter::KernelWriter(std::string name, const Target& t) : target(t), block_(&kernel.body) {
  kernel.name = std::move(name);
}

Block KernelWriter::collect(const std::function<void()>& write) {
  Block collected;
  Block* outer = std::exchange(block_, &collected);
  if (open_scope) open_scope();
  try {
    write();
  } catch (...) {
    block_ = outer;
    if (close_scope) close_scope();
    throw;
  }
  block_ = outer;
  if (close_scope) close_scope();
  return collected;
}

bool KernelWriter::attempt(const std::function<void()>& write) {
  const size_t variables = kernel.variables.size(), accumulators = kernel.accumulators.size(),
               buffers = kernel.buffers.size(), par = kernel.par.size();
  try {
    Block block = collect(write);
    for (Stmt& statement : block) emit(std::move(statement));
    return true;
  } catch (NoLanes) {
    kernel.variables.resize(variables);
    kernel.accumulators.resize(accumulators);
    kernel.buffers.resize(buffers);
    kernel.par.resize(par);
    ranges.erase(ranges.lower_bound(static_cast<VarId>(variables)), ranges.end());
    return false;
  }
}

VarId KernelWriter::variable(const std::string& name, Interval range) {
  const VarId id = add_variable(kernel, name);
  ranges[id] = range;
  return id;
}

AccId KernelWriter::accumulator(const std::string& name, DType dtype, int lanes, std::vector<int64_t> shape) {
  return add_accumulator(kernel, {name, dtype, lanes, std::move(shape)});
}

void KernelWriter::loop(const std::string& name, const Index& low, const Index& high, int64_t step,
                        LoopKind kind, const std::function<void(const Index&)>& body) {
  const Index span = high - low;
  if (span.is_constant() && span.value() <= 0) return;
  if (span.is_constant() && span.value() <= step) {
    body(low);
    return;
  }
  Interval range{low.interval(ranges).low, high.interval(ranges).high};
  if (range.high) *range.high -= 1;
  if (range.low && range.high && step > 1)
    *range.high = *range.low + (*range.high - *range.low) / step * step;
  const VarId id = variable(name, range);
  Block block = collect([&] { body(Index::variable(id)); });
  emit(for_stmt(id, low, high, step, kind, std::move(block)));
}

std::optional<Guard> KernelWriter::simplify(Guard guard) const {
  Guard kept;
  for (Index& condition : guard) {
    const Interval interval = condition.interval(ranges);
    if (interval.high && *interval.high < 0) return std::nullopt;
    if (interval.low && *interval.low >= 0) continue;
    if (std::find(kept.begin(), kept.end(), condition) == kept.end()) kept.push_back(std::move(condition));
  }
  return kept;
}

void KernelWriter::guarded(const Guard& guard, const std::function<void()>& body) {
  const auto needed = simplify(guard);
  if (!needed) return;
  if (needed->empty()) return body();
  Block block = collect(body);
  emit(if_stmt(*needed, std::move(block)));
}

ExprRef KernelWriter::let(const std::string& name, ExprRef value) {
  const VarId id = add_variable(kernel, name, value->dtype, value->lanes);
  emit(let_stmt(id, std::move(value)));
  return let_value(kernel, id);
}

Index KernelWriter::let_index(const std::string& name, ExprRef value, Interval range) {
  const VarId id = add_variable(kernel, name, DType::i64, 1);
  ranges[id] = range;
  emit(let_stmt(id, cast(DType::i64, std::move(value))));
  return Index::variable(id);
}

// Values

bool Values::Key::operator<(const Key& other) const {
  if (guard != other.guard) return guard < other.guard;
  if (lane != other.lane) return lane < other.lane;
  if (!(value == other.value)) return value_less(value, other.value);
  return points_less(point, other.point);
}

Values::Values(KernelWriter& writer, Accuracy accuracy)
    : writer_(writer), accuracy_(accuracy), bound_(value_less), memory_(1) {
  writer_.open_scope = [this] { memory_.emplace_back(); };
  writer_.close_scope = [this] { memory_.pop_back(); };
}

void Values::bind(Value value, BufferId buffer, int64_t skip, const Index& first) {
  bound_[value] = {buffer, skip, first};
}

void Values::with_lanes(VarId variable, int lanes, const std::function<void()>& body) {
  const auto outer = std::tuple(std::exchange(lane_, variable), std::exchange(lanes_, lanes));
  try {
    body();
  } catch (...) {
    std::tie(lane_, lanes_) = outer;
    throw;
  }
  std::tie(lane_, lanes_) = outer;
}

void Values::with_guard(const Guard& guard, const std::function<void()>& body) {
  const Guard outer = guard_;
  const uint64_t serial = guard_serial_;
  guard_.insert(guard_.end(), guard.begin(), guard.end());
  if (!guard.empty()) guard_serial_ = next_serial_++;
  try {
    body();
  } catch (...) {
    guard_ = outer;
    guard_serial_ = serial;
    throw;
  }
  guard_ = outer;
  guard_serial_ = serial;
}

bool Values::has_lanes(const Point& point) const {
  return lanes_ > 1 && std::any_of(point.begin(), point.end(), [&](const Index& i) { return i.uses(lane_); });
}

bool Values::is_guarded_by_lane() const { return has_lanes(guard_); }

ExprRef Values::widen(ExprRef value) const {
  return value->lanes == lanes_ ? value : splat(std::move(value), lanes_);
}

ExprRef Values::to_memory(DType dtype, ExprRef value) const {
  if (dtype == DType::f16) return f16_from_f32(std::move(value));
  if (dtype == DType::bf16) return bf16_from_f32(std::move(value), writer_.target);
  return value;
}

Access Values::access(BufferId buffer, const Type& type, const Point& point, int64_t skip,
                      const Index& first) const {
  Access access;
  access.buffer = buffer;
  access.at.assign(point.begin() + skip, point.end());
  if (!access.at.empty()) access.at[0] = access.at[0] - first;
  if (!type.layout.is_row_major()) {
    const size_t axis = type.layout.axis;
    const int64_t width = type.layout.width;
    const Index panel = floor_div(access.at[axis], width, writer_.ranges);
    Index place = modulo(access.at[axis], width, writer_.ranges);
    if (type.layout.has_pairs()) {
      Index& along = access.at[type.layout.pair_axis];
      place = place * 2 + modulo(along, 2, writer_.ranges);
      along = floor_div(along, 2, writer_.ranges);
    }
    access.at.erase(access.at.begin() + axis);
    access.at.insert(access.at.begin(), panel);
    access.at.push_back(place);
  }
  if (lanes_ > 1) {
    int along = -1;
    for (size_t i = 0; i < access.at.size(); ++i) {
      if (!access.at[i].uses(lane_)) continue;
      const auto slope = access.at[i].slope(lane_);
      if (!slope || along >= 0) throw NoLanes();
      along = static_cast<int>(i);
      access.lane_step = *slope;
      access.at[i] = access.at[i].substitute(lane_, 0, writer_.ranges);
    }
    if (along >= 0) {
      access.lanes = lanes_;
      access.lane_axis = along;
    }
  }
  for (const Index& condition : guard_) {
    const auto slope = lanes_ > 1 ? condition.slope(lane_) : 0;
    if (!slope || (*slope != 0 && *slope != 1 && *slope != -1)) throw NoLanes();
    const Index base = *slope == 0 ? condition : condition.substitute(lane_, 0, writer_.ranges);
    if (*slope == 0) {
      access.guard.push_back(condition);
    } else if (access.lanes == 1) {
      // One element for all lanes: it is read if any of them is.
      const Index best = *slope < 0 ? base : base + Index(lanes_ - 1);
      const Guard needed = writer_.simplify({best}).value_or(Guard{best});
      access.guard.insert(access.guard.end(), needed.begin(), needed.end());
    } else {
      // base ± lane >= 0 bounds the lanes from one side.
      auto& bound = *slope == 1 ? access.first : access.limit;
      const Index value = *slope == 1 ? Index(0) - base : base + 1;
      if (bound && !(*bound == value)) throw NoLanes();
      bound = value;
    }
  }
  return access;
}

Access Values::place_of(Value value, const Point& point) const {
  const Bound& bound = bound_.at(value);
  return access(bound.buffer, value.type(), point, bound.skip, bound.first);
}

ExprRef Values::pairs(Value value, const Point& point, int64_t axis) {
  const bool has_lanes = this->has_lanes(point);
  if (value.type().layout.pair_axis == axis) {
    const auto bound = bound_.find(value);
    KERATIN_CHECK(bound != bound_.end(), "panels are read from memory");
    Access access = this->access(bound->second.buffer, value.type(), point, bound->second.skip);
    if (access.first || access.limit || access.lane_step != (has_lanes ? 2 : 1)) throw NoLanes();
    access.lane_axis = static_cast<int>(access.at.size()) - 1;
    access.lanes *= 2;
    access.lane_step = 1;
    return bitcast(DType::u32, load(writer_.kernel, std::move(access)));
  }

  if (lanes_ > 1 && is_guarded_by_lane()) throw NoLanes();
  Point first = point;
  if (has_lanes) {
    if (point[axis].slope(lane_) != 2) throw NoLanes();
    for (Index& index : first) index = index.substitute(lane_, 0, writer_.ranges);
  }
  const Index after = Index(Size(value.shape()[axis])) - 1 - first[axis];  // how many elements follow
  const auto bits = [&] { return bf16_from_f32(widen(at(value, first)), writer_.target); };
  ExprRef read;
  if (!has_lanes && after.is_constant() && after.value() == 0) {
    with_lanes(0, 1, [&] { read = cast(DType::u32, bits()); });
    return read;
  }
  const int count = has_lanes ? 2 * lanes_ : 2;
  const VarId lane = writer_.variable("lane", {0, count - 1});
  first[axis] += Index::variable(lane);
  with_lanes(lane, count,
             [&] { with_guard(writer_.needed({after - Index::variable(lane)}), [&] { read = bits(); }); });
  return bitcast(DType::u32, std::move(read));
}

ExprRef Values::at(Value value, const Point& point) {
  KERATIN_CHECK(static_cast<int64_t>(point.size()) == value.rank(),
                cat(to_text(value.node->op), " of ", to_text(value.type()), " at a point of ", point.size(),
                    " indices"));
  const Key key{value, point, guard_serial_, lanes_ > 1 ? lane_ : VarId(0)};
  for (auto scope = memory_.rbegin(); scope != memory_.rend(); ++scope)
    if (auto found = scope->find(key); found != scope->end()) return found->second;
  ExprRef computed = compute(value, point);
  memory_.back()[key] = computed;
  return computed;
}

ExprRef Values::compute(Value value, const Point& point) {
  const Node& node = *value.node;
  if (tile_ != nullptr && tile_->node == &node) {
    KERATIN_CHECK(tile_->point == point, "a contraction is read where its tile stands");
    return rounded(node.type().dtype, tile_->sum, writer_.target);
  }
  if (auto bound = bound_.find(value); bound != bound_.end()) {
    ExprRef bits = load(writer_.kernel, access(bound->second.buffer, value.type(), point, bound->second.skip,
                                               bound->second.first));
    if (value.dtype() == DType::f16) return f32_from_f16(std::move(bits));
    if (value.dtype() == DType::bf16) return f32_from_bf16(std::move(bits));
    return bits;
  }

  switch (node.op) {
    case Op::constant: {
      const Scalar& splat = node.as<ConstantAttrs>().splat;
      return number(is_float(splat.dtype) ? Scalar::of(compute_dtype(splat.dtype), splat.real) : splat);
    }
    case Op::broadcast: {
      Point inner;
      for (int64_t axis : node.as<BroadcastAttrs>().dims) inner.push_back(point[axis]);
      return at(node.operands[0], inner);
    }
    case Op::transpose: {
      const Ints& perm = node.as<TransposeAttrs>().perm;
      Point inner(point.size());
      for (size_t i = 0; i < perm.size(); ++i) inner[perm[i]] = point[i];
      return at(node.operands[0], inner);
    }
    case Op::slice: {
      const auto& attrs = node.as<SliceAttrs>();
      Point inner;
      for (size_t i = 0; i < point.size(); ++i)
        inner.push_back(point[i] * attrs.stride[i] + Index(attrs.start[i]));
      return at(node.operands[0], inner);
    }
    case Op::reverse: {
      Point inner = point;
      for (int64_t axis : node.as<AxesAttrs>().axes)
        inner[axis] = Index(Size(node.type().shape[axis])) - 1 - point[axis];
      return at(node.operands[0], inner);
    }
    case Op::iota: {
      const auto& attrs = node.as<IotaAttrs>();
      const Index& index = point[attrs.axis];
      if (lanes_ == 1 || !index.uses(lane_))
        return cast(compute_dtype(attrs.dtype), index_value(DType::i64, index));
      const auto slope = index.slope(lane_);
      if (!slope) throw NoLanes();
      return cast(compute_dtype(attrs.dtype),
                  index_value(DType::i64, index.substitute(lane_, 0, writer_.ranges), lanes_, *slope));
    }
    case Op::dim_size: {
      const auto& attrs = node.as<DimAttrs>();
      return cast(compute_dtype(attrs.dtype), index_value(DType::i64, Index(Size(attrs.dim))));
    }
    case Op::all_reduce:
    case Op::relayout: return at(node.operands[0], point);
    case Op::pad: return pad(node, point);
    case Op::concat: return concat(node, point);
    case Op::reshape: return reshape(node, point);
    case Op::gather: return gather(node, point);
    case Op::dynamic_slice: return dynamic_slice(node, point);
    case Op::dynamic_update_slice: return dynamic_update_slice(node, point);
    case Op::random_bits: return random_bits(node, point);
    case Op::argmax:
    case Op::argmin: return arg_reduce(node, point);
    case Op::pool_max:
    case Op::pool_sum: return pool(node, point);
    default:
      if (family_of(node.op) == Family::reduce) return reduce(node, point);
      KERATIN_CHECK(family_of(node.op) == Family::pointwise, cat("inside a stage: ", to_text(node.op)));
      return pointwise(node, point);
  }
}

ExprRef Values::pointwise(const Node& node, const Point& point) {
  std::vector<ExprRef> args;
  int lanes = 1;
  for (Value operand : node.operands) {
    args.push_back(at(operand, point));
    lanes = std::max(lanes, args.back()->lanes);
  }
  for (ExprRef& arg : args)
    if (arg->lanes != lanes) arg = splat(arg, lanes);
  const DType dtype = node.type().dtype;
  if (node.op == Op::stop_gradient) return args[0];
  if (node.op == Op::cast) return rounded(dtype, cast(compute_dtype(dtype), args[0]), writer_.target);
  if (is_expanded_op(node.op))
    return rounded(dtype, expand(node.op, std::move(args), writer_.target.fma, accuracy_), writer_.target);
  if (node.op == Op::rem && is_float(dtype)) {
    // In f64, as the op is defined: in f32 the quotient could round across a whole number.
    const ExprRef a = cast(DType::f64, args[0]), b = cast(DType::f64, args[1]);
    const ExprRef whole = apply(Op::floor, {apply(Op::div, {a, b})});
    const ExprRef rest = apply(Op::sub, {a, apply(Op::mul, {b, whole})});
    return rounded(dtype, cast(compute_dtype(dtype), rest), writer_.target);
  }
  return rounded(dtype, apply(node.op, std::move(args)), writer_.target);
}

ExprRef Values::condition(const Guard& guard) const {
  ExprRef all;
  for (const Index& condition : guard) {
    ExprRef test;
    if (lanes_ > 1 && condition.uses(lane_)) {
      const auto slope = condition.slope(lane_);
      if (!slope) throw NoLanes();
      test = apply(Op::le,
                   {number(Scalar::of_integer(DType::i32, 0), lanes_),
                    index_value(DType::i32, condition.substitute(lane_, 0, writer_.ranges), lanes_, *slope)});
    } else {
      test = apply(Op::le, {number(Scalar::of_integer(DType::i64, 0)), index_value(DType::i64, condition)});
    }
    if (!all) {
      all = test;
    } else {
      if (all->lanes < test->lanes) all = splat(all, test->lanes);
      if (test->lanes < all->lanes) test = splat(test, all->lanes);
      all = apply(Op::and_, {all, test});
    }
  }
  return all;
}

ExprRef Values::guarded_or(const Guard& guard, const ExprRef& otherwise,
                           const std::function<ExprRef()>& value) {
  const auto needed = writer_.simplify(guard);
  if (!needed) return otherwise;
  if (needed->empty()) return value();
  ExprRef inner;
  with_guard(*needed, [&] { inner = value(); });
  // A load says itself what it reads as where it does not read, unless it does so already for a condition within this one.
  const bool per_lane = lanes_ > 1 && has_lanes(*needed);
  if (otherwise->kind == ExprKind::number && otherwise->number == Scalar::of_integer(otherwise->dtype, 0) &&
      is_zero_outside(*inner) && (inner->lanes > 1 || !per_lane))
    return inner;
  if (inner->kind == ExprKind::load && otherwise->kind == ExprKind::number &&
      inner->dtype == otherwise->dtype && (inner->lanes > 1 || !per_lane) &&
      (inner->number == otherwise->number || !settled_.contains(inner))) {
    Expr loaded = *inner;
    loaded.number = otherwise->number;
    return *settled_.insert(std::make_shared<const Expr>(std::move(loaded))).first;
  }
  ExprRef test = condition(*needed);
  ExprRef outer = otherwise;
  const int lanes = std::max({inner->lanes, outer->lanes, test->lanes});
  for (ExprRef* part : {&inner, &outer, &test})
    if ((*part)->lanes != lanes) *part = splat(*part, lanes);
  return apply(Op::select, {test, inner, outer});
}

ExprRef Values::pad(const Node& node, const Point& point) {
  const auto& attrs = node.as<PadAttrs>();
  const Shape& shape = node.operands[0].shape();
  const ExprRef fill = at(node.operands[1], {});
  Point inner;
  Guard guard;
  for (size_t i = 0; i < point.size(); ++i) {
    Index index = point[i] - Index(attrs.low[i]);
    if (attrs.interior[i] > 0) {
      const int64_t stretch = attrs.interior[i] + 1;
      guard.push_back(Index(0) - modulo(index, stretch, writer_.ranges));
      index = floor_div(index, stretch, writer_.ranges);
    }
    if (attrs.low[i] != 0 || attrs.high[i] != 0 || attrs.interior[i] != 0) {
      guard.push_back(index);
      guard.push_back(Index(Size(shape[i])) - 1 - index);
    }
    inner.push_back(index);
  }
  return guarded_or(guard, fill, [&] { return at(node.operands[0], inner); });
}

ExprRef Values::concat(const Node& node, const Point& point) {
  const int64_t axis = node.as<AxisAttrs>().axis;
  // From the last part to the first: each stands before what has been built so far.
  std::vector<Size> starts{Size(0)};
  for (Value part : node.operands) starts.push_back(starts.back() + Size(part.shape()[axis]));
  ExprRef value;
  for (size_t i = node.operands.size(); i-- > 0;) {
    Point inner = point;
    inner[axis] = point[axis] - Index(starts[i]);
    const Guard from_start{inner[axis]};
    const Guard below_end{Index(starts[i + 1]) - 1 - point[axis]};
    auto read = [&] { return at(node.operands[i], inner); };
    if (!value) {
      // The last part: nothing follows it, but what precedes it must not be read.
      with_guard(writer_.needed(from_start), [&] { value = read(); });
      continue;
    }
    ExprRef rest = value;
    value = guarded_or(below_end, rest, [&] {
      ExprRef part;
      with_guard(writer_.needed(from_start), [&] { part = read(); });
      return part;
    });
  }
  return value;
}

ExprRef Values::reshape(const Node& node, const Point& point) {
  // Without their axes of extent 1 both shapes are cut into runs of axes with equal numbers of elements; within a run
  // a place is a number.
  const Shape& from = node.operands[0].shape();
  const Shape& to = node.type().shape;
  auto long_axes = [](const Shape& shape) {
    std::vector<size_t> axes;
    for (size_t i = 0; i < shape.size(); ++i)
      if (!shape[i].is(1)) axes.push_back(i);
    return axes;
  };
  const std::vector<size_t> from_axes = long_axes(from), to_axes = long_axes(to);
  Point inner(from.size());
  for (size_t i = 0, j = 0; i < from_axes.size() && j < to_axes.size();) {
    const size_t first_from = i, first_to = j;
    Size from_size(from[from_axes[i++]]), to_size(to[to_axes[j++]]);
    while (!(from_size == to_size)) {
      const bool from_is_less =
          from_size.is_static() && to_size.is_static() && from_size.value() < to_size.value();
      if (j == to_axes.size() || (from_is_less && i < from_axes.size()))
        from_size *= Size(from[from_axes[i++]]);
      else
        to_size *= Size(to[to_axes[j++]]);
    }
    const Index flat = flatten(point, to, std::span(to_axes).subspan(first_to, j - first_to));
    unflatten(flat, from, std::span(from_axes).subspan(first_from, i - first_from), writer_.ranges, inner);
  }
  return at(node.operands[0], inner);
}

}  // namespace keratin
